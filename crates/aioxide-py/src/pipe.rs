//! Pipes: what reads and writes their ends for protocols.
//!
//! ```text
//!              ┌────── pause_reading ◄─┐
//!   made ──► reading ──────────────────┴─► eof_received ─────────► connection_lost ──► ended
//!                │ close()/error                                       ▲
//!                └─────────────────────────────────────────────────────┤
//!   made ──► writing ── close()/write_eof() ──► queue empty ───────────┤
//!                │ abort()/error/reader gone: queue dropped            │
//!                └─────────────────────────────────────────────────────┘
//! ```
//!
//! As in asyncio, the loop watches an end as it does for `add_reader` and `add_writer`, with a
//! method of the transport as the callback: so two transports may share a terminal, and one that
//! waits for nothing and that nobody holds is collected. The method is called natively
//! (`method.rs`), in the context of the handle that it has as a callback.

mod end;
mod method;
mod read;
mod write;

pub(crate) use end::PipeTransport;
pub(crate) use method::PipeMethod;
pub(crate) use read::ReadPipeTransport;
pub(crate) use write::WritePipeTransport;

use pyo3::prelude::*;

/// Adds those methods to the classes that run once a message.
pub(crate) fn add_fast_methods(py: Python<'_>) -> PyResult<()> {
    read::add_fast_methods(py)?;
    write::add_fast_methods(py)
}
