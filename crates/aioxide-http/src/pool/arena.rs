//! Items in slots, and queues threaded through the slots.
//!
//! An item is in at most two queues, and leaves one from any place in O(1): a waiter that is
//! cancelled, a connection that its peer closed. A slot that is free again has another serial when
//! it is used next, so a key of what is gone names nothing.

/// A buffer for no more than this is never worth giving back.
const SMALL: usize = 1024;

/// No slot.
const NONE: usize = usize::MAX;

/// Names one item of an arena, or nothing once the item is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    slot: usize,
    serial: u64,
}

impl Key {
    /// Grows with each item that an arena takes in.
    pub(crate) const fn serial(self) -> u64 {
        self.serial
    }
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: usize,
    after: usize,
}

const UNLINKED: Link = Link { before: NONE, after: NONE };

#[derive(Debug)]
struct Slot<T> {
    serial: u64,
    links: [Link; 2],
    item: Option<T>,
}

#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    next_serial: u64,
    len: usize,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), next_serial: 0, len: 0 }
    }

    pub(crate) fn insert(&mut self, item: T) -> Key {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.len += 1;
        let filled = Slot { serial, links: [UNLINKED; 2], item: Some(item) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = filled;
                slot
            }
            None => {
                self.slots.push(filled);
                self.slots.len() - 1
            }
        };
        Key { slot, serial }
    }

    /// Takes out an item that is in no queue any more. When the last one goes, so does a buffer
    /// that a crowd has left behind.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.slot).filter(|slot| slot.serial == key.serial)?;
        let item = slot.item.take()?;
        self.len -= 1;
        self.free.push(key.slot);
        if self.len == 0 && self.slots.len() > SMALL {
            self.slots = Vec::new();
            self.free = Vec::new();
        }
        Some(item)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.slots.get(key.slot).filter(|slot| slot.serial == key.serial)?.item.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slots.get_mut(key.slot).filter(|slot| slot.serial == key.serial)?.item.as_mut()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The keys of all items, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let taken = self.slots.iter().enumerate().filter(|(_, slot)| slot.item.is_some());
        taken.map(|(slot, found)| Key { slot, serial: found.serial })
    }

    fn key(&self, slot: usize) -> Option<Key> {
        self.slots.get(slot).map(|found| Key { slot, serial: found.serial })
    }
}

/// A queue of an arena's items, by the first or the second of their links. One item is in one
/// queue of each kind at most.
#[derive(Debug)]
pub(crate) struct Queue<const LINK: usize> {
    first: usize,
    last: usize,
    len: usize,
}

impl<const LINK: usize> Queue<LINK> {
    pub(crate) const fn new() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first<T>(&self, arena: &Arena<T>) -> Option<Key> {
        arena.key(self.first)
    }

    pub(crate) fn last<T>(&self, arena: &Arena<T>) -> Option<Key> {
        arena.key(self.last)
    }

    pub(crate) fn push_back<T>(&mut self, arena: &mut Arena<T>, key: Key) {
        arena.slots[key.slot].links[LINK] = Link { before: self.last, after: NONE };
        match arena.slots.get_mut(self.last) {
            Some(last) => last.links[LINK].after = key.slot,
            None => self.first = key.slot,
        }
        self.last = key.slot;
        self.len += 1;
    }

    pub(crate) fn push_front<T>(&mut self, arena: &mut Arena<T>, key: Key) {
        arena.slots[key.slot].links[LINK] = Link { before: NONE, after: self.first };
        match arena.slots.get_mut(self.first) {
            Some(first) => first.links[LINK].before = key.slot,
            None => self.last = key.slot,
        }
        self.first = key.slot;
        self.len += 1;
    }

    /// Takes an item of this queue out of it, wherever it stands.
    pub(crate) fn unlink<T>(&mut self, arena: &mut Arena<T>, key: Key) {
        let Link { before, after } =
            std::mem::replace(&mut arena.slots[key.slot].links[LINK], UNLINKED);
        match arena.slots.get_mut(before) {
            Some(slot) => slot.links[LINK].after = after,
            None => self.first = after,
        }
        match arena.slots.get_mut(after) {
            Some(slot) => slot.links[LINK].before = before,
            None => self.last = before,
        }
        self.len -= 1;
    }

    /// The keys from first to last.
    pub(crate) fn keys<'a, T>(&self, arena: &'a Arena<T>) -> impl Iterator<Item = Key> + 'a {
        let mut slot = self.first;
        std::iter::from_fn(move || {
            let key = arena.key(slot)?;
            slot = arena.slots[slot].links[LINK].after;
            Some(key)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(queue: &Queue<0>, arena: &Arena<u32>) -> Vec<u32> {
        queue.keys(arena).filter_map(|key| arena.get(key).copied()).collect()
    }

    #[test]
    fn an_item_leaves_its_queue_from_any_place() {
        for gone in 0..3 {
            let (mut arena, mut queue) = (Arena::new(), Queue::<0>::new());
            let keys: Vec<Key> = (0..3).map(|item| arena.insert(item)).collect();
            for key in &keys {
                queue.push_back(&mut arena, *key);
            }
            queue.unlink(&mut arena, keys[gone]);
            assert_eq!(arena.remove(keys[gone]), Some(gone as u32));
            let left: Vec<u32> = (0..3).filter(|item| *item != gone as u32).collect();
            assert_eq!(items(&queue, &arena), left);
            let new = arena.insert(9);
            queue.push_front(&mut arena, new);
            assert_eq!(items(&queue, &arena), [&[9], left.as_slice()].concat());
            assert_eq!(arena.get(keys[gone]), None, "the slot is another's");
        }
    }

    #[test]
    fn a_crowd_that_has_gone_holds_no_memory() {
        let mut arena = Arena::new();
        let keys: Vec<Key> = (0..100_000).map(|item| arena.insert(item)).collect();
        for key in keys {
            arena.remove(key);
        }
        assert_eq!((arena.len(), arena.slots.capacity(), arena.free.capacity()), (0, 0, 0));
        let late = arena.insert(1);
        assert_eq!(late.serial, 100_000, "no key of the crowd can come back");
    }
}
