//! What is forgiven by the settings, one by one, and what never is.

use aioxide_http::http1::response::Leniency;

use crate::script::{Outcome, Script, Step, data, head, owned};

fn run(bytes: &[u8], leniency: Leniency) -> Outcome {
    let strict = Script::new(bytes);
    assert!(strict.run().error.is_some(), "not strictly valid");
    Script { leniency, ..strict }.run()
}

fn error(bytes: &str) -> String {
    run(bytes.as_bytes(), Leniency::LENIENT).error.expect("an error")
}

#[test]
fn fold_becomes_one_space() {
    let bytes = b"HTTP/1.1 204 x\r\ntest: line \t\r\n \t continue\r\n\r\n";
    let leniency = Leniency { folds: true, ..Leniency::STRICT };
    let fields = [("test", "line continue")];
    assert_eq!(run(bytes, leniency).steps, [head(204, "x", &fields), Step::End]);
}

#[test]
fn folds_may_follow_one_another() {
    let bytes =
        b"HTTP/1.1 204 x\r\na:\r\n 1\r\n\t2\r\n \r\n 3\r\nb: c\r\nd: e\r\n f: g\r\nh: \r\n \r\n\r\n";
    let leniency = Leniency { folds: true, ..Leniency::STRICT };
    let fields = [("a", "1 2  3"), ("b", "c"), ("d", "e f: g"), ("h", "")];
    let outcome = run(bytes, leniency);
    assert_eq!(outcome.error, None);
    // A line with nothing but space joins as an empty one.
    let Step::Head(204, _, found) = &outcome.steps[0] else { panic!("no head") };
    assert_eq!(found.len(), fields.len());
    assert_eq!(found[0].1, b"1 2 3");
    assert_eq!(found[1..], owned(&fields)[1..]);
}

#[test]
fn folded_length_still_announces_one_body() {
    let bytes = b"HTTP/1.1 200 x\r\nContent-Length:\r\n 2\r\n\r\nhi";
    let leniency = Leniency { folds: true, ..Leniency::STRICT };
    assert_eq!(run(bytes, leniency).steps[1..], [data(b"hi"), Step::End]);
    assert_eq!(
        error("HTTP/1.1 200 x\r\nContent-Length: 1\r\n 2\r\n\r\nhi"),
        "InvalidContentLength"
    );
}

#[test]
fn folded_trailers_are_joined() {
    let bytes = b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n c\r\n\r\n";
    let leniency = Leniency { folds: true, ..Leniency::STRICT };
    let outcome = run(bytes, leniency);
    assert_eq!(outcome.steps[1..], [Step::Trailers(owned(&[("a", "b c")])), Step::End]);
}

#[test]
fn nothing_folds_into_the_status_line_or_into_names() {
    assert_eq!(error("HTTP/1.1 204 x\r\n y\r\n\r\n"), "ObsoleteFold");
    assert_eq!(error("HTTP/1.1 204 x\r\nX\r\n : y\r\n\r\n"), "InvalidFieldName");
    assert_eq!(error("HTTP/1.1 204 x\r\nX: a\r\r\n b\r\n\r\n"), "InvalidFieldValue");
}

#[test]
fn line_feed_alone_may_end_the_lines_of_a_head() {
    let bytes = b"HTTP/1.1 200 OK\nFoo: abc\nContent-Length: 2\n\nhi";
    let leniency = Leniency { bare_line_feeds: true, ..Leniency::STRICT };
    let fields = [("Foo", "abc"), ("Content-Length", "2")];
    assert_eq!(run(bytes, leniency).steps, [head(200, "OK", &fields), data(b"hi"), Step::End]);
}

