//! What the client sends: headers, masks, fragments, control frames.

use aioxide_http::websocket::{CloseCode, Deflate, Encoder, Frame, Opcode, SendError, mask};
use proptest::prelude::*;

use super::puff::Puff;
use super::server::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn sent(encoder: &mut Encoder, frame: Frame<'_>) -> Result<Vec<u8>, SendError> {
    let mut out = b"before".to_vec();
    let result = encoder.frame(frame, KEY, &mut out);
    if result.is_err() {
        assert_eq!(out, b"before", "nothing is written");
    }
    result.map(|()| out.split_off(6))
}

fn one(bytes: &[u8]) -> ClientFrame {
    let mut frames = client_frames(bytes);
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

#[test]
fn masked_hello_of_the_rfc() {
    let bytes = sent(&mut Encoder::new(None), Frame::text("Hello")).unwrap();
    assert_eq!(bytes, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
}

#[test]
fn lengths_take_the_shortest_form() {
    let mut encoder = Encoder::new(None);
    let sizes = [(0, 6), (125, 6), (126, 8), (127, 8), (65535, 8), (65536, 14), (100_000, 14)];
    for (length, header) in sizes {
        let content = vec![0xa5; length];
        let bytes = sent(&mut encoder, Frame::binary(&content)).unwrap();
        assert_eq!(bytes.len(), length + header);
        let expected = ClientFrame { first: FIN | BINARY, key: KEY, payload: content };
        assert_eq!(one(&bytes), expected);
    }
}

#[test]
fn fragments_are_sent_as_they_are_given_with_pings_between() {
    let mut encoder = Encoder::new(None);
    let part = |opcode, fin, payload| Frame { fin, ..Frame::new(opcode, payload) };
    let steps = [
        (part(Opcode::Text, false, &b"one"[..]), TEXT),
        (part(Opcode::Ping, true, b"?"), FIN | PING),
        (part(Opcode::Continuation, false, b"two"), CONTINUATION),
        (part(Opcode::Continuation, true, b""), FIN | CONTINUATION),
        (part(Opcode::Binary, true, b"next"), FIN | BINARY),
    ];
    for (frame, first) in steps {
        let found = one(&sent(&mut encoder, frame).unwrap());
        assert_eq!((found.first, &found.payload[..]), (first, frame.payload));
        let in_message = [TEXT, FIN | PING, CONTINUATION].contains(&first);
        assert_eq!(encoder.is_in_message(), in_message);
    }
}

#[test]
fn frames_out_of_order_are_refused() {
    let mut encoder = Encoder::new(None);
    let continuation = Frame::new(Opcode::Continuation, b"");
    assert_eq!(sent(&mut encoder, continuation), Err(SendError::UnexpectedContinuation));
    sent(&mut encoder, Frame { fin: false, ..Frame::text("open") }).unwrap();
    assert_eq!(sent(&mut encoder, Frame::text("x")), Err(SendError::ExpectedContinuation));
    assert_eq!(sent(&mut encoder, Frame::binary(b"x")), Err(SendError::ExpectedContinuation));
    sent(&mut encoder, continuation).unwrap();
    sent(&mut encoder, Frame::text("x")).unwrap();
}

#[test]
fn control_frames_are_short_and_whole() {
    let mut encoder = Encoder::new(None);
    for opcode in [Opcode::Ping, Opcode::Pong, Opcode::Close] {
        assert!(sent(&mut encoder, Frame::new(opcode, &[1; 125])).is_ok());
        let long = sent(&mut encoder, Frame::new(opcode, &[1; 126]));
        assert_eq!(long, Err(SendError::ControlTooLong(126)));
        let part = Frame { fin: false, ..Frame::new(opcode, b"") };
        assert_eq!(sent(&mut encoder, part), Err(SendError::FragmentedControl));
    }
}

#[test]
fn close_has_a_code_and_a_reason_or_nothing() {
    let closed = |code: Option<u16>, reason: &[u8]| {
        let mut out = Vec::new();
        let result = Encoder::new(None).close(code.map(CloseCode), reason, KEY, &mut out);
        assert_eq!(result.is_err(), out.is_empty());
        result.map(|()| one(&out).payload)
    };
    assert_eq!(closed(None, b"").unwrap(), b"");
    assert_eq!(closed(Some(1000), b"").unwrap(), [3, 0xe8]);
    assert_eq!(closed(Some(4999), "é".as_bytes()).unwrap(), [0x13, 0x87, 0xc3, 0xa9]);
    assert_eq!(closed(Some(1000), &[b'a'; 123]).unwrap().len(), 125);
    assert_eq!(closed(Some(1000), &[b'a'; 124]), Err(SendError::ControlTooLong(126)));
    assert_eq!(closed(Some(1000), &[b'a'; 1 << 20]), Err(SendError::ControlTooLong(1_048_578)));
    assert_eq!(closed(Some(1000), b"\xff"), Err(SendError::InvalidCloseReason));
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535] {
        assert_eq!(closed(Some(code), b""), Err(SendError::InvalidCloseCode(code)));
    }
}

#[test]
fn compressed_messages_have_the_bit_on_their_first_frame_only() {
    let mut encoder = Encoder::new(Some(&DEFLATE));
    let mut puff = Puff::default();
    let whole = one(&sent(&mut encoder, Frame::text("whole message")).unwrap());
    assert_eq!(whole.first, FIN | RSV1 | TEXT);
    assert_eq!(puff.message(&whole.payload), b"whole message");

    let parts = ["first part, ", "second part, ", "", "last part"];
    let mut payload = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let opcode = if number == 0 { Opcode::Text } else { Opcode::Continuation };
        let fin = number == parts.len() - 1;
        let frame = Frame { fin, ..Frame::new(opcode, part.as_bytes()) };
        let found = one(&sent(&mut encoder, frame).unwrap());
        let first = [RSV1 | TEXT, CONTINUATION, CONTINUATION, FIN][number];
        assert_eq!(found.first, first);
        payload.extend(found.payload);
        let between = one(&sent(&mut encoder, Frame::new(Opcode::Ping, b"ping")).unwrap());
        assert_eq!((between.first, &between.payload[..]), (FIN | PING, &b"ping"[..]));
    }
    assert_eq!(puff.message(&payload), parts.concat().as_bytes());
}

