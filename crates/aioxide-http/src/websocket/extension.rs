//! permessage-deflate: what is offered, and what the server may answer.

use std::fmt::Write as _;

use thiserror::Error;

use super::error::OfferError;

const NAME: &str = "permessage-deflate";
const CLIENT_BITS: &str = "client_max_window_bits";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_ANEW: &str = "client_no_context_takeover";
const SERVER_ANEW: &str = "server_no_context_takeover";
/// zlib's largest window, which is the largest there is.
const MOST_BITS: u8 = 15;
/// How much of the server's words an error quotes.
const QUOTED: usize = 64;

/// The compression that the client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    window_bits: u8,
    /// Each message of the client begins anew, which takes less memory and compresses less.
    pub client_no_context_takeover: bool,
    /// The server is asked for the same.
    pub server_no_context_takeover: bool,
}

impl Offer {
    /// Compression in windows of `window_bits`; 0 for none, which is no offer.
    ///
    /// # Errors
    /// zlib has windows of 9 to 15 bits.
    pub fn new(window_bits: u8) -> Result<Option<Self>, OfferError> {
        match window_bits {
            0 => Ok(None),
            9..=MOST_BITS => Ok(Some(Self {
                window_bits,
                client_no_context_takeover: false,
                server_no_context_takeover: false,
            })),
            _ => Err(OfferError(window_bits)),
        }
    }

    /// The value of the request's `Sec-WebSocket-Extensions`.
    #[must_use]
    pub fn header(&self) -> String {
        let mut value = format!("{NAME}; {CLIENT_BITS}");
        if self.window_bits < MOST_BITS {
            // Writing to a string does not fail.
            let _ = write!(value, "; {SERVER_BITS}={}", self.window_bits);
        }
        if self.server_no_context_takeover {
            value.extend(["; ", SERVER_ANEW]);
        }
        if self.client_no_context_takeover {
            value.extend(["; ", CLIENT_ANEW]);
        }
        value
    }
}

/// The compression that was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// The bits of the window that the server compresses with, 8 to 15.
    pub server_window_bits: u8,
    /// The bits of the window that the client compresses with, 8 to 15.
    pub client_window_bits: u8,
    /// Each message of the server begins anew.
    pub server_no_context_takeover: bool,
    /// Each message of the client begins anew.
    pub client_no_context_takeover: bool,
}

/// The server's `Sec-WebSocket-Extensions` is not an answer to the offer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// The header is not a list of extensions.
    #[error("the server's Sec-WebSocket-Extensions is malformed at `{0}`")]
    Malformed(String),
    /// An extension that was not offered.
    #[error("the server chose the extension `{0}`, which was not offered")]
    NotOffered(String),
    /// The same extension or parameter again.
    #[error("the server's Sec-WebSocket-Extensions has `{0}` more than once")]
    Repeated(String),
    /// A parameter that permessage-deflate does not have.
    #[error("the server set the parameter `{0}`, which permessage-deflate does not have")]
    UnknownParameter(String),
    /// A value where none belongs, or none where one does.
    #[error("the server set the parameter `{0}` with a value where none belongs, or without one")]
    WrongValue(String),
    /// A window that is none, or larger than the one that was asked for.
    #[error("the server set {parameter} to `{value}`, not to a number from 8 to {most}")]
    WindowBits {
        /// Which of the two.
        parameter: &'static str,
        /// What the server says.
        value: String,
        /// The largest that it may say.
        most: u8,
    },
}

