//! SOCKS4a: SOCKS4 with names that the proxy looks up. It has no IPv6 and no passwords.

use thiserror::Error;

use super::Progress;
use super::target::{Host, Target};

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
const GRANTED: u8 = 0x5a;
/// An answer: version 0, code, and six bytes without meaning.
const ANSWER: usize = 8;
/// An address that cannot be, in place of the one that the proxy looks up.
const LOOK_UP: [u8; 4] = [0, 0, 0, 1];
const MAX_USER: usize = 255;

/// Why there is no way.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Socks4Error {
    /// The caller's user has a zero byte, which ends it, or more than 255 bytes.
    #[error("the user for a SOCKS4 proxy has at most {MAX_USER} bytes, and no zero among them")]
    User,
    /// The target is an IPv6 address.
    #[error("SOCKS4 does not know IPv6")]
    Ipv6,
    /// It speaks something else.
    #[error("the proxy does not speak SOCKS4: it answers with version {version}")]
    Version {
        /// The byte that should be 0.
        version: u8,
    },
    /// It does not reach the target, or does not know the user.
    #[error("the proxy does not connect: code {code}")]
    Refused {
        /// 91: refused or failed; 92 and 93: because of the user.
        code: u8,
    },
    /// The handshake had ended before.
    #[error("the handshake with the proxy is over")]
    Over,
}

/// A handshake with a SOCKS4a proxy.
#[derive(Debug)]
pub struct Socks4 {
    output: Option<Vec<u8>>,
    /// Bytes of the answer that have come.
    read: usize,
    over: bool,
}

impl Socks4 {
    /// A handshake that asks for `target` in the name of `user`, which may be empty.
    ///
    /// # Errors
    /// The target is an IPv6 address, or the user cannot be written.
    pub fn new(target: &Target, user: &[u8]) -> Result<Self, Socks4Error> {
        if user.len() > MAX_USER || user.contains(&0) {
            return Err(Socks4Error::User);
        }
        let (address, name) = match &target.host {
            Host::V4(address) => (address.octets(), None),
            Host::Name(name) => (LOOK_UP, Some(name)),
            Host::V6(_) => return Err(Socks4Error::Ipv6),
        };
        let mut request = vec![VERSION, CONNECT];
        request.extend_from_slice(&target.port.to_be_bytes());
        request.extend_from_slice(&address);
        request.extend_from_slice(user);
        request.push(0);
        if let Some(name) = name {
            request.extend_from_slice(name.as_bytes());
            request.push(0);
        }
        Ok(Self { output: Some(request), read: 0, over: false })
    }

    /// What is to be sent to the proxy, once.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.take()
    }

    /// Bytes came from the proxy: how many were the handshake's.
    ///
    /// # Errors
    /// The proxy refused or speaks something else.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(usize, Progress), Socks4Error> {
        if self.over {
            return Err(Socks4Error::Over);
        }
        for (place, byte) in bytes.iter().enumerate() {
            let error = match (self.read, *byte) {
                (0, version) if version != 0 => Some(Socks4Error::Version { version }),
                (1, code) if code != GRANTED => Some(Socks4Error::Refused { code }),
                _ => None,
            };
            self.read += 1;
            self.over = error.is_some() || self.read == ANSWER;
            if let Some(error) = error {
                return Err(error);
            }
            if self.over {
                return Ok((place + 1, Progress::Open));
            }
        }
        Ok((bytes.len(), Progress::More))
    }
}
