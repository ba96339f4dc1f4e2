//! Responses, from the bytes of a connection.
//!
//! ```text
//! Idle --begin--> Head --1xx--> Head
//!                 Head --a length--> Length ---------------------------> Ending --> Idle
//!                 Head --chunked--> Chunks --the last one--> Trailers -> Ending --> Idle
//!                 Head --nothing is said--> UntilEof --the end--> Idle
//!                 Head --no body--> Ending --> Idle
//!                 Head --101, or 2xx to CONNECT--> Switching --> Upgraded
//! each of them --what is not HTTP--> Failed
//! ```
//!
//! # Waiting for 100 (Continue)
//!
//! After a request with `Expect: 100-continue` the caller keeps the body back and asks the decoder
//! for events. At [`Event::Informational`] with status 100 it sends the body. At [`Event::Head`]
//! the server has answered without it: the body is not sent at all, or as it was announced and then
//! in whole; and if it was not sent, the connection is not used again whatever
//! [`Decoder::reusable`] says, because the server may still wait for it. A server may also know
//! nothing of this, so after some time the body is sent in any case. The decoder takes part in none
//! of this.

mod chunks;
mod error;
mod event;
mod exchange;
mod fields;
mod framing;
mod head;
mod limits;
mod lines;
mod status;

use std::borrow::Cow;

use chunks::{Chunks, Piece};
pub use error::{Excerpt, ResponseError};
pub use event::Event;
pub use exchange::{Exchange, Method};
pub use fields::Fields;
use fields::unfold;
use framing::BodyLength;
pub use head::Head;
pub use limits::{Leniency, Limits};
use lines::{Lines, Rules};

/// The connection has come to an end as far as HTTP is concerned: see [`Decoder::reusable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection cannot be used for another request")]
pub struct NotReusable;

/// Decodes the responses of one connection, one exchange after another.
///
/// # Examples
/// ```
/// use aioxide_http::http1::response::{Decoder, Event, Exchange, Leniency, Limits};
///
/// let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
/// decoder.begin(Exchange::new("GET"))?;
/// let mut input = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"[..];
/// while let Some(event) = decoder.next(&mut input)? {
///     match event {
///         Event::Head(head) => assert_eq!(head.status(), 200),
///         Event::Data(data) => assert_eq!(data, b"hi"),
///         other => assert_eq!(other, Event::End),
///     }
/// }
/// assert!(decoder.reusable());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    leniency: Leniency,
    state: State,
    exchange: Exchange,
    /// What came of the current head or trailers with earlier inputs. Nothing else is kept.
    buffer: Vec<u8>,
    /// The connection can serve another exchange after this one, as far as is known.
    is_kept: bool,
    /// Heads with a status of 1xx of this exchange, and their bytes.
    informational: u32,
    informational_size: u64,
    /// Fields of the head, which those of the trailers are counted with.
    fields: usize,
}

#[derive(Debug)]
enum State {
    Idle,
    Head(Lines),
    Length { left: u64, expected: u64 },
    UntilEof,
    Chunks(Chunks),
    Trailers(Lines),
    Ending,
    Switching,
    Upgraded,
    Failed(ResponseError),
}

impl Decoder {
    /// For a new connection. No exchange is going.
    #[must_use]
    pub const fn new(limits: Limits, leniency: Leniency) -> Self {
        Self {
            limits,
            leniency,
            state: State::Idle,
            exchange: Exchange::ANY,
            buffer: Vec::new(),
            is_kept: true,
            informational: 0,
            informational_size: 0,
            fields: 0,
        }
    }

    /// A request goes out: what comes from now on is its response.
    ///
    /// # Errors
    /// When the connection is not [`Decoder::reusable`].
    pub fn begin(&mut self, exchange: Exchange) -> Result<(), NotReusable> {
        if !self.reusable() {
            return Err(NotReusable);
        }
        self.exchange = exchange;
        self.state = State::Head(Lines::of_head());
        self.informational = 0;
        self.informational_size = 0;
        Ok(())
    }

