//! The handshake: the request's key, and what makes an answer an agreement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::error::HandshakeError;
use super::extension::{Deflate, Offer, agree};

/// What a server puts behind the key before it hashes the two, by RFC 6455.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of the request's `Sec-WebSocket-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Makes a key of bytes that nobody can guess.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(STANDARD.encode(random))
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `Sec-WebSocket-Accept` that belongs to it.
    #[must_use]
    pub fn accept(&self) -> String {
        STANDARD.encode(Sha1::new().chain_update(&self.0).chain_update(GUID).finalize())
    }
}

/// What the request said.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its `Sec-WebSocket-Key`.
    pub key: &'a Key,
    /// Its `Sec-WebSocket-Protocol`, one by one.
    pub protocols: &'a [&'a str],
    /// Its `Sec-WebSocket-Extensions`.
    pub offer: Option<&'a Offer>,
}

/// What client and server agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement<'a> {
    /// The subprotocol.
    pub protocol: Option<&'a str>,
    /// The compression.
    pub deflate: Option<Deflate>,
}

/// Whether the answer opens a WebSocket, and on which terms. `headers` are names and values in the
/// order in which they came.
///
/// # Errors
/// The answer does not, and the connection is of no use any more.
pub fn check<'a, 'h>(
    request: &Request<'a>,
    status: u16,
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
) -> Result<Agreement<'a>, HandshakeError> {
    let values = |name: &'static str| {
        headers
            .clone()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    };
    if status != 101 {
        return Err(HandshakeError::Status(status));
    }
    if !values("upgrade").any(|value| has_element(value, b"websocket")) {
        return Err(HandshakeError::Upgrade);
    }
    if !values("connection").any(|value| has_element(value, b"upgrade")) {
        return Err(HandshakeError::Connection);
    }
    let mut accepts = values("sec-websocket-accept");
    let accepted = accepts.next().is_some_and(|value| value == request.key.accept().as_bytes());
    if !accepted || accepts.next().is_some() {
        return Err(HandshakeError::Accept);
    }
    let deflate = agree(request.offer, values("sec-websocket-extensions"))?;
    let protocol = choose(request.protocols, values("sec-websocket-protocol"));
    Ok(Agreement { protocol, deflate })
}

/// The first of the server's subprotocols that the client named. A server that names another one
/// gets a connection without, as with aiohttp.
fn choose<'a, 'h>(
    offered: &'a [&'a str],
    values: impl Iterator<Item = &'h [u8]>,
) -> Option<&'a str> {
    let mut chosen = values.flat_map(elements);
    chosen.find_map(|chosen| offered.iter().find(|offer| offer.as_bytes() == chosen)).copied()
}

fn has_element(value: &[u8], wanted: &[u8]) -> bool {
    elements(value).any(|element| element.eq_ignore_ascii_case(wanted))
}

fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}
