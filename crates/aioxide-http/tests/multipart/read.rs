//! What the reader makes of good and of bad bodies.

use aioxide_http::multipart::{Event, Kind, Limits, ReadError};

use super::support::{contents, feed, read, read_all_ways, reader, refused};

fn other(body: &str) -> ReadError {
    refused(Kind::Other, Limits::default(), body.as_bytes())
}

#[test]
fn parts_are_found_with_headers_and_content() {
    let parts = read(concat!(
        "--b\r\nContent-Type: text/plain\r\nX-One:\t 1 \r\n\r\nhello\r\n",
        "--b\r\n\r\nyou\r\n--b--\r\n"
    ));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        parts,
        [
            (vec![pair("Content-Type", "text/plain"), pair("X-One", "1")], "hello".to_owned()),
            (vec![], "you".to_owned()),
        ]
    );
}

#[test]
fn body_may_have_no_parts() {
    assert!(contents("--b--").is_empty());
    assert!(contents("preamble\r\n--b--\r\nepilogue").is_empty());
}

#[test]
fn content_may_be_empty() {
    assert_eq!(contents("--b\r\n\r\n\r\n--b--"), [""]);
    assert_eq!(contents("--b\r\n\r\n--b\r\nA: b\r\n\r\n--b--"), ["", ""]);
}

#[test]
fn preamble_and_epilogue_are_skipped() {
    let body = "this is\r\n-- no --b\r\n--bb\r\n\n--\n--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\nno part";
    assert_eq!(contents(body), ["x"]);
    // A boundary that is cut by what follows is a line like others.
    assert_eq!(contents("--b -\r\n--b\rx\n--b\r\n\r\nx\r\n--b--"), ["x"]);
}

#[test]
fn line_feed_alone_ends_lines_outside_of_content() {
    assert_eq!(contents("x\n--b\nA: b\n\nx\ny\r\n--b\n\n\r\n--b--\n"), ["x\ny", ""]);
    // But it does not end content.
    let (parts, end) =
        read_all_ways(|| reader("b", Kind::Other, Limits::default()), b"--b\n\nx\n--b--");
    assert_eq!(end, Err(ReadError::Truncated));
    // What may be the beginning of a boundary is not given out.
    assert_eq!(parts[0].content, b"x\n--b--");
}

#[test]
fn white_space_may_follow_a_boundary() {
    assert_eq!(contents("--b \t\r\n\r\nx\r\n--b \n\r\ny\r\n--b--  \r\n"), ["x", "y"]);
}

#[test]
fn what_is_like_a_boundary_is_content() {
    for like in [
        "\r",
        "\n",
        "\r\n",
        "\r\n-",
        "\r\n--",
        "\r\n--c",
        "\r\n--bb",
        "\r\r\n",
        "--b",
        "\n--b",
        "\r--b",
        "\r\n--b-",
        "\r\n--b x",
        "\r\n--b-\r\n--b -",
        "\r\n--b\r",
        "\r\n--b\rx",
        "\r\n --b",
        "\r\n--b-x",
        "\r\n--b \r x",
        "--bb",
        "--b-",
        "\r\n\r\n--bx\r\n\r\n",
    ] {
        for (before, after) in [("", ""), ("x", ""), ("", "x"), ("x", "x"), ("\r\n", "\r\n")] {
            let content = format!("{before}{like}{after}");
            // These two are boundaries indeed, by what is around them.
            if content.starts_with("--b\r\n") || content.contains("\r\n--b\r\n") {
                continue;
            }
            if content == "--b" || content.ends_with("\r\n--b") {
                continue;
            }
            let body = format!("--b\r\n\r\n{content}\r\n--b--");
            assert_eq!(contents(&body), [&content[..]], "{content:?}");
        }
    }
}

#[test]
fn padding_of_a_boundary_has_an_end() {
    let content = format!("\r\n--b{}\r\n", " ".repeat(1000));
    assert_eq!(contents(&format!("--b\r\n\r\n{content}\r\n--b--")), [content]);
}

#[test]
fn missing_boundaries_are_errors() {
    for body in ["", "--", "--b", "--b-", "preamble\r\n", "--bb\r\n"] {
        assert_eq!(other(body), ReadError::NoBoundary, "{body:?}");
    }
    for body in
        ["--b\r\n", "--b\r\nA: b\r\n", "--b\r\n\r\n", "--b\r\n\r\nx\r\n--b", "--b\n\nx\r\n--b-"]
    {
        assert_eq!(other(body), ReadError::Truncated, "{body:?}");
    }
}

#[test]
fn part_with_a_length_is_read_by_it() {
    let body = "--b\r\nContent-Length: 12\r\n\r\nx\r\n--b\r\n--b-\r\n--b--";
    assert_eq!(contents(body), ["x\r\n--b\r\n--b-"]);
    assert_eq!(contents("--b\r\ncontent-length: 0\r\n\r\n\r\n--b--"), [""]);
}

