//! WWW-Authenticate: what a server asks for.
//!
//! The field is a list of challenges, each a list, and both with commas between. A word without an
//! equals sign behind is the scheme of the next challenge.

/// The parameters of a challenge of Digest that are known; those that were not given are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// What the login is for.
    pub realm: Option<String>,
    /// What is hashed along, so that an answer is good once.
    pub nonce: Option<String>,
    /// What may be protected: a list of `auth` and `auth-int`. Without it the answer is one of
    /// RFC 2069.
    pub qop: Option<String>,
    /// The hash function; without it, MD5.
    pub algorithm: Option<String>,
    /// Comes back as it is.
    pub opaque: Option<String>,
    /// Which URLs the credentials are for.
    pub domain: Option<String>,
    /// The answer was right, but its nonce is too old.
    pub stale: Option<String>,
    /// The login may come hashed.
    pub userhash: Option<String>,
}

impl Challenge {
    /// A challenge of these parameters. Of a name that comes twice the last counts; unknown ones
    /// do not.
    ///
    /// AIOHTTP: there a name counts in lower case only; RFC 7616 leaves the case open.
    #[must_use]
    pub fn from_parameters(parameters: &[(&str, String)]) -> Self {
        let mut challenge = Self::default();
        for (name, value) in parameters {
            let field = match name.to_ascii_lowercase().as_str() {
                "realm" => &mut challenge.realm,
                "nonce" => &mut challenge.nonce,
                "qop" => &mut challenge.qop,
                "algorithm" => &mut challenge.algorithm,
                "opaque" => &mut challenge.opaque,
                "domain" => &mut challenge.domain,
                "stale" => &mut challenge.stale,
                "userhash" => &mut challenge.userhash,
                _ => continue,
            };
            *field = Some(value.clone());
        }
        challenge
    }

    /// No known parameter was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The server knows the credentials and wants them with a newer nonce.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale.as_deref().is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    }
}

/// The challenges of Digest in one WWW-Authenticate field.
///
/// AIOHTTP: there a challenge of Digest counts only if it is the first one of the field.
#[must_use]
pub fn parse_challenges(field: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut rest = field;
    // At the beginning of a field the scheme ends at a space, whatever is behind.
    let mut next = field.find(' ').filter(|space| is_digest(&field[..*space]));
    while let Some(space) = next.or_else(|| find_digest(rest)) {
        next = None;
        rest = &rest[space + 1..];
        let challenge = Challenge::from_parameters(&parse_parameters(rest));
        if !challenge.is_empty() {
            challenges.push(challenge);
        }
    }
    challenges
}

/// The parameters of the first challenge in `text`, which may begin with a scheme: as
/// `parse_header_pairs` of aiohttp, but that a name may be there twice.
#[must_use]
pub fn parse_parameters(text: &str) -> Vec<(&str, String)> {
    let mut parameters = Vec::new();
    let mut scanner = Scanner { text, at: 0 };
    while let Some(item) = scanner.next_item() {
        match item.value {
            Some(value) => parameters.push((item.name, value)),
            // A scheme: of this challenge at the beginning, else of the next one.
            None if parameters.is_empty() => {}
            None => break,
        }
    }
    parameters
}

/// Where the space behind the next scheme of Digest is.
fn find_digest(text: &str) -> Option<usize> {
    let mut scanner = Scanner { text, at: 0 };
    while let Some(item) = scanner.next_item() {
        let end = scanner.at;
        if item.value.is_none() && is_digest(item.name) && text[end..].starts_with(' ') {
            return Some(end);
        }
    }
    None
}

fn is_digest(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("digest")
}

/// A word, and what it is said to be.
struct Item<'a> {
    name: &'a str,
    value: Option<String>,
}

/// Finds words behind whitespace or a comma and passes over everything else.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn next_item(&mut self) -> Option<Item<'a>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            if let Some(behind) = self.name_follows(rest) {
                let end = behind.find(|character| !is_word(character)).unwrap_or(behind.len());
                let (name, behind) = behind.split_at(end);
                let (value, behind) = match value(behind) {
                    Some((value, behind)) => (Some(value), behind),
                    None => (None, behind),
                };
                self.at = self.text.len() - behind.len();
                return Some(Item { name, value });
            }
            self.at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }

    /// What is behind the separator at the beginning of `rest`, if a word is.
    fn name_follows(&self, rest: &'a str) -> Option<&'a str> {
        if self.at == 0 && rest.starts_with(is_word) {
            return Some(rest);
        }
        let behind = match rest.strip_prefix(',') {
            Some(behind) => behind.trim_start_matches(is_space),
            None => rest.strip_prefix(is_space)?,
        };
        behind.starts_with(is_word).then_some(behind)
    }
}

/// The value behind an equals sign, and what is behind that.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(is_space).strip_prefix('=')?.trim_start_matches(is_space);
    if let Some((quoted, behind)) = quoted(text) {
        return Some((unescape(quoted), behind));
    }
    // Also a quote that is never closed.
    let end = text.find(|character| character == ',' || is_space(character)).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

/// What is between the quotes at the beginning of `text`, and what is behind them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    for (place, byte) in inner.bytes().enumerate() {
        match byte {
            b'\n' if escaped => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((&inner[..place], &inner[place + 1..])),
            _ => {}
        }
    }
    None
}

/// A backslash before anything but a quote and a backslash means itself: Windows domains come in
/// realms so.
fn unescape(quoted: &str) -> String {
    quoted.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
