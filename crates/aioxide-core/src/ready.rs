//! What is to run next, first in, first out.

use std::collections::VecDeque;

/// A ring of items. It grows to the longest queue that there was and stays there, so in the
/// steady state a push does not allocate.
#[derive(Debug)]
pub struct ReadyQueue<T> {
    items: VecDeque<T>,
}

impl<T> ReadyQueue<T> {
    /// An empty queue with room for a few items.
    #[must_use]
    pub fn new() -> Self {
        Self { items: VecDeque::with_capacity(64) }
    }

    /// Appends `item`.
    #[inline]
    pub fn push(&mut self, item: T) {
        self.items.push_back(item);
    }

    /// Appends all of `items`, in order.
    pub fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        self.items.extend(items);
    }

    /// Puts `item` before the one at `index`, or last if there are not so many.
    pub fn insert(&mut self, index: usize, item: T) {
        self.items.insert(index.min(self.items.len()), item);
    }

    /// Takes out the item at `index`.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        self.items.remove(index)
    }

    /// Takes the item that has waited longest.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    /// The item that has waited longest.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.items.front()
    }

    /// How many items wait.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Nothing waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Where the items lie: the addresses and lengths of the two parts of the ring, the older
    /// first. For a reader that copies memory and believes nothing.
    #[inline]
    #[must_use]
    pub fn parts(&self) -> [(usize, usize); 2] {
        let (older, newer) = self.items.as_slices();
        [older, newer].map(|part| (part.as_ptr().addr(), part.len()))
    }

    /// The items, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    /// Takes all items out. The caller drops them when nothing is borrowed any more.
    #[must_use]
    pub fn take(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.items)
    }
}

impl<T> Default for ReadyQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}
