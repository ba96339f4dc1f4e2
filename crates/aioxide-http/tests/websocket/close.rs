//! Close frames as they arrive: section 7 of Autobahn.

use aioxide_http::websocket::{CloseCode, ProtocolError};

use super::server::*;

#[test]
fn close_without_payload_has_no_code() {
    assert_eq!(events(&frame(FIN | CLOSE, b"")), [close(None, "")]);
}

#[test]
fn close_of_one_byte_is_an_error() {
    let (events, error) = error(&frame(FIN | CLOSE, b"\x03"));
    assert_eq!((events, error), (vec![], ProtocolError::CloseTooShort));
    assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
}

#[test]
fn close_carries_a_code_and_a_reason() {
    assert_eq!(events(&close_frame(1000, b"")), [close(Some(1000), "")]);
    assert_eq!(events(&close_frame(1000, b"Hello")), [close(Some(1000), "Hello")]);
    let longest = "é".repeat(61) + "!";
    assert_eq!(events(&close_frame(1001, longest.as_bytes())), [close(Some(1001), &longest)]);
}

#[test]
fn reason_that_is_not_text_is_an_error() {
    for reason in [&b"\xce\xba\xed\xa0\x80"[..], b"\xff", b"ok\xc3"] {
        let (events, error) = error(&close_frame(1000, reason));
        assert_eq!((events, error), (vec![], ProtocolError::InvalidCloseReason));
        assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
    }
}

#[test]
fn codes_with_a_meaning_arrive() {
    let registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for code in registered.into_iter().chain([3000, 3999, 4000, 4999]) {
        assert_eq!(events(&close_frame(code, b"")), [close(Some(code), "")]);
    }
}

#[test]
fn other_codes_are_an_error() {
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        let (events, error) = error(&close_frame(code, b"reason"));
        assert_eq!((events, error), (vec![], ProtocolError::InvalidCloseCode(code)));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn what_follows_a_close_is_thrown_away() {
    for after in [
        frame(FIN | TEXT, b"late"),
        frame(FIN | PING, b"late"),
        close_frame(1000, b"again"),
        b"\xff\xff\xff not a frame".to_vec(),
    ] {
        let bytes = [close_frame(1000, b""), after].concat();
        assert_eq!(events(&bytes), [close(Some(1000), "")]);
    }
}
