//! TLS over a [`StreamTransport`](crate::transport::StreamTransport): what asyncio's `sslproto` is.
//!
//! ```text
//!   program's protocol ◄── data_received, ... ── TlsProtocol ◄── bytes off the wire ── StreamTransport
//!          │                                      │      ▲                                  ▲
//!          └── write, close, ... ─► TlsTransport ─┘    Engine ── bytes for the wire ────────┘
//!
//!                      handshake done          close(), close_notify or EOF        flushed
//!   unwrapped ─► handshake ─────► wrapped ─────────────────────────────► flushing ────► shutdown
//!       ▲            │               │                                       │              │
//!       └────────────┴───────────────┴── abort(), an error, connection_lost ─┴──────────────┘
//! ```
//!
//! The [`Engine`](engine::Engine) is all that knows how the bytes are made.

#[expect(unsafe_code, reason = "buffers lent to functions of _ssl for one call")]
mod engine;
mod flow;
mod handshake;
mod interop;
mod protocol;
mod read;
mod records;
mod shutdown;
mod state;
mod transport;
mod write;

pub(crate) use protocol::{Settings, TlsProtocol};
pub(crate) use transport::{TlsTransport, add_fast_methods};
