//! How far a decoder goes.

/// No step writes more bytes than this.
pub const MAX_STEP: usize = 256 * 1024;

/// [`Limits::max_members`] members may come in this many bytes of compressed input. What counts is
/// the place in the stream, not how it was split.
pub const MEMBERS_PER: u64 = 256 * 1024;

/// The limits of one decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A body that grows beyond is an error. `None`: as long as the caller goes on asking.
    pub max_decompressed_size: Option<u64>,
    /// So many bytes may come out for each that went in, once more than
    /// [`ratio_from`](Self::ratio_from) came out. Looked at after each step.
    pub max_ratio: Option<u32>,
    /// Bodies up to this size may have any ratio.
    pub ratio_from: u64,
    /// How many members of gzip or deflate, or frames of zstd, may come in each [`MEMBERS_PER`]
    /// bytes of input: each costs work of its own, and twenty bytes make one.
    pub max_members: u32,
    /// The window of a zstd frame may have at most two to the power of this; RFC 9659 asks for 23,
    /// 8 MiB. From 10 to 31.
    pub zstd_window_log: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_decompressed_size: None,
            max_ratio: None,
            ratio_from: 1024 * 1024,
            max_members: 1024,
            zstd_window_log: 23,
        }
    }
}
