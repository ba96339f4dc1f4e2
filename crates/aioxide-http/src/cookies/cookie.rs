//! One cookie: what `http.cookies.Morsel` holds.

use thiserror::Error;

use super::attributes::{Attribute, Attributes};
use super::quoting::{is_legal, quote};
use super::text::has_control;

/// A program gave what can be no cookie.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CookieError {
    /// A name that is empty or has characters that names do not have.
    #[error("the cookie name {0:?} has characters that names cannot have")]
    IllegalName(String),
    /// A name that is one of an attribute.
    #[error("the cookie name {0:?} is the name of an attribute")]
    ReservedName(String),
    /// A character below a space, or DEL.
    #[error("the cookie {0:?} has a control character")]
    ControlCharacter(String),
}

/// One cookie. The value is what a program reads, the coded value what the header said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    key: Box<str>,
    value: Box<str>,
    /// `None`: the same as the value, which it is for most.
    coded_value: Option<Box<str>>,
    /// What it says beside its value, as given.
    pub attributes: Attributes,
}

impl Cookie {
    /// A cookie from its parts, which are not checked.
    #[must_use]
    pub fn new(
        key: impl Into<Box<str>>,
        value: impl Into<Box<str>>,
        coded_value: impl Into<Box<str>>,
    ) -> Self {
        let (value, coded_value) = (value.into(), coded_value.into());
        let coded_value = (coded_value != value).then_some(coded_value);
        Self { key: key.into(), value, coded_value, attributes: Attributes::default() }
    }

    /// A cookie of a program: `SimpleCookie()[key] = value`. What cannot stand in a header as it
    /// is comes quoted in the coded value.
    ///
    /// # Errors
    /// `key` is no name of a cookie, or there are control characters.
    pub fn from_value(key: &str, value: &str) -> Result<Self, CookieError> {
        if Attribute::named(key).is_some() {
            return Err(CookieError::ReservedName(key.into()));
        }
        if !is_legal(key) {
            return Err(CookieError::IllegalName(key.into()));
        }
        if has_control(value) {
            return Err(CookieError::ControlCharacter(key.into()));
        }
        Ok(Self::new(key, value, &*quote(value)))
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What a program reads.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What the header said, with quotes and escapes.
    #[must_use]
    pub fn coded_value(&self) -> &str {
        self.coded_value.as_deref().unwrap_or(&self.value)
    }

    /// Nothing in it breaks out of a header.
    pub(super) fn is_sendable(&self) -> bool {
        !has_control(&self.key)
            && !has_control(&self.value)
            && !self.coded_value.as_deref().is_some_and(has_control)
    }
}
