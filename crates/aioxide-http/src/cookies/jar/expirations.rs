//! Which cookie ends next: a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::store::{Slot, Store};
use crate::cookies::time::UnixTime;

/// Fewer entries than this are never worth a compaction.
const FEW: usize = 100;

/// The ends of cookies. A cookie that has gone, or that ends at another time by now, leaves its
/// entry behind: who takes one out asks the store whether it is still true. When such entries are
/// the majority, they go together.
#[derive(Debug, Default)]
pub(super) struct Expirations {
    heap: BinaryHeap<Reverse<(UnixTime, u64, Slot)>>,
    /// How many cookies have an end.
    live: usize,
}

impl Expirations {
    /// A cookie's end was `before` and is `after`.
    pub(super) fn count(&mut self, before: Option<UnixTime>, after: Option<UnixTime>) {
        self.live = self.live + usize::from(after.is_some()) - usize::from(before.is_some());
    }

    /// The cookie in `slot` ends at `when`, and the store says so.
    pub(super) fn push(&mut self, slot: Slot, serial: u64, when: UnixTime, store: &Store) {
        self.heap.push(Reverse((when, serial, slot)));
        if self.heap.len() > FEW && self.heap.len() > self.live * 2 {
            self.heap.retain(|Reverse((when, serial, slot))| {
                let stored = store.named(*slot, *serial);
                stored.is_some_and(|stored| stored.expires_at == Some(*when))
            });
        }
    }

    /// An end that is due at `now`, the earliest first.
    pub(super) fn pop_due(&mut self, now: UnixTime) -> Option<(Slot, u64, UnixTime)> {
        let Reverse((when, serial, slot)) = *self.heap.peek()?;
        if when > now {
            return None;
        }
        self.heap.pop();
        Some((slot, serial, when))
    }
}
