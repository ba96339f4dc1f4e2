//! Where records end.
//!
//! A read that finds no whole record raises an exception inside the engine, which costs as much as
//! decrypting a small one. So the lengths in the headers of records are followed: a read is only
//! tried when it can succeed.

/// The longest content that a record may announce: 16 KiB and what encryption may add.
const LONGEST: usize = 16 * 1024 + 2048;

const HEADER: usize = 5;

/// How far into the record the stream is that was fed so far.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: [u8; HEADER],
    /// How many bytes of the unfinished record have come, with its header.
    tail: usize,
    /// How long that record is, with its header; known once the header is complete.
    length: usize,
    /// What came is no record: the engine is to say what is wrong with it.
    lost: bool,
}

impl Records {
    /// Follows `data`.
    pub(super) fn feed(&mut self, mut data: &[u8]) {
        while !self.lost && !data.is_empty() {
            if self.tail < HEADER {
                let count = (HEADER - self.tail).min(data.len());
                self.header[self.tail..self.tail + count].copy_from_slice(&data[..count]);
                self.tail += count;
                data = &data[count..];
                if self.tail == HEADER {
                    self.begin();
                }
                continue;
            }
            let count = (self.length - self.tail).min(data.len());
            self.tail += count;
            data = &data[count..];
            if self.tail == self.length {
                self.tail = 0;
            }
        }
    }

    /// The header is complete.
    fn begin(&mut self) {
        let [kind, major, _minor, high, low] = self.header;
        let content = usize::from(u16::from_be_bytes([high, low]));
        // Change of cipher, alert, handshake, data, heartbeat; SSL 3 and TLS.
        self.lost = !(20..=24).contains(&kind) || major != 3 || content > LONGEST;
        self.length = HEADER + content;
        if content == 0 {
            self.tail = 0;
        }
    }

    /// Whether there is a whole record among `unread` bytes, the last that were fed.
    pub(super) fn is_whole(&self, unread: usize) -> bool {
        self.lost || unread > self.tail
    }
}
