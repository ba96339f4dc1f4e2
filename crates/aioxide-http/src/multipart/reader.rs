//! The reader of a body.
//!
//! Outside of parts it goes line by line. Within a part it looks for the delimiter, CR LF and two
//! hyphens and the boundary. As only its first character is a CR, input can end in the middle of at
//! most one delimiter, and the bytes that are held back then need not be kept: they are known.

use std::ops::Range;

use memchr::memmem::Finder;

use super::error::shown;
use super::header_lines::HeaderLines;
use super::{Boundary, BoundaryError, Headers, Kind, MultipartType, ReadError};

/// How much white space may follow a boundary in its line.
pub const MAX_PADDING: usize = 64;

/// How far a reader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes may come before the first boundary.
    pub max_preamble: usize,
    /// How many parts there may be. `None`: as many as come; nothing is kept of them, and cameras
    /// send pictures as parts of a body without end.
    pub max_parts: Option<u64>,
    /// How many headers a part may have.
    pub max_headers: usize,
    /// How long a header line may be.
    pub max_field_size: usize,
    /// How long the headers of a part may be together.
    pub max_header_size: usize,
    /// How many bodies may be within each other, the outermost one included.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_preamble: 64 * 1024,
            max_parts: None,
            max_headers: 128,
            max_field_size: 8190,
            max_header_size: 64 * 1024,
            max_depth: 8,
        }
    }
}

/// What a reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Nothing without more input. All input is used up.
    NeedInput,
    /// A part begins.
    PartBegin(Headers),
    /// Content of the part.
    Data(&'a [u8]),
    /// The part ended.
    PartEnd,
    /// The body ended. What follows is its epilogue, and of no interest.
    End,
}

/// What came before the line of a delimiter, and so what it is if it is none.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// Nothing of interest.
    Preamble,
    /// Content; of the delimiter, what is from there on is content, too.
    Content(usize),
    /// Content that must end here.
    Counted,
}

/// The bytes of the delimiter that have come and may be content: `from..matched`.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Not 0 at the beginning of content: the line end is then that of the headers.
    from: usize,
    matched: usize,
}

#[derive(Debug)]
enum State {
    /// At the beginning of a line before the first part; so many bytes of it are of a delimiter.
    LineStart(usize),
    /// In a line before the first part that is no delimiter.
    SkipLine,
    /// In the line of a delimiter, behind the boundary.
    Tail(Before),
    Headers,
    /// In content, of which the last bytes may be of a delimiter.
    Content(Held),
    /// In content that has so many bytes more.
    Counted(u64),
    /// Behind such content; so many bytes of the delimiter have come.
    CountedEnd(usize),
    /// What looked like a delimiter is content, from there on, and so is what was behind it.
    Release(usize),
    ReleaseTail,
    Closed,
    Epilogue,
    Failed(ReadError),
}

/// An event, with places for content.
enum Found {
    Nothing,
    Part(Headers),
    Input(Range<usize>),
    Delimiter(Range<usize>),
    Tail,
    PartEnd,
    End,
}

/// How the line of a delimiter goes on.
enum Tail {
    Open,
    Line,
    Close,
    NoDelimiter,
}

/// Reads a body that comes in any pieces. It keeps no content: only the headers of the part that
/// begins, and less than a line of what may be a boundary.
///
/// Line ends are CR LF; a LF alone ends a header or the line of a boundary, too, as with aiohttp,
/// but a boundary behind content needs the CR. Boundaries count only if nothing else is in their
/// line but white space.
#[derive(Debug)]
pub struct Reader {
    /// CR LF, two hyphens, the boundary.
    delimiter: Vec<u8>,
    finder: Finder<'static>,
    kind: Kind,
    limits: Limits,
    state: State,
    /// What follows a boundary in its line.
    tail: Vec<u8>,
    lines: HeaderLines,
    preamble: usize,
    parts: u64,
    depth: usize,
}

impl Reader {
    /// A reader of a body with that boundary.
    #[must_use]
    pub fn new(boundary: &Boundary, kind: Kind, limits: Limits) -> Self {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Self {
            finder: Finder::new(&delimiter).into_owned(),
            delimiter,
            kind,
            limits,
            state: State::LineStart(0),
            tail: Vec::new(),
            lines: HeaderLines::default(),
            preamble: 0,
            parts: 0,
            depth: 1,
        }
    }

