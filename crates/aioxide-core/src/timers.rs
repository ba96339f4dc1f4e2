//! What is to run later: a four-ary heap of deadlines over a slab of items.
//!
//! The item lives in the slab, the heap holds `(deadline, serial, slot)` only. Cancelling takes
//! the item out of its slot at once, so what it held is free at once, and leaves its heap entry
//! behind as stale: the serial in the slot is another one, or the slot is empty. Stale entries are
//! dropped when they come to the top, or all together when they are the majority. So cancelling
//! costs O(1), and a million cancelled timers hold no memory.
//!
//! Four children a node instead of two: half as many levels, and the four lie in one or two cache
//! lines.

use crate::clock::Nanos;

/// Fewer stale entries than this are never worth a rebuild.
const FEW: usize = 64;
const ARITY: usize = 4;
/// The heap is shrunk when it needs less than a quarter of what it holds, unless it is this small.
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
    fn before(&self, other: &Self) -> bool {
        (self.when, self.serial) < (other.when, other.serial)
    }
}

#[derive(Debug)]
struct Slot<T> {
    serial: u64,
    item: Option<T>,
}

/// The timers of one loop. Pure: the time is an argument.
#[derive(Debug)]
pub struct Timers<T> {
    heap: Vec<Entry>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    next_serial: u64,
    live: usize,
}

impl<T> Timers<T> {
    /// No timers.
    #[must_use]
    pub fn new() -> Self {
        Self { heap: Vec::new(), slots: Vec::new(), free: Vec::new(), next_serial: 0, live: 0 }
    }

    /// Adds `item`, due at `when`.
    ///
    /// # Errors
    /// Gives `item` back when 2^32 timers are pending already.
    pub fn insert(&mut self, when: Nanos, item: T) -> Result<TimerKey, T> {
        let serial = self.next_serial;
        let slot = match self.free.pop() {
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
        self.heap.push(Entry { when, serial, slot });
        self.sift_up(self.heap.len() - 1);
        Ok(TimerKey { slot, serial })
    }

    /// Takes the item of `key` out, if it is still pending.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.serial != key.serial {
            return None;
        }
        let item = slot.item.take()?;
        self.release(key.slot);
        let stale = self.heap.len() - self.live;
        if stale > FEW && stale > self.live {
            self.compact();
        }
        Some(item)
    }

    /// The earliest deadline.
    pub fn next_deadline(&mut self) -> Option<Nanos> {
        self.drop_stale_top();
        self.heap.first().map(|entry| entry.when)
    }

    /// Takes the earliest item that is due at `now`.
    pub fn pop_due(&mut self, now: Nanos) -> Option<T> {
        self.drop_stale_top();
        let top = *self.heap.first()?;
        if top.when > now {
            return None;
        }
        self.remove_top();
        let item = self.slots[top.slot as usize].item.take();
        self.release(top.slot);
        item
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

    /// Takes everything out.
    #[must_use]
    pub fn take(&mut self) -> Vec<T> {
        self.heap = Vec::new();
        self.free = Vec::new();
        self.live = 0;
        std::mem::take(&mut self.slots).into_iter().filter_map(|slot| slot.item).collect()
    }

    /// How many entries the heap holds, stale ones included.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.heap.len()
    }

    fn release(&mut self, slot: u32) {
        self.free.push(slot);
        self.live -= 1;
        if self.live == 0 && self.slots.len() > SMALL {
            // Only here can the slab give memory back: keys of pending timers are indices.
            self.heap = Vec::new();
            self.slots = Vec::new();
            self.free = Vec::new();
        }
    }

    fn is_stale(slots: &[Slot<T>], entry: &Entry) -> bool {
        slots
            .get(entry.slot as usize)
            .is_none_or(|slot| slot.serial != entry.serial || slot.item.is_none())
    }

    #[inline]
    fn drop_stale_top(&mut self) {
        if self.heap.len() == self.live {
            return;
        }
        while let Some(top) = self.heap.first()
            && Self::is_stale(&self.slots, top)
        {
            self.remove_top();
        }
    }

    fn compact(&mut self) {
        let slots = &self.slots;
        self.heap.retain(|entry| !Self::is_stale(slots, entry));
        if self.heap.capacity() > SMALL && self.heap.len() < self.heap.capacity() / 4 {
            self.heap.shrink_to(self.heap.len() * 2);
        }
        for index in (0..self.heap.len().div_ceil(ARITY)).rev() {
            self.sift_down(index);
        }
    }

    fn remove_top(&mut self) {
        self.heap.swap_remove(0);
        if !self.heap.is_empty() {
            self.sift_down(0);
        }
    }

    fn sift_up(&mut self, mut index: usize) {
        let entry = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if !entry.before(&self.heap[parent]) {
                break;
            }
            self.heap[index] = self.heap[parent];
            index = parent;
        }
        self.heap[index] = entry;
    }

    fn sift_down(&mut self, mut index: usize) {
        let entry = self.heap[index];
        loop {
            let first = index * ARITY + 1;
            let last = (first + ARITY).min(self.heap.len());
            if first >= last {
                break;
            }
            let mut least = first;
            for child in first + 1..last {
                if self.heap[child].before(&self.heap[least]) {
                    least = child;
                }
            }
            if !self.heap[least].before(&entry) {
                break;
            }
            self.heap[index] = self.heap[least];
            index = least;
        }
        self.heap[index] = entry;
    }
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}
