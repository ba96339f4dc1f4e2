//! The head of a request, as bytes.

use crate::http1::{Version, syntax};

/// The first line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// A token, sent in the case given: methods are case-sensitive.
    pub method: &'a str,
    /// What is asked for, quoted already: a path, a whole URL (to a proxy), an authority (CONNECT)
    /// or `*`.
    pub target: &'a str,
    /// What the request calls itself.
    pub version: Version,
}

/// Why a head is not sent. The caller's fault; positions are bytes from the beginning of the part
/// that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The method is empty or has a byte that no token has.
    #[error("the method of the request is not a token (byte {at})")]
    Method {
        /// Of the first wrong byte.
        at: usize,
    },
    /// The target is empty or has a space or a control character.
    #[error(
        "the target of the request is empty, or has a space or a control character (byte {at})"
    )]
    Target {
        /// Of the first wrong byte.
        at: usize,
    },
    /// A header's name is empty or has a byte that no token has.
    #[error("the name of header {index} is not a token (byte {at})")]
    HeaderName {
        /// Which header, from zero.
        index: usize,
        /// Of the first wrong byte.
        at: usize,
    },
    /// A header's value has CR, LF, NUL or another control character.
    #[error("the value of header {index} has the control character {byte:#04x} (byte {at})")]
    HeaderValue {
        /// Which header, from zero.
        index: usize,
        /// Of the first wrong byte.
        at: usize,
        /// The wrong byte.
        byte: u8,
    },
}

impl RequestHead<'_> {
    /// Appends the head to `out`: the first line, `headers` in their order and case, and the empty
    /// line.
    ///
    /// What a head must have (`Host`, the announcement of the body) is up to the caller; here it
    /// only cannot be more than one head.
    ///
    /// # Errors
    /// When a part of it is not valid. `out` is then as it was.
    ///
    /// # Examples
    /// ```
    /// use aioxide_http::http1::{Version, request::RequestHead};
    ///
    /// let head = RequestHead { method: "GET", target: "/", version: Version::Http11 };
    /// let mut out = Vec::new();
    /// head.encode([(&b"Host"[..], &b"example.org"[..])], &mut out)?;
    /// assert_eq!(out, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    /// # Ok::<(), aioxide_http::http1::request::RequestError>(())
    /// ```
    pub fn encode<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
        out: &mut Vec<u8>,
    ) -> Result<(), RequestError> {
        if let Some(at) = syntax::not_token(self.method.as_bytes()) {
            return Err(RequestError::Method { at });
        }
        if let Some(at) = syntax::not_target(self.target.as_bytes()) {
            return Err(RequestError::Target { at });
        }
        let before = out.len();
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.target.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.version.as_str().as_bytes());
        out.extend_from_slice(b"\r\n");
        let encoded = encode_fields(headers, out);
        match encoded {
            Ok(()) => out.extend_from_slice(b"\r\n"),
            Err(_) => out.truncate(before),
        }
        encoded
    }
}

/// Appends fields, each with the end of its line. On an error `out` has some of them.
pub(super) fn encode_fields<'h>(
    fields: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
    out: &mut Vec<u8>,
) -> Result<(), RequestError> {
    for (index, (name, value)) in fields.into_iter().enumerate() {
        encode_field(index, name, value, out)?;
    }
    Ok(())
}

/// Appends one field with the end of its line. `out` stays as it is on an error.
pub(super) fn encode_field(
    index: usize,
    name: &[u8],
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), RequestError> {
    if let Some(at) = syntax::not_token(name) {
        return Err(RequestError::HeaderName { index, at });
    }
    if let Some(at) = syntax::not_value(value) {
        let byte = value.get(at).copied().unwrap_or_default();
        return Err(RequestError::HeaderValue { index, at, byte });
    }
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}
