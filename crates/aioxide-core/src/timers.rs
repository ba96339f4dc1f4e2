//! What is to run later: deadlines in sorted lanes and a heap, over a slab of items.
//!
//! The item lives in the slab; the lanes and the heap hold `(deadline, serial, slot)` only. A
//! deadline that is not before the last of a lane is appended there, for O(1); one that fits no
//! lane goes into the heap; the next due is the least of their firsts. Most programs' timers come
//! in order, because they have the same delay.
//!
//! Cancelling takes the item out of its slot at once, so what it held is free at once, and leaves
//! its entry behind as stale: the serial in the slot is another one, or the slot is empty. Stale
//! entries are dropped when they come first, or all together when they are the majority. So
//! cancelling costs O(1), and a million cancelled timers hold no memory.
//!
//! The slab ends with a slot that is in use: what is free behind that is given back. A timer that
//! stays pending keeps the slots before its own, empty or not, because its key is an index.

mod heap;
mod lanes;

use crate::clock::Nanos;
use heap::Heap;
use lanes::Lanes;

/// Fewer stale entries than this are never worth a compaction.
const FEW: usize = 64;
/// A buffer for no more than this is never worth shrinking.
const SMALL: usize = 1024;

/// Names one timer for [`Timers::cancel`]. A key of a timer that has fired or was cancelled names
/// nothing any more, also when its slot is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    slot: u32,
    serial: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    when: Nanos,
    serial: u64,
    slot: u32,
}

impl Entry {
    /// Earlier deadline first, then in the order of insertion.
    #[inline]
    fn before(&self, other: &Self) -> bool {
        (self.when, self.serial) < (other.when, other.serial)
    }
}

/// Where an entry is first.
#[derive(Clone, Copy)]
enum Place {
    Lane(usize),
    Heap,
}

#[derive(Debug)]
struct Slot<T> {
    serial: u64,
    item: Option<T>,
}

/// The timers of one loop. Pure: the time is an argument.
#[derive(Debug)]
pub struct Timers<T> {
    lanes: Lanes,
    heap: Heap,
    slots: Vec<Slot<T>>,
    /// Slots that are empty, each once, and numbers beyond the end of `slots`, which are dropped
    /// when they come up. `slots` grows only when this is empty, so such a number is never one of
    /// a slot that came back.
    free: Vec<u32>,
    next_serial: u64,
    live: usize,
    /// How many entries the lanes and the heap hold.
    entries: usize,
    /// Nothing is due before: at most the least deadline. Keeps a loop that asks at each turn from
    /// looking further.
    not_before: Nanos,
}

