//! Deadlines that came in any order: a four-ary heap.
//!
//! Four children a node instead of two: half as many levels, and the four lie in one or two cache
//! lines.

use super::{Entry, spare};

const ARITY: usize = 4;

/// A heap of entries, the least on top.
#[derive(Debug, Default)]
pub(super) struct Heap {
    entries: Vec<Entry>,
}

impl Heap {
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        self.sift_up(self.entries.len() - 1);
    }

    #[inline]
    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.first()
    }

    pub(super) fn remove_first(&mut self) {
        if !self.entries.is_empty() {
            self.entries.swap_remove(0);
        }
        if !self.entries.is_empty() {
            self.sift_down(0);
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.entries.retain(keep);
        for index in (0..self.entries.len().div_ceil(ARITY)).rev() {
            self.sift_down(index);
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn shrink(&mut self) {
        if let Some(capacity) = spare(self.entries.len(), self.entries.capacity()) {
            self.entries.shrink_to(capacity);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn sift_up(&mut self, mut index: usize) {
        let entry = self.entries[index];
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if !entry.before(&self.entries[parent]) {
                break;
            }
            self.entries[index] = self.entries[parent];
            index = parent;
        }
        self.entries[index] = entry;
    }

    fn sift_down(&mut self, mut index: usize) {
        let entry = self.entries[index];
        loop {
            let first = index * ARITY + 1;
            let last = (first + ARITY).min(self.entries.len());
            if first >= last {
                break;
            }
            let mut least = first;
            for child in first + 1..last {
                if self.entries[child].before(&self.entries[least]) {
                    least = child;
                }
            }
            if !self.entries[least].before(&entry) {
                break;
            }
            self.entries[index] = self.entries[least];
            index = least;
        }
        self.entries[index] = entry;
    }
}
