//! What a server sends after the handshake: the same events and error whole and in pieces, nothing
//! held beyond the limit, and what is received is encoded and decoded again.
#![no_main]

use std::borrow::Cow;

use aioxide_http::websocket::{
    Connection, Decoder, Deflate, Encoder, Event, Frame, Opcode, ProtocolError, Settings,
};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 4096;

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
        Event::Binary(bytes) => Event::Binary(Cow::Owned(bytes.into_owned())),
        Event::Ping(bytes) => Event::Ping(Cow::Owned(bytes.into_owned())),
        Event::Pong(bytes) => Event::Pong(Cow::Owned(bytes.into_owned())),
        Event::Close { code, reason } => {
            Event::Close { code, reason: Cow::Owned(reason.into_owned()) }
        }
    }
}

fn decoded<'a>(
    mut decoder: Decoder,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Event<'static>>, Option<ProtocolError>) {
    let mut events = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(event)) => events.push(owned(event)),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        assert!(piece.is_empty());
        assert!(decoder.buffered() <= 4 * LIMIT);
    }
    (events, None)
}

/// What a server would send to be understood so: unmasked, which the client's encoder is not.
fn sent_back(event: &Event<'_>, encoder: &mut Encoder) -> Vec<u8> {
    let mut out = Vec::new();
    let (opcode, payload) = match event {
        Event::Text(text) => (Opcode::Text, text.as_bytes()),
        Event::Binary(bytes) => (Opcode::Binary, &bytes[..]),
        Event::Ping(bytes) => (Opcode::Ping, &bytes[..]),
        Event::Pong(bytes) => (Opcode::Pong, &bytes[..]),
        Event::Close { code, reason } => {
            encoder.close(*code, reason.as_bytes(), [0; 4], &mut out).expect("it came like this");
            return unmasked(&out);
        }
    };
    encoder.frame(Frame::new(opcode, payload), [0; 4], &mut out).expect("it came like this");
    unmasked(&out)
}

/// The frame without its key, which is zero.
fn unmasked(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    [&[frame[0], frame[1] & 0x7f], &frame[2..header], &frame[header + 4..]].concat()
}

fuzz_target!(|data: &[u8]| {
    let &[setting, piece, ref bytes @ ..] = data else { return };
    let deflate = Deflate {
        server_window_bits: 8 + (setting & 7),
        client_window_bits: 8 + (setting & 7),
        server_no_context_takeover: setting & 8 != 0,
        client_no_context_takeover: setting & 8 != 0,
    };
    let deflate = (setting & 16 != 0).then_some(&deflate);
    let settings = Settings { max_msg_size: if setting & 32 != 0 { LIMIT } else { 256 } };
    let decoder = || Decoder::new(settings, deflate);

    let whole = decoded(decoder(), std::iter::once(bytes));
    let pieces = decoded(decoder(), bytes.chunks(usize::from(piece).max(1)));
    assert_eq!(whole, pieces);

    let mut connection = Connection::new(settings, deflate);
    let mut input = bytes;
    while let Ok(Some(_)) = connection.receive(&mut input) {}
    assert_eq!(
        connection.close_code().is_some(),
        whole.1.is_some() || matches!(whole.0.last(), Some(Event::Close { .. }))
    );

    let mut encoder = Encoder::new(deflate);
    let again: Vec<u8> = whole.0.iter().flat_map(|event| sent_back(event, &mut encoder)).collect();
    // A message near the limit can be longer when it is compressed.
    let settings = Settings { max_msg_size: 2 * LIMIT };
    let back = decoded(Decoder::new(settings, deflate), std::iter::once(&again[..]));
    assert_eq!(back, (whole.0, None));
});
