//! The watchdog: tells what blocks a loop while it does, from a thread that needs no GIL.
//!
//! ```text
//!   loop's thread                      watching thread                        loop's thread
//!   counters: a step begins ──look──►  too long: samples, report, notice ──►  step ends: freed
//! ```
//!
//! A loop pays for it with what it counts anyway, and with one load a step that finds whether it was
//! noticed. `thread.rs` is the thread; `gaze.rs` in aioxide-core says when something takes too long.

mod activity;
mod calls;
#[expect(unsafe_code, reason = "the kernel is asked for a thread's time")]
mod cpu_time;
mod descriptor;
#[expect(unsafe_code, reason = "the system call that leaves a table of descriptors")]
mod files;
mod fold;
mod frames;
mod hints;
mod history;
#[expect(unsafe_code, reason = "the address of this thread's state is asked for")]
mod interpreter;
mod json;
mod labels;
#[expect(unsafe_code, reason = "a symbol is looked up, and numbers are taken from bytes")]
mod layout;
mod lines;
#[expect(unsafe_code, reason = "the kernel copies from any address")]
mod memory;
mod objects;
mod output;
mod processor;
mod report;
mod sample;
#[expect(unsafe_code, reason = "the mask of signals is changed by C functions")]
mod signals;
mod slot;
mod source;
mod tasks;
mod text;
#[expect(unsafe_code, reason = "what loops and the thread share is behind a pointer, for forks")]
mod thread;
mod told;
mod view;
mod walker;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aioxide_core::{Counters, Nanos};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::ffi::Ref;
use crate::ffi::call_tuple;
use history::Length;
use interpreter::{interpreter, own_stack};
use memory::Memory;
use output::Style;
use slot::Slot;

pub(crate) use labels::{_remove_label, _set_label};
pub(crate) use walker::{_thread_state, _walk_threads};

/// What a run of a loop is watched for.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How long work may take, in seconds.
    pub(crate) limit: f64,
    pub(crate) json: bool,
    /// What is called when the loop is free again, instead of a report.
    pub(crate) action: Option<Ref>,
}

/// A run that is watched, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    slot: Arc<Slot>,
    style: Style,
    action: Option<Ref>,
}

static LOOPS: AtomicU64 = AtomicU64::new(0);

/// A number for a new loop.
pub(crate) fn number_loop() -> u64 {
    LOOPS.fetch_add(1, Ordering::Relaxed) + 1
}

impl Watched {
    /// A run of a loop begins on this thread.
    ///
    /// # Errors
    /// Of a program that has broken what the interpreter is asked.
    pub(crate) fn begin(
        py: Python<'_>,
        counters: Arc<Counters>,
        number: u64,
        ident: u64,
        item_size: usize,
        settings: Settings,
    ) -> PyResult<Self> {
        let known = interpreter(py)?;
        survive_forks(py)?;
        let thread = interpreter::thread_state();
        let base = known
            .layout
            .as_ref()
            .ok()
            .and_then(|layout| frames::current_frame(&Memory::new(), layout, thread));
        let style = if settings.json { Style::Json } else { Style::Text };
        let slot = Arc::new(Slot {
            counters,
            number,
            tid: rustix::thread::gettid().as_raw_nonzero().get(),
            ident,
            thread,
            base: base.unwrap_or(0),
            limit: (settings.limit * 1e9).clamp(1e5, 1e18) as Nanos,
            item_size,
            style: settings.action.is_none().then_some(style),
            open: Mutex::new(None),
        });
        thread::begin(slot.clone());
        Ok(Self { slot, style, action: settings.action })
    }

    /// The loop begins to run, or its poll has ended: wakes the watching thread if it dozes.
    #[inline]
    pub(crate) fn woken() {
        thread::ring();
    }

    /// What was noticed has ended at `ticks`; a report of a whole turn waits for the end of one.
    /// Returns the program's action and the report for it.
    pub(crate) fn freed(&self, ticks: u64, turn: bool) -> Option<(Ref, String)> {
        let mut open = self.slot.open();
        let is_turn = open.as_ref().is_some_and(|report| report.work != report::Work::Step);
        if is_turn && !turn {
            return None;
        }
        self.slot.counters.unnotice();
        let mut report = open.take()?;
        drop(open);
        let (now, ended) = thread::time_of(ticks);
        report.wait_until(self.slot.tid, now);
        if let Some(action) = &self.action {
            let mut fields = json::blocked(&report, &self.slot);
            let free = json::freed(&report, &self.slot, ended);
            fields.extend(
                free.into_iter().filter(|(name, _)| name != "event" && name != "monotonic"),
            );
            return Some((action.clone(), json::to_line(fields)));
        }
        if report.verdict.length != Length::Nothing {
            match self.style {
                Style::Text => output::write_text(&text::freed(&report, ended)),
                Style::Json => {
                    output::write(&json::to_line(json::freed(&report, &self.slot, ended)));
                }
            }
        }
        None
    }

    /// As [`Watched::freed`], and calls the action.
    ///
    /// # Errors
    /// Only what is to end the run.
    #[cold]
    pub(crate) fn tell_freed(
        this: &Arc<Self>,
        py: Python<'_>,
        event_loop: &Bound<'_, PyAny>,
        ticks: u64,
        turn: bool,
    ) -> PyResult<()> {
        match this.freed(ticks, turn) {
            Some((action, report)) => {
                python(py, "blocked", (event_loop, action.bind(py), report)).map(drop)
            }
            None => Ok(()),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        thread::end(&self.slot);
    }
}

/// Calls the function `name` of `aioxide._watch`.
fn python<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    let function = py.import("aioxide._watch")?.getattr(name)?;
    call_tuple(&function, &arguments.into_pyobject(py).map_err(Into::into)?)
}

/// Has the thread end before a fork, since CPython warns of forks with threads.
fn survive_forks(py: Python<'_>) -> PyResult<()> {
    static DONE: pyo3::sync::PyOnceLock<()> = pyo3::sync::PyOnceLock::new();
    DONE.get_or_try_init(py, || python(py, "watch_forks", ()).map(drop)).map(drop)
}

/// Find out about the interpreter what the watchdog has to know, once: it takes about a millisecond,
/// which is better spent before a loop runs.
#[pyfunction]
pub(crate) fn _prepare_watch(py: Python<'_>) -> PyResult<()> {
    interpreter(py)?;
    survive_forks(py)
}

/// End the watching thread: the process is about to fork.
#[pyfunction]
pub(crate) fn _before_fork(py: Python<'_>) {
    py.detach(thread::stop);
}

/// Watch on, in the process that has forked.
#[pyfunction]
pub(crate) fn _after_fork_in_parent() {
    thread::go_on();
}

/// Forget the loops of the parent, in the child.
#[pyfunction]
pub(crate) fn _after_fork_in_child() {
    thread::forget();
}

/// This thread's stack as the watching thread would read it, the innermost frame first: a list of
/// (file, line, function). A str that says why, where it cannot be read.
#[pyfunction]
pub(crate) fn _read_own_stack<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
    let layout = match &interpreter(py)?.layout {
        Ok(layout) => layout,
        Err(why) => return Ok(why.into_pyobject(py)?.into_any()),
    };
    let stack = own_stack(&Memory::new(), layout, interpreter::thread_state()).unwrap_or_default();
    let stack = stack.into_iter().map(|frame| (frame.file, frame.line, frame.function));
    Ok(PyList::new(py, stack.collect::<Vec<_>>())?.into_any())
}