#[test]
fn empty_messages_are_one_byte_when_compressed() {
    for takeover in [true, false] {
        let deflate = Deflate { client_no_context_takeover: !takeover, ..DEFLATE };
        let mut encoder = Encoder::new(Some(&deflate));
        let mut puff = Puff::default();
        for content in ["", "", "not empty", "", "not empty", ""] {
            let found = one(&sent(&mut encoder, Frame::text(content)).unwrap());
            assert_eq!(puff.message(&found.payload), content.as_bytes());
            if content.is_empty() {
                assert_eq!(found.payload, [0]);
            }
        }
    }
}

#[test]
fn last_fragment_may_be_empty_when_compressed() {
    let mut encoder = Encoder::new(Some(&DEFLATE));
    let mut puff = Puff::default();
    for _ in 0..3 {
        let frame = Frame { fin: false, ..Frame::text("all of it") };
        let mut payload = one(&sent(&mut encoder, frame).unwrap()).payload;
        let last = Frame::new(Opcode::Continuation, b"");
        payload.extend(one(&sent(&mut encoder, last).unwrap()).payload);
        assert_eq!(puff.message(&payload), b"all of it");
    }
}

#[test]
fn second_message_is_shorter_exactly_with_takeover() {
    let content = "the quick brown fox jumps over the lazy dog".repeat(2);
    for takeover in [true, false] {
        let deflate = Deflate { client_no_context_takeover: !takeover, ..DEFLATE };
        let mut encoder = Encoder::new(Some(&deflate));
        let first = sent(&mut encoder, Frame::text(&content)).unwrap().len();
        let second = sent(&mut encoder, Frame::text(&content)).unwrap().len();
        assert_eq!(second < first, takeover, "{first} {second}");
    }
}

#[test]
fn window_that_zlib_does_not_have_is_refused_and_another_one_compresses_by_itself() {
    let content = "words and words and words again".repeat(50);
    let mut encoder = Encoder::new(Some(&DEFLATE));
    let mut puff = Puff::default();
    for window_bits in [0, 9, 0, 15, 12, 0, 9, 9, 0] {
        let frame = Frame { window_bits, ..Frame::text(&content) };
        let found = one(&sent(&mut encoder, frame).unwrap());
        assert_eq!(found.first, FIN | RSV1 | TEXT);
        assert_eq!(puff.message(&found.payload), content.as_bytes());
    }
    for window_bits in [1, 8, 16, 255] {
        let frame = Frame { window_bits, ..Frame::text(&content) };
        assert_eq!(sent(&mut encoder, frame), Err(SendError::WindowBits(window_bits)));
    }
    assert!(sent(&mut encoder, Frame::text(&content)).is_ok());
}

#[test]
fn nothing_is_compressed_without_agreement_or_for_a_window_of_8_bits() {
    let tiny = Deflate { client_window_bits: 8, ..DEFLATE };
    for deflate in [None, Some(&tiny)] {
        let frame = Frame { window_bits: 15, ..Frame::text("words words words") };
        let found = one(&sent(&mut Encoder::new(deflate), frame).unwrap());
        assert_eq!((found.first, &found.payload[..]), (FIN | TEXT, &b"words words words"[..]));
    }
}

proptest! {
    #[test]
    fn mask_is_exclusive_or_byte_by_byte(
        content in prop::collection::vec(any::<u8>(), 0..300),
        key in any::<[u8; 4]>(),
        start in 0..40_usize,
    ) {
        let mut masked = content.clone();
        let start = start.min(content.len());
        mask(&mut masked[start..], key);
        let plain = content.iter().enumerate().map(|(at, byte)| {
            if at < start { *byte } else { byte ^ key[(at - start) % 4] }
        });
        prop_assert_eq!(masked, plain.collect::<Vec<_>>());
    }

    #[test]
    fn long_payloads_are_masked_from_end_to_end(length in 0..40_000_usize, key in any::<[u8; 4]>()) {
        let content: Vec<u8> = (0..length).map(|at| (at % 253) as u8).collect();
        let mut out = Vec::new();
        Encoder::new(None).frame(Frame::binary(&content), key, &mut out).unwrap();
        let expected = ClientFrame { first: FIN | BINARY, key, payload: content };
        prop_assert_eq!(one(&out), expected);
    }
}
