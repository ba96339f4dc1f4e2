//! Compressed messages as they arrive: sections 12 and 13 of Autobahn, and RFC 7692's examples.

use aioxide_http::websocket::{
    CloseCode, Decoder, Deflate, Inflater, MAX_MEMBERS, ProtocolError, Settings,
};
use proptest::prelude::*;

use super::server::*;

fn compressed(payload: &[u8]) -> Vec<u8> {
    frame(FIN | RSV1 | TEXT, payload)
}

/// Text that compresses as text does.
fn prose(length: usize) -> String {
    let words = ["the", "loop", "owns", "its", "queue", "and", "nobody", "else", "does", "so"];
    let mut seed = 7_usize;
    let mut text = String::new();
    while text.len() < length {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[(seed >> 33) % words.len()]);
        text.push(' ');
    }
    text.truncate(length);
    text
}

#[test]
fn examples_of_the_rfc_inflate() {
    // 7.2.3.1: one frame, and two.
    assert_eq!(inflated(&[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 7, 0]), [text("Hello")]);
    let parts = [0x41, 3, 0xf2, 0x48, 0xcd, 0x80, 4, 0xc9, 0xc9, 7, 0];
    assert_eq!(inflated(&parts), [text("Hello")]);
    // 7.2.3.2: the second message refers to the first.
    let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 7, 0];
    let bytes = [compressed(&first), compressed(&[0xf2, 0, 0x11, 0, 0])].concat();
    assert_eq!(inflated(&bytes), [text("Hello"), text("Hello")]);
    // 7.2.3.3: a block that is not compressed.
    let stored = [0, 5, 0, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0];
    assert_eq!(inflated(&compressed(&stored)), [text("Hello")]);
    // 7.2.3.4: a stream that ends, and an empty block behind it.
    assert_eq!(inflated(&compressed(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0])), [text("Hello")]);
    // 7.2.3.5: two blocks.
    let two = [0xf2, 0x48, 5, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 7, 0];
    assert_eq!(inflated(&compressed(&two)), [text("Hello")]);
    // 7.2.3.6: nothing.
    assert_eq!(inflated(&compressed(&[0])), [text("")]);
}

#[test]
fn compressed_and_plain_messages_take_turns() {
    let mut squeezer = Squeezer::new(15, true, 6);
    let bytes = [
        compressed(&squeezer.message(b"one one one")),
        frame(FIN | TEXT, b"plain"),
        frame(FIN | PING, b"ping"),
        compressed(&squeezer.message(b"one one one two")),
    ]
    .concat();
    assert_eq!(
        inflated(&bytes),
        [text("one one one"), text("plain"), ping(b"ping"), text("one one one two")]
    );
}

#[test]
fn compressed_fragments_are_put_together_with_pings_between() {
    let payload = Squeezer::new(15, true, 6).message(prose(3000).as_bytes());
    let mut bytes = frame(RSV1 | TEXT, b"");
    for part in payload.chunks(100) {
        bytes.extend(frame(CONTINUATION, part));
        bytes.extend(frame(FIN | PING, b"between"));
    }
    bytes.extend(frame(FIN, b""));
    let mut found = inflated(&bytes);
    assert_eq!(found.pop(), Some(text(&prose(3000))));
    assert!(found.iter().all(|event| *event == ping(b"between")));
}

#[test]
fn compressed_messages_of_many_sizes_windows_and_settings_arrive() {
    for (window_bits, takeover) in [(15, true), (15, false), (9, true), (9, false), (11, true)] {
        let deflate = Deflate {
            server_window_bits: window_bits,
            server_no_context_takeover: !takeover,
            ..DEFLATE
        };
        let mut decoder = Decoder::new(Settings::default(), Some(&deflate));
        let mut squeezer = Squeezer::new(window_bits, takeover, 6);
        for size in [0, 1, 16, 64, 256, 1024, 4096, 16384, 40000] {
            let content = prose(size);
            for _ in 0..3 {
                let bytes = compressed(&squeezer.message(content.as_bytes()));
                let met = feed(&mut decoder, bytes.chunks(1460));
                assert_eq!(met, (vec![text(&content)], None), "{size} in {window_bits} bits");
            }
        }
    }
}

/// Zlib has no such window to write with; what it writes with 9 bits happens to fit.
#[test]
fn window_of_8_bits_is_read() {
    let deflate = Deflate { server_window_bits: 8, ..DEFLATE };
    let mut decoder = Decoder::new(Settings::default(), Some(&deflate));
    let bytes = compressed(&Squeezer::new(9, true, 6).message(prose(5000).as_bytes()));
    assert_eq!(feed(&mut decoder, [&bytes[..]]), (vec![text(&prose(5000))], None));
}

#[test]
fn without_takeover_a_reference_to_the_last_message_is_an_error() {
    let deflate = Deflate { server_no_context_takeover: true, ..DEFLATE };
    let mut squeezer = Squeezer::new(15, true, 6);
    let bytes = [
        compressed(&squeezer.message(b"the same words")),
        compressed(&squeezer.message(b"the same words")),
    ]
    .concat();
    let met = meaning(Settings::default(), Some(&deflate), &bytes);
    assert_eq!(met, (vec![text("the same words")], Some(ProtocolError::InvalidDeflate)));
}

