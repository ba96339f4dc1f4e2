//! Credentials in headers: Basic and Digest.
//!
//! [`basic`](encode_basic) is a coding. [`DigestAuth`] is a machine, because a server has a say in
//! it: it takes the challenges of 401 responses and makes the headers that answer them, for one
//! origin and no other.

mod algorithm;
mod basic;
mod challenge;
mod digest;
mod space;

pub use basic::{BasicError, decode_basic, decode_userinfo, encode_basic};
pub use challenge::{Challenge, parse_challenges, parse_parameters};
pub use digest::{DigestAuth, DigestError, DigestSettings, DigestTarget};
