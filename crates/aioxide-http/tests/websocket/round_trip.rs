//! What the client encodes is read by a server that shares no code with it, and comes back through
//! the client's decoder.

use aioxide_http::websocket::{Decoder, Deflate, Encoder, Frame, Opcode, Settings};
use proptest::prelude::*;

use super::puff::Puff;
use super::server::*;

#[derive(Clone, Debug)]
struct Sent {
    content: Vec<u8>,
    /// How long its fragments are; none if it is sent whole.
    fragment: Option<usize>,
    window_bits: u8,
}

fn message() -> impl Strategy<Value = Sent> {
    let word = prop_oneof![
        Just(b"the same ".to_vec()),
        Just(b"or other ".to_vec()),
        prop::collection::vec(any::<u8>(), 1..20),
    ];
    let content =
        prop::collection::vec(word, 0..300).prop_map(|words: Vec<Vec<u8>>| words.concat());
    let bits = prop_oneof![4 => Just(0), 1 => 9..16_u8];
    (content, prop::option::weighted(0.3, 1..1000_usize), bits)
        .prop_map(|(content, fragment, window_bits)| Sent { content, fragment, window_bits })
}

fn encode(encoder: &mut Encoder, message: &Sent, key: [u8; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut opcode = Opcode::Binary;
    let Sent { window_bits, .. } = *message;
    for part in message.content.chunks(message.fragment.unwrap_or(usize::MAX)) {
        if message.fragment.is_some() {
            let frame = Frame { opcode, fin: false, payload: part, window_bits };
            encoder.frame(frame, key, &mut out).expect("in order");
            opcode = Opcode::Continuation;
        }
    }
    let payload = if message.fragment.is_some() { &[] } else { &message.content[..] };
    let last = Frame { opcode, fin: true, payload, window_bits };
    encoder.frame(last, key, &mut out).expect("in order");
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn messages_survive_the_way_there_and_back(
        messages in prop::collection::vec(message(), 1..8),
        compressed in any::<bool>(),
        bits in 9..16_u8,
        anew in any::<bool>(),
        key in any::<[u8; 4]>(),
        piece in 1..5000_usize,
    ) {
        let deflate = Deflate {
            server_window_bits: bits,
            client_window_bits: bits,
            server_no_context_takeover: anew,
            client_no_context_takeover: anew,
        };
        let deflate = compressed.then_some(&deflate);
        let mut encoder = Encoder::new(deflate);
        let mut puff = Puff::default();
        let mut back = Vec::new();
        for message in &messages {
            let frames = client_frames(&encode(&mut encoder, message, key));
            let payload: Vec<u8> = frames.iter().flat_map(|frame| frame.payload.clone()).collect();
            let start = puff.out.len();
            let content = if compressed { puff.message(&payload) } else { payload };
            prop_assert_eq!(&content, &message.content);
            let window = if message.window_bits == 0 { bits } else { bits.min(message.window_bits) };
            // zlib looks back by the window less its lookahead of 262 bytes: a window of the bits
            // below 9 would do.
            prop_assert!(puff.farthest <= (1 << window) - 262, "{} {window}", puff.farthest);
            puff.farthest = 0;
            if anew {
                puff.out.clear();
            } else {
                prop_assert_eq!(puff.out.len(), start + if compressed { content.len() } else { 0 });
            }
            for frame in frames {
                back.extend(super::server::frame(frame.first, &frame.payload));
            }
        }
        let expected: Vec<_> = messages.iter().map(|message| binary(&message.content)).collect();
        let mut decoder = Decoder::new(Settings::default(), deflate);
        prop_assert_eq!(feed(&mut decoder, back.chunks(piece)), (expected, None));
    }
}
