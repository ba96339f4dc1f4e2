//! The Python stack of another thread, read without the GIL.
//!
//! The thread may run meanwhile, so a walk can meet frames that are gone: every pointer is checked
//! before it is followed further, every code object by its type, the depth is limited, and a walk at
//! whose end the thread is in another frame than at its start is made again.

use pyo3::ffi;

use super::layout::Layout;
use super::lines::line_of;
use super::memory::{Memory, word_in};
use super::objects;
use crate::offsets::{INTERPRETERS_OWN, TAGS};

/// So many innermost frames are read at most.
pub(crate) const DEEPEST: usize = 64;
/// So often a walk is tried.
const ATTEMPTS: usize = 6;
/// As much of a frame as is read, and of a code object; all fields that are used lie within.
const FRAME: usize = 80;
const CODE: usize = 144;

/// One frame as it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawFrame {
    pub(crate) code: usize,
    pub(crate) instruction: usize,
}

/// The frames of a thread, the innermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    pub(crate) frames: Vec<RawFrame>,
    /// There are more than were read.
    pub(crate) cut: bool,
    /// How many attempts were torn before: they met a pointer that led nowhere, or found the thread
    /// in another frame at their end.
    pub(crate) torn: usize,
}

const UNKNOWN: &str = "<unknown>";

/// One frame for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Frame {
    pub(crate) file: String,
    /// 0 when it is not known.
    pub(crate) line: i32,
    pub(crate) function: String,
}

impl Frame {
    /// Where no line of Python is known.
    pub(crate) fn unknown() -> Self {
        Self { file: UNKNOWN.to_owned(), line: 0, function: UNKNOWN.to_owned() }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.file == UNKNOWN && self.line == 0
    }

    /// It is of a debugger: pdb, or pydevd, which editors and debugpy use.
    pub(crate) fn is_debuggers(&self) -> bool {
        let file = &self.file;
        file.ends_with("/pdb.py") || file.ends_with("/bdb.py") || file.contains("/_pydevd_bundle/")
    }

    /// CPython puts a frame between a caller and the `__init__` that it has called often. Nobody
    /// has written that one, and `sys._getframe()` does not show it.
    pub(crate) fn is_stub(&self) -> bool {
        self.file == "__init__" && self.line == 0
    }
}

/// Walks the stack of the thread state at `thread`, down to the frame at `base`, which is left out;
/// 0 for all of it. `None` when no attempt held.
pub(crate) fn walk(memory: &Memory, layout: &Layout, thread: usize, base: usize) -> Option<Walk> {
    let mut usable = None;
    for torn in 0..ATTEMPTS {
        let Some(first) = current_frame(memory, layout, thread) else { continue };
        let Some((frames, cut)) = walk_from(memory, layout, first, base) else { continue };
        let whole = current_frame(memory, layout, thread) == Some(first);
        usable = Some(Walk { frames, cut, torn });
        if whole {
            break;
        }
    }
    usable
}

/// The address of the innermost frame; 0 when the thread runs no Python code.
pub(crate) fn current_frame(memory: &Memory, layout: &Layout, thread: usize) -> Option<usize> {
    let frame = memory.word(thread.checked_add(layout.thread.current_frame)?)?;
    match layout.thread.indirect {
        None => Some(frame),
        Some(offset) => memory.word(frame.checked_add(offset)?),
    }
}

fn walk_from(
    memory: &Memory,
    layout: &Layout,
    first: usize,
    base: usize,
) -> Option<(Vec<RawFrame>, bool)> {
    let mut frames = Vec::new();
    let mut address = first;
    // The interpreter's own frames count as well, so that a cycle ends.
    for _ in 0..4 * DEEPEST {
        if address == 0 || address == base {
            return Some((frames, false));
        }
        if frames.len() == DEEPEST {
            return Some((frames, true));
        }
        let frame = memory.array::<FRAME>(address)?;
        let previous = word_in(&frame, layout.frame.previous)?;
        if !cfg!(Py_3_12) || *frame.get(layout.frame.owner)? < INTERPRETERS_OWN {
            let code = word_in(&frame, layout.frame.code)? & !TAGS;
            if objects::type_of(memory, code)? != (&raw const ffi::PyCode_Type).addr() {
                return None;
            }
            frames.push(RawFrame { code, instruction: word_in(&frame, layout.frame.instruction)? });
        }
        address = previous;
    }
    None
}

/// What `frame` is for people; `None` when its code object cannot be read (any more).
pub(crate) fn resolve(memory: &Memory, layout: &Layout, frame: RawFrame) -> Option<Frame> {
    let code = memory.array::<CODE>(frame.code)?;
    if word_in(&code, objects::TYPE)? != (&raw const ffi::PyCode_Type).addr() {
        return None;
    }
    let first_line = word_in(&code, layout.code.first_line)? as u32 as i32;
    let lines = objects::bytes(memory, word_in(&code, layout.code.lines)?)?;
    let start = frame.code + layout.code.instructions;
    // A frame that has not begun points before its first instruction.
    let unit = frame.instruction.saturating_sub(start) / 2;
    Some(Frame {
        file: objects::text(memory, word_in(&code, layout.code.file)?)?,
        line: line_of(&lines, first_line, unit).unwrap_or(0),
        function: objects::text(memory, word_in(&code, layout.code.name)?)?,
    })
}
