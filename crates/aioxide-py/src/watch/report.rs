//! One report: what blocks a loop, from the moment that it is noticed until the loop is free.

use std::collections::HashMap;

use aioxide_core::{Look, Nanos};

use super::activity::{Activity, Kind};
use super::frames::{Frame, RawFrame, Walk};
use super::history::Verdict;
use super::interpreter::Interpreter;
use super::labels::label_of;
use super::memory::Memory;
use super::processor::{Mark, Wait};
use super::sample::Sample;
use super::slot::Slot;
use super::source::Sources;
use super::tasks::{Delayed, Task};
use super::{frames, hints};

/// So many frames of a stack are told of.
const TOLD: usize = 12;

/// What takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// One step, or the wait for the GIL before one.
    Step,
    /// A turn, of which no step does: how many steps it has, and how many have begun.
    Turn { steps: usize, begun: usize },
}

/// A frame with the text of its line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) frame: Frame,
    pub(super) source: Option<String>,
}

/// The thread that has the GIL.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) tid: i32,
    pub(super) stack: Vec<Line>,
}

/// How often samples found the thread at the same place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) frame: Option<Frame>,
    pub(super) kind: Kind,
    pub(super) count: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) work: Work,
    pub(super) verdict: Verdict,
    pub(super) id: u64,
    /// Nanoseconds since 1970, when the work was noticed.
    pub(super) wall: Nanos,
    /// On the monotonic clock: when it was noticed, and when it began.
    pub(super) at: Nanos,
    pub(super) began: Nanos,
    /// When the watching thread saw that it had ended; it may have ended before.
    pub(super) seen_ended: Option<Nanos>,
    pub(super) activity: Activity,
    /// Its thread when it was seen at the work first, and how long that has waited for a processor since.
    pub(super) mark: Option<Mark>,
    pub(super) wait: Option<Wait>,
    /// The thread stood still at one instruction.
    pub(super) still: bool,
    /// A debugger has stopped the program.
    pub(super) debugged: bool,
    /// The loop's thread has the GIL.
    pub(super) has_gil: bool,
    /// The innermost frames, down to the loop.
    pub(super) stack: Vec<Line>,
    pub(super) cut: bool,
    pub(super) holder: Option<Holder>,
    /// The program's innermost line, where its own files can be told from those of others.
    pub(super) site: Line,
    /// What tells one cause from another: the innermost line outside of the standard library, none where
    /// no line is to blame.
    pub(super) cause: Frame,
    pub(super) task: Option<Task>,
    pub(super) label: Option<String>,
    pub(super) delayed: Delayed,
    pub(super) hint: Option<String>,
    pub(super) places: Vec<Place>,
    pub(super) samples: usize,
}

/// What a report is made of that is not in the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) look: Look,
    pub(super) turn: bool,
    pub(super) wall: Nanos,
    pub(super) at: Nanos,
    pub(super) began: Nanos,
    pub(super) mark: Option<Mark>,
}

/// Makes frames readable, each code object once.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    memory: &'a Memory,
    interpreter: &'a Interpreter,
    sources: Sources,
    frames: HashMap<RawFrame, Option<Frame>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(memory: &'a Memory, interpreter: &'a Interpreter) -> Self {
        Self { memory, interpreter, sources: Sources::default(), frames: HashMap::new() }
    }

    fn frame(&mut self, raw: RawFrame) -> Option<Frame> {
        let Self { memory, interpreter, frames, .. } = self;
        let layout = interpreter.layout.as_ref().ok()?;
        frames.entry(raw).or_insert_with(|| frames::resolve(memory, layout, raw)).clone()
    }

    fn line(&mut self, frame: Frame) -> Line {
        let source = self.sources.line(&frame.file, frame.line);
        Line { frame, source }
    }

    fn stack(&mut self, walk: &Walk) -> Vec<Line> {
        let frames: Vec<Frame> = walk.frames.iter().filter_map(|raw| self.frame(*raw)).collect();
        frames.into_iter().filter(|frame| !frame.is_stub()).map(|frame| self.line(frame)).collect()
    }

    /// Where `sample` found the thread.
    pub(super) fn place(&mut self, sample: &Sample) -> (Option<Frame>, Kind) {
        let walk = sample.holder.as_ref().unwrap_or(&sample.walk);
        let frame = match &sample.told {
            Some(frames) => frames.first().cloned(),
            None => walk.frames.first().and_then(|raw| self.frame(*raw)),
        };
        (frame, sample.activity.kind)
    }

    /// The innermost line outside of the standard library, and the innermost of the program's own;
    /// the next best where there is none.
    fn sites<'b>(&self, stack: &'b [Line]) -> Option<(&'b Line, &'b Line)> {
        let interpreter = self.interpreter;
        let outside = |line: &&Line| !interpreter.is_library(&line.frame.file);
        let own = |line: &&Line| outside(line) && !Interpreter::is_package(&line.frame.file);
        let cause = stack.iter().find(outside).or_else(|| stack.first())?;
        Some((cause, stack.iter().find(own).unwrap_or(cause)))
    }
}

