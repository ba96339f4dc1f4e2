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
            if let Some(last) = self.lanes[lane].back() {
                self.backs[lane] = last.when;
            }
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

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.lanes.iter().flatten()
    }

    pub(super) fn bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.capacity() * size_of::<Entry>()).sum()
    }

    /// Copies the front of a lane that has changed. An empty lane takes anything.
    #[inline]
    fn note(&mut self, lane: usize) {
        match self.lanes[lane].front() {
            Some(first) => self.fronts[lane] = (first.when, first.serial),
            None => {
                self.fronts[lane] = NOTHING;
                self.backs[lane] = Nanos::MIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(lanes: &mut Lanes, when: Nanos, serial: u64) -> bool {
        lanes.push(Entry { when, serial, slot: 0 })
    }

    #[test]
    fn each_of_a_few_delays_has_a_lane() {
        let mut lanes = Lanes::new();
        for now in 0..1000 {
            for delay in [30, 1_000_000, 0, 5_000] {
                assert!(push(&mut lanes, now + delay, now as u64));
            }
        }
        assert!(!push(&mut lanes, 5, 0), "before the end of each");
    }

    #[test]
    fn an_equal_deadline_fits() {
        let mut lanes = Lanes::new();
        for serial in 0..1000 {
            assert!(push(&mut lanes, 7, serial));
        }
        assert_eq!(lanes.lanes[0].len(), 1000);
    }

    #[test]
    fn a_lane_whose_end_was_dropped_takes_what_fits_its_new_end() {
        let mut lanes = Lanes::new();
        for when in [50, 90, 80, 70, 60] {
            assert!(push(&mut lanes, when, when as u64));
        }
        assert!(!push(&mut lanes, 55, 0));
        lanes.retain(|entry| entry.when != 90);
        assert!(push(&mut lanes, 55, 0));
        assert_eq!(lanes.first(lanes.least()).map(|first| first.when), Some(50));
    }
}
