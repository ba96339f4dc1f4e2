//! Content codings: what compresses and decompresses bodies.
//!
//! A [`Decoder`] takes compressed bytes and writes into the caller's buffer, at most [`MAX_STEP`]
//! bytes a step whatever the input says, so a body that grows a thousandfold costs time only as
//! fast as the caller asks for it, and never a big allocation. Between two steps the caller may
//! stop for as long as it likes. An [`Encoder`] does the other way, for requests.
//!
//! What a body may grow to is the caller's choice: see [`Limits`].

mod brotli;
mod decoder;
mod encoder;
mod error;
mod gzip;
mod inflate;
mod limits;
mod name;
mod stage;
mod zstd;

pub use decoder::{Decoder, Step};
pub use encoder::Encoder;
pub use error::{CodingsError, DecodeError, EncodeError};
pub use limits::{Limits, MAX_STEP, MEMBERS_PER};
pub use name::{Coding, Codings, MAX_CODINGS};
