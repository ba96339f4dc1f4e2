//! Walks over the stacks of busy threads, for the soak test: does one ever crash or hang?

use std::collections::HashMap;

use aioxide_core::{Clock, Nanos};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::frames::{self, Frame};
use super::interpreter::{interpreter, thread_state};
use super::layout::Layout;
use super::memory::Memory;

/// What walks have met.
#[derive(Debug, Default)]
struct Count {
    walks: u64,
    frames: u64,
    /// Attempts that met a pointer that led nowhere, or found the thread elsewhere at their end.
    torn: u64,
    /// Walks of which no attempt held.
    lost: u64,
    /// Frames whose code object could not be read any more.
    unreadable: u64,
    longest: Nanos,
    functions: HashMap<String, u64>,
}

/// The address of this thread's state, for `_walk_threads`.
#[pyfunction]
pub(crate) fn _thread_state() -> usize {
    thread_state()
}

/// Read the stacks of the threads with these states for so many seconds, without the GIL. A dict of
/// how many walks and frames there were, how many attempts were torn, how many walks were lost, how
/// many frames were unreadable, the seconds of the longest walk, and how often each function was met.
///
/// Raises RuntimeError where stacks cannot be read.
#[pyfunction]
pub(crate) fn _walk_threads<'py>(
    py: Python<'py>,
    states: Vec<usize>,
    seconds: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let layout = interpreter(py)?.layout.as_ref().map_err(|why| PyRuntimeError::new_err(*why))?;
    let count = py.detach(|| walk_for(layout, &states, (seconds * 1e9) as Nanos));
    let told = PyDict::new(py);
    told.set_item("walks", count.walks)?;
    told.set_item("frames", count.frames)?;
    told.set_item("torn", count.torn)?;
    told.set_item("lost", count.lost)?;
    told.set_item("unreadable", count.unreadable)?;
    told.set_item("longest", count.longest as f64 / 1e9)?;
    told.set_item("functions", count.functions)?;
    Ok(told)
}

fn walk_for(layout: &Layout, states: &[usize], length: Nanos) -> Count {
    let (clock, memory) = (Clock::new(), Memory::new());
    let end = clock.now().saturating_add(length);
    let mut count = Count::default();
    while clock.now() < end && !states.is_empty() {
        for state in states {
            let began = clock.now();
            count.walks += 1;
            match frames::walk(&memory, layout, *state, 0) {
                Some(walk) => {
                    count.torn += walk.torn as u64;
                    for frame in walk.frames {
                        count.frames += 1;
                        match frames::resolve(&memory, layout, frame) {
                            Some(Frame { function, .. }) => {
                                *count.functions.entry(function).or_default() += 1;
                            }
                            None => count.unreadable += 1,
                        }
                    }
                }
                None => count.lost += 1,
            }
            count.longest = count.longest.max(clock.now() - began);
        }
    }
    count
}
