//! Whom a proxy is asked to reach.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// The longest name that SOCKS5 has room for; names in DNS have 253 characters.
const MAX_NAME: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

/// A host and a port that can be written into any of the handshakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
}

/// What a proxy cannot be asked to reach.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidTarget {
    /// Nothing there.
    #[error("the host is empty")]
    Empty,
    /// More than a name may have.
    #[error("the host has {length} characters, a name has {MAX_NAME} at most")]
    TooLong {
        /// How many.
        length: usize,
    },
    /// Among them what would end the line or the field in which the host stands. A name in another
    /// script has to be encoded by IDNA before, and an address with a zone is this machine's.
    #[error("{character:?} cannot be in a host")]
    Character {
        /// The first one.
        character: char,
    },
}

impl Target {
    /// A name or an address; an IPv6 address may be in brackets.
    ///
    /// # Errors
    /// The host is none.
    pub fn new(host: &str, port: u16) -> Result<Self, InvalidTarget> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse() {
            return Ok(Self { host: Host::V6(address), port });
        }
        if let Ok(address) = host.parse() {
            return Ok(Self { host: Host::V4(address), port });
        }
        if host.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        if let Some(character) = host.chars().find(|character| !is_of_name(*character)) {
            return Err(InvalidTarget::Character { character });
        }
        if host.len() > MAX_NAME {
            return Err(InvalidTarget::TooLong { length: host.len() });
        }
        Ok(Self { host: Host::Name(host.to_owned()), port })
    }
}

/// What RFC 3986 allows in a registered name, but for percent-encoding.
const fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(
            character,
            '-' | '.'
                | '_'
                | '~'
                | '!'
                | '$'
                | '&'
                | '\''
                | '('
                | ')'
                | '*'
                | '+'
                | ','
                | ';'
                | '='
        )
}

/// As in the first line of CONNECT and in the header Host.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(formatter, "{name}:{}", self.port),
            Host::V4(address) => write!(formatter, "{address}:{}", self.port),
            Host::V6(address) => write!(formatter, "[{address}]:{}", self.port),
        }
    }
}
