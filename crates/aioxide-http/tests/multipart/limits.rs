//! Caps on what a reader takes.

use aioxide_http::multipart::{BoundaryError, Kind, Limits, ReadError};

use super::support::{feed, headers, reader, refused};

fn fine(limits: Limits, body: &str) -> bool {
    feed(reader("b", Kind::Other, limits), [body.as_bytes()]).1.is_ok()
}

#[test]
fn preamble_is_capped() {
    let limits = Limits { max_preamble: 10, ..Limits::default() };
    assert!(fine(limits, "123\r\n\r\n--b--"));
    let preamble = ReadError::Preamble { limit: 10 };
    assert_eq!(refused(Kind::Other, limits, b"12345\r\n\r\n--b--"), preamble);
    assert_eq!(refused(Kind::Other, limits, b"12345678901"), preamble);
}

#[test]
fn number_of_parts_is_capped() {
    let limits = Limits { max_parts: Some(2), ..Limits::default() };
    let body = |parts: usize| format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(parts));
    assert!(fine(limits, &body(2)));
    let parts = ReadError::Parts { limit: 2 };
    assert_eq!(refused(Kind::Other, limits, body(3).as_bytes()), parts);
}

#[test]
fn number_of_headers_is_capped() {
    let limits = Limits { max_headers: 3, ..Limits::default() };
    let body = |count: usize| format!("--b\r\n{}\r\nx\r\n--b--", "A: b\r\n".repeat(count));
    assert!(fine(limits, &body(3)));
    assert_eq!(refused(Kind::Other, limits, body(4).as_bytes()), ReadError::Headers { limit: 3 });
}

#[test]
fn depth_is_capped() {
    let limits = Limits { max_depth: 3, ..Limits::default() };
    let headers = headers(&[("Content-Type", "multipart/mixed; boundary=b")]);
    let first = reader("b", Kind::Other, limits);
    let second = first.nested(&headers).expect("depth 2").expect("a body");
    let third = second.nested(&headers).expect("depth 3").expect("a body");
    assert_eq!(third.nested(&headers).map(|_| ()), Err(ReadError::Depth { limit: 3 }));
}

#[test]
fn nested_body_needs_a_boundary() {
    let reader = reader("b", Kind::Other, Limits::default());
    let nested = |value: &str| {
        reader.nested(&headers(&[("content-type", value)])).map(|reader| reader.is_some())
    };
    assert_eq!(nested("text/plain"), Ok(false));
    assert_eq!(nested("multipart/mixed; boundary=x"), Ok(true));
    let missing = Err(ReadError::Boundary(BoundaryError::Missing));
    assert_eq!(nested("multipart/mixed"), missing);
    assert_eq!(reader.nested(&headers(&[])).map(|reader| reader.is_some()), Ok(false));
}