    /// A reader for the part with these headers, if it is a body of its own: it takes the content
    /// of the part, and its end is the end of the part.
    ///
    /// # Errors
    /// The content type has no boundary that can be one, or there are too many bodies within each
    /// other.
    pub fn nested(&self, headers: &Headers) -> Result<Option<Self>, ReadError> {
        let content_type = headers.get(b"content-type").unwrap_or_default();
        let content_type = match MultipartType::parse(content_type) {
            Ok(content_type) => content_type,
            Err(BoundaryError::NotMultipart) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if self.depth >= self.limits.max_depth {
            return Err(ReadError::Depth { limit: self.limits.max_depth });
        }
        let reader = Self::new(&content_type.boundary, content_type.kind(), self.limits);
        Ok(Some(Self { depth: self.depth + 1, ..reader }))
    }

    /// Looks for the next event. Answers also how many bytes of the input are used up; the caller
    /// gives the rest again, with what comes behind it or without.
    ///
    /// # Errors
    /// Says what is wrong with the body, and again at each further call.
    pub fn next<'a>(&'a mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), ReadError> {
        let (consumed, found) = match self.find(input) {
            Ok(found) => found,
            Err(error) => {
                self.state = State::Failed(error.clone());
                return Err(error);
            }
        };
        let event = match found {
            Found::Nothing => Event::NeedInput,
            Found::Part(headers) => Event::PartBegin(headers),
            Found::Input(range) => Event::Data(&input[range]),
            Found::Delimiter(range) => Event::Data(&self.delimiter[range]),
            Found::Tail => Event::Data(&self.tail),
            Found::PartEnd => Event::PartEnd,
            Found::End => Event::End,
        };
        Ok((consumed, event))
    }