impl Report {
    pub(super) fn new(
        reader: &mut Reader<'_>,
        slot: &Slot,
        sample: &Sample,
        about: Circumstances,
        wait: Option<Wait>,
        id: u64,
    ) -> Self {
        let mut stack = match &sample.told {
            Some(frames) => frames.iter().map(|frame| reader.line(frame.clone())).collect(),
            None => reader.stack(&sample.walk),
        };
        while stack.last().is_some_and(|line| reader.interpreter.is_loops(&line.frame.file)) {
            stack.pop();
        }
        let holder = sample.holder.as_ref().and_then(|walk| {
            let layout = reader.interpreter.layout.as_ref().ok()?;
            let place = sample.activity.holder + layout.thread.native_id;
            let tid = reader.memory.array::<4>(place).map(i32::from_ne_bytes)?;
            let mut stack = reader.stack(walk);
            stack.truncate(TOLD);
            Some(Holder { tid, stack })
        });
        let culprit = holder.as_ref().map_or(&stack, |holder| &holder.stack);
        let (cause, site) = match reader.sites(culprit) {
            Some((cause, site)) => (cause.frame.clone(), site.clone()),
            None => (unknown_line().frame, unknown_line()),
        };
        let blameless = sample.activity.kind == Kind::Processor;
        let cause = if blameless { unknown_line().frame } else { cause };
        let debugged = stack.iter().any(|line| line.frame.is_debuggers());
        let cut = sample.walk.cut || stack.len() > TOLD;
        stack.truncate(TOLD);
        let look = about.look;
        let begun = look.epoch.saturating_sub(look.turn_epoch) as usize;
        let work = if about.turn { Work::Turn { steps: look.ready, begun } } else { Work::Step };
        let memory = reader.memory;
        // What the turn is about has its names in the samples.
        let task = if about.turn { None } else { reader.interpreter.task_of(memory, look.current) };
        let (frame, kind) = reader.place(sample);
        let mut report = Self {
            work,
            verdict: Verdict::nothing(),
            id,
            wall: about.wall,
            at: about.at,
            began: about.began,
            seen_ended: None,
            activity: sample.activity.clone(),
            mark: about.mark,
            wait,
            still: sample.still,
            debugged,
            has_gil: sample.activity.holder == slot.thread,
            cut,
            holder,
            site,
            cause,
            label: task.as_ref().and_then(|task| label_of(task.address)),
            task,
            delayed: reader.interpreter.delayed(memory, look.queue, begun, slot.item_size),
            hint: None,
            places: vec![Place { frame, kind, count: 1 }],
            samples: 1,
            stack,
        };
        report.hint = hints::hint(&report);
        report
    }

    /// Counts another sample.
    pub(super) fn add(&mut self, (frame, kind): (Option<Frame>, Kind)) {
        self.samples += 1;
        match self.places.iter_mut().find(|place| place.frame == frame && place.kind == kind) {
            Some(place) => place.count += 1,
            None => self.places.push(Place { frame, kind, count: 1 }),
        }
        self.places.sort_by_key(|place| std::cmp::Reverse(place.count));
    }

    /// Counts what the thread, `tid`, has waited for a processor until `now`.
    pub(super) fn wait_until(&mut self, tid: i32, now: Nanos) {
        self.wait = self.mark.and_then(|mark| mark.wait(tid, now)).or(self.wait);
    }

    /// For how much of work of such a length its thread has waited for a processor, by what is known.
    pub(super) fn waited(&self, length: Nanos) -> Option<Nanos> {
        self.wait.and_then(|wait| wait.of_all(length))
    }

    /// Since when the work goes on at `now`.
    pub(super) fn length(&self, now: Nanos) -> Nanos {
        self.seen_ended.map_or(now, |seen| seen.min(now)) - self.began
    }
}

fn unknown_line() -> Line {
    Line { frame: Frame::unknown(), source: None }
}
