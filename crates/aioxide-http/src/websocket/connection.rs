//! The life of a connection: which frames may go, and with which code it ends.
//!
//! ```text
//!             close()                 Close comes
//!   Open ───────────────> CloseSent ───────────────> Closed
//!    │ │  Close comes                  close()        ^ ^
//!    │ └────────────────> CloseReceived ──────────────┘ │
//!    │    an error                     close()          │
//!    └──────────────────> Failed ───────────────────────┤
//!                                                       │
//!   any ── lost() ──────────────────────────────────────┘
//! ```
//!
//! When it is closed, the transport is to be closed as well.

use super::close::CloseCode;
use super::decoder::{Decoder, Event, Settings};
use super::encoder::{Encoder, Frame};
use super::error::{ProtocolError, SendError};
use super::extension::Deflate;
use super::frame::Opcode;

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages go and come.
    Open,
    /// The client has sent its Close and waits for the server's. Only Pings and Pongs go.
    CloseSent,
    /// The server has sent its Close. Nothing comes, and the client may finish what it has to say.
    CloseReceived,
    /// The server broke the protocol. Nothing comes, and the client, which may not have seen yet what
    /// came before, may finish what it has to say.
    Failed,
    /// Nothing comes and nothing goes.
    Closed,
}

/// One connection after its handshake.
#[derive(Debug)]
pub struct Connection {
    decoder: Decoder,
    encoder: Encoder,
    state: State,
    close_code: Option<CloseCode>,
}

impl Connection {
    /// A connection that is open, with what was agreed.
    #[must_use]
    pub fn new(settings: Settings, deflate: Option<&Deflate>) -> Self {
        Self {
            decoder: Decoder::new(settings, deflate),
            encoder: Encoder::new(deflate),
            state: State::Open,
            close_code: None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The code it ends with, once that is known: the server's, [`CloseCode::NO_STATUS`] if that
    /// has none, the code of the error, or [`CloseCode::ABNORMAL`].
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        self.close_code
    }

    /// Takes from `input` up to the end of the next event, as [`Decoder::next`] does.
    ///
    /// # Errors
    /// As [`Decoder::next`]. [`Self::close`] with the error's code is what is left to do.
    pub fn receive<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        if self.state == State::Closed {
            *input = &[];
            return Ok(None);
        }
        let result = self.decoder.next(input);
        match &result {
            Ok(Some(Event::Close { code, .. })) => {
                self.close_code = Some(code.unwrap_or(CloseCode::NO_STATUS));
                self.state = match self.state {
                    State::CloseSent => State::Closed,
                    _ => State::CloseReceived,
                };
            }
            Err(error) => {
                self.close_code = Some(error.close_code());
                // Who has sent a Close cannot send another one with the right code.
                self.state = match self.state {
                    State::CloseSent => State::Closed,
                    _ => State::Failed,
                };
            }
            Ok(_) => {}
        }
        result
    }

    /// Appends `frame` to `out`. A Close counts as [`Self::close`], with a payload that the caller
    /// answers for.
    ///
    /// # Errors
    /// What may not be sent, now or ever; nothing is written then.
    pub fn send(
        &mut self,
        frame: Frame<'_>,
        key: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let next = if frame.opcode == Opcode::Close {
            self.after_close()
        } else {
            match self.state {
                State::Open | State::CloseReceived | State::Failed => Some(self.state),
                State::CloseSent => frame.opcode.is_control().then_some(self.state),
                State::Closed => None,
            }
        };
        let next = next.ok_or(SendError::Closing)?;
        self.encoder.frame(frame, key, out)?;
        self.state = next;
        Ok(())
    }

    /// Appends a Close to `out`, unless one has been sent: then it answers false. After an error of
    /// the server it says that, whatever `code` is: the caller may not know of it yet.
    ///
    /// # Errors
    /// A code or reason that the protocol does not allow; nothing is written then.
    pub fn close(
        &mut self,
        code: Option<CloseCode>,
        reason: &[u8],
        key: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        let Some(next) = self.after_close() else { return Ok(false) };
        let code = if self.state == State::Failed { self.close_code } else { code };
        self.encoder.close(code, reason, key, out)?;
        self.state = next;
        Ok(true)
    }

    /// Where it is when a Close has been sent, if that may be.
    fn after_close(&self) -> Option<State> {
        match self.state {
            State::Open => Some(State::CloseSent),
            State::CloseReceived | State::Failed => Some(State::Closed),
            State::CloseSent | State::Closed => None,
        }
    }

    /// The transport has ended, or is given up.
    pub fn lost(&mut self) {
        self.close_code.get_or_insert(CloseCode::ABNORMAL);
        self.state = State::Closed;
    }
}
