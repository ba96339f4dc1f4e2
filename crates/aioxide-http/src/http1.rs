//! HTTP/1.1, the side of the client.
//!
//! A request goes out in two parts: [`request::RequestHead`] makes the bytes of the head
//! ([`template::HeadTemplate`] those of many that are alike), and
//! [`body::BodyEncoder`] frames what follows and sees to it that it is what the head announced. A
//! response comes in through [`response::Decoder`], one exchange after another on a connection.
//!
//! Nothing here buffers a body: of a request the framing is made to go around the caller's bytes,
//! and of a response slices of the caller's input come out.

pub mod body;
pub mod request;
pub mod response;
mod syntax;
pub mod template;
mod version;

pub use version::Version;
