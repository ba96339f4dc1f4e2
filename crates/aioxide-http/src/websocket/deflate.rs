//! Compression of messages.

use flate2::{Compress, Compression, FlushCompress};

use super::error::SendError;
use super::inflate::TAIL;

/// The least room for a step. Above six bytes, so that a flush is never written twice.
const LEAST: usize = 64;

/// The compressor of one connection. Its state is made when the first message goes.
#[derive(Debug)]
pub struct Deflater {
    window_bits: u8,
    takeover: bool,
    stream: Option<Compress>,
    /// The stream of a message that has a window of its own.
    once: Option<Compress>,
}

impl Deflater {
    /// With a window of `window_bits`, 9 to 15 and brought there otherwise; without `takeover` each
    /// message begins anew.
    #[must_use]
    pub fn new(window_bits: u8, takeover: bool) -> Self {
        Self { window_bits: window_bits.clamp(9, 15), takeover, stream: None, once: None }
    }

    /// Begins a message; with `window_bits` other than 0 it is compressed by itself, in a window
    /// that is never larger than the connection's.
    ///
    /// # Errors
    /// A window that zlib does not have.
    pub fn begin(&mut self, window_bits: u8) -> Result<(), SendError> {
        match window_bits {
            0 => {}
            9..=15 if window_bits >= self.window_bits => {}
            9..=15 => {
                self.once = Some(new_stream(window_bits));
                // The server's window will hold this message, and the stream's would not: what it
                // referred to would be elsewhere. So it begins anew as well.
                if let Some(stream) = self.stream.as_mut().filter(|_| self.takeover) {
                    stream.reset();
                }
            }
            _ => return Err(SendError::WindowBits(window_bits)),
        }
        Ok(())
    }

    /// Appends the compressed `part` of the message; `last` ends the message.
    ///
    /// # Errors
    /// The compressor fails, which it does not.
    pub fn deflate(
        &mut self,
        mut part: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let start = out.len();
        let stream = match &mut self.once {
            Some(stream) => stream,
            None => self.stream.get_or_insert_with(|| new_stream(self.window_bits)),
        };
        // A full flush leaves nothing behind that a later message could refer to.
        let flush = if last && !self.takeover { FlushCompress::Full } else { FlushCompress::Sync };
        // Messages shrink, mostly to less than half.
        out.reserve(part.len() / 2 + LEAST);
        loop {
            let read = stream.total_in();
            stream.compress_vec(part, out, flush).map_err(|_| SendError::Deflate)?;
            part = &part[(stream.total_in() - read) as usize..];
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(part.len() / 2 + LEAST);
        }
        if last {
            self.once = None;
            if out[start..].ends_with(&TAIL) {
                out.truncate(out.len() - TAIL.len());
            } else {
                // A flush after a flush writes nothing; this is the head of an empty block, which
                // the server completes.
                out.push(0);
            }
        }
        Ok(())
    }
}

/// The fastest level, as in aiohttp. The next one makes messages a quarter shorter, and takes four
/// times as long for those of a kilobyte or less.
fn new_stream(window_bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::fast(), false, window_bits)
}
