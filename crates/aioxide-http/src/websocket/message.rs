//! A message that is being put together.

use std::borrow::Cow;

use super::decoder::Event;
use super::error::ProtocolError;
use super::text::Text;

/// The least room that is asked for at once.
const LEAST: usize = 4096;

#[derive(Debug)]
pub(super) enum Content {
    Text(Text),
    Binary(Vec<u8>),
}

/// A message as far as it has arrived.
#[derive(Debug)]
pub(super) struct Message {
    content: Content,
    pub(super) compressed: bool,
    /// The sum of what its frames announce.
    pub(super) announced: u64,
}

impl Message {
    /// An empty message whose first frame announces `announced` bytes.
    pub(super) fn new(text: bool, compressed: bool, announced: u64) -> Self {
        let content =
            if text { Content::Text(Text::default()) } else { Content::Binary(Vec::new()) };
        Self { content, compressed, announced }
    }

    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Binary(bytes) => bytes.len(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.capacity(),
            Content::Binary(bytes) => bytes.capacity(),
        }
    }

    /// Makes room for `piece` bytes and for some of the `more` that are announced after them: as
    /// much as has arrived. So an announcement alone takes no memory, and growing stays linear.
    pub(super) fn make_room(&mut self, piece: usize, more: u64) {
        let len = self.len();
        if self.capacity() - len < piece {
            let more = usize::try_from(more).unwrap_or(usize::MAX).min((len + piece).max(LEAST));
            match &mut self.content {
                Content::Text(text) => text.reserve(piece + more),
                Content::Binary(bytes) => bytes.reserve_exact(piece + more),
            }
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        match &mut self.content {
            Content::Text(text) => text.push(piece),
            Content::Binary(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    pub(super) fn finish<'a>(self) -> Result<Event<'a>, ProtocolError> {
        Ok(match self.content {
            Content::Text(text) => Event::Text(Cow::Owned(text.finish()?)),
            Content::Binary(bytes) => Event::Binary(Cow::Owned(bytes)),
        })
    }
}
