//! From the program's messages to bytes for the server.

use super::close::CloseCode;
use super::deflate::Deflater;
use super::error::SendError;
use super::extension::Deflate;
use super::frame::{CLIENT_HEADER, CONTROL, Opcode, write_header};
use super::mask::{append_masked, mask};

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it is.
    pub opcode: Opcode,
    /// Whether it ends its message.
    pub fin: bool,
    /// The payload. That of a text is UTF-8, which the caller answers for.
    pub payload: &'a [u8],
    /// A window of 9 to 15 bits to compress this message with, by itself; 0 for the connection's.
    /// It only counts on the first frame of a message, and not where the connection does not
    /// compress.
    pub window_bits: u8,
}

impl<'a> Frame<'a> {
    /// A frame that ends its message, which most do.
    #[must_use]
    pub fn new(opcode: Opcode, payload: &'a [u8]) -> Self {
        Self { opcode, fin: true, payload, window_bits: 0 }
    }

    /// A text message.
    #[must_use]
    pub fn text(payload: &'a str) -> Self {
        Self::new(Opcode::Text, payload.as_bytes())
    }

    /// A binary message.
    #[must_use]
    pub fn binary(payload: &'a [u8]) -> Self {
        Self::new(Opcode::Binary, payload)
    }
}

/// The encoder of one connection.
#[derive(Debug)]
pub struct Encoder {
    deflater: Option<Deflater>,
    /// A message is open: its last frame has not been sent. Whether it is compressed.
    open: Option<bool>,
}

impl Encoder {
    /// An encoder that has sent nothing. `deflate` is what was agreed.
    #[must_use]
    pub fn new(deflate: Option<&Deflate>) -> Self {
        // A server may ask for a window of 8 bits, which zlib does not have. It must take messages
        // that are not compressed, so it gets those.
        let deflater = deflate.filter(|deflate| deflate.client_window_bits >= 9).map(|deflate| {
            Deflater::new(deflate.client_window_bits, !deflate.client_no_context_takeover)
        });
        Self { deflater, open: None }
    }

    /// Whether the frames that may come next are continuations.
    #[must_use]
    pub fn is_in_message(&self) -> bool {
        self.open.is_some()
    }

    /// Appends `frame` to `out`, masked with `key`: four random bytes that were never used before.
    ///
    /// # Errors
    /// A frame that the protocol does not allow; nothing is written then.
    pub fn frame(
        &mut self,
        frame: Frame<'_>,
        key: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let Frame { opcode, fin, payload, window_bits } = frame;
        if opcode.is_control() {
            if !fin {
                return Err(SendError::FragmentedControl);
            }
            if payload.len() > CONTROL {
                return Err(SendError::ControlTooLong(payload.len()));
            }
            write_plain(opcode, fin, payload, key, out);
            return Ok(());
        }
        let compressed = match (self.open, opcode) {
            (None, Opcode::Continuation) => return Err(SendError::UnexpectedContinuation),
            (Some(_), Opcode::Text | Opcode::Binary) => {
                return Err(SendError::ExpectedContinuation);
            }
            (Some(compressed), _) => compressed,
            (None, _) => match &mut self.deflater {
                Some(deflater) => {
                    deflater.begin(window_bits)?;
                    true
                }
                None => false,
            },
        };
        match &mut self.deflater {
            Some(deflater) if compressed => {
                write_compressed(deflater, self.open.is_none(), frame, key, out)?;
            }
            _ => write_plain(opcode, fin, payload, key, out),
        }
        self.open = (!fin).then_some(compressed);
        Ok(())
    }

    /// Appends a Close; without a code it is empty, and so is `reason` then.
    ///
    /// # Errors
    /// A code or reason that the protocol does not allow; nothing is written then.
    pub fn close(
        &mut self,
        code: Option<CloseCode>,
        reason: &[u8],
        key: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let mut room = [0; CONTROL];
        let mut size = 0;
        if let Some(code) = code {
            if !code.may_be_sent() {
                return Err(SendError::InvalidCloseCode(code.0));
            }
            size = 2 + reason.len();
            let Some(payload) = room.get_mut(..size) else {
                return Err(SendError::ControlTooLong(size));
            };
            if simdutf8::basic::from_utf8(reason).is_err() {
                return Err(SendError::InvalidCloseReason);
            }
            payload[..2].copy_from_slice(&code.0.to_be_bytes());
            payload[2..].copy_from_slice(reason);
        }
        self.frame(Frame::new(Opcode::Close, &room[..size]), key, out)
    }
}

fn write_plain(opcode: Opcode, fin: bool, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    let mut header = [0; CLIENT_HEADER];
    let size = write_header(&mut header, opcode, fin, false, payload.len(), key);
    out.reserve(size + payload.len());
    out.extend_from_slice(&header[..size]);
    append_masked(out, payload, key);
}

/// The length is known when the payload is compressed: it is written behind room for the longest
/// header and moved up to the one that it gets.
fn write_compressed(
    deflater: &mut Deflater,
    first: bool,
    frame: Frame<'_>,
    key: [u8; 4],
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    let start = out.len();
    let body = start + CLIENT_HEADER;
    out.resize(body, 0);
    if let Err(error) = deflater.deflate(frame.payload, frame.fin, out) {
        out.truncate(start);
        return Err(error);
    }
    let length = out.len() - body;
    let mut header = [0; CLIENT_HEADER];
    let size = write_header(&mut header, frame.opcode, frame.fin, first, length, key);
    out[start..start + size].copy_from_slice(&header[..size]);
    out.copy_within(body.., start + size);
    out.truncate(start + size + length);
    mask(&mut out[start + size..], key);
    Ok(())
}
