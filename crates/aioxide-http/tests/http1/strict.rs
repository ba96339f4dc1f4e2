//! Heads that two readers could read in two ways: refused.

use aioxide_http::http1::response::ResponseError;

use crate::script::Script;

fn error(head: &str) -> ResponseError {
    error_of(format!("{head}\r\n\r\n5\r\nhello\r\n0\r\n\r\n").as_bytes())
}

fn error_of(bytes: &[u8]) -> ResponseError {
    Script::new(bytes).error()
}

fn name(error: &ResponseError) -> String {
    format!("{error:?}").split(' ').next().unwrap_or_default().to_owned()
}

fn name_of(head: &str) -> String {
    name(&error(head))
}

#[test]
fn conflicting_lengths_are_refused() {
    assert_eq!(
        error("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\ncontent-length: 6"),
        ResponseError::ConflictingContentLength { first: 5, second: 6 }
    );
}

#[test]
fn length_is_ascii_digits_only() {
    for value in [
        "",
        "+5",
        "-5",
        "5_0",
        "0x5",
        "5.0",
        "5 5",
        "5, 5",
        "5,6",
        "5;",
        "\u{665}",
        "\u{ff15}",
        "\u{b2}",
        "1e3",
        "18446744073709551616",
        "99999999999999999999999",
    ] {
        for method in ["GET", "HEAD"] {
            let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\n");
            let error = Script { method, ..Script::new(bytes.as_bytes()) }.error();
            assert_eq!(name(&error), "InvalidContentLength", "{value:?}");
        }
    }
    let error = error("HTTP/1.1 200 OK\r\nContent-Length: 5_0");
    assert_eq!(error.to_string(), "the Content-Length is not a number: \"5_0\"");
}

#[test]
fn length_beside_a_transfer_coding_is_refused() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: identity\r\nContent-Length: 5",
        "transfer-encoding: x\r\ncontent-length: 0",
    ] {
        assert_eq!(
            error(&format!("HTTP/1.1 200 OK\r\n{fields}")),
            ResponseError::ContentLengthWithTransferEncoding
        );
    }
}

