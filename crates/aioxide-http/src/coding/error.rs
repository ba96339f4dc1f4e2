//! What goes wrong with codings.

use std::borrow::Cow;

use thiserror::Error;

use super::Coding;

/// Why a `Content-Encoding` cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodingsError {
    /// The peer used a coding that is not known here.
    #[error("the peer used an unknown content coding: {name}")]
    Unknown {
        /// What it was called.
        name: String,
    },
    /// The peer coded the body too often.
    #[error("the peer applied more than {limit} content codings")]
    TooMany {
        /// How many are fine.
        limit: usize,
    },
}

/// Why a body was not decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The peer sent what is not of that coding.
    #[error("the peer sent bad {coding} data: {what}")]
    Corrupt {
        /// Which coding.
        coding: Coding,
        /// What is wrong with it.
        what: Cow<'static, str>,
    },
    /// The peer's body ends too soon.
    #[error("the peer's {coding} data ends in the middle")]
    Truncated {
        /// Which coding.
        coding: Coding,
    },
    /// The peer sent something else behind the compressed data.
    #[error("the peer sent other data behind its {coding} data")]
    Trailing {
        /// Which coding.
        coding: Coding,
    },
    /// The peer cut its data into too many members.
    #[error("the peer's {coding} data has too many members: the limit is {limit} in 256 KiB")]
    TooManyMembers {
        /// Which coding.
        coding: Coding,
        /// [`max_members`](super::Limits::max_members).
        limit: u32,
    },
    /// The peer's data needs a window that the settings here do not allow.
    #[error("the peer's {coding} data needs a window of more than 2^{limit} bytes")]
    Window {
        /// Which coding.
        coding: Coding,
        /// [`zstd_window_log`](super::Limits::zstd_window_log).
        limit: u32,
    },
    /// The peer's body becomes larger than the settings here allow.
    #[error("the peer's {coding} data decodes to more than {limit} bytes")]
    TooLarge {
        /// Which coding.
        coding: Coding,
        /// [`max_decompressed_size`](super::Limits::max_decompressed_size).
        limit: u64,
    },
    /// The peer's body grows more than the settings here allow.
    #[error("the peer's body decodes to more than {limit} times its size")]
    Ratio {
        /// [`max_ratio`](super::Limits::max_ratio).
        limit: u32,
    },
    /// The caller says that the body ended, but did not fetch all that is decoded: a bug here.
    #[error("bug: the end of a body was reported with decoded data left")]
    NotDrained,
    /// The system has no memory for a decoder.
    #[error("out of memory for decoding {coding}")]
    Memory {
        /// Which coding.
        coding: Coding,
    },
}

impl DecodeError {
    pub(super) fn corrupt(coding: Coding, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Corrupt { coding, what: what.into() }
    }
}

/// Why a body was not encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The user asked for a level that the coding does not have.
    #[error("{coding} has no level {level}: it goes from {least} to {most}")]
    Level {
        /// Which coding.
        coding: Coding,
        /// What was asked for.
        level: i32,
        /// The lowest level.
        least: i32,
        /// The highest level.
        most: i32,
    },
    /// The caller goes on after [`finish`](super::Encoder::finish): a bug here.
    #[error("bug: more {coding} data after its end")]
    Finished {
        /// Which coding.
        coding: Coding,
    },
    /// The system has no memory for an encoder, or the library failed.
    #[error("cannot encode {coding}: {what}")]
    Failed {
        /// Which coding.
        coding: Coding,
        /// What the library says.
        what: String,
    },
}
