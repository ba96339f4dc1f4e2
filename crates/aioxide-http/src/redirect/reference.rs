//! A reference to a URL, split into its parts (RFC 3986, section 3).

/// The parts of a URL or of a relative reference. What is missing is `None`; nothing is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Before the first colon.
    pub scheme: Option<&'a [u8]>,
    /// Between `//` and the path.
    pub authority: Option<&'a [u8]>,
    /// May be empty.
    pub path: &'a [u8],
    /// Behind the first `?`.
    pub query: Option<&'a [u8]>,
    /// Behind the first `#`.
    pub fragment: Option<&'a [u8]>,
}

impl<'a> Reference<'a> {
    /// Splits `text`, which can be anything.
    #[must_use]
    pub fn split(text: &'a [u8]) -> Self {
        let (rest, fragment) = cut(text, b'#');
        let (rest, query) = cut(rest, b'?');
        let (scheme, rest) = match rest.iter().position(|byte| *byte == b':') {
            Some(colon) if colon > 0 && rest[..colon].iter().all(|byte| is_of_scheme(*byte)) => {
                (Some(&rest[..colon]), &rest[colon + 1..])
            }
            _ => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix(b"//") {
            Some(rest) => {
                let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query, fragment }
    }
}

/// What is before the first `mark`, and what is behind it.
fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(mark, text) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    }
}

/// The first character, too, may be a digit or a sign, as in yarl; RFC 3986 wants a letter.
const fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The path that `reference` names when it is relative to `base` (RFC 3986, section 5.2.3).
pub(super) fn merge(base: &[u8], reference: &[u8]) -> Vec<u8> {
    let folder = match memchr::memrchr(b'/', base) {
        Some(slash) => &base[..=slash],
        None => b"/",
    };
    [folder, reference].concat()
}

/// Follows the segments `.` and `..` of a path; those that lead beyond the root are dropped.
pub(super) fn without_dots(path: &[u8]) -> Vec<u8> {
    if !path.contains(&b'.') {
        return path.to_vec();
    }
    let (root, relative): (&[u8], _) = match path.strip_prefix(b"/") {
        Some(relative) => (b"/", relative),
        None => (b"", path),
    };
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut last: &[u8] = b"";
    for segment in relative.split(|byte| *byte == b'/') {
        last = segment;
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    if matches!(last, b"." | b"..") {
        kept.push(b"");
    }
    [root, &kept.join(&b'/')].concat()
}

/// Writes a part of a URL, with what must not stand in one percent-encoded, and `space` for a space.
pub(super) fn push_quoted(url: &mut String, part: &[u8], space: &str) {
    for byte in part {
        match byte {
            b' ' => url.push_str(space),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                push_percent(url, *byte)
            }
            0x21..=0x7e => url.push(char::from(*byte)),
            _ => push_percent(url, *byte),
        }
    }
}

fn push_percent(url: &mut String, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    url.push('%');
    url.push(char::from(DIGITS[usize::from(byte >> 4)]));
    url.push(char::from(DIGITS[usize::from(byte & 15)]));
}
