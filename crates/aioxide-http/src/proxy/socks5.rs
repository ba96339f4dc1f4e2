//! SOCKS5 (RFC 1928), with user and password (RFC 1929). A name goes to the proxy as it is, which
//! looks it up.
//!
//! ```text
//!   greeting ─► method ─► credentials ─► request ─► open
//!                 └────────────────────────▲
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

use super::target::{Host, Target};
use super::{Credentials, Progress};

const VERSION: u8 = 5;
const AUTH_VERSION: u8 = 1;
const NO_AUTH: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Why a proxy does not reach a target.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// 1.
    #[error("general failure")]
    General,
    /// 2.
    #[error("its rules do not allow it")]
    NotAllowed,
    /// 3.
    #[error("network unreachable")]
    NetworkUnreachable,
    /// 4.
    #[error("host unreachable")]
    HostUnreachable,
    /// 5.
    #[error("connection refused")]
    ConnectionRefused,
    /// 6.
    #[error("time to live expired")]
    TtlExpired,
    /// 7.
    #[error("it does not do CONNECT")]
    CommandNotSupported,
    /// 8.
    #[error("it does not know this kind of address")]
    AddressNotSupported,
    /// A number that RFC 1928 does not have.
    #[error("for reason {0}")]
    Other(u8),
}

impl Refusal {
    const fn of(code: u8) -> Self {
        match code {
            1 => Self::General,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressNotSupported,
            other => Self::Other(other),
        }
    }
}

/// Why there is no way.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Socks5Error {
    /// The caller's user name or password does not fit its field.
    #[error("user name and password for a SOCKS5 proxy have 1 to 255 bytes")]
    CredentialLength,
    /// It speaks something else.
    #[error("the proxy does not speak SOCKS5: it answers with version {version}")]
    Version {
        /// The byte that should be 5, or 1 after credentials.
        version: u8,
    },
    /// It wants to know who asks, or to know it in another way.
    #[error("the proxy takes none of the ways to authenticate that were offered")]
    NoMethod,
    /// It chose what was not offered.
    #[error("the proxy chose way {method} to authenticate, which was not offered")]
    Method {
        /// Its number.
        method: u8,
    },
    /// It does not take the credentials.
    #[error("the proxy does not accept user name and password")]
    Credentials,
    /// It does not reach the target.
    #[error("the proxy does not connect: {0}")]
    Refused(Refusal),
    /// It tells its own address in a way that has no length.
    #[error("the proxy answers with an address of kind {kind}")]
    AddressKind {
        /// The number.
        kind: u8,
    },
    /// The handshake had ended before.
    #[error("the handshake with the proxy is over")]
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Credentials,
    Reply,
    Over,
}

/// A handshake with a SOCKS5 proxy.
#[derive(Debug)]
pub struct Socks5 {
    state: State,
    output: Option<Vec<u8>>,
    /// Sent when the proxy asks for it.
    credentials: Option<Secret>,
    request: Vec<u8>,
    /// The message that is being read: 262 bytes at most.
    input: Vec<u8>,
    bound: Option<SocketAddr>,
}

struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

impl Socks5 {
    /// A handshake that asks for `target`. With credentials the proxy may still want none.
    ///
    /// # Errors
    /// The credentials are empty or too long.
    pub fn new(target: &Target, credentials: Option<Credentials<'_>>) -> Result<Self, Socks5Error> {
        let credentials = credentials.map(|credentials| write_credentials(&credentials));
        let credentials = credentials.transpose()?;
        let greeting: &[u8] = match credentials {
            Some(_) => &[VERSION, 2, NO_AUTH, USER_PASSWORD],
            None => &[VERSION, 1, NO_AUTH],
        };
        Ok(Self {
            state: State::Method,
            output: Some(greeting.to_vec()),
            credentials,
            request: write_request(target),
            input: Vec::new(),
            bound: None,
        })
    }