#[test]
fn transfer_coding_other_than_chunked_is_refused() {
    for value in [
        "",
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked, identity",
        "identity, chunked",
        "identity, identity",
        "xchunked",
        "chunked123",
        "chunked;q=1",
        ", chunked",
        "chunked,",
        "\"chunked\"",
        "\u{212a}chunked",
        "chun\u{212a}ed",
        "chunked\u{a0}",
    ] {
        let name = name_of(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {value}"));
        assert_eq!(name, "UnsupportedTransferEncoding", "{value:?}");
    }
    let two = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    assert_eq!(name_of(two), "UnsupportedTransferEncoding");
}

#[test]
fn folded_field_is_refused() {
    for fields in ["X: y\r\n z", "X: y\r\n\tz", "X:\r\n z", " X: y", "\tX: y", "X: y\r\n "] {
        let error = error(&format!("HTTP/1.1 200 OK\r\n{fields}"));
        assert_eq!(error, ResponseError::ObsoleteFold, "{fields:?}");
    }
}

#[test]
fn control_character_in_a_value_is_refused() {
    for byte in (0..=255_u8).filter(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127) {
        let bytes = [b"HTTP/1.1 200 OK\r\nA: b\r\nX: a", &[byte][..], b"b\r\n\r\n"].concat();
        let error = error_of(&bytes);
        if byte == b'\n' {
            assert_eq!(error, ResponseError::LineFeedAlone);
        } else {
            assert_eq!(name(&error), "InvalidFieldValue", "{byte}");
            assert!(error.to_string().contains("in line 2"));
        }
    }
}

#[test]
fn space_before_the_colon_is_refused() {
    for field in ["X : y", "X\t: y", "Content-Length : 5", "Transfer-Encoding : chunked"] {
        assert_eq!(name_of(&format!("HTTP/1.1 200 OK\r\n{field}")), "InvalidFieldName");
    }
}

#[test]
fn name_that_is_no_token_is_refused() {
    for field in
        [": y", "X", "X Y: z", "X\0: y", "\u{e9}: y", "X(: y", "X\x01: y", "\"X\": y", "{}"]
    {
        assert_eq!(name_of(&format!("HTTP/1.1 200 OK\r\n{field}")), "InvalidFieldName", "{field}");
    }
    let error = error("HTTP/1.1 200 OK\r\nA: b\r\nX : y");
    assert_eq!(error.to_string(), "the name of a field is not valid, in line 2: \"X : y\"");
}

#[test]
fn line_feed_alone_is_refused() {
    for bytes in [
        "HTTP/1.1 200 OK\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n\n",
        "HTTP/1.1 200 OK\n\n",
    ] {
        assert_eq!(error_of(bytes.as_bytes()), ResponseError::LineFeedAlone);
    }
}

#[test]
fn carriage_return_alone_is_refused() {
    assert_eq!(name_of("HTTP/1.1 200 OK\rX: y"), "InvalidStatusLine");
    assert_eq!(name_of("HTTP/1.1 200 OK\r\nX: y\rZ: a"), "InvalidFieldValue");
    assert_eq!(name_of("HTTP/1.1 200 OK\r\n\rX: y"), "InvalidFieldName");
    assert_eq!(name_of("HTTP/1.1 200 OK\r\nX: y\r"), "InvalidFieldValue");
    assert_eq!(name(&error_of(b"HTTP/1.1 200 OK\r\n\r\r\n\r\n")), "InvalidFieldName");
}

#[test]
fn status_is_exactly_three_digits() {
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1  200",
        "HTTP/1.1 20",
        "HTTP/1.1 ",
        "HTTP/1.1",
        "HTTP/1.1 \u{662}00",
        "HTTP/1.1 099 x",
        "HTTP/1.1\t200",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 000 x",
        "HTTP/1.1 -10 x",
        "HTTP/1.1 200OK",
    ] {
        assert_eq!(name_of(line), "InvalidStatusLine", "{line:?}");
    }
}

#[test]
fn status_beyond_the_known_classes_passes() {
    let bytes = b"HTTP/1.1 999 Request denied\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(Script::new(bytes).steps().len(), 2);
}

#[test]
fn other_versions_are_refused() {
    for line in ["HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "HTTP/1.2 200 OK", "HTTP/3.1 200 OK"] {
        assert_eq!(name_of(line), "UnsupportedVersion", "{line:?}");
    }
    for line in ["HTTP/2 200 OK", "HTTP/11 200 OK", "HTTP/1.10 200 OK", "HTTP/1,1 200 OK", "HTTP/"]
    {
        assert_eq!(name_of(line), "InvalidStatusLine", "{line:?}");
    }
}

#[test]
fn what_is_not_http_is_known_by_its_first_bytes() {
    let other: [&[u8]; 8] = [
        b"\x15\x03\x01\x00\x02\x02F",
        b"SSH-2.0-OpenSSH",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b" HTTP/1.1 200 OK",
        b"http/1.1 200 OK",
        b"HTP",
        b"ICY 200 OK",
        b"\0",
    ];
    for bytes in other {
        assert_eq!(name(&error_of(bytes)), "InvalidStatusLine", "{bytes:?}");
    }
}

#[test]
fn control_character_in_the_reason_is_refused() {
    for byte in [0, 1, 8, 11, 27, 127] {
        let bytes = [b"HTTP/1.1 200 O", &[byte][..], b"K\r\n\r\n"].concat();
        assert_eq!(name(&error_of(&bytes)), "InvalidStatusLine", "{byte}");
    }
}

#[test]
fn error_shows_the_beginning_only() {
    let error = error(&format!("HTTP/1.1 200 OK\r\nX y{}", "z".repeat(1000)));
    assert!(error.to_string().ends_with("zzz\"..."));
    assert!(error.to_string().len() < 200);
}
