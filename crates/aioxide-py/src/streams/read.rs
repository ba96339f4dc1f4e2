//! What a read is to give.

use memchr::memmem;
use pyo3::prelude::*;

use crate::ffi::{Bytes, Namespace, Ref, call_method, inspect_bytearray, take_front};
use crate::names::{Names, interop};

/// What a read is to give.
#[derive(Debug)]
pub(super) enum Operation {
    /// Some bytes, at most so many; none at all only if they came and another read took them.
    Some { most: usize, none: bool },
    /// Exactly so many.
    Exactly(usize),
    /// All up to a separator, and that; it does not begin before `offset`.
    Until { separator: Bytes, offset: usize },
}

/// What a read came to.
pub(super) enum Attempt {
    Done(Ref),
    /// More has to come first.
    More,
    /// asyncio's method knows what to do.
    Unusual,
}

/// What the buffer came to.
enum Found {
    Front(usize),
    More,
    Unusual,
}

impl Operation {
    /// Takes what is to be given out of the reader's buffer, if it is there.
    ///
    /// # Errors
    /// What asyncio's method would raise.
    pub(super) fn attempt(
        &self,
        py: Python<'_>,
        reader: &Ref,
        attributes: &Namespace,
    ) -> PyResult<Attempt> {
        let names = &interop(py)?.names;
        let buffer = attributes.get(py, &names.buffer)?;
        let limit = match self {
            Self::Until { .. } => attributes.get(py, &names.limit)?.bind(py).extract()?,
            Self::Some { .. } | Self::Exactly(_) => usize::MAX,
        };
        match inspect_bytearray(&buffer, |data| self.look(data, limit)) {
            Some(Found::Front(count)) => {
                let data = take_front(py, &buffer, count)?;
                if attributes.is_true(py, &names.paused)? {
                    call_method(py, &names.maybe_resume_transport, [reader])?;
                }
                Ok(Attempt::Done(data))
            }
            Some(Found::More) if can_wait(py, attributes, names)? => Ok(Attempt::More),
            _ => Ok(Attempt::Unusual),
        }
    }

    fn look(&self, data: &[u8], limit: usize) -> Found {
        match self {
            Self::Some { none: false, .. } if data.is_empty() => Found::More,
            Self::Some { most, .. } => Found::Front(data.len().min(*most)),
            Self::Exactly(count) if data.len() < *count => Found::More,
            Self::Exactly(count) => Found::Front(*count),
            Self::Until { separator, offset } => {
                let separator = separator.as_slice();
                match data.get(*offset..).and_then(|rest| memmem::find(rest, separator)) {
                    Some(at) if offset + at > limit => Found::Unusual,
                    Some(at) => Found::Front(offset + at + separator.len()),
                    // So many bytes begin no separator: asyncio says that the limit is exceeded.
                    None if data.len() + 1 > limit.saturating_add(separator.len()) => {
                        Found::Unusual
                    }
                    None => Found::More,
                }
            }
        }
    }
}

/// Whether waiting is all there is to do: the stream has not ended, its transport reads, and
/// nobody else waits.
fn can_wait(py: Python<'_>, attributes: &Namespace, names: &Names) -> PyResult<bool> {
    Ok(!attributes.is_true(py, &names.eof)?
        && !attributes.is_true(py, &names.paused)?
        && attributes.get(py, &names.waiter)?.bind(py).is_none())
}
