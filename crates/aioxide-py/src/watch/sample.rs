//! One look at a thread: its stack, and what it is doing.

use std::thread;
use std::time::Duration;

use super::activity::{Activity, Kind, activity};
use super::frames::{self, Frame, RawFrame, Walk};
use super::interpreter::Interpreter;
use super::memory::Memory;
use super::slot::Slot;

/// The pauses between the looks that tell a thread that stands still from one that moves. Python
/// code runs tens of thousands of instructions in one.
const PAUSES: [Duration; 3] =
    [Duration::from_micros(150), Duration::from_micros(410), Duration::from_micros(890)];

/// A sample of the thread of a loop.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) walk: Walk,
    /// The stack as the interpreter told it; the walk is then empty.
    pub(super) told: Option<Vec<Frame>>,
    pub(super) activity: Activity,
    /// The stack of the thread that has the GIL, when the loop's thread waits for it.
    pub(super) holder: Option<Walk>,
    /// Every look found it at the same instruction.
    pub(super) still: bool,
}

impl Sample {
    /// `None` when the stack cannot be read in this way.
    pub(super) fn take(memory: &Memory, interpreter: &Interpreter, slot: &Slot) -> Option<Self> {
        let layout = interpreter.layout.as_ref().ok()?;
        let activity = activity(memory, Some(layout), slot.tid, slot.thread);
        let walk = frames::walk(memory, layout, slot.thread, slot.base)?;
        let waits = activity.kind == Kind::Gil && activity.holder != 0;
        let holder = waits.then(|| frames::walk(memory, layout, activity.holder, 0)).flatten();
        Some(Self { walk, told: None, activity, holder, still: false })
    }

    /// The first of a report: takes a few looks. What most of them agree on counts.
    pub(super) fn take_first(
        memory: &Memory,
        interpreter: &Interpreter,
        slot: &Slot,
    ) -> Option<Self> {
        let mut looks = vec![Self::take(memory, interpreter, slot)?];
        for pause in PAUSES {
            thread::park_timeout(pause);
            looks.extend(Self::take(memory, interpreter, slot));
        }
        let still = looks.windows(2).all(|pair| pair[0].top() == pair[1].top());
        let kinds: Vec<Kind> = looks.iter().map(|look| look.activity.kind).collect();
        let votes = |kind: Kind| kinds.iter().filter(|other| **other == kind).count();
        // A call that was seen to wait for a disk once does so, though the kernel works meanwhile.
        let disk = still && kinds.contains(&Kind::Disk);
        let most = kinds.iter().copied().max_by_key(|kind| votes(*kind))?;
        let most = if disk { Kind::Disk } else { most };
        let chosen = looks.into_iter().rfind(|look| look.activity.kind == most)?;
        Some(Self { still, ..chosen })
    }

    /// The innermost frame.
    fn top(&self) -> Option<RawFrame> {
        self.walk.frames.first().copied()
    }
}
