//! Which task a handle runs, read from memory.
//!
//! `_asyncio` does not say how its objects are built. Which callbacks run which task is what every
//! loop has found out for itself (`tasks/layout.rs`); for its name and its coroutine, one task is made
//! for a loop that is none, and looked through. The task never runs.

use std::mem::offset_of;

use pyo3::ffi;
use pyo3::prelude::*;

use super::interpreter::{Interpreter, type_address};
use super::memory::{Memory, word_in};
use super::objects;
use super::python;
use crate::handle::CALLBACK;
use crate::tasks::{self, Steps};

/// Longer objects are not looked through.
const LARGEST: usize = 512;
/// So many bases of a class are followed.
const BASES: usize = 16;
/// So many of the callbacks that wait are looked at.
const MOST: usize = 256;
/// So many names are given.
const NAMED: usize = 5;

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskLayout {
    steps: Steps,
    coroutine: usize,
    name: usize,
    coroutine_type: usize,
    coroutine_name: usize,
}

/// A task for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) address: usize,
    pub(super) name: String,
    /// The function that its coroutine is of.
    pub(super) coroutine: Option<String>,
}

/// What waits for its turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Delayed {
    pub(super) count: usize,
    /// The names of the first tasks among them.
    pub(super) tasks: Vec<String>,
}

impl TaskLayout {
    /// Looks through a task that is made for it; `None` when something is not where it could be.
    pub(super) fn find_out(py: Python<'_>) -> PyResult<Option<Self>> {
        tasks::Layout::find(py)?;
        let Some(known) = tasks::Layout::known(py) else { return Ok(None) };
        let parts = python(py, "task_in_parts", ())?;
        let [task, coroutine, name, coroutine_name]: [Bound<'_, PyAny>; 4] = parts.extract()?;
        let memory = Memory::new();
        let find = |object: &Bound<'_, PyAny>, part: &Bound<'_, PyAny>| {
            find(&memory, object, part.as_ptr().addr())
        };
        let places =
            (find(&task, &coroutine), find(&task, &name), find(&coroutine, &coroutine_name));
        let (Some(in_task), Some(name), Some(coroutine_name)) = places else { return Ok(None) };
        Ok(Some(Self {
            steps: known.steps(),
            coroutine: in_task,
            name,
            coroutine_type: type_address(&coroutine),
            coroutine_name,
        }))
    }

    /// The task that `callback` goes on with.
    fn of_callback(&self, memory: &Memory, callback: usize) -> Option<Task> {
        let class = objects::type_of(memory, callback)?;
        let task = if class == self.steps.step {
            callback + self.steps.stepped
        } else if class == (&raw const ffi::PyCFunction_Type).addr() {
            // What a future calls when it is done: a function of C that is bound to the task.
            callback + offset_of!(ffi::PyCFunctionObject, m_self)
        } else {
            return None;
        };
        self.task(memory, memory.word(task)?)
    }

    fn task(&self, memory: &Memory, address: usize) -> Option<Task> {
        let mut class = objects::type_of(memory, address)?;
        for _ in 0..BASES {
            if class == self.steps.task {
                return Some(Task {
                    address,
                    name: self.name(memory, memory.word(address + self.name)?)?,
                    coroutine: self.coroutine_name(memory, memory.word(address + self.coroutine)?),
                });
            }
            class = memory.word(class.checked_add(offset_of!(ffi::PyTypeObject, tp_base))?)?;
        }
        None
    }

    /// A name that nobody has asked for yet is only its number.
    fn name(&self, memory: &Memory, address: usize) -> Option<String> {
        objects::text(memory, address)
            .or_else(|| objects::small_int(memory, address).map(|number| format!("Task-{number}")))
    }

    fn coroutine_name(&self, memory: &Memory, address: usize) -> Option<String> {
        (objects::type_of(memory, address)? == self.coroutine_type)
            .then(|| objects::text(memory, memory.word(address + self.coroutine_name)?))?
    }
}

/// Where in `object` the pointer `part` is, behind its head.
fn find(memory: &Memory, object: &Bound<'_, PyAny>, part: usize) -> Option<usize> {
    let size = object.get_type().getattr("__basicsize__").ok()?.extract::<usize>().ok()?;
    let size = size.min(LARGEST);
    let bytes = memory.bytes(object.as_ptr().addr(), size)?;
    let word = size_of::<usize>();
    (size_of::<ffi::PyObject>()..size).step_by(word).find(|at| word_in(&bytes, *at) == Some(part))
}

impl Interpreter {
    /// The task that the handle at `handle` runs.
    pub(super) fn task_of(&self, memory: &Memory, handle: usize) -> Option<Task> {
        let class = objects::type_of(memory, handle)?;
        if !self.handles.contains(&class) {
            return None;
        }
        self.tasks?.of_callback(memory, memory.word(handle + CALLBACK)?)
    }

    /// The tasks among what waits in `queue`, whose first `done` items have run: the items are
    /// `size` bytes long, and one of a handle contains its address.
    pub(super) fn delayed(
        &self,
        memory: &Memory,
        queue: [(usize, usize); 2],
        done: usize,
        size: usize,
    ) -> Delayed {
        let places = queue.iter().flat_map(|(start, length)| {
            (0..*length).map(move |index| start.wrapping_add(index * size))
        });
        let total = queue.iter().map(|(_, length)| length).sum::<usize>();
        let mut delayed = Delayed { count: total.saturating_sub(done), tasks: Vec::new() };
        for place in places.skip(done).take(MOST) {
            let Some(item) = memory.bytes(place, size) else { continue };
            let words = (0..size).step_by(size_of::<usize>()).filter_map(|at| word_in(&item, at));
            let task =
                words.filter(|word| word % 8 == 0).find_map(|word| self.task_of(memory, word));
            delayed.tasks.extend(task.map(|task| task.name));
            if delayed.tasks.len() == NAMED {
                break;
            }
        }
        delayed
    }
}
