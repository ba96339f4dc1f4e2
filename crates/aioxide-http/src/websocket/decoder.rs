//! From the server's bytes to whole messages.
//!
//! ```text
//!  bytes ─> header ─> admitted? ─> payload ─┬─> a whole message in the input: lent, not copied
//!             ^                             ├─> a part: checked, inflated, put to the others
//!             └──────── next frame ─────────┴─> a control frame, also between the parts
//!
//!  open ── Close ──> closed: what follows is thrown away
//!     └─── error ──> failed: the same error at each call
//! ```
//!
//! Whatever is taken from the input is either an event or a part of the one open message. Nothing
//! is set aside to be read again, so an input that comes byte by byte costs no more.

use std::borrow::Cow;

use super::close::CloseCode;
use super::error::ProtocolError;
use super::extension::Deflate;
use super::frame::{CONTROL, Header, Opcode, SERVER_HEADER};
use super::inflate::Inflater;
use super::message::Message;
use super::text;

/// What bounds a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most bytes of a message, as they travel and as they are inflated; 0 for no limit, as in
    /// aiohttp.
    pub max_msg_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_msg_size: 4 * 1024 * 1024 }
    }
}

/// What the server sent. It is borrowed from the input where it lies there in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// A Ping: it wants a Pong with the same payload.
    Ping(Cow<'a, [u8]>),
    /// A Pong.
    Pong(Cow<'a, [u8]>),
    /// The last that comes.
    Close {
        /// Why, or `None` if the server does not say.
        code: Option<CloseCode>,
        /// Why, in words.
        reason: Cow<'a, str>,
    },
}

/// The frame whose payload comes.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    header: Header,
    left: u64,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Failed(ProtocolError),
}

/// The decoder of one connection.
#[derive(Debug)]
pub struct Decoder {
    settings: Settings,
    inflater: Option<Inflater>,
    /// The first bytes of a header that has not come whole.
    head: [u8; SERVER_HEADER],
    head_len: usize,
    frame: Option<Incoming>,
    /// The message that is open: its last frame has not come whole.
    message: Option<Message>,
    /// The first bytes of a control frame's payload.
    control: [u8; CONTROL],
    control_len: usize,
    end: Option<End>,
}

impl Decoder {
    /// A decoder that has seen nothing. `deflate` is what was agreed; without it nothing is ever
    /// inflated.
    #[must_use]
    pub fn new(settings: Settings, deflate: Option<&Deflate>) -> Self {
        let inflater = deflate.map(|deflate| {
            Inflater::new(deflate.server_window_bits, !deflate.server_no_context_takeover)
        });
        Self {
            settings,
            inflater,
            head: [0; SERVER_HEADER],
            head_len: 0,
            frame: None,
            message: None,
            control: [0; CONTROL],
            control_len: 0,
            end: None,
        }
    }

