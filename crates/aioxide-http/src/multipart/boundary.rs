//! What separates the parts.

use super::headers::is_token;
use super::{BoundaryError, Kind};

/// How long a boundary may be, RFC 2046.
pub const MAX_BOUNDARY: usize = 70;

/// The boundary of a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Boundary(Vec<u8>);

impl Boundary {
    /// A boundary of the caller's own. Content must not have it in a line of its own, which nobody
    /// checks: better is one of random bytes.
    ///
    /// # Errors
    /// It is empty, too long, has other than printable ASCII characters and tabs, or ends with
    /// white space.
    pub fn new(boundary: &[u8]) -> Result<Self, BoundaryError> {
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            return Err(BoundaryError::Length { length: boundary.len() });
        }
        if let Some(byte) = boundary.iter().find(|byte| !matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(BoundaryError::Character { byte: *byte });
        }
        if boundary.ends_with(b" ") || boundary.ends_with(b"\t") {
            return Err(BoundaryError::TrailingSpace);
        }
        Ok(Self(boundary.to_vec()))
    }

    /// The boundary of 16 random bytes: in hexadecimal, as aiohttp's.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |number: u8| DIGITS[usize::from(number & 15)];
        Self(random.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect())
    }

    /// The boundary itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The boundary as the parameter of a content type: in quotes if it is not a token.
    #[must_use]
    pub fn parameter(&self) -> Vec<u8> {
        if is_token(&self.0) {
            return self.0.clone();
        }
        let mut quoted = vec![b'"'];
        for byte in &self.0 {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        quoted
    }
}

/// A content type of multipart/something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartType {
    /// What comes behind the slash, in lower case.
    pub subtype: Vec<u8>,
    /// The parameter of that name.
    pub boundary: Boundary,
}

impl MultipartType {
    /// Reads the value of a `Content-Type`.
    ///
    /// # Errors
    /// It is not multipart, or has no boundary that can be one.
    pub fn parse(value: &[u8]) -> Result<Self, BoundaryError> {
        let (media_type, mut rest) = until(value, b";");
        let media_type = media_type.trim_ascii().to_ascii_lowercase();
        let subtype = media_type.strip_prefix(b"multipart/").ok_or(BoundaryError::NotMultipart)?;
        while !rest.is_empty() {
            let (name, value, after) = parameter(rest);
            if name.eq_ignore_ascii_case(b"boundary") {
                let boundary = Boundary::new(value.trim_ascii_end())?;
                return Ok(Self { subtype: subtype.to_vec(), boundary });
            }
            rest = after;
        }
        Err(BoundaryError::Missing)
    }

    /// The rules for its parts.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.subtype == b"form-data" { Kind::FormData } else { Kind::Other }
    }
}

/// What comes before the first of `stops`, and what comes from there on.
fn until<'a>(text: &'a [u8], stops: &[u8]) -> (&'a [u8], &'a [u8]) {
    text.split_at(text.iter().position(|byte| stops.contains(byte)).unwrap_or(text.len()))
}

/// Reads `;name=value` or `;name="value"`: the name, the value and the rest.
fn parameter(text: &[u8]) -> (&[u8], Vec<u8>, &[u8]) {
    let text = text.strip_prefix(b";").unwrap_or(text);
    let (name, rest) = until(text, b"=;");
    let name = name.trim_ascii();
    let Some(value) = rest.strip_prefix(b"=") else { return (name, Vec::new(), rest) };
    let Some(quoted) = value.trim_ascii_start().strip_prefix(b"\"") else {
        let (value, rest) = until(value, b";");
        return (name, value.trim_ascii().to_vec(), rest);
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    let mut end = quoted.len();
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b'"' => {
                end = place + 1;
                break;
            }
            b'\\' => value.extend(bytes.next().map(|(_, byte)| *byte)),
            _ => value.push(*byte),
        }
    }
    (name, value, until(&quoted[end..], b";").1)
}
