//! WebSocket, the side of the client: RFC 6455, with permessage-deflate of RFC 7692.
//!
//! ```text
//!  random bytes ─> Key, Offer ──> the request's headers
//!  the answer's headers ────────> check ──> Agreement
//!                                             │
//!            Connection: open, closing, closed┘
//!            │                              │
//!  frames ─> Encoder ─> bytes     bytes ─> Decoder ─> whole messages, pings, pongs, the close
//! ```
//!
//! What the server does wrong is a [`ProtocolError`], which knows the code that the connection is
//! to be closed with; what the program does wrong is a [`SendError`]. The decoder holds at most one
//! message, whose size is bounded by [`Settings::max_msg_size`]: what a frame announces is checked
//! before its payload is taken, and what inflates is checked piece by piece.

mod close;
mod connection;
mod decoder;
mod deflate;
mod encoder;
mod error;
mod extension;
mod frame;
mod handshake;
mod inflate;
mod mask;
mod message;
mod text;

pub use close::CloseCode;
pub use connection::{Connection, State};
pub use decoder::{Decoder, Event, Settings};
pub use deflate::Deflater;
pub use encoder::{Encoder, Frame};
pub use error::{HandshakeError, OfferError, ProtocolError, SendError};
pub use extension::{Deflate, ExtensionError, Offer};
pub use frame::Opcode;
pub use handshake::{Agreement, Key, Request, check};
pub use inflate::{Inflater, MAX_MEMBERS};
pub use mask::mask;
