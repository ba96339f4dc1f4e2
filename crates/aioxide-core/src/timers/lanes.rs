//! Deadlines that came in order: a few queues, each of them sorted because it only takes what is
//! not before its end.
//!
//! A program with one delay fills one lane, since each of its timers is due after the one before.
//! One with a few delays fills a lane for each: an entry goes into the first lane whose end is not
//! after it, and so a lane of long delays stays one of long delays. What fits no lane is for the
//! heap.

use std::collections::VecDeque;

use super::{Entry, spare};
use crate::clock::Nanos;

/// How many delays a program may mix before some of its timers go into the heap.
const LANES: usize = 4;

/// Deadline and serial of what is not there: after everything that is.
const NOTHING: (Nanos, u64) = (Nanos::MAX, u64::MAX);

/// Sorted queues of entries.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: [VecDeque<Entry>; LANES],
    /// Deadline and serial of each lane's first, `NOTHING` for an empty one. A copy: all four are
    /// compared for each timer, and lie in one cache line here.
    fronts: [(Nanos, u64); LANES],
    /// The deadline of each lane's last, `Nanos::MIN` for an empty one. A copy, too.
    backs: [Nanos; LANES],
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self { lanes: Default::default(), fronts: [NOTHING; LANES], backs: [Nanos::MIN; LANES] }
    }

    /// Appends `entry` to a lane, if there is one that stays sorted.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) -> bool {
        let Some(lane) = self.backs.iter().position(|back| *back <= entry.when) else {
            return false;
        };
        if self.lanes[lane].is_empty() {
            self.fronts[lane] = (entry.when, entry.serial);
        }
        self.backs[lane] = entry.when;
        self.lanes[lane].push_back(entry);
        true
    }

    /// The lane whose first is the least of all.
    #[inline]
    pub(super) fn least(&self) -> usize {
        let mut least = 0;
        for lane in 1..LANES {
            if self.fronts[lane] < self.fronts[least] {
                least = lane;
            }
        }
        least
    }

    #[inline]
    pub(super) fn first(&self, lane: usize) -> Option<&Entry> {
        self.lanes[lane].front()
    }

    #[inline]
    pub(super) fn remove_first(&mut self, lane: usize) {
        self.lanes[lane].pop_front();
        self.note(lane);
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) {
        for lane in 0..LANES {
            self.lanes[lane].retain(&mut keep);
            self.note(lane);
        }
    }

    pub(super) fn clear(&mut self) {
        for lane in 0..LANES {
            self.lanes[lane].clear();
            self.note(lane);
        }
    }

    pub(super) fn shrink(&mut self) {
        for lane in &mut self.lanes {
            if let Some(capacity) = spare(lane.len(), lane.capacity()) {
                lane.shrink_to(capacity);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.capacity() * size_of::<Entry>()).sum()
    }

    /// Copies the ends of a lane that has changed.
    #[inline]
    fn note(&mut self, lane: usize) {
        match self.lanes[lane].front() {
            Some(first) => self.fronts[lane] = (first.when, first.serial),
            None => {
                self.fronts[lane] = NOTHING;
                self.backs[lane] = Nanos::MIN;
                return;
            }
        }
        if let Some(last) = self.lanes[lane].back() {
            self.backs[lane] = last.when;
        }
    }
}
