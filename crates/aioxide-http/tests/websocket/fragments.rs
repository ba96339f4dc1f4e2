//! Messages in fragments: section 5 of Autobahn.

use aioxide_http::websocket::{CloseCode, ProtocolError};

use super::server::*;

#[test]
fn fragments_are_put_together() {
    let bytes = [frame(TEXT, b"frag"), frame(CONTINUATION, b"me"), frame(FIN, b"nt")].concat();
    assert_eq!(events(&bytes), [text("fragment")]);
    let bytes = [frame(BINARY, &[1]), frame(CONTINUATION, &[0xff]), frame(FIN, &[3])].concat();
    assert_eq!(events(&bytes), [binary(&[1, 0xff, 3])]);
}

#[test]
fn fragments_may_be_empty() {
    let bytes = [frame(TEXT, b""), frame(CONTINUATION, b""), frame(FIN, b"")].concat();
    assert_eq!(events(&bytes), [text("")]);
    let bytes = [frame(TEXT, b""), frame(CONTINUATION, b"middle"), frame(FIN, b"")].concat();
    assert_eq!(events(&bytes), [text("middle")]);
}

#[test]
fn control_frames_come_between_fragments() {
    let bytes = [
        frame(TEXT, b"fragment1"),
        frame(FIN | PING, b"one"),
        frame(CONTINUATION, b"fragment2"),
        frame(FIN | PONG, b"two"),
        frame(FIN | PING, b""),
        frame(FIN, b"fragment3"),
        frame(FIN | TEXT, b"next"),
    ]
    .concat();
    assert_eq!(
        events(&bytes),
        [ping(b"one"), pong(b"two"), ping(b""), text("fragment1fragment2fragment3"), text("next")]
    );
}

#[test]
fn close_between_fragments_ends_the_connection() {
    let bytes = [frame(TEXT, b"fragment"), close_frame(1001, b"bye"), frame(FIN, b"rest")].concat();
    assert_eq!(events(&bytes), [close(Some(1001), "bye")]);
}

#[test]
fn continuation_of_nothing_is_an_error() {
    for first in [CONTINUATION, FIN | CONTINUATION] {
        let bytes = [frame(first, b"non-continuation"), frame(FIN | TEXT, b"after")].concat();
        let (events, error) = error(&bytes);
        assert_eq!((events, error), (vec![], ProtocolError::UnexpectedContinuation));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn continuation_after_the_last_fragment_is_an_error() {
    let message = [frame(TEXT, b"one"), frame(FIN, b"two")].concat();
    for first in [CONTINUATION, FIN | CONTINUATION] {
        let bytes = [&message[..], &frame(first, b"three")].concat();
        assert_eq!(error(&bytes), (vec![text("onetwo")], ProtocolError::UnexpectedContinuation));
    }
}

#[test]
fn message_within_another_is_an_error() {
    for second in [TEXT, FIN | TEXT, BINARY, FIN | BINARY] {
        let bytes = [frame(TEXT, b"open"), frame(second, b"other")].concat();
        let (events, error) = error(&bytes);
        assert_eq!((events, error), (vec![], ProtocolError::ExpectedContinuation));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn message_within_an_empty_one_is_an_error() {
    let bytes = [frame(TEXT, b""), frame(FIN | TEXT, b"")].concat();
    assert_eq!(error(&bytes), (vec![], ProtocolError::ExpectedContinuation));
}

#[test]
fn many_fragments_with_pings_between_them_arrive() {
    let mut bytes = frame(TEXT, b"0");
    let mut content = String::from("0");
    let mut expected = Vec::new();
    for number in 1..200 {
        let part = number.to_string();
        bytes.extend(frame(FIN | PING, part.as_bytes()));
        bytes.extend(frame(CONTINUATION, part.as_bytes()));
        expected.push(ping(part.as_bytes()));
        content.push_str(&part);
    }
    bytes.extend(frame(FIN, b"."));
    expected.push(text(&format!("{content}.")));
    assert_eq!(events(&bytes), expected);
}