    /// What is to be sent to the proxy, each message once.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.take()
    }

    /// Bytes came from the proxy: how many were the handshake's.
    ///
    /// # Errors
    /// The proxy refused or speaks something else.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(usize, Progress), Socks5Error> {
        if self.state == State::Over {
            return Err(Socks5Error::Over);
        }
        for (place, byte) in bytes.iter().enumerate() {
            self.input.push(*byte);
            let step = self.step();
            if step.is_err() {
                self.state = State::Over;
            }
            if step? == Progress::Open {
                self.state = State::Over;
                return Ok((place + 1, Progress::Open));
            }
        }
        Ok((bytes.len(), Progress::More))
    }

    /// The address from which the proxy reaches the target, if it told one and not a name. Many
    /// tell 0.0.0.0.
    #[must_use]
    pub const fn bound(&self) -> Option<SocketAddr> {
        self.bound
    }

    /// One more byte is there. What the first bytes say is looked at as soon as they are there:
    /// a proxy that refuses may close before it has sent the rest.
    fn step(&mut self) -> Result<Progress, Socks5Error> {
        let expected = if self.state == State::Credentials { AUTH_VERSION } else { VERSION };
        match *self.input.as_slice() {
            [version, ..] if version != expected => return Err(Socks5Error::Version { version }),
            [_, method] if self.state == State::Method => self.handle_method(method)?,
            [_, status] if self.state == State::Credentials => {
                if status != 0 {
                    return Err(Socks5Error::Credentials);
                }
                self.go_on(State::Reply);
                self.output = Some(std::mem::take(&mut self.request));
            }
            [_, code] if code != 0 => return Err(Socks5Error::Refused(Refusal::of(code))),
            [_, _, _, kind, ref address @ ..] => {
                let length = match (kind, address) {
                    (IPV4, _) => 4,
                    (IPV6, _) => 16,
                    (NAME, []) => return Ok(Progress::More),
                    (NAME, [length, ..]) => 1 + usize::from(*length),
                    _ => return Err(Socks5Error::AddressKind { kind }),
                };
                if address.len() == length + 2 {
                    self.bound = if kind == NAME { None } else { read_address(address) };
                    return Ok(Progress::Open);
                }
            }
            _ => {}
        }
        Ok(Progress::More)
    }

    fn handle_method(&mut self, method: u8) -> Result<(), Socks5Error> {
        match (method, self.credentials.take()) {
            (NO_AUTH, _) => {
                self.go_on(State::Reply);
                self.output = Some(std::mem::take(&mut self.request));
            }
            (USER_PASSWORD, Some(Secret(credentials))) => {
                self.go_on(State::Credentials);
                self.output = Some(credentials);
            }
            (NO_METHOD, _) => return Err(Socks5Error::NoMethod),
            (method, _) => return Err(Socks5Error::Method { method }),
        }
        Ok(())
    }

    fn go_on(&mut self, state: State) {
        self.state = state;
        self.input.clear();
    }
}

fn write_credentials(credentials: &Credentials<'_>) -> Result<Secret, Socks5Error> {
    let mut message = vec![AUTH_VERSION];
    for field in [credentials.user, credentials.password] {
        let length = u8::try_from(field.len()).map_err(|_| Socks5Error::CredentialLength)?;
        if length == 0 {
            return Err(Socks5Error::CredentialLength);
        }
        message.push(length);
        message.extend_from_slice(field);
    }
    Ok(Secret(message))
}

fn write_request(target: &Target) -> Vec<u8> {
    let mut message = vec![VERSION, CONNECT, 0];
    match &target.host {
        Host::V4(address) => {
            message.push(IPV4);
            message.extend_from_slice(&address.octets());
        }
        Host::V6(address) => {
            message.push(IPV6);
            message.extend_from_slice(&address.octets());
        }
        Host::Name(name) => {
            // A target's name has 255 bytes at most.
            let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
            message.extend_from_slice(&[NAME, length]);
            message.extend_from_slice(&name.as_bytes()[..usize::from(length)]);
        }
    }
    message.extend_from_slice(&target.port.to_be_bytes());
    message
}

/// Address and port; a name is of no use here.
fn read_address(bytes: &[u8]) -> Option<SocketAddr> {
    let (address, port) = bytes.split_last_chunk::<2>()?;
    let address: IpAddr = match address.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_be_bytes(*port)))
}