#[test]
fn part_that_has_not_its_length_is_an_error() {
    for body in [
        "--b\r\nContent-Length: 2\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Length: 1\r\n\r\nxx\r\n--b--",
        "--b\r\nContent-Length: 1\r\n\r\nx\r\n--bb\r\n",
        "--b\r\nContent-Length: 1\r\n\r\nx\n--b--",
    ] {
        assert_eq!(other(body), ReadError::PartLength, "{body:?}");
    }
    let body = "--b\r\nContent-Length: 100\r\n\r\nx\r\n--b--";
    assert_eq!(other(body), ReadError::Truncated);
}

#[test]
fn length_that_is_no_number_is_an_error() {
    for length in ["-1", "+1", "1_0", "", "0x1", "\u{661}", "99999999999999999999"] {
        let body = format!("--b\r\nContent-Length: {length}\r\n\r\nx\r\n--b--");
        assert!(matches!(other(&body), ReadError::BadHeader { .. }), "{length}");
    }
}

#[test]
fn forms_ignore_lengths() {
    let body = b"--b\r\nContent-Length: 1000\r\n\r\nx\r\n--b--";
    let (parts, end) = read_all_ways(|| reader("b", Kind::FormData, Limits::default()), body);
    assert_eq!(end, Ok(()));
    assert_eq!(parts[0].content, b"x");
}

#[test]
fn lines_that_are_no_headers_are_errors() {
    for line in
        ["no colon", ": x", " A: x", "A : x", "A\t: x", "\u{e9}: x", "A: x\ry", "A: \0", "A: \x7f"]
    {
        let body = format!("--b\r\nX: y\r\n{line}\r\n\r\nx\r\n--b--");
        let shown = line.as_bytes().escape_ascii().to_string();
        assert_eq!(other(&body), ReadError::BadHeader { line: shown });
    }
}

#[test]
fn header_that_says_how_to_read_comes_once() {
    let body = "--b\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\nx\r\n--b--";
    assert_eq!(other(body), ReadError::TwoHeaders { name: "content-length".to_owned() });
    assert_eq!(contents("--b\r\nX: 1\r\nX: 2\r\n\r\nx\r\n--b--"), ["x"]);
}

#[test]
fn bodies_within_parts_are_read_by_a_reader_of_their_own() {
    let body = concat!(
        "--b\r\nContent-Type: multipart/mixed; boundary=\"bb\"\r\n\r\n",
        "--bb\r\n\r\ninner\r\n--bb\r\n\r\n\r\n--bb--\r\n--b\r\n\r\nouter\r\n--b--"
    );
    for size in [1, 2, 3, 7, body.len()] {
        let mut outer = reader("b", Kind::Other, Limits::default());
        let mut inner = None;
        let mut found = Vec::new();
        for mut piece in body.as_bytes().chunks(size) {
            loop {
                let (consumed, event) = outer.next(piece).expect("a good body");
                piece = &piece[consumed..];
                match event {
                    Event::NeedInput => break,
                    Event::PartBegin(headers) => inner = Some(headers),
                    Event::Data(data) => found.push(data.to_vec()),
                    Event::PartEnd => {
                        let headers = inner.take().expect("a part");
                        let content = found.concat();
                        found.clear();
                        let nested = outer.nested(&headers).expect("a content type");
                        let Some(nested) = nested else {
                            assert_eq!(content, b"outer");
                            continue;
                        };
                        let (parts, end) = feed(nested, content.chunks(size));
                        assert_eq!(end, Ok(()));
                        assert_eq!(parts.len(), 2);
                        assert_eq!(parts[0].content, b"inner");
                    }
                    Event::End => {}
                }
            }
        }
        assert_eq!(outer.end_of_input(), Ok(()));
    }
}

#[test]
fn nothing_is_read_behind_the_end() {
    let mut reader = reader("b", Kind::Other, Limits::default());
    assert_eq!(reader.next(b"--b--x"), Ok((5, Event::End)));
    assert_eq!(reader.next(b"x\r\n--b\r\n"), Ok((8, Event::NeedInput)));
    assert_eq!(reader.next(b""), Ok((0, Event::NeedInput)));
}

#[test]
fn content_is_not_copied() {
    let mut reader = reader("b", Kind::Other, Limits::default());
    assert!(matches!(reader.next(b"--b\r\n\r\n"), Ok((7, Event::PartBegin(_)))));
    let input = b"some content\r\nof lines\r\n--b--";
    let Ok((consumed, Event::Data(data))) = reader.next(input) else { panic!("no data") };
    assert_eq!((consumed, data), (22, &input[..22]));
    assert_eq!(data.as_ptr(), input.as_ptr());
}