    /// The input ended.
    ///
    /// # Errors
    /// The last boundary has not come.
    pub fn end_of_input(&self) -> Result<(), ReadError> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Closed | State::Epilogue => Ok(()),
            State::LineStart(_) | State::SkipLine | State::Tail(Before::Preamble) => {
                Err(ReadError::NoBoundary)
            }
            _ => Err(ReadError::Truncated),
        }
    }

    fn find(&mut self, input: &[u8]) -> Result<(usize, Found), ReadError> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let (consumed, found) = match self.state {
                State::LineStart(matched) => (self.line_start(rest, matched)?, None),
                State::SkipLine => (self.skip_line(rest)?, None),
                State::Tail(before) => self.delimiter_tail(rest, before)?,
                State::Headers => self.headers(rest)?,
                State::Content(held) => self.content(rest, held),
                State::Counted(left) => self.counted(rest, left),
                State::CountedEnd(matched) => (self.counted_end(rest, matched)?, None),
                State::Release(from) => {
                    self.state = State::ReleaseTail;
                    (0, Some(Found::Delimiter(from..self.delimiter.len())))
                }
                State::ReleaseTail => {
                    self.state = State::Content(Held::default());
                    (0, (!self.tail.is_empty()).then_some(Found::Tail))
                }
                State::Closed => {
                    self.state = State::Epilogue;
                    (0, Some(Found::End))
                }
                State::Epilogue => (rest.len(), Some(Found::Nothing)),
                State::Failed(ref error) => return Err(error.clone()),
            };
            at += consumed;
            match found {
                None => {}
                Some(Found::Input(range)) => {
                    let start = at - consumed;
                    return Ok((at, Found::Input(start + range.start..start + range.end)));
                }
                Some(found) => return Ok((at, found)),
            }
            // Some states have something to say without input.
            let has_more =
                matches!(self.state, State::Release(_) | State::ReleaseTail | State::Closed);
            if at == input.len() && !has_more {
                return Ok((at, Found::Nothing));
            }
        }
    }

    fn line_start(&mut self, input: &[u8], matched: usize) -> Result<usize, ReadError> {
        // The line end in the delimiter is of the line before.
        let wanted = &self.delimiter[2 + matched..];
        let same = common(wanted, input);
        self.state = if same == wanted.len() {
            self.tail.clear();
            State::Tail(Before::Preamble)
        } else if same == input.len() {
            State::LineStart(matched + same)
        } else {
            State::SkipLine
        };
        self.count_preamble(same)?;
        Ok(same)
    }

    fn skip_line(&mut self, input: &[u8]) -> Result<usize, ReadError> {
        let end = memchr::memchr(b'\n', input);
        if end.is_some() {
            self.state = State::LineStart(0);
        }
        let skipped = end.map_or(input.len(), |end| end + 1);
        self.count_preamble(skipped)?;
        Ok(skipped)
    }

    fn count_preamble(&mut self, length: usize) -> Result<(), ReadError> {
        self.preamble = self.preamble.saturating_add(length);
        let limit = self.limits.max_preamble;
        if self.preamble > limit { Err(ReadError::Preamble { limit }) } else { Ok(()) }
    }

    fn delimiter_tail(
        &mut self,
        input: &[u8],
        before: Before,
    ) -> Result<(usize, Option<Found>), ReadError> {
        let part_end = || match before {
            Before::Preamble => None,
            Before::Content(_) | Before::Counted => Some(Found::PartEnd),
        };
        for (place, byte) in input.iter().enumerate() {
            match self.tail_byte(*byte) {
                Tail::Open => {}
                Tail::Line => {
                    self.state = State::Headers;
                    return Ok((place + 1, part_end()));
                }
                Tail::Close => {
                    self.state = State::Closed;
                    return Ok((place + 1, part_end()));
                }
                Tail::NoDelimiter => {
                    self.state = match before {
                        Before::Preamble => State::SkipLine,
                        Before::Content(from) => State::Release(from),
                        Before::Counted => return Err(ReadError::PartLength),
                    };
                    return Ok((place, None));
                }
            }
        }
        Ok((input.len(), None))
    }

    /// Takes a byte behind the boundary.
    fn tail_byte(&mut self, byte: u8) -> Tail {
        let last = self.tail.last().copied();
        match (byte, last) {
            (b'-', Some(b'-')) => return Tail::Close,
            (b'\n', None | Some(b' ' | b'\t' | b'\r')) => return Tail::Line,
            (b'-', None) | (b' ' | b'\t' | b'\r', None | Some(b' ' | b'\t')) => {}
            _ => return Tail::NoDelimiter,
        }
        if self.tail.len() > MAX_PADDING {
            return Tail::NoDelimiter;
        }
        self.tail.push(byte);
        Tail::Open
    }

    fn headers(&mut self, input: &[u8]) -> Result<(usize, Option<Found>), ReadError> {
        let (consumed, headers) = self.lines.read(input, &self.limits)?;
        let Some(headers) = headers else { return Ok((consumed, None)) };
        self.parts += 1;
        if let Some(limit) = self.limits.max_parts.filter(|limit| self.parts > *limit) {
            return Err(ReadError::Parts { limit });
        }
        self.state = match self.content_length(&headers)? {
            Some(length) => State::Counted(length),
            // The line end of the headers is also that of a delimiter: content may be empty.
            None => State::Content(Held { from: 2, matched: 2 }),
        };
        Ok((consumed, Some(Found::Part(headers))))
    }

    /// The length that the headers state; RFC 7578 has it ignored in forms.
    fn content_length(&self, headers: &Headers) -> Result<Option<u64>, ReadError> {
        let value = match (self.kind, headers.get(b"content-length")) {
            (Kind::FormData, _) | (_, None) => return Ok(None),
            (Kind::Other, Some(value)) => value,
        };
        let digits = value.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(value).ok().filter(|_| digits);
        let bad = || ReadError::BadHeader { line: format!("Content-Length: {}", shown(value)) };
        length.and_then(|length| length.parse().ok()).ok_or_else(bad).map(Some)
    }

    fn content(&mut self, input: &[u8], held: Held) -> (usize, Option<Found>) {
        let Held { from, matched } = held;
        if matched > 0 {
            let wanted = &self.delimiter[matched..];
            let same = common(wanted, input);
            if same == wanted.len() {
                self.tail.clear();
                self.state = State::Tail(Before::Content(from));
                return (same, None);
            }
            if same == input.len() {
                self.state = State::Content(Held { from, matched: matched + same });
                return (same, None);
            }
            // Also the bytes that are the same are content, but of the input that is here.
            self.state = State::Content(Held::default());
            return (0, (from < matched).then_some(Found::Delimiter(from..matched)));
        }
        match self.finder.find(input) {
            Some(0) => {
                self.tail.clear();
                self.state = State::Tail(Before::Content(0));
                (self.delimiter.len(), None)
            }
            Some(end) => (end, Some(Found::Input(0..end))),
            None => {
                let end = self.certain(input);
                self.state = State::Content(Held { from: 0, matched: input.len() - end });
                (input.len(), (end > 0).then_some(Found::Input(0..end)))
            }
        }
    }

    /// How much of the input, in which no delimiter is, is not the beginning of one either.
    fn certain(&self, input: &[u8]) -> usize {
        let start = input.len().saturating_sub(self.delimiter.len() - 1);
        match memchr::memrchr(b'\r', &input[start..]) {
            Some(place) if self.delimiter.starts_with(&input[start + place..]) => start + place,
            _ => input.len(),
        }
    }

    fn counted(&mut self, input: &[u8], left: u64) -> (usize, Option<Found>) {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let left = left - length as u64;
        self.state = if left == 0 { State::CountedEnd(0) } else { State::Counted(left) };
        (length, (length > 0).then_some(Found::Input(0..length)))
    }

    fn counted_end(&mut self, input: &[u8], matched: usize) -> Result<usize, ReadError> {
        let wanted = &self.delimiter[matched..];
        let same = common(wanted, input);
        self.state = if same == wanted.len() {
            self.tail.clear();
            State::Tail(Before::Counted)
        } else if same == input.len() {
            State::CountedEnd(matched + same)
        } else {
            return Err(ReadError::PartLength);
        };
        Ok(same)
    }
}

/// How many bytes both begin with.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
