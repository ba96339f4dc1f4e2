//! The thread that watches the loops of a process.
//!
//! ```text
//!             a loop begins to run, or wakes from its poll
//!   (none) ──────────────────► looking ◄───────────────► dozing
//!      ▲                          │      all are idle      │
//!      └──────────────────────────┴────────────────────────┘ before a fork
//! ```
//!
//! It holds no reference to anything of Python's and never takes the GIL (but see `told.rs`). A child
//! made by `os.fork()` has none until a loop of its own runs.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use aioxide_core::{Alarm, Clock, Look, Nanos, Sight};

use super::history::{History, Length};
use super::interpreter::{Interpreter, known};
use super::memory::Memory;
use super::output::Style;
use super::processor::Mark;
use super::report::{Circumstances, Reader, Report};
use super::sample::Sample;
use super::signals::spawn_without_signals;
use super::slot::Slot;
use super::view::{Sampling, View, is_same_turn};
use super::{files, json, output, text, told};

/// As the kernel names it.
const NAME: &str = "aioxide-watch";
const STACK: usize = 512 * 1024;
/// How far apart samples of a blocked loop are, and how many there are at most.
const APART: Nanos = 10_000_000;
const SAMPLES: usize = 64;
/// How often a report is tried.
const ATTEMPTS: usize = 5;

/// What loops and the thread share.
struct Watch {
    alarm: Alarm,
    clock: Clock,
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    slots: Vec<Arc<Slot>>,
    thread: Option<Watching>,
}

struct Watching {
    handle: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// That of this process: a child forgets its parent's, whose locks nobody would open.
static WATCH: AtomicPtr<Watch> = AtomicPtr::new(std::ptr::null_mut());
/// Numbers for reports.
static REPORTS: AtomicU64 = AtomicU64::new(0);

impl Watch {
    fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            alarm: Alarm::new(true),
            clock: Clock::new(),
            registry: Mutex::default(),
        }))
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread, or starts it.
    #[cold]
    fn wake(&'static self) {
        let mut registry = self.registry();
        if registry.slots.is_empty() {
            self.alarm.doze();
        } else if let Some(watching) = &registry.thread {
            watching.handle.thread().unpark();
        } else {
            registry.thread = self.start();
        }
    }

    fn start(&'static self) -> Option<Watching> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        // Where the interpreter is asked for stacks, the thread runs code of Python's.
        let apart = known().is_some_and(|known| known.layout.is_ok()) && files::can_be_fetched();
        let builder = Builder::new().name(NAME.to_owned()).stack_size(STACK);
        // A process that is out of threads has other worries: its loops go unwatched.
        let run = move || {
            if apart {
                files::leave();
            }
            watch_loops(self, &told);
        };
        let handle = spawn_without_signals(builder, run).ok()?;
        Some(Watching { handle, stop })
    }
}

fn watch() -> &'static Watch {
    let watch = WATCH.load(Ordering::Acquire);
    if !watch.is_null() {
        // SAFETY: What is stored there was leaked.
        return unsafe { &*watch };
    }
    let new: *const Watch = Watch::new();
    let _ = WATCH.compare_exchange(
        std::ptr::null_mut(),
        new.cast_mut(),
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    // SAFETY: As above; of two threads that come here one's is kept.
    unsafe { &*WATCH.load(Ordering::Acquire) }
}

/// A loop begins to run.
pub(super) fn begin(slot: Arc<Slot>) {
    let watch = watch();
    watch.registry().slots.push(slot);
    let _ = watch.alarm.rings();
    watch.wake();
}

/// A loop's run has ended.
pub(super) fn end(slot: &Arc<Slot>) {
    watch().registry().slots.retain(|other| !Arc::ptr_eq(slot, other));
}

/// A loop that is watched is back from its poll.
#[inline]
pub(super) fn ring() {
    let watch = watch();
    if watch.alarm.rings() {
        watch.wake();
    }
}

