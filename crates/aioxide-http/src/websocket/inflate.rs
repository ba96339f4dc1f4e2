//! Decompression of messages: raw deflate, whose every message ends where a flush would be.

use flate2::{Decompress, FlushDecompress, Status};

use super::error::ProtocolError;

/// What a sender cuts off at the end of each message.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// A message is one deflate stream, or a part of one, unless the server ends streams (BFINAL). Each
/// end costs a reset and needs but two bytes, so there is a limit.
pub const MAX_MEMBERS: u32 = 1024;
/// How much is inflated at once: nothing beyond a limit takes more than this.
const STEP: usize = 16 * 1024;

/// The decompressor of one connection. Its state is made when the first message comes.
#[derive(Debug)]
pub struct Inflater {
    window_bits: u8,
    takeover: bool,
    state: Option<State>,
    members: u32,
}

#[derive(Debug)]
struct State {
    stream: Decompress,
    /// A stream has ended and nothing has come after it.
    ended: bool,
    step: Box<[u8]>,
}

impl Inflater {
    /// For a server whose window has `window_bits`; without `takeover` each message begins anew.
    #[must_use]
    pub fn new(window_bits: u8, takeover: bool) -> Self {
        // zlib has no window of 8 bits; one of 9 bits reads what was written with it.
        Self { window_bits: window_bits.clamp(9, 15), takeover, state: None, members: 0 }
    }

    /// Inflates a part of a message and gives the output to `sink` in pieces of bounded size; its
    /// error ends the work.
    ///
    /// # Errors
    /// Data that is not deflate, too many streams, and what `sink` says.
    pub fn inflate(
        &mut self,
        mut data: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        if data.is_empty() {
            return Ok(());
        }
        let state = self.state.get_or_insert_with(|| State {
            stream: Decompress::new_with_window_bits(false, self.window_bits),
            ended: false,
            step: vec![0; STEP].into_boxed_slice(),
        });
        loop {
            let (read, written) = (state.stream.total_in(), state.stream.total_out());
            let result = state.stream.decompress(data, &mut state.step, FlushDecompress::None);
            let read = (state.stream.total_in() - read) as usize;
            let written = (state.stream.total_out() - written) as usize;
            data = &data[read..];
            // Also what came before bad data: what is wrong first is told, whatever the pieces.
            if written > 0 {
                sink(&state.step[..written])?;
            }
            let status = result.map_err(|_| ProtocolError::InvalidDeflate)?;
            state.ended = status == Status::StreamEnd;
            if state.ended {
                self.members += 1;
                if self.members > MAX_MEMBERS {
                    return Err(ProtocolError::TooManyMembers(MAX_MEMBERS));
                }
                // What follows is a stream of its own, with a window of its own.
                state.stream.reset(false);
                if data.is_empty() {
                    return Ok(());
                }
            } else if written < state.step.len() {
                if data.is_empty() {
                    return Ok(());
                }
                if read == 0 && written == 0 {
                    return Err(ProtocolError::InvalidDeflate);
                }
            }
        }
    }

    /// Ends a message: gives what is left of it to `sink`.
    ///
    /// # Errors
    /// As [`Self::inflate`].
    pub fn finish(
        &mut self,
        sink: &mut impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        // Some servers send no empty block after the end of a stream: then no tail was cut off.
        if !self.state.as_ref().is_some_and(|state| state.ended) {
            self.inflate(&TAIL, sink)?;
        }
        self.members = 0;
        if let Some(state) = &mut self.state {
            state.ended = false;
            if !self.takeover {
                state.stream.reset(false);
            }
        }
        Ok(())
    }
}