impl<T> Timers<T> {
    /// No timers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lanes: Lanes::new(),
            heap: Heap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            next_serial: 0,
            live: 0,
            entries: 0,
            not_before: Nanos::MAX,
        }
    }

    /// Adds `item`, due at `when`.
    ///
    /// # Errors
    /// Gives `item` back when 2^32 timers are pending already.
    pub fn insert(&mut self, when: Nanos, item: T) -> Result<TimerKey, T> {
        let serial = self.next_serial;
        let slot = match self.free_slot() {
            Some(slot) => {
                self.slots[slot as usize] = Slot { serial, item: Some(item) };
                slot
            }
            None => {
                let Ok(slot) = u32::try_from(self.slots.len()) else { return Err(item) };
                self.slots.push(Slot { serial, item: Some(item) });
                slot
            }
        };
        self.next_serial += 1;
        self.live += 1;
        self.entries += 1;
        self.not_before = self.not_before.min(when);
        let entry = Entry { when, serial, slot };
        if !self.lanes.push(entry) {
            self.heap.push(entry);
        }
        Ok(TimerKey { slot, serial })
    }

    /// Takes the item of `key` out, if it is still pending.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let item = self.take_item(key.slot, key.serial)?;
        self.release(key.slot);
        let stale = self.entries - self.live;
        if stale > FEW && stale > self.live {
            self.compact();
        }
        Some(item)
    }

    /// The earliest deadline.
    pub fn next_deadline(&mut self) -> Option<Nanos> {
        loop {
            let (place, first) = self.first()?;
            if !self.is_stale(&first) {
                self.not_before = first.when;
                return Some(first.when);
            }
            self.remove_first(place);
        }
    }

    /// Takes the earliest item that is due at `now`.
    #[inline]
    pub fn pop_due(&mut self, now: Nanos) -> Option<T> {
        if now < self.not_before { None } else { self.pop_first_due(now) }
    }

    /// How many timers are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// No timer is pending.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The pending items, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.item.as_ref())
    }

    /// The pending items in the order in which they are due. Sorts all of them: for a reader who
    /// comes seldom.
    #[must_use]
    pub fn in_order(&self) -> Vec<&T> {
        let mut entries: Vec<&Entry> = self.lanes.iter().chain(self.heap.iter()).collect();
        entries.sort_unstable_by_key(|entry| (entry.when, entry.serial));
        let live = entries.into_iter().filter(|entry| !self.is_stale(entry));
        live.filter_map(|entry| self.slots[entry.slot as usize].item.as_ref()).collect()
    }

    /// Takes everything out.
    #[must_use]
    pub fn take(&mut self) -> Vec<T> {
        let slots = std::mem::take(&mut self.slots);
        *self = Self { next_serial: self.next_serial, ..Self::new() };
        slots.into_iter().filter_map(|slot| slot.item).collect()
    }

    /// How many entries the lanes and the heap hold, stale ones included.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// How much memory is held, in bytes, without what the items own.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lanes.bytes()
            + self.heap.bytes()
            + self.slots.capacity() * size_of::<Slot<T>>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn pop_first_due(&mut self, now: Nanos) -> Option<T> {
        loop {
            let Some((place, first)) = self.first() else {
                self.not_before = Nanos::MAX;
                return None;
            };
            if first.when > now {
                self.not_before = first.when;
                return None;
            }
            self.remove_first(place);
            if let Some(item) = self.take_item(first.slot, first.serial) {
                self.release(first.slot);
                return Some(item);
            }
        }
    }

    /// The least entry, stale or not.
    #[inline]
    fn first(&self) -> Option<(Place, Entry)> {
        let lane = self.lanes.least();
        match (self.lanes.first(lane), self.heap.first()) {
            (Some(first), Some(top)) if top.before(first) => Some((Place::Heap, *top)),
            (Some(first), _) => Some((Place::Lane(lane), *first)),
            (None, Some(top)) => Some((Place::Heap, *top)),
            (None, None) => None,
        }
    }

    #[inline]
    fn remove_first(&mut self, place: Place) {
        self.entries -= 1;
        match place {
            Place::Lane(lane) => self.lanes.remove_first(lane),
            Place::Heap => self.heap.remove_first(),
        }
    }

    fn is_stale(&self, entry: &Entry) -> bool {
        is_stale(&self.slots, entry)
    }

    #[inline]
    fn take_item(&mut self, slot: u32, serial: u64) -> Option<T> {
        let slot = self.slots.get_mut(slot as usize)?;
        if slot.serial == serial { slot.item.take() } else { None }
    }

    #[inline]
    fn free_slot(&mut self) -> Option<u32> {
        loop {
            let slot = self.free.pop()?;
            if (slot as usize) < self.slots.len() {
                return Some(slot);
            }
        }
    }

    /// The item of `slot` has been taken out.
    #[inline]
    fn release(&mut self, slot: u32) {
        self.live -= 1;
        if slot as usize + 1 == self.slots.len() { self.trim() } else { self.free.push(slot) }
    }

    /// The last slot is empty: gives it back, with those before it that are empty, too.
    fn trim(&mut self) {
        while self.slots.last().is_some_and(|slot| slot.item.is_none()) {
            self.slots.pop();
        }
        if self.live == 0 {
            self.free.clear();
            self.lanes.clear();
            self.heap.clear();
            self.entries = 0;
            self.not_before = Nanos::MAX;
        }
        if let Some(capacity) = spare(self.slots.len(), self.slots.capacity()) {
            self.slots.shrink_to(capacity);
            let end = self.slots.len();
            self.free.retain(|slot| (*slot as usize) < end);
            self.free.shrink_to(capacity);
            self.lanes.shrink();
            self.heap.shrink();
        }
    }

    fn compact(&mut self) {
        let slots = &self.slots;
        self.lanes.retain(|entry| !is_stale(slots, entry));
        self.heap.retain(|entry| !is_stale(slots, entry));
        self.lanes.shrink();
        self.heap.shrink();
        self.entries = self.lanes.len() + self.heap.len();
    }
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn is_stale<T>(slots: &[Slot<T>], entry: &Entry) -> bool {
    slots
        .get(entry.slot as usize)
        .is_none_or(|slot| slot.serial != entry.serial || slot.item.is_none())
}

/// The capacity to shrink a buffer to, if it has room for four times what it holds and is not
/// small.
fn spare(len: usize, capacity: usize) -> Option<usize> {
    (capacity > SMALL && len < capacity / 4).then_some(len * 2)
}