/// Reads the server's answer, one value for each `Sec-WebSocket-Extensions` header. What the offer
/// asks for and the answer does not mention is not agreed: it costs memory, not correctness.
///
/// # Errors
/// The server chose something else than what was offered.
pub(super) fn agree<'a>(
    offer: Option<&Offer>,
    values: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<Deflate>, ExtensionError> {
    let mut agreed = None;
    for value in values {
        let text = std::str::from_utf8(value)
            .map_err(|_| ExtensionError::Malformed(quoted(&String::from_utf8_lossy(value))))?;
        let mut rest = Scanner(text);
        loop {
            rest.skip_blanks();
            // A list may have empty elements.
            if rest.take(',') {
                continue;
            }
            if rest.0.is_empty() {
                break;
            }
            let name = rest.token()?;
            let Some(offer) = offer.filter(|_| name == NAME) else {
                return Err(ExtensionError::NotOffered(quoted(name)));
            };
            if agreed.is_some() {
                return Err(ExtensionError::Repeated(quoted(name)));
            }
            agreed = Some(parameters(offer, &mut rest)?);
            if !rest.0.is_empty() && !rest.take(',') {
                return Err(rest.malformed());
            }
        }
    }
    Ok(agreed)
}

/// Reads the parameters behind the extension's name, and the blanks behind them.
fn parameters(offer: &Offer, rest: &mut Scanner<'_>) -> Result<Deflate, ExtensionError> {
    let (mut server_bits, mut client_bits) = (None, None);
    let (mut server_anew, mut client_anew) = (None, None);
    loop {
        rest.skip_blanks();
        if !rest.take(';') {
            break;
        }
        rest.skip_blanks();
        let name = rest.token()?;
        rest.skip_blanks();
        let value = if rest.take('=') {
            rest.skip_blanks();
            Some(rest.value()?)
        } else {
            None
        };
        let repeated = match name {
            SERVER_BITS => {
                server_bits.replace(bits(SERVER_BITS, value, offer.window_bits)?).is_some()
            }
            CLIENT_BITS => client_bits.replace(bits(CLIENT_BITS, value, MOST_BITS)?).is_some(),
            SERVER_ANEW => server_anew.replace(no(SERVER_ANEW, value)?).is_some(),
            CLIENT_ANEW => client_anew.replace(no(CLIENT_ANEW, value)?).is_some(),
            _ => return Err(ExtensionError::UnknownParameter(quoted(name))),
        };
        if repeated {
            return Err(ExtensionError::Repeated(quoted(name)));
        }
    }
    Ok(Deflate {
        server_window_bits: server_bits.unwrap_or(MOST_BITS),
        // Who asks for a small window wants a small one on this side, too.
        client_window_bits: client_bits.unwrap_or(MOST_BITS).min(offer.window_bits),
        server_no_context_takeover: server_anew.is_some(),
        client_no_context_takeover: client_anew.is_some() || offer.client_no_context_takeover,
    })
}

fn bits(parameter: &'static str, value: Option<&str>, most: u8) -> Result<u8, ExtensionError> {
    let Some(value) = value else { return Err(ExtensionError::WrongValue(parameter.to_owned())) };
    // Neither a sign nor a zero in front is allowed, and `parse` takes both.
    value
        .parse()
        .ok()
        .filter(|bits| (8..=most).contains(bits) && value.starts_with(|c| ('1'..='9').contains(&c)))
        .ok_or_else(|| ExtensionError::WindowBits { parameter, value: quoted(value), most })
}

fn no(parameter: &str, value: Option<&str>) -> Result<(), ExtensionError> {
    match value {
        None => Ok(()),
        Some(_) => Err(ExtensionError::WrongValue(parameter.to_owned())),
    }
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

/// Reads a header from its front.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self) -> Result<&'a str, ExtensionError> {
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        if token.is_empty() {
            return Err(self.malformed());
        }
        self.0 = rest;
        Ok(token)
    }

    /// A token, or one in quotes. Nothing within a token needs a backslash.
    fn value(&mut self) -> Result<&'a str, ExtensionError> {
        if !self.take('"') {
            return self.token();
        }
        let value = self.token()?;
        if self.take('"') { Ok(value) } else { Err(self.malformed()) }
    }

    fn malformed(&self) -> ExtensionError {
        ExtensionError::Malformed(quoted(self.0))
    }
}

/// RFC 9110, section 5.6.2.
pub(super) fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}
