//! The peer closes: where, and what was missing.

use aioxide_http::http1::response::{Decoder, Exchange, Leniency, Limits, ResponseError};

use crate::script::{Script, Step};

fn error(bytes: &[u8]) -> ResponseError {
    let error = Script { eof: true, ..Script::new(bytes) }.error();
    assert!(error.is_closed());
    error
}

#[test]
fn before_the_head_the_request_may_be_made_again() {
    assert_eq!(error(b""), ResponseError::ClosedBeforeHead { informational: 0 });
}

#[test]
fn after_an_informational_head_the_server_had_seen_the_request() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(error(bytes), ResponseError::ClosedBeforeHead { informational: 1 });
}

#[test]
fn in_the_head() {
    assert_eq!(error(b"H"), ResponseError::ClosedInHead { received: 1 });
    assert_eq!(error(b"HTTP/1.1 200 OK\r\nX: y\r\n"), ResponseError::ClosedInHead { received: 23 });
}

#[test]
fn in_a_body_of_known_length() {
    for (sent, received) in [("", 0), ("hell", 4)] {
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{sent}");
        let expected = ResponseError::ClosedInBody { received, expected: 5 };
        assert_eq!(error(bytes.as_bytes()), expected);
    }
}

#[test]
fn in_a_chunked_body() {
    let error = |body: &str| {
        error(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").as_bytes())
    };
    assert_eq!(error(""), ResponseError::ClosedWithoutLastChunk);
    assert_eq!(error("5"), ResponseError::ClosedWithoutLastChunk);
    assert_eq!(error("5;a"), ResponseError::ClosedWithoutLastChunk);
    assert_eq!(error("5\r\n"), ResponseError::ClosedInChunk { missing: 5 });
    assert_eq!(error("5\r\nhel"), ResponseError::ClosedInChunk { missing: 2 });
    assert_eq!(error("5\r\nhello"), ResponseError::ClosedWithoutLastChunk);
    assert_eq!(error("5\r\nhello\r\n"), ResponseError::ClosedWithoutLastChunk);
    assert_eq!(error("5\r\nhello\r\n0\r\n"), ResponseError::ClosedInTrailers);
    assert_eq!(error("5\r\nhello\r\n0\r\nX: y\r\n"), ResponseError::ClosedInTrailers);
}

#[test]
fn after_the_end_nothing_is_missing() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let outcome = Script { eof: true, ..Script::new(bytes.as_bytes()) }.run();
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.steps.last(), Some(&Step::End));
    }
}

#[test]
fn what_was_not_asked_for_is_still_given() {
    for (bytes, method, last) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", Step::End),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HEAD", Step::End),
        ("HTTP/1.1 200 OK\r\n\r\n", "CONNECT", Step::Upgrade),
    ] {
        let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
        decoder.begin(Exchange::new(method)).unwrap();
        let mut input = bytes.as_bytes();
        decoder.next(&mut input).unwrap().expect("a head");
        let event = format!("{:?}", decoder.handle_eof());
        assert_eq!(event, format!("Ok(Some({last:?}))"));
        assert_eq!(decoder.handle_eof(), Ok(None));
        assert!(!decoder.reusable());
    }
}

#[test]
fn between_exchanges_it_is_no_error() {
    let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
    assert!(decoder.reusable());
    assert_eq!(decoder.handle_eof(), Ok(None));
    assert!(!decoder.reusable());
    assert!(decoder.begin(Exchange::new("GET")).is_err());
}

#[test]
fn error_stays() {
    let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
    decoder.begin(Exchange::new("GET")).unwrap();
    let closed = ResponseError::ClosedBeforeHead { informational: 0 };
    assert_eq!(decoder.handle_eof(), Err(closed.clone()));
    assert_eq!(decoder.handle_eof(), Err(closed.clone()));
    let mut input = &b"HTTP/1.1 200 OK\r\n\r\n"[..];
    assert_eq!(decoder.next(&mut input), Err(closed));
}

#[test]
fn error_of_the_protocol_is_no_closing() {
    assert!(!Script::new(b"x").error().is_closed());
}
