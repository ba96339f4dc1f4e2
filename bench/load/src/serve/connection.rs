//! One connection of the server: what came in, what has to go out.
//!
//! ```text
//!   Head --GET--> (answered) --> Head
//!     |--POST--> Body --all of it--> (answered) --> Head
//!     |--/together/N--> Held --release--> Head
//!     `--Sec-WebSocket-Key--> Frames
//! ```
//!
//! While something could not be written, nothing is read.

use std::collections::VecDeque;
use std::rc::Rc;

use rustix::fd::OwnedFd;

use super::body::Body;
use super::frame::{self, Echo};
use super::page::{Page, Pages};
use super::request::{self, BadRequest, Length, Method};
use crate::failure::Failure;
use crate::wire::{Wire, is_nothing};

/// What the server has to do for a connection after it was served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    /// Hold it back until so many are held.
    Hold(usize),
    Close,
}

#[derive(Debug)]
enum State {
    Head,
    Body(Body),
    /// With what is sent when so many are held.
    Held(usize, Rc<[u8]>),
    Frames,
}

/// Dropping it closes it, which takes it off the poller, too.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) fd: OwnedFd,
    wire: Wire,
    state: State,
    /// What came and is not complete yet.
    incoming: Vec<u8>,
    /// What the kernel has not taken, with how much of the first it has.
    outgoing: VecDeque<Rc<[u8]>>,
    sent: usize,
    /// It is closed as soon as all is sent.
    is_ending: bool,
    /// Whether the poller watches for room to write.
    pub(crate) watches_room: bool,
}

impl Connection {
    pub(crate) fn new(fd: OwnedFd, wire: Wire) -> Self {
        Self {
            fd,
            wire,
            state: State::Head,
            incoming: Vec::new(),
            outgoing: VecDeque::new(),
            sent: 0,
            is_ending: false,
            watches_room: false,
        }
    }

    pub(crate) fn wants_room(&self) -> bool {
        !self.outgoing.is_empty() || self.wire.wants_room()
    }

    pub(crate) fn is_held(&self) -> bool {
        matches!(self.state, State::Held(..))
    }

    /// Reads, answers and writes as far as it can without waiting.
    pub(crate) fn serve(&mut self, buffer: &mut [u8], pages: &mut Pages) -> Result<Step, Failure> {
        if self.wants_room() {
            if self.flush().is_err() {
                return Ok(Step::Close);
            }
            if self.wants_room() {
                return Ok(Step::Nothing);
            }
            let kept = std::mem::take(&mut self.incoming);
            return self.answer(&kept, pages);
        }
        if let State::Body(body) = &mut self.state {
            let middle = body.middle().min(buffer.len());
            if middle > 0 && self.incoming.is_empty() {
                return Ok(match self.wire.pass(&self.fd, &mut buffer[..middle]) {
                    Ok(Some(0)) => Step::Close,
                    Ok(Some(count)) => {
                        body.pass(count);
                        Step::Nothing
                    }
                    Ok(None) => return self.read(buffer, pages),
                    Err(error) if is_nothing(&error) => Step::Nothing,
                    Err(_) => Step::Close,
                });
            }
        }
        self.read(buffer, pages)
    }

    fn read(&mut self, buffer: &mut [u8], pages: &mut Pages) -> Result<Step, Failure> {
        let count = match self.wire.recv(&self.fd, buffer) {
            Ok(0) => return Ok(Step::Close),
            Ok(count) => count,
            Err(error) if is_nothing(&error) => return Ok(Step::Nothing),
            Err(_) => return Ok(Step::Close),
        };
        if self.incoming.is_empty() {
            return self.answer(&buffer[..count], pages);
        }
        let mut kept = std::mem::take(&mut self.incoming);
        kept.extend_from_slice(&buffer[..count]);
        self.answer(&kept, pages)
    }

    /// Sends what it was held back with.
    pub(crate) fn release(&mut self) {
        if let State::Held(_, page) = std::mem::replace(&mut self.state, State::Head) {
            // A connection that is broken is found out when it is read.
            let _ = self.send(page);
        }
    }

