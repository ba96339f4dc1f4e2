//! How much of a response is taken before its body, and what is forgiven.

/// Caps on everything in a response that is kept or skipped, the body's own bytes aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the status line, without its end.
    pub max_line_size: usize,
    /// Bytes of one field with name and colon, without the end of its line; one that is folded
    /// counts as a whole.
    pub max_field_size: usize,
    /// Lines of fields in a head and in the trailers that follow it, together.
    pub max_headers: usize,
    /// Bytes of a head, and of the trailers.
    pub max_head_size: u32,
    /// Heads with a status of 1xx before the one that answers.
    pub max_informational: u32,
    /// Bytes of all of these heads together.
    pub max_informational_size: u64,
    /// Bytes of the extensions of one chunk.
    pub max_chunk_extension: u32,
    /// Bytes of the extensions of all chunks of a body, beyond as many as the body has itself.
    pub max_chunk_extensions: u64,
}

impl Limits {
    /// For the three limits that aiohttp's users can set. A head may be larger than by default when
    /// that is needed for one line and one field of the size that they allow.
    #[must_use]
    pub fn with_sizes(max_line_size: usize, max_field_size: usize, max_headers: usize) -> Self {
        let default = Self::default();
        let needed = max_line_size.saturating_add(max_field_size).saturating_add(HEAD_REST);
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        let max_head_size = default.max_head_size.max(needed);
        Self { max_line_size, max_field_size, max_headers, max_head_size, ..default }
    }
}

impl Default for Limits {
    /// aiohttp's, where it has them.
    fn default() -> Self {
        Self {
            max_line_size: 8190,
            max_field_size: 8190,
            max_headers: 128,
            max_head_size: 256 * 1024,
            max_informational: 32,
            max_informational_size: 64 * 1024,
            max_chunk_extension: 8190,
            max_chunk_extensions: 16 * 1024,
        }
    }
}

/// Room for the other fields beside one that is as large as it may be.
const HEAD_REST: usize = 64 * 1024;

/// Which faults of servers are forgiven. By default none.
///
/// The lengths of bodies and the framing of chunks are as strict under all of these, except that
/// `foreign_transfer_codings` may read a body to the end of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// A field may go on in the next line, if that begins with SP or HTAB (`obs-fold`, RFC 9112,
    /// section 5.2). The parts are joined with one space.
    pub folds: bool,
    /// Lines of a head may end with LF alone. Those of the framing of chunks never may.
    pub bare_line_feeds: bool,
    /// Values of fields and the reason may have control characters, but not CR, LF or NUL.
    pub control_characters: bool,
    /// SP and HTAB may follow the size of a chunk.
    pub spaces_after_chunk_size: bool,
    /// Transfer codings other than `chunked` are left for the reader of the body: it is read by
    /// chunks if `chunked` comes last, else up to the end of the connection.
    pub foreign_transfer_codings: bool,
}

impl Leniency {
    /// Nothing is forgiven.
    pub const STRICT: Self = Self {
        folds: false,
        bare_line_feeds: false,
        control_characters: false,
        spaces_after_chunk_size: false,
        foreign_transfer_codings: false,
    };

    /// Everything is forgiven that can be, which is about what aiohttp forgives outside of its
    /// debug mode.
    pub const LENIENT: Self = Self {
        folds: true,
        bare_line_feeds: true,
        control_characters: true,
        spaces_after_chunk_size: true,
        foreign_transfer_codings: true,
    };
}
