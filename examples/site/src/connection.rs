//! One client's connection.
//!
//! ```text
//!   Reading ──request──> Waiting ──respond──> Writing ──> Reading    keep-alive
//!      │                                         └──────> Draining   else
//!      └──fault: the server responds at once
//!   any state ──> Closed: the client is gone, or a drained connection is at its end
//! ```
//!
//! Nothing is read while a response is due, so a client that sends without reading is held up
//! by the kernel and its input stays below one head. Draining reads and forgets what the client
//! still sends: to close with unread input would reset the connection and could destroy the
//! response on its way.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::request::{self, Fault, MOST_HEAD, Parsed, Request};
use crate::response::{Output, Response};

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    /// Tells this connection from an earlier one with the same key.
    pub(crate) serial: u64,
    state: State,
    input: Vec<u8>,
    /// The poller tells once that input has come; it may still be there.
    readable: bool,
    drained: usize,
    touched_at: Instant,
}

#[derive(Debug)]
enum State {
    Reading,
    Waiting { head_only: bool, keep_alive: bool },
    Writing { output: Output, keep_alive: bool },
    Draining,
}

/// What a connection came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It goes on when the poller says so, or when it is given its response.
    Blocked,
    Request(Request),
    Faulty(Fault),
    Closed,
}

impl Connection {
    pub(crate) const fn new(stream: TcpStream, serial: u64, now: Instant) -> Self {
        Self {
            stream,
            serial,
            state: State::Reading,
            input: Vec::new(),
            readable: true,
            drained: 0,
            touched_at: now,
        }
    }

    pub(crate) const fn handle_readable(&mut self) {
        self.readable = true;
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Nothing has moved here for long, and no response is due.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        !self.is_waiting() && now.saturating_duration_since(self.touched_at) >= IDLE_AFTER
    }

    /// Goes on as far as it can without waiting.
    pub(crate) fn advance(&mut self, now: Instant) -> Step {
        self.touched_at = now;
        self.try_advance().unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Step::Blocked,
            _ => Step::Closed,
        })
    }

    /// Takes the response to the request, or to the fault, that `advance` told last.
    pub(crate) fn respond(&mut self, response: Response) {
        let (head_only, keep_alive) = match self.state {
            State::Waiting { head_only, keep_alive } => (head_only, keep_alive),
            _ => (false, false),
        };
        let output = response.encode(head_only, keep_alive);
        self.state = State::Writing { output, keep_alive };
    }

    fn try_advance(&mut self) -> io::Result<Step> {
        loop {
            match &mut self.state {
                State::Reading => match request::parse(&self.input) {
                    Parsed::Complete(request, length) => {
                        self.input.drain(..length);
                        let Request { head_only, keep_alive, .. } = request;
                        self.state = State::Waiting { head_only, keep_alive };
                        return Ok(Step::Request(request));
                    }
                    Parsed::Faulty(fault) => return Ok(Step::Faulty(fault)),
                    Parsed::Partial => {
                        if self.read()? == 0 {
                            return Ok(Step::Closed);
                        }
                    }
                },
                State::Waiting { .. } => return Ok(Step::Blocked),
                State::Writing { output, keep_alive } => {
                    output.write_to(&mut self.stream)?;
                    if *keep_alive {
                        self.state = State::Reading;
                    } else {
                        self.stream.shutdown(Shutdown::Write)?;
                        self.state = State::Draining;
                    }
                }
                State::Draining => {
                    self.input.clear();
                    let count = self.read()?;
                    self.drained += count;
                    if count == 0 || self.drained > MOST_DRAINED {
                        return Ok(Step::Closed);
                    }
                }
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        if !self.readable {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let held = self.input.len();
        self.input.resize(MOST_HEAD.max(held + 1), 0);
        let result = loop {
            match self.stream.read(&mut self.input[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.input.truncate(held + *result.as_ref().unwrap_or(&0));
        self.readable = !matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        result
    }
}

/// A connection on which nothing moves for so long is closed.
const IDLE_AFTER: Duration = Duration::from_secs(60);
/// A client that keeps sending after the last response is cut off here.
const MOST_DRAINED: usize = 1024 * 1024;
