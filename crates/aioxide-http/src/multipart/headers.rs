//! The headers of a part.

use std::fmt;

use super::HeaderError;
use super::error::shown;

/// Where a header is in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    start: usize,
    name_end: usize,
    end: usize,
}

/// The headers of a part, as they are on the wire, in one piece of memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    text: Vec<u8>,
    fields: Vec<Field>,
}

impl Headers {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header behind the others.
    ///
    /// # Errors
    /// The name is not a token, or the value has a control character other than a tab.
    pub fn append(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeaderError> {
        if !is_token(name) {
            return Err(HeaderError::Name { name: shown(name) });
        }
        if let Some(byte) = control(value) {
            return Err(HeaderError::Control { what: shown(name), byte });
        }
        let start = self.text.len();
        self.text.extend_from_slice(name);
        let name_end = self.text.len();
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value);
        let end = self.text.len();
        self.text.extend_from_slice(b"\r\n");
        self.fields.push(Field { start, name_end, end });
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The value of the first header of that name, in whatever case.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            let name = &self.text[field.start..field.name_end];
            (name, &self.text[field.name_end + 2..field.end])
        })
    }

    /// As they are on the wire, each with its line end, without the empty line behind them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.iter().map(|(name, value)| {
            (name.escape_ascii().to_string(), value.escape_ascii().to_string())
        });
        f.debug_map().entries(fields).finish()
    }
}

/// A token of RFC 9110: what names and unquoted values are made of.
pub(super) fn is_token(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(allowed)
}

/// The first character that must not be in a value: it could end the line or the string.
pub(super) fn control(text: &[u8]) -> Option<u8> {
    text.iter().copied().find(|byte| byte.is_ascii_control() && *byte != b'\t')
}
