//! More than one exchange on a connection.

use aioxide_http::http1::response::{
    Decoder, Event, Exchange, Leniency, Limits, NotReusable, ResponseError,
};

use crate::script::Script;

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::STRICT)
}

/// Takes all events there are and returns the last one's name.
fn drain(decoder: &mut Decoder, input: &mut &[u8]) -> Result<String, ResponseError> {
    let mut last = String::new();
    while let Some(event) = decoder.next(input)? {
        last = format!("{event:?}");
        if event == Event::End {
            break;
        }
    }
    Ok(last)
}

#[test]
fn connection_serves_one_exchange_after_another() {
    let mut decoder = decoder();
    for (method, response) in [
        ("GET", &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"[..]),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n"),
        ("GET", b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 304 OK\r\n\r\n"),
        ("GET", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"),
    ] {
        assert!(decoder.reusable());
        decoder.begin(Exchange::new(method)).unwrap();
        assert!(!decoder.reusable());
        let mut input = response;
        assert_eq!(drain(&mut decoder, &mut input).unwrap(), "End");
        assert_eq!(decoder.next(&mut input), Ok(None));
    }
    assert!(decoder.reusable());
}

#[test]
fn exchange_does_not_begin_in_another_one() {
    let mut decoder = decoder();
    decoder.begin(Exchange::new("GET")).unwrap();
    assert_eq!(decoder.begin(Exchange::new("GET")), Err(NotReusable));
    let mut input = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh"[..];
    drain(&mut decoder, &mut input).unwrap();
    assert_eq!(decoder.begin(Exchange::new("GET")), Err(NotReusable));
    let mut input = &b"i"[..];
    assert_eq!(drain(&mut decoder, &mut input).unwrap(), "End");
    assert_eq!(decoder.begin(Exchange::new("GET")), Ok(()));
}

#[test]
fn leftover_is_never_the_next_response() {
    let mut decoder = decoder();
    decoder.begin(Exchange::new("GET")).unwrap();
    let next = b"HTTP/1.1 200 EVIL\r\nContent-Length: 0\r\n\r\n";
    let bytes = [&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"[..], next].concat();
    let mut input = &bytes[..];
    assert_eq!(drain(&mut decoder, &mut input).unwrap(), "End");
    assert_eq!(input, next, "what is left is there to be seen");
    assert!(!decoder.reusable());
    assert_eq!(decoder.begin(Exchange::new("GET")), Err(NotReusable));
    let error = ResponseError::UnexpectedData { len: next.len() };
    assert_eq!(decoder.next(&mut input), Err(error));
    assert_eq!(input, next);
}

#[test]
fn even_one_byte_beyond_the_end_is_too_much() {
    for body in ["Content-Length: 2\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{body}\n");
        let outcome = Script::new(bytes.as_bytes()).run();
        assert_eq!(outcome.rest, b"\n");
        assert!(!outcome.reusable);
    }
}

#[test]
fn data_while_nothing_is_asked_is_unexpected() {
    let mut decoder = decoder();
    let mut input = &b"HTTP/1.1 408 Request Timeout\r\n\r\n"[..];
    let error = ResponseError::UnexpectedData { len: 32 };
    assert_eq!(decoder.next(&mut input), Err(error));
    assert_eq!(decoder.begin(Exchange::new("GET")), Err(NotReusable));
}

#[test]
fn nothing_is_expected_while_nothing_is_asked() {
    let mut decoder = decoder();
    assert_eq!(decoder.next(&mut &b""[..]), Ok(None));
    assert!(decoder.reusable());
}

#[test]
fn transfer_coding_of_the_old_version_is_read_and_then_closed() {
    let bytes = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n\
                  1\r\nx\r\n0\r\n\r\n";
    let outcome = Script::new(bytes).run();
    assert_eq!(outcome.error, None);
    assert!(!outcome.reusable);
}

#[test]
fn error_ends_the_use_of_a_connection() {
    let mut decoder = decoder();
    decoder.begin(Exchange::new("GET")).unwrap();
    assert!(decoder.next(&mut &b"HTTP/1.1 200 OK\nX: y\n\n"[..]).is_err());
    assert!(!decoder.reusable());
    assert_eq!(decoder.begin(Exchange::new("GET")), Err(NotReusable));
}

#[test]
fn first_byte_is_awaited_until_it_comes() {
    let mut decoder = decoder();
    assert!(!decoder.awaits_first_byte());
    decoder.begin(Exchange::new("GET")).unwrap();
    assert!(decoder.awaits_first_byte());
    decoder.next(&mut &b"H"[..]).unwrap();
    assert!(!decoder.awaits_first_byte());

    let mut decoder = self::decoder();
    decoder.begin(Exchange::new("GET")).unwrap();
    decoder.next(&mut &b"HTTP/1.1 100 Continue\r\n\r\n"[..]).unwrap();
    assert!(!decoder.awaits_first_byte());
}

#[test]
fn limits_may_differ_between_exchanges() {
    let mut decoder = decoder();
    let response = &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..];
    decoder.begin(Exchange::new("GET")).unwrap();
    assert_eq!(drain(&mut decoder, &mut &response[..]).unwrap(), "End");
    decoder.set_limits(Limits { max_headers: 0, ..Limits::default() });
    decoder.begin(Exchange::new("GET")).unwrap();
    let error = ResponseError::TooManyFields { limit: 0 };
    assert_eq!(drain(&mut decoder, &mut &response[..]), Err(error));
}
