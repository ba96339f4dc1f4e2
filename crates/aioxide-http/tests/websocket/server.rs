//! The other side: frames as a server writes them and reads them, written without the crate's
//! code, and scripts of bytes that must mean the same wherever they are split.

use std::borrow::Cow;

use aioxide_http::websocket::{CloseCode, Decoder, Deflate, Event, ProtocolError, Settings};
use flate2::{Compress, Compression, FlushCompress};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Compression as it is agreed when nobody asks for less.
pub(crate) const DEFLATE: Deflate = Deflate {
    server_window_bits: 15,
    client_window_bits: 15,
    server_no_context_takeover: false,
    client_no_context_takeover: false,
};

/// A frame whose first byte is `first`.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..65536 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// A header alone, which announces `length` bytes in 64 bits.
pub(crate) fn announcement(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first, 127];
    bytes.extend(length.to_be_bytes());
    bytes
}

pub(crate) fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

pub(crate) fn text(text: &str) -> Event<'static> {
    Event::Text(Cow::Owned(text.to_owned()))
}

pub(crate) fn binary(bytes: &[u8]) -> Event<'static> {
    Event::Binary(Cow::Owned(bytes.to_vec()))
}

pub(crate) fn ping(bytes: &[u8]) -> Event<'static> {
    Event::Ping(Cow::Owned(bytes.to_vec()))
}

pub(crate) fn pong(bytes: &[u8]) -> Event<'static> {
    Event::Pong(Cow::Owned(bytes.to_vec()))
}

pub(crate) fn close(code: Option<u16>, reason: &str) -> Event<'static> {
    Event::Close { code: code.map(CloseCode), reason: Cow::Owned(reason.to_owned()) }
}

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

/// What a script means: the events, and the error that ended them.
pub(crate) type Meaning = (Vec<Event<'static>>, Option<ProtocolError>);

/// Feeds the pieces one after another, up to the first error.
pub(crate) fn feed<'a>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Meaning {
    let mut events = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(event)) => events.push(owned(event)),
                Ok(None) => break,
                Err(error) => {
                    assert!(piece.is_empty(), "an error takes all of the input");
                    return (events, Some(error));
                }
            }
        }
        assert!(piece.is_empty(), "all is taken when there is no event");
    }
    (events, None)
}

/// The meaning of `bytes`, which is the same whole, byte by byte, and split in two anywhere.
pub(crate) fn meaning(settings: Settings, deflate: Option<&Deflate>, bytes: &[u8]) -> Meaning {
    let fed = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut decoder = Decoder::new(settings, deflate);
        let meaning = feed(&mut decoder, pieces);
        if let (_, Some(error)) = meaning {
            assert_eq!(decoder.next(&mut &b"\x81\x00"[..]), Err(error), "an error stays");
            assert_eq!(decoder.buffered(), 0);
        }
        meaning
    };
    let whole = fed(&mut std::iter::once(bytes));
    assert_eq!(fed(&mut bytes.chunks(1)), whole, "byte by byte");
    // Of a long script only the splits near its ends, which are those within headers.
    let near = if bytes.len() > 4000 { 20 } else { bytes.len() };
    for at in (0..=near).chain(bytes.len() - near..bytes.len()) {
        let (before, after) = bytes.split_at(at);
        assert_eq!(fed(&mut [before, after].into_iter()), whole, "split at {at}");
    }
    whole
}

/// The events of `bytes`, which are right.
pub(crate) fn events(bytes: &[u8]) -> Vec<Event<'static>> {
    let (events, error) = meaning(Settings::default(), None, bytes);
    assert_eq!(error, None);
    events
}

/// The same with compression.
pub(crate) fn inflated(bytes: &[u8]) -> Vec<Event<'static>> {
    let (events, error) = meaning(Settings::default(), Some(&DEFLATE), bytes);
    assert_eq!(error, None);
    events
}

/// The error that ends `bytes`, and the events before it.
pub(crate) fn error(bytes: &[u8]) -> (Vec<Event<'static>>, ProtocolError) {
    let (events, error) = meaning(Settings::default(), None, bytes);
    (events, error.expect("the bytes are wrong"))
}

/// A server's compressor.
pub(crate) struct Squeezer {
    stream: Compress,
    takeover: bool,
}

impl Squeezer {
    pub(crate) fn new(window_bits: u8, takeover: bool, level: u32) -> Self {
        let level = Compression::new(level);
        Self { stream: Compress::new_with_window_bits(level, false, window_bits), takeover }
    }

    /// The payload of a compressed message.
    pub(crate) fn message(&mut self, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(content.len() * 2 + 1024);
        self.stream.compress_vec(content, &mut out, FlushCompress::Sync).expect("it compresses");
        assert!(out.len() < out.capacity());
        if !self.takeover {
            self.stream.reset();
        }
        match out.strip_suffix(&[0, 0, 0xff, 0xff]) {
            Some(stripped) => stripped.to_vec(),
            None => vec![0],
        }
    }
}

/// A deflate stream that ends (BFINAL).
pub(crate) fn ended_stream(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() * 2 + 1024);
    let mut stream = Compress::new(Compression::default(), false);
    stream.compress_vec(content, &mut out, FlushCompress::Finish).expect("it compresses");
    out
}

/// A frame of the client as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientFrame {
    pub(crate) first: u8,
    pub(crate) key: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

/// Reads whole frames, and insists on a mask and on the shortest form of the length.
pub(crate) fn client_frames(mut bytes: &[u8]) -> Vec<ClientFrame> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_ne!(second & 0x80, 0, "a client masks");
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk().expect("whole frames");
                let length = u64::from(u16::from_be_bytes(*length));
                assert!(length >= 126);
                (length, rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk().expect("whole frames");
                let length = u64::from_be_bytes(*length);
                assert!(length >= 65536);
                (length, rest)
            }
            short => (u64::from(short), rest),
        };
        let (key, rest) = rest.split_first_chunk().expect("whole frames");
        let (masked, rest) = rest.split_at(length as usize);
        let payload = masked.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
        frames.push(ClientFrame { first: *first, key: *key, payload });
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}
