//! The names of codings, and the lists of them in headers.

use std::fmt;

use smallvec::SmallVec;

use super::CodingsError;

/// More codings than this on one body are refused: each is another chance to grow.
pub const MAX_CODINGS: usize = 5;

/// What a name in an error message is cut to.
const SHOWN: usize = 40;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// gzip, RFC 1952, also called x-gzip.
    Gzip,
    /// deflate: zlib, RFC 1950, or what some send in its place, RFC 1951 without a wrapper.
    Deflate,
    /// br, RFC 7932.
    Brotli,
    /// zstd, RFC 8878.
    Zstd,
    /// No change.
    Identity,
}

impl Coding {
    /// The coding of that name, in whatever case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], Coding); 6] = [
            (b"gzip", Coding::Gzip),
            (b"x-gzip", Coding::Gzip),
            (b"deflate", Coding::Deflate),
            (b"br", Coding::Brotli),
            (b"zstd", Coding::Zstd),
            (b"identity", Coding::Identity),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, coding)| *coding)
    }

    /// The name as headers have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Identity => "identity",
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The codings of one body, in the order in which they were applied; without identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codings(SmallVec<[Coding; 2]>);

impl Codings {
    /// The codings in the values of all `Content-Encoding` headers, in their order.
    ///
    /// # Errors
    /// A coding that is not known leaves what lies under it unreadable, so the whole list is
    /// refused; aiohttp gives such bodies to the program as they came.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, CodingsError> {
        let mut codings = SmallVec::new();
        for name in values.into_iter().flat_map(|value| value.split(|byte| *byte == b',')) {
            let name = name.trim_ascii();
            if name.is_empty() {
                continue;
            }
            match Coding::from_name(name) {
                None => return Err(CodingsError::Unknown { name: shown(name) }),
                Some(Coding::Identity) => {}
                Some(_) if codings.len() == MAX_CODINGS => {
                    return Err(CodingsError::TooMany { limit: MAX_CODINGS });
                }
                Some(coding) => codings.push(coding),
            }
        }
        Ok(Self(codings))
    }

    /// Nothing is to be undone.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// The codings in the order in which they were applied: the last one is undone first.
    #[must_use]
    pub fn as_slice(&self) -> &[Coding] {
        &self.0
    }
}

impl From<Coding> for Codings {
    fn from(coding: Coding) -> Self {
        Self(Some(coding).into_iter().filter(|coding| *coding != Coding::Identity).collect())
    }
}

fn shown(name: &[u8]) -> String {
    name[..name.len().min(SHOWN)].escape_ascii().to_string()
}
