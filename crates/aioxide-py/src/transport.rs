//! Connections: what reads and writes sockets for protocols.
//!
//! ```text
//!                      ┌────────────── pause_reading ◄─┐
//!   made ──► connection_made ──► reading ──────────────┴─► eof ─► (half open or closing)
//!                                   │ close()/eof/error
//!                                   ▼
//!                closing, queue not empty ──► closing, queue empty ──► connection_lost ──► ended
//!                                   └─ abort()/error: queue dropped ─────────▲
//! ```
//!
//! The loop holds a transport for as long as it wants to read or write, as asyncio's selector
//! does. A transport that wants neither and that nobody holds is collected, and says so by a
//! ResourceWarning.

mod address;
mod close;
mod data;
#[expect(unsafe_code, reason = "a number that a Python socket keeps open")]
mod descriptor;
mod dialled;
mod extra;
mod flow;
mod listener;
#[expect(unsafe_code, reason = "addresses of transports, which may be gone")]
mod live;
mod origin;
mod protocol;
mod queue;
mod read;
mod stream;
mod write;

pub(crate) use data::Data;
pub(crate) use descriptor::{Descriptor, Lent};
pub(crate) use extra::replaced_info;
pub(crate) use flow::{marks, tell};
pub(crate) use listener::Listener;
pub(crate) use live::{Address, Live};
pub(crate) use origin::Origin;
pub(crate) use protocol::{Way, feed, is_untouched, way_of};
pub(crate) use queue::{Done, Piece, Queue, Sent, write_now};
pub(crate) use stream::StreamTransport;
pub(crate) use write::{GATHERED, LOST_WRITES, add_fast_methods};
