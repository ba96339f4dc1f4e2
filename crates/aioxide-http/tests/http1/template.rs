//! Heads from a template are those that are put together one by one.

use aioxide_http::http1::Version;
use aioxide_http::http1::request::{RequestError, RequestHead};
use aioxide_http::http1::template::{HeadTemplate, Value};
use proptest::prelude::*;

fn template(fields: &[(&'static [u8], Value<'static>)]) -> Result<HeadTemplate, RequestError> {
    HeadTemplate::new("POST", Version::Http11, fields.iter().copied())
}

#[test]
fn without_holes_and_headers_it_is_a_line() {
    let mut out = Vec::new();
    template(&[]).unwrap().encode("/", &[], 0, &mut out).unwrap();
    assert_eq!(out, b"POST / HTTP/1.1\r\n\r\n");
}

#[test]
fn invalid_parts_are_refused_when_it_is_made() {
    let made = |method, name: &'static [u8], value| {
        HeadTemplate::new(method, Version::Http11, [(b"A".as_slice(), value), (name, value)])
    };
    let fixed = Value::Fixed(b"a\nb");
    assert_eq!(made("P T", b"B", Value::Length), Err(RequestError::Method { at: 1 }));
    assert_eq!(
        made("PUT", b"", Value::Given(0)),
        Err(RequestError::HeaderName { index: 1, at: 0 })
    );
    assert_eq!(
        made("PUT", b"B", fixed),
        Err(RequestError::HeaderValue { index: 0, at: 1, byte: b'\n' })
    );
}

#[test]
fn invalid_parts_of_one_head_leave_nothing() {
    let template = template(&[(b"A", Value::Given(1)), (b"B", Value::Length)]).unwrap();
    let mut out = b"before".to_vec();
    assert_eq!(template.encode("", &[b"", b""], 0, &mut out), Err(RequestError::Target { at: 0 }));
    assert_eq!(
        template.encode("/", &[b"\r\n", b"a\r\nX: y"], 0, &mut out),
        Err(RequestError::HeaderValue { index: 1, at: 1, byte: b'\r' })
    );
    assert_eq!(out, b"before");
}

#[test]
fn it_knows_how_many_values_it_needs() {
    assert_eq!(template(&[(b"A", Value::Length)]).unwrap().needs(), 0);
    assert_eq!(template(&[(b"A", Value::Given(2)), (b"B", Value::Given(0))]).unwrap().needs(), 3);
}

proptest! {
    #[test]
    fn heads_are_those_of_request_head(
        method in "[A-Z]{1,5}",
        target in "/[a-z%?=&]{0,9}",
        fields in prop::collection::vec(("[A-Za-z-]{1,6}", "[ -~\t]{0,9}", 0..3_u8), 0..8),
        length: u64,
        old: bool,
    ) {
        let version = if old { Version::Http10 } else { Version::Http11 };
        let text = length.to_string();
        let values: Vec<&[u8]> = fields.iter().map(|(_, value, _)| value.as_bytes()).collect();
        let holes = fields.iter().enumerate().map(|(index, (name, value, kind))| {
            let value = match kind {
                0 => Value::Fixed(value.as_bytes()),
                1 => Value::Given(index),
                _ => Value::Length,
            };
            (name.as_bytes(), value)
        });
        let template = HeadTemplate::new(&method, version, holes).unwrap();
        let plain = fields.iter().map(|(name, value, kind)| {
            (name.as_bytes(), if *kind < 2 { value.as_bytes() } else { text.as_bytes() })
        });
        let mut expected = Vec::new();
        RequestHead { method: &method, target: &target, version }
            .encode(plain, &mut expected)
            .unwrap();
        let mut out = Vec::new();
        template.encode(&target, &values, length, &mut out).unwrap();
        prop_assert_eq!(out, expected);
    }
}
