//! Text that arrives in pieces, which need not end where a character does.

use super::error::ProtocolError;

/// A text as far as it has arrived. Each piece is checked once, when it comes.
#[derive(Debug, Default)]
pub(super) struct Text {
    whole: String,
    /// The first bytes of a character whose other bytes have not come.
    begun: [u8; 4],
    begun_len: usize,
}

impl Text {
    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.begun_len
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.whole.reserve_exact(more);
    }

    pub(super) fn capacity(&self) -> usize {
        self.whole.capacity() + self.begun_len
    }

    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(), ProtocolError> {
        while self.begun_len > 0
            && let Some((&byte, rest)) = piece.split_first()
        {
            piece = rest;
            // Four bytes are a character or an error, so there is always room for the next.
            self.begun[self.begun_len] = byte;
            self.begun_len += 1;
            match std::str::from_utf8(&self.begun[..self.begun_len]) {
                Ok(character) => {
                    self.whole.push_str(character);
                    self.begun_len = 0;
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(ProtocolError::InvalidText),
            }
        }
        let (head, tail) = piece.split_at(piece.len() - unfinished(piece));
        self.whole.push_str(checked(head)?);
        if !tail.is_empty() {
            // The first bytes alone can be wrong already.
            match std::str::from_utf8(tail) {
                Err(error) if error.error_len().is_none() => {}
                _ => return Err(ProtocolError::InvalidText),
            }
            self.begun[..tail.len()].copy_from_slice(tail);
            self.begun_len = tail.len();
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<String, ProtocolError> {
        if self.begun_len == 0 { Ok(self.whole) } else { Err(ProtocolError::InvalidText) }
    }
}

/// The whole of a text.
pub(super) fn checked(bytes: &[u8]) -> Result<&str, ProtocolError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| ProtocolError::InvalidText)
}

/// How many bytes at the end begin a character and do not end it.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needs = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if needs > back { back } else { 0 };
    }
    0
}
