//! One look at a thread: its stack, and what it is doing.

use std::thread;
use std::time::Duration;

use aioxide_core::Nanos;

use super::activity::{Activity, Kind, activity};
use super::cpu_time;
use super::frames::{self, Frame, RawFrame, Walk};
use super::interpreter::Interpreter;
use super::memory::Memory;
use super::processor::Wait;
use super::slot::Slot;

/// The pauses between the looks that tell a thread that stands still from one that moves. Python
/// code runs tens of thousands of instructions in one.
const PAUSES: [Duration; 3] =
    [Duration::from_micros(150), Duration::from_micros(410), Duration::from_micros(890)];
/// So many looks more at one that computes: code that calls the same function in each round of a loop
/// is found at that call by most looks, and not by all.
const LOOKS: u64 = 16;
/// One that computes stands still only if it has run for so long between two looks, so many times: on a
/// busy machine it may have waited for a processor, and looks in between are one. So many looks meet a
/// loop of three instructions at the same one once in 729 times.
const RUN: i64 = 30_000;
const RUNS: usize = 6;
/// It is looked at so many times more until it has.
const MORE: usize = 30;
const PAUSE: Duration = Duration::from_millis(1);

/// A sample of the thread of a loop.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) walk: Walk,
    /// The stack as the interpreter told it; the walk is then empty.
    pub(super) told: Option<Vec<Frame>>,
    pub(super) activity: Activity,
    /// The stack of the thread that has the GIL, when the loop's thread waits for it.
    pub(super) holder: Option<Walk>,
    /// Every look found it at the same instruction, though it ran if it computes; and not at the end
    /// of a round of a loop.
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
        let mut runs = Runs::of(slot.tid);
        let look = |looks: &mut Vec<Self>, runs: &mut Runs, pause| {
            thread::park_timeout(pause);
            // A stack that cannot be read now is no look.
            if let Some(sample) = Self::take(memory, interpreter, slot) {
                runs.look();
                looks.push(sample);
            }
        };
        let stood = |looks: &[Self]| looks.windows(2).all(|pair| pair[0].top() == pair[1].top());
        for pause in PAUSES {
            look(&mut looks, &mut runs, pause);
        }
        let computes = |looks: &[Self]| looks.iter().all(|look| look.activity.kind == Kind::Cpu);
        for turn in 0..LOOKS {
            if !computes(&looks) || !stood(&looks) {
                break;
            }
            // Unlike pauses meet a loop at unlike places.
            look(&mut looks, &mut runs, Duration::from_micros(60 + 37 * turn % 101));
        }
        for _ in 0..MORE {
            if !computes(&looks) || !stood(&looks) || runs.are_enough() {
                break;
            }
            look(&mut looks, &mut runs, PAUSE);
        }
        let rounds =
            looks[0].top().is_some_and(|top| interpreter.ends_round(memory, top.instruction));
        let still = stood(&looks) && !rounds;
        let kinds: Vec<Kind> = looks.iter().map(|look| look.activity.kind).collect();
        let votes = |kind: Kind| kinds.iter().filter(|other| **other == kind).count();
        // A call that was seen to wait for a disk once does so, though the kernel works meanwhile.
        let disk = still && kinds.contains(&Kind::Disk);
        let most = kinds.iter().copied().max_by_key(|kind| votes(*kind))?;
        let most = if disk { Kind::Disk } else { most };
        let chosen = looks.into_iter().rfind(|look| look.activity.kind == most)?;
        let still = still && (most != Kind::Cpu || runs.are_enough());
        Some(Self { still, ..chosen })
    }

    /// The thread looks for events of the loop, and is in no code of the program.
    pub(super) fn is_poll(&self) -> bool {
        self.told.is_none()
            && self.walk.frames.is_empty()
            && self.activity.call.is_some_and(|name| name.starts_with("epoll_"))
    }

    /// Notes how long the thread has waited for a processor, in work that has lasted for `length`.
    pub(super) fn note(&mut self, wait: Option<Wait>, length: Nanos) {
        let computes = matches!(self.activity.kind, Kind::Cpu | Kind::Gc);
        if computes && wait.is_some_and(|wait| wait.is_most(length)) {
            self.activity.kind = Kind::Processor;
        }
    }

    /// The innermost frame.
    fn top(&self) -> Option<RawFrame> {
        self.walk.frames.first().copied()
    }
}

/// In how many pauses between looks a thread has run.
#[derive(Debug)]
struct Runs {
    tid: i32,
    /// Its CPU time at the last look that counted.
    time: Option<i64>,
    count: usize,
}

impl Runs {
    fn of(tid: i32) -> Self {
        Self { tid, time: cpu_time::of(tid), count: 0 }
    }

    fn look(&mut self) {
        let Some(now) = cpu_time::of(self.tid) else { return };
        if self.time.is_some_and(|time| now - time >= RUN) {
            self.count += 1;
            self.time = Some(now);
        }
    }

    /// Also where its time cannot be had.
    fn are_enough(&self) -> bool {
        self.time.is_none() || self.count >= RUNS
    }
}