    /// Takes other limits, from the next head on.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// No exchange is going, and another one may begin: the last response is complete, its end was
    /// not that of the connection, the peer means to keep it, and nothing came beyond the end.
    ///
    /// What the caller knows is to be added: that it asked for `Connection: close`, that it has not
    /// sent the whole request, or that the socket has something to read or is closed.
    #[must_use]
    pub const fn reusable(&self) -> bool {
        matches!(self.state, State::Idle) && self.is_kept
    }

    /// An exchange is going and nothing of its response has come, not even a 1xx.
    #[must_use]
    pub const fn awaits_first_byte(&self) -> bool {
        matches!(self.state, State::Head(_)) && self.buffer.is_empty() && self.informational == 0
    }

    /// The next event, taking from the front of `input` what belongs to it and to the events
    /// before. `None` when more input is needed, or when there is nothing more to come. It is to be
    /// called until then: an event may need no more input.
    ///
    /// After [`Event::End`] and [`Event::Upgrade`] the input is left as it is.
    ///
    /// # Errors
    /// When the peer breaks a rule or exceeds a limit. The decoder gives no more events then, but
    /// the same error.
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, ResponseError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let event = self.advance(input);
        if let Err(error) = &event {
            self.fail(error.clone());
        }
        event
    }

    /// The peer has closed its side: the connection is not used again. Call it when the input has
    /// been used up, until it gives `None`.
    ///
    /// # Errors
    /// When the response is not complete. [`ResponseError::ClosedBeforeHead`] says that nothing of
    /// it had come. The decoder gives no more events then, but the same error.
    pub fn handle_eof(&mut self) -> Result<Option<Event<'static>>, ResponseError> {
        self.is_kept = false;
        let error = match &self.state {
            State::Ending | State::UntilEof => {
                self.state = State::Idle;
                return Ok(Some(Event::End));
            }
            State::Length { left: 0, .. } => {
                self.state = State::Idle;
                return Ok(Some(Event::End));
            }
            State::Switching => {
                self.state = State::Upgraded;
                return Ok(Some(Event::Upgrade));
            }
            State::Idle | State::Upgraded => return Ok(None),
            State::Head(_) if self.buffer.is_empty() => {
                ResponseError::ClosedBeforeHead { informational: self.informational }
            }
            State::Head(_) => ResponseError::ClosedInHead { received: self.buffer.len() },
            State::Length { left, expected } => {
                ResponseError::ClosedInBody { received: expected - left, expected: *expected }
            }
            State::Chunks(chunks) => chunks.closed(),
            State::Trailers(_) => ResponseError::ClosedInTrailers,
            State::Failed(error) => return Err(error.clone()),
        };
        self.fail(error.clone());
        Err(error)
    }

    fn fail(&mut self, error: ResponseError) {
        self.state = State::Failed(error);
        self.is_kept = false;
        self.buffer = Vec::new();
    }

    fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, ResponseError> {
        loop {
            match &mut self.state {
                State::Head(_) => return self.advance_head(input),
                State::Length { left: 0, .. } => self.state = State::Ending,
                State::Length { .. } | State::UntilEof if input.is_empty() => return Ok(None),
                State::Length { left, .. } => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let (data, rest) = input.split_at(len);
                    *input = rest;
                    *left -= len as u64;
                    return Ok(Some(Event::Data(data)));
                }
                State::UntilEof => return Ok(Some(Event::Data(std::mem::take(input)))),
                State::Chunks(chunks) => {
                    match chunks.advance(input, &self.limits, self.leniency)? {
                        None => return Ok(None),
                        Some(Piece::Data(data)) => return Ok(Some(Event::Data(data))),
                        Some(Piece::ChunkEnd) => return Ok(Some(Event::ChunkEnd)),
                        Some(Piece::LastChunk) => {
                            self.state = State::Trailers(Lines::of_trailers());
                        }
                    }
                }
                State::Trailers(_) => match self.advance_trailers(input)? {
                    None => return Ok(None),
                    Some(fields) => {
                        self.state = State::Ending;
                        if !fields.is_empty() {
                            return Ok(Some(Event::Trailers(fields)));
                        }
                    }
                },
                State::Ending => {
                    self.state = State::Idle;
                    self.is_kept &= input.is_empty();
                    return Ok(Some(Event::End));
                }
                State::Switching => {
                    self.state = State::Upgraded;
                    return Ok(Some(Event::Upgrade));
                }
                State::Idle if input.is_empty() => return Ok(None),
                State::Idle => return Err(ResponseError::UnexpectedData { len: input.len() }),
                State::Upgraded => return Ok(None),
                State::Failed(error) => return Err(error.clone()),
            }
        }
    }

    fn advance_head<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'i>>, ResponseError> {
        let State::Head(lines) = &mut self.state else { return Ok(None) };
        let rules = Rules { limits: self.limits, leniency: self.leniency, fields_before: 0 };
        let Some(block) = lines.take(&mut self.buffer, input, &rules)? else {
            return Ok(None);
        };
        let Some(status) = lines.status() else { return Ok(None) };
        let size = block.len() as u64;
        let is_connect = self.exchange.method == Method::Connect;
        self.fields = lines.fields();
        let head = Head::parse(block, lines, status, is_connect, self.leniency)?;
        if matches!(head.status(), 100 | 102..=199) {
            self.count_informational(size)?;
            self.state = State::Head(Lines::of_head());
            return Ok(Some(Event::Informational(head)));
        }
        self.state = self.state_after(&head);
        self.is_kept = head.keep_alive()
            && !matches!(self.state, State::UntilEof | State::Switching)
            && !self.lacks_length(&head);
        Ok(Some(Event::Head(head)))
    }

    /// What follows the head of the response (RFC 9112, section 6.3).
    fn state_after(&self, head: &Head) -> State {
        match (head.status(), self.exchange.method) {
            (101, _) | (200..=299, Method::Connect) => State::Switching,
            (204 | 304, _) | (_, Method::Head) => State::Ending,
            _ => match head.framing().body_length() {
                BodyLength::Exactly(length) => State::Length { left: length, expected: length },
                BodyLength::Chunked => State::Chunks(Chunks::new()),
                BodyLength::UntilEof if self.lacks_length(head) => State::Ending,
                BodyLength::UntilEof => State::UntilEof,
            },
        }
    }

    /// The response has a body that ends with the connection, and the caller does not want it.
    fn lacks_length(&self, head: &Head) -> bool {
        !self.exchange.read_until_eof
            && self.exchange.method != Method::Head
            && !matches!(head.status(), 204 | 304)
            && head.framing().body_length() == BodyLength::UntilEof
    }

    fn count_informational(&mut self, size: u64) -> Result<(), ResponseError> {
        self.informational = self.informational.saturating_add(1);
        self.informational_size = self.informational_size.saturating_add(size);
        let limit = self.limits.max_informational;
        if self.informational > limit {
            return Err(ResponseError::TooManyInformational { limit });
        }
        let limit = self.limits.max_informational_size;
        if self.informational_size > limit {
            return Err(ResponseError::InformationalTooLarge { limit });
        }
        Ok(())
    }

    fn advance_trailers(&mut self, input: &mut &[u8]) -> Result<Option<Fields>, ResponseError> {
        let State::Trailers(lines) = &mut self.state else { return Ok(None) };
        // Trailers are a part of the framing of chunks, the ends of whose lines are never forgiven.
        let leniency = Leniency { bare_line_feeds: false, ..self.leniency };
        let rules = Rules { limits: self.limits, leniency, fields_before: self.fields };
        let Some(block) = lines.take(&mut self.buffer, input, &rules)? else {
            return Ok(None);
        };
        let block = if lines.is_folded() { Cow::Owned(unfold(&block)) } else { block };
        Fields::parse(block, 0, lines.fields(), leniency).map(Some)
    }
}
