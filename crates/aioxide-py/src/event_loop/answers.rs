//! What protocols write while they are being given data.
//!
//! Answers go out one after another when the reads of a turn are done, because the kernel's paths
//! for reading and for sending then stay in the cache each.

use std::mem;
use std::sync::atomic::Ordering::Relaxed;

use aioxide_core::{Nanos, POLL_BUDGET};
use pyo3::prelude::*;

use super::{Loop, Sender, send_each};
use crate::handle::HandleRef;

/// For how long answers are gathered.
const ANSWER_WAIT: Nanos = 100_000;

impl Loop {
    /// The address of the transport whose protocol is being given data, 0 when none is.
    #[inline]
    pub(crate) fn delivering(&self) -> usize {
        self.delivering.load(Relaxed)
    }

    /// Runs `f`, which gives data to the protocol of the transport at `address`.
    #[inline]
    pub(crate) fn deliver<R>(&self, address: usize, f: impl FnOnce() -> R) -> R {
        self.delivering.store(address, Relaxed);
        let result = f();
        self.delivering.store(0, Relaxed);
        result
    }

    /// Runs `f`, which reads the pipe that `handle` is called for.
    #[inline]
    pub(super) fn read_pipe<R>(&self, handle: &HandleRef, f: impl FnOnce() -> R) -> R {
        let outer = self.reading_pipe.with(|slot| slot.replace(handle.clone()));
        let result = f();
        drop(self.reading_pipe.with(|slot| mem::replace(slot, outer)));
        result
    }

    /// Runs `f`, which runs a turn inside of what is running, and which no pipe asks for.
    pub(super) fn inside<R>(&self, f: impl FnOnce() -> R) -> R {
        let outer = self.reading_pipe.with(Option::take);
        let result = f();
        drop(self.reading_pipe.with(|slot| mem::replace(slot, outer)));
        result
    }

    /// The handle of the pipe that is being read, if what is written to another one meanwhile is
    /// an answer that waits: when another event comes next. A pipe's transport is one end of it
    /// only, so unlike a connection's it cannot tell who asked.
    #[inline]
    pub(crate) fn answered_pipe(&self) -> Option<HandleRef> {
        if self.reading_pipe.with(|slot| slot.is_none())
            || !self.scheduler.with(|scheduler| scheduler.event_is_next())
        {
            return None;
        }
        self.reading_pipe.with(|slot| slot.clone())
    }

    /// `sender` has an answer to send.
    #[inline]
    pub(crate) fn add_answer(&self, sender: Sender) {
        self.answers.with(|answers| answers.push(sender));
        if !self.answering.swap(true, Relaxed) {
            self.answering_since.store(self.counters.step_started(), Relaxed);
        }
    }

    /// As [`Loop::add_answer`], outside of what gives data.
    ///
    /// # Errors
    /// Only what is to end the run.
    pub(crate) fn answer(&self, py: Python<'_>, sender: Sender) -> PyResult<()> {
        self.add_answer(sender);
        self.send_late_answers(py)
    }

    /// Sends the answers that wait if the first of them has done so for [`ANSWER_WAIT`].
    ///
    /// # Errors
    /// Only what is to end the run.
    #[inline]
    pub(super) fn send_late_answers(&self, py: Python<'_>) -> PyResult<()> {
        if !self.answering.load(Relaxed) {
            return Ok(());
        }
        let since = self.answering_since.load(Relaxed);
        let waited = self.counters.step_started().wrapping_sub(since);
        if waited > self.budget.load(Relaxed) * (ANSWER_WAIT / POLL_BUDGET) as u64 {
            self.send_answers(py)
        } else {
            Ok(())
        }
    }

    /// Sends the answers that wait.
    ///
    /// # Errors
    /// Only what is to end the run.
    #[inline]
    pub(crate) fn flush_answers(&self, py: Python<'_>) -> PyResult<()> {
        if self.answering.load(Relaxed) { self.send_answers(py) } else { Ok(()) }
    }

    #[inline(never)]
    fn send_answers(&self, py: Python<'_>) -> PyResult<()> {
        self.answering.store(false, Relaxed);
        send_each(&self.answers, |sender| sender.send_answer(py))
    }
}
