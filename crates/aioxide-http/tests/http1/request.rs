//! Heads of requests.

use aioxide_http::http1::Version;
use aioxide_http::http1::request::{RequestError, RequestHead};
use proptest::prelude::*;

const GET: RequestHead<'_> = RequestHead { method: "GET", target: "/", version: Version::Http11 };

fn encode(head: RequestHead<'_>, headers: &[(&[u8], &[u8])]) -> Result<Vec<u8>, RequestError> {
    let mut out = b"before".to_vec();
    let result = head.encode(headers.iter().copied(), &mut out);
    assert!(out.starts_with(b"before"));
    if result.is_err() {
        assert_eq!(out, b"before", "nothing of an invalid head is there");
    }
    result.map(|()| out.split_off(6))
}

#[test]
fn headers_keep_their_case_order_and_copies() {
    let headers: [(&[u8], &[u8]); 4] =
        [(b"hOST", b"a"), (b"X-b", b"1"), (b"x-B", b" 2\t"), (b"Empty", b"")];
    let head = RequestHead { method: "PATCH", target: "/a?b=c%20d#e", version: Version::Http10 };
    assert_eq!(
        encode(head, &headers).unwrap(),
        b"PATCH /a?b=c%20d#e HTTP/1.0\r\nhOST: a\r\nX-b: 1\r\nx-B:  2\t\r\nEmpty: \r\n\r\n"
    );
}

#[test]
fn all_forms_of_targets_are_sent_as_they_are() {
    for target in
        ["*", "example.org:443", "http://example.org/a b".replace(' ', "+").as_str(), "/ü"]
    {
        let line = format!("GET {target} HTTP/1.1\r\n\r\n");
        assert_eq!(encode(RequestHead { target, ..GET }, &[]).unwrap(), line.as_bytes());
    }
}

#[test]
fn method_that_is_no_token_is_refused() {
    for (method, at) in
        [("", 0), ("GE T", 2), ("GET\r\nX: y", 3), ("G\0", 1), ("GÉT", 1), ("A:", 1), ("\"", 0)]
    {
        let error = encode(RequestHead { method, ..GET }, &[]);
        assert_eq!(error, Err(RequestError::Method { at }), "{method:?}");
    }
}

#[test]
fn target_with_space_or_control_character_is_refused() {
    for (target, at) in
        [("", 0), ("/a b", 2), ("/\r\nX: y", 1), ("/a\n", 2), ("/\0", 1), ("/\x7f", 1), ("/\t", 1)]
    {
        let error = encode(RequestHead { target, ..GET }, &[]);
        assert_eq!(error, Err(RequestError::Target { at }), "{target:?}");
    }
}

#[test]
fn header_name_that_is_no_token_is_refused() {
    let names: [(&[u8], usize); 8] = [
        (b"", 0),
        (b"X Y", 1),
        (b"X:", 1),
        (b"X\r\nY", 1),
        (b"X\n", 1),
        (b"\xc3\xa9", 0),
        (b"X\0", 1),
        (b"(", 0),
    ];
    for (name, at) in names {
        let error = encode(GET, &[(b"Host", b"a"), (name, b"v")]);
        assert_eq!(error, Err(RequestError::HeaderName { index: 1, at }), "{name:?}");
    }
}

#[test]
fn header_value_with_control_character_is_refused() {
    for byte in (0..=255_u8).filter(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127) {
        let value = [b'a', b'b', byte, b'c'];
        let error = encode(GET, &[(b"A", b"1"), (b"B", b"2"), (b"C", &value)]);
        assert_eq!(error, Err(RequestError::HeaderValue { index: 2, at: 2, byte }));
    }
}

#[test]
fn header_value_may_have_all_other_bytes() {
    let value: Vec<u8> =
        (0..=255_u8).filter(|byte| (*byte >= 32 && *byte != 127) || *byte == b'\t').collect();
    let out = encode(GET, &[(b"X", &value)]).unwrap();
    assert_eq!(out, [b"GET / HTTP/1.1\r\nX: ", &value[..], b"\r\n\r\n"].concat());
}

#[test]
fn error_says_what_and_where() {
    let error = encode(GET, &[(b"A", b"1"), (b"B", b"a\r\nX: y")]).unwrap_err();
    assert_eq!(error.to_string(), "the value of header 1 has the control character 0x0d (byte 1)");
}

proptest! {
    #[test]
    fn whatever_is_sent_is_one_head(
        method in "[A-Z!~ \r\n]{0,6}",
        target in "[ -~\r\n]{0,9}|/[a-z]{0,9}",
        headers in proptest::collection::vec(
            ("[!-~]{0,4}|[a-z]{1,4}", proptest::collection::vec(any::<u8>(), 0..6)), 0..4),
    ) {
        let head = RequestHead { method: &method, target: &target, version: Version::Http11 };
        let headers: Vec<(&[u8], &[u8])> =
            headers.iter().map(|(name, value)| (name.as_bytes(), &value[..])).collect();
        if let Ok(out) = encode(head, &headers) {
            let mut lines = out.split(|byte| *byte == b'\n');
            let first = format!("{method} {target} HTTP/1.1\r");
            prop_assert_eq!(lines.next(), Some(first.as_bytes()));
            prop_assert_eq!(first.matches(' ').count(), 2);
            for (name, value) in headers {
                let line = [name, b": ", value, b"\r"].concat();
                prop_assert_eq!(lines.next(), Some(&line[..]));
                prop_assert!(!name.contains(&b':'));
            }
            prop_assert_eq!(lines.collect::<Vec<_>>(), [&b"\r"[..], b""]);
        }
    }
}
