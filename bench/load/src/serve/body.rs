//! The body of a request: counted and forgotten, but for both ends.
//!
//! ```text
//!   Fixed --last byte--> done
//!   Size --number--> Data --all of it--> DataEnd --line--> Size
//!     `--0--> Trailer --empty line--> done
//! ```

use super::request::{BadRequest, Length};

/// The longest line between chunks.
const LONGEST_LINE: usize = 256;

/// One body on its way in.
#[derive(Debug)]
pub(crate) struct Body {
    state: State,
    /// A line between chunks that has not ended yet.
    line: Vec<u8>,
    pub(crate) received: u64,
    pub(crate) first: u8,
    pub(crate) last: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fixed(u64),
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

impl Body {
    pub(crate) fn new(length: Length) -> Self {
        let state = match length {
            Length::Fixed(0) => State::Done,
            Length::Fixed(left) => State::Fixed(left),
            Length::Chunked => State::Size,
        };
        Self { state, line: Vec::new(), received: 0, first: 0, last: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what is the body's, and says how many bytes that was.
    pub(crate) fn take(&mut self, data: &[u8]) -> Result<usize, BadRequest> {
        let mut at = 0;
        while at < data.len() && !self.is_done() {
            at += match self.state {
                State::Fixed(left) => {
                    let taken = self.content(&data[at..], left);
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::Done } else { State::Fixed(left) };
                    taken
                }
                State::Data(left) => {
                    let taken = self.content(&data[at..], left);
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    taken
                }
                _ => self.line(&data[at..])?,
            };
        }
        Ok(at)
    }

    /// How much of a body of known length may be left unread: all between its ends.
    pub(crate) fn middle(&self) -> usize {
        match self.state {
            State::Fixed(left) if self.received > 0 => {
                usize::try_from(left - 1).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// So many bytes of the middle were passed over.
    pub(crate) fn pass(&mut self, count: usize) {
        if let State::Fixed(left) = &mut self.state {
            *left -= count as u64;
            self.received += count as u64;
        }
    }

    fn content(&mut self, data: &[u8], left: u64) -> usize {
        let count = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
        if self.received == 0 {
            self.first = data[0];
        }
        self.last = data[count - 1];
        self.received += count as u64;
        count
    }

    fn line(&mut self, data: &[u8]) -> Result<usize, BadRequest> {
        let end = memchr::memchr(b'\n', data);
        let count = end.map_or(data.len(), |end| end + 1);
        if self.line.len() + count > LONGEST_LINE {
            return Err(BadRequest);
        }
        self.line.extend_from_slice(&data[..count]);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            self.state = self.after_line(line.trim_ascii())?;
        }
        Ok(count)
    }

    fn after_line(&self, line: &[u8]) -> Result<State, BadRequest> {
        match self.state {
            State::Size => {
                let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
                let size = std::str::from_utf8(size).map_err(|_| BadRequest)?;
                match u64::from_str_radix(size.trim_end(), 16).map_err(|_| BadRequest)? {
                    0 => Ok(State::Trailer),
                    left => Ok(State::Data(left)),
                }
            }
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::DataEnd => Err(BadRequest),
            _ if line.is_empty() => Ok(State::Done),
            state => Ok(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Body;
    use crate::serve::request::{BadRequest, Length};

    fn read(length: Length, data: &[u8], step: usize) -> (Body, usize) {
        let (mut body, mut taken) = (Body::new(length), 0);
        for piece in data.chunks(step) {
            taken += body.take(piece).unwrap();
        }
        (body, taken)
    }

    #[test]
    fn a_body_is_the_same_in_pieces_of_any_size() {
        let chunked = b"3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
        for step in 1..=chunked.len() {
            let (body, taken) = read(Length::Chunked, chunked, step);
            assert!(body.is_done());
            assert_eq!((body.received, body.first, body.last), (13, b'a', b'9'));
            assert_eq!(taken, chunked.len());
            let (body, taken) = read(Length::Fixed(5), b"{...}", step);
            assert!(body.is_done());
            assert_eq!((body.received, body.first, body.last, taken), (5, b'{', b'}', 5));
        }
    }

    #[test]
    fn what_is_behind_the_body_is_not_taken() {
        assert_eq!(Body::new(Length::Fixed(2)).take(b"abGET"), Ok(2));
        assert_eq!(Body::new(Length::Fixed(0)).take(b"GET"), Ok(0));
        assert_eq!(Body::new(Length::Chunked).take(b"1\r\na\r\n0\r\n\r\nGET"), Ok(11));
    }

    #[test]
    fn the_middle_can_be_passed_over() {
        let mut body = Body::new(Length::Fixed(10));
        assert_eq!(body.middle(), 0);
        body.take(b"<.").unwrap();
        assert_eq!(body.middle(), 7);
        body.pass(7);
        assert_eq!((body.middle(), body.is_done()), (0, false));
        body.take(b">").unwrap();
        assert!(body.is_done());
        assert_eq!((body.received, body.first, body.last), (10, b'<', b'>'));
        assert_eq!(Body::new(Length::Chunked).middle(), 0);
    }

    #[test]
    fn broken_chunks_are_refused() {
        for data in [b"x\r\n".as_slice(), b"1\r\nab\r\n", &[b'1'; 300], b"-1\r\n"] {
            assert_eq!(Body::new(Length::Chunked).take(data), Err(BadRequest));
        }
    }
}
