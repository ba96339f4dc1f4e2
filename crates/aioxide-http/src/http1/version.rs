//! The versions of the protocol that this module speaks.

use std::fmt;

/// HTTP/1.0 or HTTP/1.1. What calls itself otherwise has other framing, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Connections close after each response, unless both sides ask to keep them.
    Http10,
    /// Connections stay open, unless a side asks to close them.
    Http11,
}

impl Version {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