    /// Takes from `input` up to the end of the next event; `None` when all is taken and no event is
    /// complete.
    ///
    /// # Errors
    /// The server broke the protocol or a limit. Each further call says the same, and what is held
    /// is freed.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, ProtocolError> {
        match self.end {
            None => {}
            Some(End::Closed) => {
                *input = &[];
                return Ok(None);
            }
            Some(End::Failed(error)) => {
                *input = &[];
                return Err(error);
            }
        }
        let result = self.advance(input);
        match &result {
            Ok(Some(Event::Close { .. })) => self.stop(End::Closed),
            Err(error) => {
                *input = &[];
                self.stop(End::Failed(*error));
            }
            Ok(_) => {}
        }
        result
    }

    /// The memory that an unfinished message takes, in bytes.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.message.as_ref().map_or(0, Message::capacity)
    }

    fn stop(&mut self, end: End) {
        self.end = Some(end);
        self.message = None;
        self.inflater = None;
    }

    fn advance<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, ProtocolError> {
        loop {
            let Incoming { header, left } = match self.frame.take() {
                Some(frame) => frame,
                None => match self.header(input)? {
                    Some(header) => {
                        self.admit(&header)?;
                        Incoming { header, left: header.length }
                    }
                    None => return Ok(None),
                },
            };
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
            if taken == 0 && left > 0 {
                // The payload may still come in one piece.
                self.frame = Some(Incoming { header, left });
                return Ok(None);
            }
            let (part, rest) = input.split_at(taken);
            *input = rest;
            let whole = part.len() as u64 == header.length;
            let left = left - part.len() as u64;
            let event = if header.opcode.is_control() {
                self.control(header.opcode, part, whole, left)?
            } else {
                self.data(&header, part, whole, left)?
            };
            if left > 0 {
                self.frame = Some(Incoming { header, left });
                return Ok(None);
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Takes a header: from the input, or from what was there before and the input.
    fn header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, ProtocolError> {
        if self.head_len == 0
            && let Some((header, size)) = Header::read(input)?
        {
            *input = &input[size..];
            return Ok(Some(header));
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            // A header is whole before the room for it is full.
            self.head[self.head_len] = byte;
            self.head_len += 1;
            if let Some((header, _)) = Header::read(&self.head[..self.head_len])? {
                self.head_len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Checks a header against what came before it, and against the limit. Nothing of the payload
    /// is taken before.
    fn admit(&mut self, header: &Header) -> Result<(), ProtocolError> {
        if header.opcode.is_control() {
            self.control_len = 0;
            return Ok(());
        }
        if header.compressed && self.inflater.is_none() {
            return Err(ProtocolError::ReservedBits(0x40));
        }
        let before = match (&self.message, header.opcode) {
            (None, Opcode::Continuation) => return Err(ProtocolError::UnexpectedContinuation),
            (None, _) => 0,
            (Some(message), Opcode::Continuation) => message.announced,
            (Some(_), _) => return Err(ProtocolError::ExpectedContinuation),
        };
        let announced = before.saturating_add(header.length);
        // What nobody could hold is too big without a limit as well.
        let limit = self.limit();
        if announced > limit as u64 {
            return Err(ProtocolError::TooBig { size: announced, limit });
        }
        if let Some(message) = &mut self.message {
            message.announced = announced;
        }
        Ok(())
    }

    fn limit(&self) -> usize {
        match self.settings.max_msg_size {
            0 => usize::MAX,
            limit => limit,
        }
    }

    fn control<'a>(
        &mut self,
        opcode: Opcode,
        part: &'a [u8],
        whole: bool,
        left: u64,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        if whole {
            return control_event(opcode, Cow::Borrowed(part)).map(Some);
        }
        let end = self.control_len + part.len();
        // The header's check keeps it within the room.
        self.control[self.control_len..end].copy_from_slice(part);
        self.control_len = end;
        if left > 0 {
            return Ok(None);
        }
        control_event(opcode, Cow::Owned(self.control[..end].to_vec())).map(Some)
    }

    fn data<'a>(
        &mut self,
        header: &Header,
        part: &'a [u8],
        whole: bool,
        left: u64,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        if whole && header.fin && !header.compressed && self.message.is_none() {
            return Ok(Some(if header.opcode == Opcode::Text {
                Event::Text(Cow::Borrowed(text::checked(part)?))
            } else {
                Event::Binary(Cow::Borrowed(part))
            }));
        }
        let limit = self.limit();
        let message = self.message.get_or_insert_with(|| {
            Message::new(header.opcode == Opcode::Text, header.compressed, header.length)
        });
        let last = left == 0 && header.fin;
        match &mut self.inflater {
            Some(inflater) if message.compressed => {
                let mut sink = |piece: &[u8]| {
                    let room = limit.saturating_sub(message.len());
                    message.push(&piece[..piece.len().min(room)])?;
                    if piece.len() > room {
                        return Err(ProtocolError::TooBig {
                            size: (limit as u64).saturating_add(1),
                            limit,
                        });
                    }
                    Ok(())
                };
                inflater.inflate(part, &mut sink)?;
                if last {
                    inflater.finish(&mut sink)?;
                }
            }
            _ => {
                message.make_room(part.len(), left);
                message.push(part)?;
            }
        }
        if !last {
            return Ok(None);
        }
        self.message.take().map(Message::finish).transpose()
    }
}

fn control_event(opcode: Opcode, payload: Cow<'_, [u8]>) -> Result<Event<'_>, ProtocolError> {
    match opcode {
        Opcode::Ping => Ok(Event::Ping(payload)),
        Opcode::Pong => Ok(Event::Pong(payload)),
        _ => close_event(payload),
    }
}

fn close_event(payload: Cow<'_, [u8]>) -> Result<Event<'_>, ProtocolError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok(Event::Close { code: None, reason: Cow::Borrowed("") })
        } else {
            Err(ProtocolError::CloseTooShort)
        };
    };
    let code = CloseCode(u16::from_be_bytes(*code));
    if !code.may_be_sent() {
        return Err(ProtocolError::InvalidCloseCode(code.0));
    }
    let invalid = |_| ProtocolError::InvalidCloseReason;
    let reason = match &payload {
        Cow::Borrowed(bytes) => {
            Cow::Borrowed(simdutf8::basic::from_utf8(&bytes[2..]).map_err(invalid)?)
        }
        Cow::Owned(_) => {
            Cow::Owned(simdutf8::basic::from_utf8(reason).map_err(invalid)?.to_owned())
        }
    };
    Ok(Event::Close { code: Some(code), reason })
}
