//! `View`: what the watching thread has seen of one loop.

use std::sync::Arc;

use aioxide_core::{Gaze, Look, Nanos};

use super::processor::Mark;
use super::report::Circumstances;
use super::slot::Slot;

pub(super) struct View {
    pub(super) slot: Arc<Slot>,
    pub(super) gaze: Gaze,
    pub(super) sampling: Option<Sampling>,
    seen: Option<Seen>,
}

/// Work that was seen, and the loop's thread when that was seen at it first.
struct Seen {
    look: Look,
    step: Option<Mark>,
    turn: Option<Mark>,
    /// The thread at the step before.
    before: Option<Mark>,
}

/// Samples of work that was reported.
pub(super) struct Sampling {
    pub(super) about: Circumstances,
    pub(super) left: usize,
    pub(super) next: Nanos,
    /// The thread at the last sample.
    pub(super) mark: Option<Mark>,
}

impl View {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, gaze: Gaze::default(), sampling: None, seen: None }
    }

    /// Sees what the loop is at.
    pub(super) fn see(&mut self, look: &Look, now: Nanos) {
        let last = self.seen.take();
        if !look.state.is_busy() {
            return;
        }
        let tid = self.slot.tid;
        let last = last.as_ref();
        let step = last.filter(|seen| seen.look.is_same_work(look)).map(|seen| seen.step);
        let turn = last.filter(|seen| is_same_turn(&seen.look, look)).map(|seen| seen.turn);
        let mark = if step.is_none() || turn.is_none() { Mark::of(tid, now) } else { None };
        let (step, turn) = (step.unwrap_or(mark), turn.unwrap_or(mark));
        let before = last.and_then(|seen| if mark.is_some() { seen.step } else { seen.before });
        self.seen = Some(Seen { look: *look, step, turn, before });
    }

    /// The loop's thread when that was seen first at the work, or the turn, that goes on since
    /// `began`; at what it did before, if that was just now.
    pub(super) fn mark(&self, turn: bool, began: Nanos, now: Nanos) -> Option<Mark> {
        let seen = self.seen.as_ref()?;
        let mark = if turn { seen.turn } else { seen.step };
        mark.filter(|mark| mark.tells_of(began, now)).or(seen.before).or(mark)
    }
}

pub(super) fn is_same_turn(one: &Look, other: &Look) -> bool {
    one.turn == other.turn && one.turn_started == other.turn_started
}