/// The monotonic time, and the time of `ticks` on it.
pub(super) fn time_of(ticks: u64) -> (Nanos, Nanos) {
    let clock = &watch().clock;
    let now = clock.now();
    let age = clock.nanos_since(ticks, clock.ticks()).unwrap_or(0);
    (now, now - age)
}

/// Ends the thread, before a fork.
pub(super) fn stop() {
    let watch = watch();
    let watching = watch.registry().thread.take();
    if let Some(watching) = watching {
        watching.stop.store(true, Ordering::Release);
        watching.handle.thread().unpark();
        let _ = watching.handle.join();
        watch.alarm.doze();
    }
}

/// Starts it again in the parent, if loops run.
pub(super) fn go_on() {
    let watch = watch();
    if watch.alarm.rings() {
        watch.wake();
    }
}

/// In the child: no loop is watched, and nothing of the parent's is touched.
pub(super) fn forget() {
    let new: *const Watch = Watch::new();
    WATCH.store(new.cast_mut(), Ordering::Release);
}

/// What has come of a report.
enum Reported {
    Yes,
    /// The work had ended before.
    Over,
    /// The stack was another one at each look.
    Unreadable,
}

struct Thread {
    watch: &'static Watch,
    memory: Memory,
    history: History,
}

fn watch_loops(watch: &'static Watch, stop: &AtomicBool) {
    let mut thread = Thread { watch, memory: Memory::new(), history: History::default() };
    let mut loops: Vec<View> = Vec::new();
    while !stop.load(Ordering::Acquire) {
        sync(&mut loops, &watch.registry().slots);
        let next = loops.iter_mut().filter_map(|view| thread.look(view)).min();
        match next {
            Some(at) => {
                let wait = (at - watch.clock.now()).max(0) as u64;
                thread::park_timeout(Duration::from_nanos(wait));
            }
            None => doze(watch, &loops, stop),
        }
    }
}

/// Waits until a loop wakes. What has changed since the last look is looked at first.
fn doze(watch: &Watch, loops: &[View], stop: &AtomicBool) {
    watch.alarm.doze();
    let registry = watch.registry();
    let same = registry.slots.len() == loops.len()
        && registry.slots.iter().zip(loops).all(|(slot, own)| Arc::ptr_eq(slot, &own.slot));
    drop(registry);
    if same && !loops.iter().any(|view| view.slot.counters.state().is_busy()) {
        while watch.alarm.is_dozing() && !stop.load(Ordering::Acquire) {
            thread::park();
        }
    }
    watch.alarm.rise();
}

/// Makes `loops` those that run.
fn sync(loops: &mut Vec<View>, slots: &[Arc<Slot>]) {
    loops.retain(|view| slots.iter().any(|slot| Arc::ptr_eq(slot, &view.slot)));
    for (index, slot) in slots.iter().enumerate() {
        if !loops.get(index).is_some_and(|view| Arc::ptr_eq(slot, &view.slot)) {
            loops.insert(index, View::new(slot.clone()));
        }
    }
}

