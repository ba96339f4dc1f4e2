//! Framing, pings, reserved bits and opcodes: sections 1 to 4 of Autobahn.

use std::borrow::Cow;

use aioxide_http::websocket::{CloseCode, Decoder, Event, ProtocolError, Settings};
use proptest::prelude::*;

use super::server::*;

const LENGTHS: [usize; 9] = [0, 1, 125, 126, 127, 128, 65535, 65536, 70000];

#[test]
fn text_of_every_length_class_arrives() {
    for length in LENGTHS {
        let content = "*".repeat(length);
        assert_eq!(events(&frame(FIN | TEXT, content.as_bytes())), [text(&content)]);
    }
}

#[test]
fn binary_of_every_length_class_arrives() {
    for length in LENGTHS {
        let content = vec![0xfe; length];
        assert_eq!(events(&frame(FIN | BINARY, &content)), [binary(&content)]);
    }
}

#[test]
fn message_that_lies_whole_in_the_input_is_borrowed() {
    let bytes = [frame(FIN | TEXT, b"a text"), frame(FIN | BINARY, &[7; 300])].concat();
    let mut decoder = Decoder::new(Settings::default(), None);
    let mut input = &bytes[..];
    let Ok(Some(Event::Text(Cow::Borrowed(content)))) = decoder.next(&mut input) else {
        panic!("copied")
    };
    assert_eq!(content.as_ptr(), bytes[2..].as_ptr());
    assert!(matches!(decoder.next(&mut input), Ok(Some(Event::Binary(Cow::Borrowed(_))))));
    assert_eq!(decoder.next(&mut input), Ok(None));
}

#[test]
fn message_whose_header_came_before_is_borrowed() {
    let bytes = frame(FIN | BINARY, &[7; 300]);
    for taken in 1..=5 {
        let mut decoder = Decoder::new(Settings::default(), None);
        let (before, mut after) = bytes.split_at(taken);
        assert_eq!(decoder.next(&mut &before[..]), Ok(None));
        let event = decoder.next(&mut after);
        // The header has four bytes: with five, a part of the payload had to be kept.
        let borrowed = matches!(event, Ok(Some(Event::Binary(Cow::Borrowed(_)))));
        assert_eq!(borrowed, taken <= 4);
    }
}

#[test]
fn pings_and_pongs_carry_up_to_125_bytes() {
    for payload in [&b""[..], b"Hello, world!", &[0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0], &[0xfe; 125]]
    {
        assert_eq!(events(&frame(FIN | PING, payload)), [ping(payload)]);
        assert_eq!(events(&frame(FIN | PONG, payload)), [pong(payload)]);
    }
}

#[test]
fn control_frame_of_126_bytes_is_an_error() {
    for opcode in [PING, PONG, CLOSE] {
        let (events, error) = error(&frame(FIN | opcode, &[0xfe; 126]));
        assert_eq!((events, error), (vec![], ProtocolError::ControlTooLong));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn control_frame_in_fragments_is_an_error() {
    for opcode in [PING, PONG, CLOSE] {
        assert_eq!(error(&frame(opcode, b"fragment")), (vec![], ProtocolError::FragmentedControl));
    }
}

#[test]
fn many_pings_arrive_in_order() {
    let payloads: Vec<_> = (0..10).map(|number| format!("payload-{number}")).collect();
    let bytes: Vec<u8> =
        payloads.iter().flat_map(|payload| frame(FIN | PING, payload.as_bytes())).collect();
    let expected: Vec<_> = payloads.iter().map(|payload| ping(payload.as_bytes())).collect();
    assert_eq!(events(&bytes), expected);
}

#[test]
fn pong_that_nobody_asked_for_is_an_event_like_others() {
    let bytes = [frame(FIN | PONG, b"unsolicited"), frame(FIN | PING, b"now")].concat();
    assert_eq!(events(&bytes), [pong(b"unsolicited"), ping(b"now")]);
}

#[test]
fn reserved_bits_are_an_error_on_every_frame() {
    for bits in 1..8_u8 {
        for opcode in [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] {
            let bad = frame(FIN | bits << 4 | opcode, b"*");
            let bytes = [frame(FIN | TEXT, b"before"), bad, frame(FIN | PING, b"")].concat();
            let (events, error) = error(&bytes);
            assert_eq!(events, [text("before")]);
            assert_eq!(error, ProtocolError::ReservedBits(bits << 4));
            assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
        }
    }
}

#[test]
fn reserved_bits_2_and_3_are_an_error_with_compression_too() {
    for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
        let (_, error) =
            meaning(Settings::default(), Some(&DEFLATE), &frame(FIN | bits | TEXT, b"*"));
        assert_eq!(error, Some(ProtocolError::ReservedBits(bits)));
    }
}

#[test]
fn reserved_opcodes_are_an_error() {
    for opcode in (3..8).chain(11..16) {
        for first in [FIN | opcode, opcode] {
            let bytes = [frame(FIN | TEXT, b"before"), frame(first, b"*")].concat();
            let (events, error) = error(&bytes);
            assert_eq!(events, [text("before")]);
            assert_eq!(error, ProtocolError::ReservedOpcode(opcode));
            assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
        }
    }
}

#[test]
fn masked_frame_of_the_server_is_an_error() {
    for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
        let bytes = [FIN | opcode, 0x80, 1, 2, 3, 4];
        assert_eq!(error(&bytes), (vec![], ProtocolError::Masked));
    }
}

#[test]
fn length_in_a_longer_form_than_needed_is_an_error() {
    for length in [0_u16, 1, 125] {
        let mut bytes = vec![FIN | BINARY, 126];
        bytes.extend(length.to_be_bytes());
        let expected = ProtocolError::LengthNotMinimal(u64::from(length));
        assert_eq!(error(&bytes), (vec![], expected));
    }
    for length in [0, 126, 65535] {
        let expected = ProtocolError::LengthNotMinimal(length);
        assert_eq!(error(&announcement(FIN | BINARY, length)), (vec![], expected));
    }
}

#[test]
fn length_with_its_first_bit_set_is_an_error() {
    for length in [1 << 63, u64::MAX] {
        let unlimited = Settings { max_msg_size: 0 };
        let bytes = announcement(FIN | BINARY, length);
        assert_eq!(meaning(unlimited, None, &bytes), (vec![], Some(ProtocolError::LengthHighBit)));
    }
}

proptest! {
    /// Whatever comes, wherever it is split.
    #[test]
    fn any_bytes_mean_the_same_in_any_pieces(
        starts in prop::collection::vec((any::<u8>(), 0..140_u8), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(1..20_usize, 1..20),
        compressed in any::<bool>(),
    ) {
        let mut bytes = Vec::new();
        for (first, length) in starts {
            bytes.extend([first & 0x8f, length & 0x7f]);
            bytes.extend(noise.iter().take(usize::from(length)));
        }
        bytes.extend(&noise);
        let settings = Settings { max_msg_size: 1000 };
        let deflate = compressed.then_some(&DEFLATE);
        let whole = feed(&mut Decoder::new(settings, deflate), [&bytes[..]]);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, left) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        prop_assert_eq!(feed(&mut Decoder::new(settings, deflate), pieces), whole);
    }
}