    fn answer(&mut self, data: &[u8], pages: &mut Pages) -> Result<Step, Failure> {
        let mut at = 0;
        while at < data.len() && !self.is_ending && !self.wants_room() && !self.is_held() {
            let taken = match &mut self.state {
                State::Head => self.answer_head(&data[at..], pages)?,
                State::Body(body) => match body.take(&data[at..]) {
                    Ok(taken) => self.answer_body().map(|()| taken),
                    Err(BadRequest) => None,
                },
                State::Held(..) => break,
                State::Frames => self.answer_frames(&data[at..]),
            };
            match taken {
                None => return Ok(Step::Close),
                Some(0) => break,
                Some(taken) => at += taken,
            }
        }
        self.incoming.extend_from_slice(&data[at..]);
        Ok(match &self.state {
            &State::Held(count, _) => Step::Hold(count),
            _ if self.is_ending && !self.wants_room() => self.end(),
            _ => Step::Nothing,
        })
    }

    /// How much was taken; nothing of a connection that is to be closed at once.
    fn answer_head(&mut self, data: &[u8], pages: &mut Pages) -> Result<Option<usize>, Failure> {
        let Ok(found) = request::parse(data) else { return Ok(None) };
        let Some((request, taken)) = found else { return Ok(Some(0)) };
        self.is_ending = request.closes;
        let sent = if let Some(key) = request.key {
            self.state = State::Frames;
            self.send(frame::accept(key).into())
        } else if request.method == Method::Post || request.length != Length::Fixed(0) {
            self.state = State::Body(Body::new(request.length));
            let go_on = if request.waits { self.go_on() } else { Some(()) };
            go_on.and_then(|()| self.answer_body())
        } else {
            match pages.find(request.target)? {
                Page::Send(page) => self.send(page),
                Page::SendAndClose(page) => {
                    self.is_ending = true;
                    self.send(page)
                }
                Page::Hold(count, page) => {
                    self.state = State::Held(count, page);
                    Some(())
                }
            }
        };
        Ok(sent.map(|()| taken))
    }

    fn go_on(&mut self) -> Option<()> {
        self.send(Rc::from(&b"HTTP/1.1 100 Continue\r\n\r\n"[..]))
    }

    /// Answers a body that is complete by what is known of it.
    fn answer_body(&mut self) -> Option<()> {
        let State::Body(body) = &self.state else { return Some(()) };
        if !body.is_done() {
            return Some(());
        }
        let text = format!(
            "{{\"received\": {}, \"first\": {}, \"last\": {}}}",
            body.received, body.first, body.last
        );
        let close = if self.is_ending { "Connection: close\r\n" } else { "" };
        let response = format!(
            "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/json\r\n\
             {close}Content-Length: {}\r\n\r\n{text}",
            text.len()
        );
        self.state = State::Head;
        self.send(response.into_bytes().into())
    }

    fn answer_frames(&mut self, data: &[u8]) -> Option<usize> {
        let (mut answer, mut at) = (Vec::new(), 0);
        loop {
            match frame::echo(&data[at..], &mut answer) {
                Err(BadRequest) => return None,
                Ok(Echo::Partial) => break,
                Ok(Echo::Answered(count)) => at += count,
                Ok(Echo::Closed) => {
                    self.is_ending = true;
                    at = data.len();
                    break;
                }
            }
        }
        if answer.is_empty() {
            return Some(at);
        }
        self.send(answer.into()).map(|()| at)
    }

    /// Nothing if the connection is broken.
    fn send(&mut self, bytes: Rc<[u8]>) -> Option<()> {
        self.outgoing.push_back(bytes);
        self.flush().ok()
    }

    fn flush(&mut self) -> std::io::Result<()> {
        while let Some(bytes) = self.outgoing.front() {
            match self.wire.send(&self.fd, &bytes[self.sent..]) {
                Ok(count) if self.sent + count == bytes.len() => {
                    self.outgoing.pop_front();
                    self.sent = 0;
                }
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.wire.flush(&self.fd)
    }

    fn end(&mut self) -> Step {
        // The client may be gone already.
        let _ = self.wire.finish(&self.fd);
        Step::Close
    }
}
