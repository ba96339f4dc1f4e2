//! What Python asks of a loop's tasks.

use std::sync::atomic::Ordering::Relaxed;

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::frames::{self, Sites};
use crate::event_loop::{Loop, Source};
use crate::ffi::Ref;

#[pymethods]
impl Loop {
    /// What is to be known of tasks: where they were spawned, which exceptions nobody asks for, who
    /// cancels.
    fn _look_after_tasks(&self, py: Python<'_>, sites: bool, lost: bool, notes: bool) {
        frames::prepare(py);
        self.tasks.keeps_sites.store(sites, Relaxed);
        self.tasks.finds_lost.store(lost, Relaxed);
        self.tasks.adds_notes.store(notes, Relaxed);
    }

    /// How many tasks the loop holds.
    #[getter]
    fn _held_tasks(&self) -> usize {
        self.tasks.book.with(|book| book.len())
    }

    /// Whether spawn sites are read out of the interpreter's frames, or asked of it.
    #[getter]
    fn _reads_frames(&self, py: Python<'_>) -> bool {
        frames::are_read(py)
    }

    /// Where the task was spawned: (code object, instruction) from the innermost frame outwards.
    fn _spawn_site<'py>(
        &self,
        py: Python<'py>,
        task: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let address = task.as_ptr() as usize;
        let sites: Sites =
            self.tasks.book.with(|book| book.sites(address).cloned()).unwrap_or_default();
        let pairs = sites.into_iter().flatten();
        let pairs: Vec<_> =
            pairs.map(|site| (site.code.into_bound(py), site.instruction)).collect();
        PyList::new(py, pairs)
    }

    /// The transports that read or write, and the sockets that accept.
    fn _open_transports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let open: Vec<Ref> = self.scheduler.with(|scheduler| {
            let sources = scheduler.reactor.iter().filter_map(|(_, source)| match source {
                Source::Stream(transport) => Some(transport.clone().into_any()),
                Source::Datagram(transport) => Some(transport.clone().into_any()),
                Source::Listener(listener) => Some(listener.clone().into_any()),
                Source::Watcher(_) | Source::Dial(_) => None,
            });
            sources.collect()
        });
        PyList::new(py, open.into_iter().map(|transport| transport.into_bound(py)))
    }

    /// A task that has failed is to be looked at again when `since` is long enough ago.
    fn _lost_since(&self, task: &Bound<'_, PyAny>, since: f64) {
        let address = task.as_ptr() as usize;
        self.tasks.book.with(|book| {
            if let Some(failed) = book.failed.get_mut(&address) {
                failed.since = Some(since);
            }
        });
    }

    /// The weak references to failed tasks that are watched since `until` or longer, which are
    /// watched no more; and since when the next one is, or None.
    fn _take_lost<'py>(
        &self,
        py: Python<'py>,
        until: f64,
    ) -> PyResult<(Bound<'py, PyList>, Option<f64>)> {
        let mut next: Option<f64> = None;
        let mut due: Vec<(f64, Ref)> = self.tasks.book.with(|book| {
            let watched = book.failed.values_mut().filter(|failed| failed.is_watched);
            let mut due = Vec::new();
            for failed in watched {
                let since = failed.since.unwrap_or(until);
                if since <= until {
                    failed.is_watched = false;
                    due.push((since, failed.weak.clone()));
                } else {
                    next = Some(next.map_or(since, |next| next.min(since)));
                }
            }
            due
        });
        due.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let due = PyList::new(py, due.into_iter().map(|(_, weak)| weak.into_bound(py)))?;
        let dead = self.tasks.book.with(|book| book.take_dead(py));
        drop(dead);
        Ok((due, next))
    }
}
