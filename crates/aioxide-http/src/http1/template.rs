//! Heads that are alike: the same method and headers, but for some values, the target, and the
//! length of the body.

use crate::http1::request::{RequestError, RequestHead};
use crate::http1::{Version, syntax};

/// What a header of a [`HeadTemplate`] has for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The same in each head.
    Fixed(&'a [u8]),
    /// The one of that index of those that are given for a head.
    Given(usize),
    /// How many bytes the body has.
    Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Given(usize),
    Length,
}

/// The head of requests that differ in little, made ready: what is common to them is checked and
/// put together once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadTemplate {
    /// The method, and a space.
    start: Vec<u8>,
    /// The text before each hole, from behind the target on.
    pieces: Vec<(Vec<u8>, Hole)>,
    end: Vec<u8>,
}

impl HeadTemplate {
    /// A template of heads with these headers, in their order and case.
    ///
    /// # Errors
    /// When the method, a name or a fixed value is not valid, as [`RequestHead::encode`] says.
    ///
    /// # Examples
    /// ```
    /// use aioxide_http::http1::Version;
    /// use aioxide_http::http1::template::{HeadTemplate, Value};
    ///
    /// let fields = [
    ///     (&b"Host"[..], Value::Fixed(b"example.org")),
    ///     (&b"X-Request"[..], Value::Given(0)),
    ///     (&b"Content-Length"[..], Value::Length),
    /// ];
    /// let template = HeadTemplate::new("PUT", Version::Http11, fields)?;
    /// let mut out = Vec::new();
    /// template.encode("/a", &[b"one"], 12, &mut out)?;
    /// let head = "PUT /a HTTP/1.1\r\nHost: example.org\r\nX-Request: one\r\nContent-Length: 12\r\n\r\n";
    /// assert_eq!(out, head.as_bytes());
    /// # Ok::<(), aioxide_http::http1::request::RequestError>(())
    /// ```
    pub fn new<'h>(
        method: &str,
        version: Version,
        fields: impl IntoIterator<Item = (&'h [u8], Value<'h>)>,
    ) -> Result<Self, RequestError> {
        const TARGET: &str = "*";
        let mut rest = Vec::new();
        RequestHead { method, target: TARGET, version }.encode([], &mut rest)?;
        let start = rest.drain(..=method.len()).collect();
        // What is left is the target, the version, and two ends of lines.
        rest.drain(..TARGET.len());
        rest.truncate(rest.len() - 2);
        let mut pieces = Vec::new();
        for (index, (name, value)) in fields.into_iter().enumerate() {
            let fixed = if let Value::Fixed(fixed) = value { fixed } else { b"" };
            super::request::encode_field(index, name, fixed, &mut rest)?;
            let hole = match value {
                Value::Fixed(_) => continue,
                Value::Given(given) => Hole::Given(given),
                Value::Length => Hole::Length,
            };
            rest.truncate(rest.len() - 2);
            pieces.push((std::mem::replace(&mut rest, b"\r\n".to_vec()), hole));
        }
        rest.extend_from_slice(b"\r\n");
        Ok(Self { start, pieces, end: rest })
    }

    /// Appends the head of one request to `out`. A value that the template has no place for is not
    /// looked at.
    ///
    /// # Errors
    /// When the target or a value is not valid, with the index of the value in `values`. `out` is
    /// then as it was.
    ///
    /// # Panics
    /// When `values` lacks one that the template has a place for.
    pub fn encode(
        &self,
        target: &str,
        values: &[&[u8]],
        length: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), RequestError> {
        if let Some(at) = syntax::not_target(target.as_bytes()) {
            return Err(RequestError::Target { at });
        }
        let before = out.len();
        out.extend_from_slice(&self.start);
        out.extend_from_slice(target.as_bytes());
        for (piece, hole) in &self.pieces {
            out.extend_from_slice(piece);
            match *hole {
                Hole::Given(index) => {
                    let value = values[index];
                    if let Some(at) = syntax::not_value(value) {
                        let byte = value.get(at).copied().unwrap_or_default();
                        out.truncate(before);
                        return Err(RequestError::HeaderValue { index, at, byte });
                    }
                    out.extend_from_slice(value);
                }
                Hole::Length => {
                    // A vector takes what is written to it.
                    let _ = std::io::Write::write_fmt(out, format_args!("{length}"));
                }
            }
        }
        out.extend_from_slice(&self.end);
        Ok(())
    }

    /// How many values a head needs at least.
    #[must_use]
    pub fn needs(&self) -> usize {
        let given = self.pieces.iter().filter_map(|(_, hole)| match hole {
            Hole::Given(index) => Some(index + 1),
            Hole::Length => None,
        });
        given.max().unwrap_or(0)
    }
}
