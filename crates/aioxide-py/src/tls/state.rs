//! What changes in the life of a TLS connection.

use std::collections::VecDeque;

use super::records::Records;
use super::transport::TlsTransport;
use crate::ffi::Ref;
use crate::transport::{Piece, StreamTransport, Way};

/// How far the TLS connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not begun, or over.
    Unwrapped,
    Handshake,
    Wrapped,
    /// Closing: what was written goes out.
    Flushing,
    /// `close_notify` goes out, and the peer's is awaited.
    Shutdown,
}

/// What the program's protocol was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Made,
    Eof,
    Lost,
}

/// Low and high mark of flow control, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub(super) low: usize,
    pub(super) high: usize,
}

impl Marks {
    fn of_high(high: usize) -> Self {
        Self { low: high / 4, high }
    }
}

/// asyncio's defaults: 512 KiB for what is written, 256 KiB for what is not read.
const WRITE_HIGH: usize = 512 * 1024;
const READ_HIGH: usize = 256 * 1024;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) told: Told,
    /// The transport below; `None` before `connection_made` and after `connection_lost`.
    pub(super) lower: Option<Ref<StreamTransport>>,
    /// The transport above; `None` after `connection_lost`.
    pub(super) upper: Option<Ref<TlsTransport>>,
    pub(super) protocol: Option<Ref>,
    pub(super) way: Way,
    pub(super) waiter: Option<Ref>,
    pub(super) handshake_timer: Option<Ref>,
    pub(super) shutdown_timer: Option<Ref>,
    /// In debug mode, when the handshake began.
    pub(super) began: Option<f64>,
    pub(super) records: Records,
    /// The engine may hold decrypted bytes.
    pub(super) unread: bool,
    /// The peer has closed the connection, by TLS or without.
    pub(super) eof: bool,
    /// `pause_reading` of the transport above was called last.
    pub(super) reading_paused: bool,
    /// The transport below does not read, because too much waits.
    pub(super) lower_paused: bool,
    pub(super) incoming: Marks,
    /// What is not encrypted yet, how many bytes that is.
    pub(super) backlog: VecDeque<Piece>,
    pub(super) backlog_size: usize,
    /// The transport below has too much to send.
    pub(super) lower_full: bool,
    /// The protocol's `pause_writing` was called last.
    pub(super) writing_paused: bool,
    pub(super) outgoing: Marks,
    /// How often something was written after the end.
    pub(super) lost: u32,
    /// The transport above was closed once more than needed: nobody is to ask it anything.
    pub(super) forgotten: bool,
}

impl State {
    pub(super) fn new(protocol: Ref, way: Way, waiter: Option<Ref>, tell_made: bool) -> Self {
        Self {
            phase: Phase::Unwrapped,
            told: if tell_made { Told::Nothing } else { Told::Made },
            lower: None,
            upper: None,
            protocol: Some(protocol),
            way,
            waiter,
            handshake_timer: None,
            shutdown_timer: None,
            began: None,
            records: Records::default(),
            unread: false,
            eof: false,
            reading_paused: false,
            lower_paused: false,
            incoming: Marks::of_high(READ_HIGH),
            backlog: VecDeque::new(),
            backlog_size: 0,
            lower_full: false,
            writing_paused: false,
            outgoing: Marks::of_high(WRITE_HIGH),
            lost: 0,
            forgotten: false,
        }
    }
}
