//! Datagram endpoints: UDP and Unix datagram sockets.
//!
//! ```text
//!   recvmmsg ─► arena ─► datagram_received, one by one ─┬─► all delivered
//!              (the loop's)      or datagrams_received  └─► something else comes first: the rest
//!                                                           is pending, and its turn is queued
//!
//!   sendto ─┬─ first of a step ──────────────────► sendto(2) ──┐ no room
//!           └─ otherwise ─► outbox ─ end of step ─► sendmmsg ──┴─► outbox waits for the poller
//! ```
//!
//! What a datagram schedules runs before the next datagram is delivered, as with asyncio, which
//! reads one in a turn. A batch therefore ends early when the ready queue has grown, and what was
//! received already waits behind it.
//!
//! Sockets of other families are CPython's `_SelectorDatagramTransport`'s.

mod address;
#[expect(unsafe_code, reason = "arrays of message headers, which point to buffers and names")]
mod arena;
mod book;
mod close;
mod flow;
#[expect(unsafe_code, reason = "message headers for sendmmsg, which point to data and names")]
mod message;
mod outbox;
mod receive;
mod send;
mod transport;

pub(crate) use arena::Arenas;
pub(crate) use book::AddressBook;
pub(crate) use send::add_fast_methods;
pub(crate) use transport::DatagramTransport;