#[test]
fn line_feed_alone_never_ends_the_framing_of_a_chunk() {
    let head = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n";
    assert_eq!(error(&format!("{head}5\nhello\n")), "InvalidChunkSize");
    assert_eq!(error(&format!("{head}5;a\nhello")), "InvalidChunkExtension");
    assert_eq!(error(&format!("{head}5\r\nhello\n")), "InvalidChunkEnd");
    assert_eq!(error(&format!("{head}0\r\n\n")), "LineFeedAlone");
    assert_eq!(error(&format!("{head}0\r\nX: y\n\r\n")), "LineFeedAlone");
}

#[test]
fn control_characters_may_be_in_values() {
    let bytes = b"HTTP/1.1 204 \x01\r\nA: \x1bb\r\nFoo: abc\x01d\x7f \r\nB: \x02\r\n\r\n";
    let leniency = Leniency { control_characters: true, ..Leniency::STRICT };
    let fields = [("A", "\x1bb"), ("Foo", "abc\x01d\x7f"), ("B", "\x02")];
    assert_eq!(run(bytes, leniency).steps, [head(204, "\x01", &fields), Step::End]);
}

#[test]
fn some_control_characters_are_never_forgiven() {
    assert_eq!(error("HTTP/1.1 204 x\r\nA: b\0c\r\n\r\n"), "InvalidFieldValue");
    assert_eq!(error("HTTP/1.1 204 x\r\nA: b\rc\r\n\r\n"), "InvalidFieldValue");
    assert_eq!(error("HTTP/1.1 204 x\0\r\n\r\n"), "InvalidStatusLine");
    assert_eq!(error("HTTP/1.1 204 x\ry\r\n\r\n"), "InvalidStatusLine");
    assert_eq!(error("HTTP/1.1 204 x\r\nA\x01: b\r\n\r\n"), "InvalidFieldName");
    assert_eq!(error("HTTP/1.1 204 x\r\n\x01: b\r\n\r\n"), "InvalidFieldName");
}

#[test]
fn spaces_may_follow_the_size_of_a_chunk() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5 \t\r\nhello\r\n1 ;a\r\n!\r\n0  \r\n\r\n";
    let leniency = Leniency { spaces_after_chunk_size: true, ..Leniency::STRICT };
    let steps = [data(b"hello"), Step::ChunkEnd, data(b"!"), Step::ChunkEnd, Step::End];
    assert_eq!(run(bytes, leniency).steps[1..], steps);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(error(&format!("{head} 5\r\nhello")), "InvalidChunkSize");
    assert_eq!(error(&format!("{head}5 5\r\nhello")), "InvalidChunkSize");
}

#[test]
fn unknown_transfer_codings_may_be_left_to_the_reader() {
    let leniency = Leniency { foreign_transfer_codings: true, ..Leniency::STRICT };
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: not, chunked\r\n\r\n1\r\nT\r\n0\r\n\r\n";
    let outcome = run(bytes, leniency);
    assert_eq!(outcome.steps[1..], [data(b"T"), Step::ChunkEnd, Step::End]);
    assert!(outcome.reusable);
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: notchunked\r\n\r\n1\r\nT\r\n0\r\n\r\n";
    let outcome = Script { leniency, eof: true, ..Script::new(bytes) }.run();
    assert_eq!(outcome.steps[1..], [data(b"1\r\nT\r\n0\r\n\r\n"), Step::End]);
    assert!(!outcome.reusable);
}

#[test]
fn what_smuggles_is_never_forgiven() {
    for (fields, name) in [
        ("Transfer-Encoding: chunked, chunked", "UnsupportedTransferEncoding"),
        ("Transfer-Encoding: chunked, gzip", "UnsupportedTransferEncoding"),
        ("Transfer-Encoding: x\r\nContent-Length: 1", "ContentLengthWithTransferEncoding"),
        ("Content-Length: 1\r\nContent-Length: 2", "ConflictingContentLength"),
        ("Content-Length: +1", "InvalidContentLength"),
        ("Content-Length : 1", "InvalidFieldName"),
    ] {
        assert_eq!(error(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")), name);
    }
}
