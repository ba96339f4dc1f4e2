//! The stack of a thread as the interpreter tells it: the way out where its memory cannot be read.
//! Takes the GIL, so it is blind to what keeps that.

use std::sync::Once;

use pyo3::prelude::*;

use super::activity::activity;
use super::frames::{DEEPEST, Frame, Walk};
use super::interpreter::known;
use super::memory::Memory;
use super::output;
use super::sample::Sample;
use super::slot::Slot;

/// What runs a loop; its frame and those below are not of interest.
const RUNS: &str = "EventLoop.run_forever";

static SAID: Once = Once::new();

/// Says once that stacks are read in this way.
pub(super) fn say_so() {
    if let Some(Err(why)) = known().map(|known| known.layout.as_ref().map(drop)) {
        SAID.call_once(|| {
            output::write_text(&format!(
                "aioxide: stacks of a blocked event loop are read with the help of the interpreter \
                 ({why}); what holds the GIL is seen only if it lets go of it\n"
            ));
        });
    }
}

/// A sample of the thread of a loop; `None` when it has none of Python's.
pub(super) fn sample(memory: &Memory, slot: &Slot) -> Option<Sample> {
    say_so();
    let activity = activity(memory, None, slot.tid, slot.thread);
    let frames = Python::try_attach(|py| stack(py, slot.ident).ok()).flatten()?;
    Some(Sample { walk: Walk::default(), told: Some(frames), activity, holder: None, still: false })
}

fn stack(py: Python<'_>, ident: u64) -> PyResult<Vec<Frame>> {
    let frames = py.import("sys")?.getattr("_current_frames")?.call0()?;
    let mut frame = frames.get_item(ident)?;
    let mut stack = Vec::new();
    while !frame.is_none() && stack.len() < DEEPEST {
        let code = frame.getattr("f_code")?;
        let function: String = code.getattr("co_qualname")?.extract()?;
        if function == RUNS {
            break;
        }
        stack.push(Frame {
            file: code.getattr("co_filename")?.extract()?,
            line: frame.getattr("f_lineno")?.extract::<Option<i32>>()?.unwrap_or(0),
            function,
        });
        frame = frame.getattr("f_back")?;
    }
    Ok(stack)
}
