//! What the watching thread knows of one loop that runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aioxide_core::{Counters, Nanos};

use super::output::Style;
use super::report::Report;

/// One run of a loop. The addresses are only ever read from, by means that survive their being
/// wrong.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(super) counters: Arc<Counters>,
    /// Which loop of the process it is.
    pub(super) number: u64,
    /// The thread, as the kernel and as Python's `threading` number it.
    pub(super) tid: i32,
    pub(super) ident: u64,
    /// The address of its thread state.
    pub(super) thread: usize,
    /// The address of the frame that runs the loop; 0 when it is not known.
    pub(super) base: usize,
    /// How long work may take.
    pub(super) limit: Nanos,
    /// How an item of the queue lies in memory.
    pub(super) item_size: usize,
    /// How to report; `None` when the program is told instead.
    pub(super) style: Option<Style>,
    /// The report of the work that goes on.
    pub(super) open: Mutex<Option<Report>>,
}

impl Slot {
    pub(super) fn open(&self) -> MutexGuard<'_, Option<Report>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