/// CVE-2026-59881: what was not agreed to is never inflated.
#[test]
fn compressed_message_without_agreement_is_an_error() {
    for first in [FIN | RSV1 | TEXT, RSV1 | TEXT, FIN | RSV1 | BINARY] {
        let bytes = frame(first, &Squeezer::new(15, true, 6).message(b"never to be inflated"));
        let (events, error) = error(&bytes);
        assert_eq!((events, error), (vec![], ProtocolError::ReservedBits(RSV1)));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn compressed_bit_is_an_error_on_continuations_and_control_frames() {
    for first in [FIN | RSV1, RSV1, FIN | RSV1 | PING, FIN | RSV1 | PONG, FIN | RSV1 | CLOSE] {
        for open in [frame(RSV1 | TEXT, b""), frame(TEXT, b"")] {
            let bytes = [open, frame(first, b"")].concat();
            let met = meaning(Settings::default(), Some(&DEFLATE), &bytes);
            assert_eq!(met, (vec![], Some(ProtocolError::ReservedBits(RSV1))));
        }
    }
}

#[test]
fn data_that_is_not_deflate_is_an_error() {
    // A block of type 3, and a length whose complement is wrong.
    for payload in [&[0xff, 0xff][..], &[0, 5, 0, 0, 0, 1]] {
        let met = meaning(Settings::default(), Some(&DEFLATE), &compressed(payload));
        assert_eq!(met, (vec![], Some(ProtocolError::InvalidDeflate)));
    }
    assert_eq!(ProtocolError::InvalidDeflate.close_code(), CloseCode::INVALID_PAYLOAD);
}

#[test]
fn inflated_text_is_checked() {
    for content in [&b"\xff"[..], b"good \xce\xba\xed\xa0\x80"] {
        let bytes = compressed(&Squeezer::new(15, true, 6).message(content));
        let met = meaning(Settings::default(), Some(&DEFLATE), &bytes);
        assert_eq!(met, (vec![], Some(ProtocolError::InvalidText)));
    }
}

#[test]
fn streams_that_end_follow_one_another() {
    for (prefix, suffix) in [(&b""[..], &b"\0"[..]), (b"", b"")] {
        let mut message = prefix.to_vec();
        let mut content = String::new();
        for number in 0..50 {
            let part = format!("part {number} ");
            message.extend(ended_stream(part.as_bytes()));
            content.push_str(&part);
        }
        message.extend(suffix);
        let bytes = [compressed(&message), compressed(&message)].concat();
        assert_eq!(inflated(&bytes), [text(&content), text(&content)]);
    }
}

#[test]
fn streams_that_end_are_counted_in_each_message() {
    let allowed = ended_stream(b"").repeat(MAX_MEMBERS as usize);
    let bytes = [compressed(&allowed), compressed(&allowed)].concat();
    let mut decoder = Decoder::new(Settings::default(), Some(&DEFLATE));
    assert_eq!(feed(&mut decoder, [&bytes[..]]), (vec![text(""), text("")], None));

    let bytes = compressed(&[&allowed[..], &ended_stream(b"")].concat());
    let mut decoder = Decoder::new(Settings::default(), Some(&DEFLATE));
    let (events, error) = feed(&mut decoder, [&bytes[..]]);
    assert_eq!((events, error), (vec![], Some(ProtocolError::TooManyMembers(MAX_MEMBERS))));
    assert_eq!(error.unwrap().close_code(), CloseCode::MESSAGE_TOO_BIG);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// No input makes the inflater panic, stall or give more in a piece than it should.
    #[test]
    fn inflater_takes_any_data(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5),
        window_bits in 8..16_u8,
        takeover in any::<bool>(),
    ) {
        let mut inflater = Inflater::new(window_bits, takeover);
        for payload in payloads {
            let mut sink = |piece: &[u8]| {
                assert!((1..=16 << 10).contains(&piece.len()));
                Ok(())
            };
            if inflater.inflate(&payload, &mut sink).and_then(|()| inflater.finish(&mut sink)).is_err() {
                break;
            }
        }
    }

    #[test]
    fn messages_arrive_whatever_the_fragments_the_pieces_and_the_windows(
        messages in prop::collection::vec(
            (prop::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), any::<u8>()], 0..1000), any::<bool>(), any::<bool>()),
            1..6,
        ),
        window_bits in 9..16_u8,
        takeover in any::<bool>(),
        level in prop::sample::select(vec![0, 1, 6, 9_u32]),
        fragment in 1..2000_usize,
        piece in 1..3000_usize,
    ) {
        let deflate = Deflate {
            server_window_bits: window_bits,
            server_no_context_takeover: !takeover,
            ..DEFLATE
        };
        let mut squeezer = Squeezer::new(window_bits, takeover, level);
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (content, squeezed, pinged) in &messages {
            let payload = if *squeezed { squeezer.message(content) } else { content.clone() };
            let mut first = if *squeezed { RSV1 | BINARY } else { BINARY };
            for part in payload.chunks(fragment) {
                bytes.extend(frame(first, part));
                first = CONTINUATION;
                if *pinged {
                    bytes.extend(frame(FIN | PING, b"?"));
                    expected.push(ping(b"?"));
                }
            }
            bytes.extend(frame(FIN | first, b""));
            // An empty compressed payload is no message of deflate, but nobody minds.
            expected.push(binary(content));
        }
        let mut decoder = Decoder::new(Settings::default(), Some(&deflate));
        prop_assert_eq!(feed(&mut decoder, bytes.chunks(piece)), (expected, None));
    }
}
