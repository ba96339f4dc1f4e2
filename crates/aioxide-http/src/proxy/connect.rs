//! CONNECT: the way through an HTTP proxy (RFC 9110, section 9.3.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::head::{Head, HeadError, HeadLimits, HeadReader};
use super::target::Target;
use super::{Credentials, Progress};

/// Why there is no way.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConnectError {
    /// The caller's header would end its line or is no header.
    #[error("the header {name:?} for the proxy cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// The caller's user name has a colon, which would begin the password.
    #[error("the name of the proxy's user has a colon")]
    User,
    /// The proxy's answer; [`Connect::head`] has the rest of it. 407: it wants credentials.
    #[error("the proxy answers with status {status}")]
    Refused {
        /// Its status.
        status: u16,
    },
    /// The proxy's answer cannot be read.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The handshake had ended before.
    #[error("the handshake with the proxy is over")]
    Over,
}

/// A handshake with an HTTP proxy. Its answer is read by [`Connect::handle_bytes`], or by another
/// reader of heads that tells [`Connect::handle_status`].
#[derive(Debug)]
pub struct Connect {
    output: Option<Vec<u8>>,
    reader: HeadReader,
    head: Option<Head>,
    over: bool,
}

impl Connect {
    /// A handshake that asks for `target`. `headers` are sent as they are, in their order; a Host
    /// or a Proxy-Authorization among them is sent instead of the one that would be made.
    ///
    /// # Errors
    /// A header cannot be sent, or the credentials cannot be written as Basic.
    pub fn new(
        target: &Target,
        headers: &[(&str, &[u8])],
        credentials: Option<Credentials<'_>>,
        limits: HeadLimits,
    ) -> Result<Self, ConnectError> {
        let given = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let mut request = format!("CONNECT {target} HTTP/1.1\r\n").into_bytes();
        if !given("Host") {
            request.extend_from_slice(format!("Host: {target}\r\n").as_bytes());
        }
        for (name, value) in headers {
            if !is_token(name) || !is_value(value) {
                return Err(ConnectError::Header { name: (*name).to_owned() });
            }
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                request.extend_from_slice(part);
            }
        }
        if let Some(Credentials { user, password }) = credentials
            && !given("Proxy-Authorization")
        {
            if user.contains(&b':') {
                return Err(ConnectError::User);
            }
            let encoded = STANDARD.encode([user, b":", password].concat());
            request.extend_from_slice(b"Proxy-Authorization: Basic ");
            request.extend_from_slice(encoded.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let reader = HeadReader::new(limits);
        Ok(Self { output: Some(request), reader, head: None, over: false })
    }

    /// What is to be sent to the proxy, once.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.take()
    }

    /// Bytes came from the proxy: how many were the handshake's.
    ///
    /// # Errors
    /// The proxy refused, or its answer cannot be read.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(usize, Progress), ConnectError> {
        let mut taken = 0;
        while !self.over {
            let read = self.reader.handle_bytes(&bytes[taken..]);
            self.over = read.is_err();
            let (more, head) = read?;
            taken += more;
            let Some(head) = head else { return Ok((taken, Progress::More)) };
            let status = head.status;
            self.head = Some(head);
            if self.handle_status(status)? == Progress::Open {
                return Ok((taken, Progress::Open));
            }
        }
        Err(ConnectError::Over)
    }

    /// The head of an answer came from the proxy. An answer of success has no body, whatever its
    /// headers say.
    ///
    /// # Errors
    /// The proxy refused.
    pub const fn handle_status(&mut self, status: u16) -> Result<Progress, ConnectError> {
        if self.over {
            return Err(ConnectError::Over);
        }
        match status {
            // 101 would go over to a protocol that nobody asked for.
            100 | 102..=199 => Ok(Progress::More),
            200..=299 => {
                self.over = true;
                Ok(Progress::Open)
            }
            _ => {
                self.over = true;
                Err(ConnectError::Refused { status })
            }
        }
    }

    /// The last head that [`Connect::handle_bytes`] has read.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(name: &str) -> bool {
    let mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
}

/// No controls but the tab.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| (*byte >= b' ' && *byte != 0x7f) || *byte == b'\t')
}
