//! What a loop knows of its tasks: it holds them until they are done, knows where each was spawned,
//! and notices one that failed.
//!
//! Tasks are CPython's own, so the loop learns that one is done where it runs the step that ended
//! it (`watch_step`). Which task a callback steps, and whether it is done, is read out of the
//! objects; where it lies in them is found when the first loop is made ([`Layout`]).
//!
//! ```text
//!   create_task ──► held ── its step ended it ──► forgotten
//!                                     └─ failed ─► watched until somebody asks for the exception
//! ```

mod book;
mod cancel;
#[expect(unsafe_code, reason = "reads the frames of the running thread")]
mod frames;
#[expect(unsafe_code, reason = "reads fields of tasks and futures")]
mod layout;
mod methods;
mod recent;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::Ref;
use crate::names::cold;
use book::{Book, Failed};
use frames::Calling;
pub(crate) use layout::{Layout, Steps};
use recent::SpawnSites;

/// The tasks of one loop.
#[derive(Debug)]
pub(crate) struct Tasks {
    book: LoopCell<Book>,
    /// Whether there are notes in the book that wait for their task's step.
    has_notes: AtomicBool,
    keeps_sites: AtomicBool,
    adds_notes: AtomicBool,
    /// Reports exceptions that nobody asks for.
    finds_lost: AtomicBool,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            book: LoopCell::new(Book::new()),
            has_notes: AtomicBool::new(false),
            keeps_sites: AtomicBool::new(true),
            adds_notes: AtomicBool::new(false),
            finds_lost: AtomicBool::new(false),
        }
    }

    /// # Errors
    /// The visitor's.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.book.try_with(|book| book.traverse(visit)).unwrap_or(Ok(()))
    }

    /// Takes everything out. The tasks go first: those that are pending say so to the loop, which
    /// then still knows where they were spawned.
    pub(crate) fn clear(&self) {
        let tasks = self.book.with(Book::let_go);
        drop(tasks);
        let rest = self.book.with(std::mem::take);
        drop(rest);
        self.has_notes.store(false, Relaxed);
    }
}

/// What is known of a step before it runs. The task may be one that was made by its class: those
/// are left to asyncio.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    layout: &'static Layout,
    task: layout::TaskPointer,
    /// Somebody waits for the task or has asked to be told of its end.
    is_awaited: bool,
}

impl Step {
    /// The step that `callback` is; `None` for any other callback.
    #[inline]
    pub(crate) fn of(py: Python<'_>, callback: *mut pyo3::ffi::PyObject) -> Option<Self> {
        let layout = Layout::known(py)?;
        let (task, _) = layout.stepped_by(py, callback)?;
        Some(Self { layout, task, is_awaited: layout.has_callbacks(task) })
    }

    /// Looks after the task when its step has run. The callback is still alive, and with it the
    /// task.
    #[inline]
    pub(crate) fn ended(self, py: Python<'_>, owner: Borrowed<'_, '_, Loop>) {
        if !self.layout.is_pending(self.task) {
            self.done(py, owner);
        }
    }

    #[inline]
    fn done(self, py: Python<'_>, owner: Borrowed<'_, '_, Loop>) {
        let held = owner.get().tasks.book.with(|book| book.remove(self.task.address()));
        if let Some(held) = held
            && self.layout.has_exception(self.task)
        {
            failed(py, owner, self.task.as_ref(py), held.sites, self.is_awaited);
        }
    }
}

impl Tasks {
    /// Holds a task of this loop that is not done, and remembers who made it. One that is not new
    /// may be held already.
    #[inline]
    pub(crate) fn adopt(&self, py: Python<'_>, owner: &Bound<'_, Loop>, task: &Ref, is_new: bool) {
        let Some(layout) = Layout::known(py) else { return };
        let Some(pointer) = layout.task(py, task) else { return };
        let sites = if self.keeps_sites.load(Relaxed) { self.caller(py) } else { None };
        if !layout.is_pending(pointer) {
            // An eager one.
            if layout.has_exception(pointer) {
                failed(py, owner.as_borrowed(), task.clone(), sites, layout.has_callbacks(pointer));
            }
            return;
        }
        let crowded = if is_new {
            let (old, crowded) = self.book.with(|book| book.insert(task.clone(), sites));
            drop(old);
            crowded
        } else {
            let (old, crowded) = self.book.with(|book| book.insert_known(task.clone(), sites));
            drop(old);
            crowded
        };
        if crowded {
            self.sweep(layout);
        }
    }

    /// Who is calling; `None` when there is no memory for it.
    #[inline]
    fn caller(&self, py: Python<'_>) -> Option<Ref<SpawnSites>> {
        if let Some(sites) = self.book.with(|book| book.recent.again(py)) {
            return Some(sites);
        }
        let calling = frames::caller(py);
        match self.book.with(|book| book.recent.find(&calling)) {
            None => self.record(py, &calling),
            found => found,
        }
    }

    #[cold]
    fn record(&self, py: Python<'_>, calling: &Calling) -> Option<Ref<SpawnSites>> {
        let sites = Bound::new(py, SpawnSites(calling.to_sites(py))).ok()?;
        let sites: Ref<SpawnSites> = sites.into();
        let replaced = self.book.with(|book| book.recent.put(calling, sites.clone()));
        drop(replaced);
        Some(sites)
    }

    /// Lets go of tasks that were ended by other means than a step that the loop ran.
    #[cold]
    fn sweep(&self, layout: &Layout) {
        let ended = self.book.with(|book| book.take_ended(layout));
        drop(ended);
    }
}

/// A task has failed. Whoever waits for it is told by asyncio; else it is looked at again when the
/// time is up that the program has to ask for the exception.
#[cold]
fn failed(
    py: Python<'_>,
    owner: Borrowed<'_, '_, Loop>,
    task: Ref,
    sites: Option<Ref<SpawnSites>>,
    is_awaited: bool,
) {
    let tasks = &owner.get().tasks;
    let Some(weak) = layout::weak_reference(py, &task) else { return };
    let watched = !is_awaited && tasks.finds_lost.load(Relaxed);
    let entry = Failed { weak, sites, since: None, is_watched: watched };
    let (old, crowded) = tasks.book.with(|book| book.fail(task.as_ptr() as usize, entry));
    drop(old);
    if crowded {
        let dead = tasks.book.with(|book| book.take_dead(py));
        drop(dead);
    }
    if watched && let Err(error) = cold(py, "task_failed", (owner, task.bind(py))) {
        error.write_unraisable(py, None);
    }
}
