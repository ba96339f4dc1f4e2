//! What is found out about the interpreter once, while its lock is held: where things are, and
//! whether that is true.

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;

use super::activity;
use super::frames::{self, Frame};
use super::layout::Layout;
use super::memory::Memory;
use super::tasks::TaskLayout;
use crate::handle;

/// Says `gil` when stacks are to be read with the interpreter's help only.
const SWITCH: &str = "AIOXIDE_FRAMES";
/// Where packages are.
pub(super) const FOLDERS: [&str; 2] = ["/site-packages/", "/dist-packages/"];

#[derive(Debug)]
pub(super) struct Interpreter {
    /// How to read its memory, or why that is not done.
    pub(super) layout: Result<Layout, &'static str>,
    pub(super) tasks: Option<TaskLayout>,
    /// Which instructions end a round of a loop in Python code, by their numbers.
    rounds: [bool; 256],
    /// The addresses of the two types of handles.
    pub(super) handles: [usize; 2],
    /// The folder of the standard library.
    pub(super) library: String,
    /// The folder of this package.
    own: String,
}

static INTERPRETER: OnceLock<Interpreter> = OnceLock::new();

/// What is known of the interpreter; found out at the first call.
///
/// # Errors
/// Of a program that has broken what is asked.
pub(super) fn interpreter(py: Python<'_>) -> PyResult<&'static Interpreter> {
    if let Some(interpreter) = INTERPRETER.get() {
        return Ok(interpreter);
    }
    let found = Interpreter::find_out(py)?;
    Ok(INTERPRETER.get_or_init(|| found))
}

/// What was found out, from any thread.
pub(super) fn known() -> Option<&'static Interpreter> {
    INTERPRETER.get()
}

impl Interpreter {
    fn find_out(py: Python<'_>) -> PyResult<Self> {
        let environment = py.import("os")?.getattr("environ")?;
        let asked = environment.call_method1("get", (SWITCH,))?.eq("gil")?;
        let layout =
            if asked { Err("AIOXIDE_FRAMES=gil says so") } else { Layout::of_interpreter() };
        let layout = match layout {
            Ok(layout) => test(py, layout)?,
            refused => refused,
        };
        let types = handle::types(py)?.named(py);
        let folder_of = |module: &str| -> PyResult<String> {
            let file: String = py.import(module)?.getattr("__file__")?.extract()?;
            Ok(file.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()))
        };
        Ok(Self {
            tasks: if layout.is_ok() { TaskLayout::find_out(py)? } else { None },
            layout,
            rounds: rounds(py)?,
            handles: types.map(|(_, class)| class.as_ptr().addr()),
            library: folder_of("os")?,
            own: folder_of("aioxide")?,
        })
    }

    /// Whether code of this file is the standard library's, or the loop's.
    pub(super) fn is_library(&self, file: &str) -> bool {
        file.starts_with("<frozen ")
            || is_below(file, &self.own)
            || is_below(file, &self.library) && !FOLDERS.iter().any(|folder| file.contains(folder))
    }

    /// Whether the instruction at this address ends a round of a loop. From 3.14 on a thread that
    /// goes round in a short loop is found at no other, though it stands at none.
    pub(super) fn ends_round(&self, memory: &Memory, instruction: usize) -> bool {
        memory.array::<1>(instruction).is_some_and(|[number]| self.rounds[usize::from(number)])
    }

    /// Whether it is that by which the loop runs a handle in debug mode.
    pub(super) fn is_loops(&self, file: &str) -> bool {
        is_below(file, &self.own) && file.ends_with("/_cold.py")
    }

    /// Whether it is an installed package's.
    pub(super) fn is_package(file: &str) -> bool {
        FOLDERS.iter().any(|folder| file.contains(folder))
    }
}

/// The instructions that jump back, and those that stand in their place: instrumented, specialised,
/// or compiled.
fn rounds(py: Python<'_>) -> PyResult<[bool; 256]> {
    let mut found = [false; 256];
    let module = py.import("opcode")?;
    for table in ["opmap", "_specialized_opmap"] {
        let Some(table) = module.getattr_opt(table)? else { continue };
        for item in table.call_method0("items")?.try_iter()? {
            let (name, number): (String, usize) = item?.extract()?;
            if let Some(round) = found.get_mut(number) {
                *round = name.contains("JUMP_BACKWARD") || name == "ENTER_EXECUTOR";
            }
        }
    }
    Ok(found)
}

fn is_below(file: &str, folder: &str) -> bool {
    !folder.is_empty() && file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Reads this thread's own stack and compares it with what the interpreter says of it.
fn test(py: Python<'_>, mut layout: Layout) -> PyResult<Result<Layout, &'static str>> {
    let memory = Memory::new();
    let thread = thread_state();
    let Some(read) = own_stack(&memory, &layout, thread) else {
        return Ok(Err(
            "this process cannot read its own memory, or the stack is not where it should be",
        ));
    };
    let told = told_stack(py)?;
    if read != told {
        return Ok(Err("the stack in memory is not the one that the interpreter tells of"));
    }
    if activity::gil_holder(&memory, &layout, thread) != Some(thread) {
        layout.gil = None;
    }
    if activity::collects(&memory, &layout, thread) != Some(false) {
        layout.collecting = None;
    }
    Ok(Ok(layout))
}

/// The stack of this thread, read from memory.
pub(super) fn own_stack(memory: &Memory, layout: &Layout, thread: usize) -> Option<Vec<Frame>> {
    let walk = frames::walk(memory, layout, thread, 0)?;
    let frames = walk.frames.iter().map(|frame| frames::resolve(memory, layout, *frame));
    frames.filter(|frame| !frame.as_ref().is_some_and(Frame::is_stub)).collect()
}

/// The stack of this thread, as the interpreter tells of it.
fn told_stack(py: Python<'_>) -> PyResult<Vec<Frame>> {
    let mut stack = Vec::new();
    let mut frame = py.import("sys")?.getattr("_getframe")?.call0()?;
    while !frame.is_none() && stack.len() < frames::DEEPEST {
        let code = frame.getattr("f_code")?;
        stack.push(Frame {
            file: code.getattr("co_filename")?.extract()?,
            line: frame.getattr("f_lineno")?.extract::<Option<i32>>()?.unwrap_or(0),
            function: code.getattr("co_qualname")?.extract()?,
        });
        frame = frame.getattr("f_back")?;
    }
    Ok(stack)
}

/// The address of this thread's state.
pub(super) fn thread_state() -> usize {
    // SAFETY: Called by threads that are attached.
    unsafe { ffi::PyThreadState_Get() }.addr()
}

/// The address of the type of a task or another object.
pub(super) fn type_address(object: &Bound<'_, PyAny>) -> usize {
    let class: *mut ffi::PyTypeObject = object.get_type_ptr();
    class.addr()
}