impl Thread {
    /// Looks at a loop, and says when to look again; `None` when it is idle.
    fn look(&mut self, view: &mut View) -> Option<Nanos> {
        let clock = &self.watch.clock;
        let (now, ticks) = (clock.now(), clock.ticks());
        let Some(look) = view.slot.counters.look() else {
            return Some(now + view.slot.limit);
        };
        view.see(&look, now);
        let slot = &view.slot;
        if let Some(sampling) = &mut view.sampling {
            let first = &sampling.about.look;
            let goes_on = look.state.is_busy()
                && if sampling.about.turn {
                    is_same_turn(first, &look)
                } else {
                    first.is_same_work(&look)
                };
            if !goes_on {
                if let Some(report) = &mut *slot.open() {
                    report.seen_ended.get_or_insert(now);
                }
                view.sampling = None;
            } else if sampling.left > 0 {
                if now >= sampling.next {
                    sampling.left -= 1;
                    sampling.next = now + APART;
                    let mark = Mark::of(slot.tid, now);
                    sample(&self.memory, slot, sampling.mark.zip(mark));
                    sampling.mark = mark;
                }
                return Some(sampling.next);
            }
        }
        // What began after `ticks` were read has no age.
        let age = |then: u64| clock.nanos_since(then, ticks).unwrap_or(0);
        let (turn, began) = match view.gaze.judge(&look, now, slot.limit, age) {
            Sight::Idle => return None,
            Sight::Later(at) => return Some(at),
            Sight::Step { began } => (false, began),
            Sight::Turn { began } => (true, began),
        };
        let mark = view.mark(turn, began, now);
        let about = Circumstances { look, turn, wall: clock.wall(), at: now, began, mark };
        for _ in 0..ATTEMPTS {
            match self.report(slot, about) {
                Reported::Yes => {
                    let now = clock.now();
                    let (next, mark) = (now + APART, Mark::of(slot.tid, now));
                    view.sampling = Some(Sampling { about, left: SAMPLES - 1, next, mark });
                    return Some(next);
                }
                Reported::Over => break,
                Reported::Unreadable => {}
            }
        }
        Some(now)
    }

    /// Reports what blocks the loop.
    fn report(&mut self, slot: &Slot, about: Circumstances) -> Reported {
        let Some(interpreter) = known() else { return Reported::Over };
        let Some(mut sample) = take_first(&self.memory, interpreter, slot) else {
            return Reported::Unreadable;
        };
        if sample.is_poll() {
            // The step has ended since, and the kernel lets the loop wait where it only looks.
            return Reported::Over;
        }
        let now = self.watch.clock.now();
        let wait = about.mark.and_then(|mark| mark.wait(slot.tid, now));
        sample.note(wait, now - about.began);
        let mut reader = Reader::new(&self.memory, interpreter);
        let id = REPORTS.fetch_add(1, Ordering::Relaxed) + 1;
        let mut report = Report::new(&mut reader, slot, &sample, about, wait, id);
        if report.debugged {
            // Whoever has stopped it knows.
            return Reported::Over;
        }
        // The report of work that the loop has yet to hear of stays.
        let mut open = slot.open();
        // A loop that waits has begun no other step, but its last one has ended.
        let goes_on = |look: Look| {
            let same = if about.turn {
                look.turn == about.look.turn
            } else {
                look.is_same_work(&about.look)
            };
            look.state.is_busy() && same
        };
        if open.is_some() || !slot.counters.look().is_some_and(goes_on) {
            return Reported::Over;
        }
        report.verdict = self.history.judge(&report.cause, report.activity.kind, about.at);
        if let Some(style) = slot.style
            && report.verdict.length != Length::Nothing
        {
            match style {
                Style::Text => output::write_text(&text::blocked(&report, slot)),
                Style::Json => output::write(&json::to_line(json::blocked(&report, slot))),
            }
        }
        *open = Some(report);
        slot.counters.notice();
        Reported::Yes
    }
}

fn take_first(memory: &Memory, interpreter: &Interpreter, slot: &Slot) -> Option<Sample> {
    if interpreter.layout.is_ok() {
        Sample::take_first(memory, interpreter, slot)
    } else {
        told::sample(memory, slot)
    }
}

/// Adds a sample to the open report, of the time between two marks.
fn sample(memory: &Memory, slot: &Slot, marks: Option<(Mark, Mark)>) {
    let Some(interpreter) = known() else { return };
    let sample = match &interpreter.layout {
        Ok(_) => Sample::take(memory, interpreter, slot),
        Err(_) => told::sample(memory, slot),
    };
    let Some(mut sample) = sample else { return };
    sample.note(marks.map(|(last, now)| last.until(now)), 0);
    let mut reader = Reader::new(memory, interpreter);
    let place = reader.place(&sample);
    if let Some(report) = &mut *slot.open() {
        report.add(place);
    }
}
