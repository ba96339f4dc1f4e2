//! What the pool knows of one key while it has something: a connection, a slot or a waiter.

use super::Queue;

#[derive(Debug)]
pub(super) struct Host<K> {
    pub(super) key: K,
    /// Idle connections, the one that came back first first.
    pub(super) idle: Queue<0>,
    /// Waiters without a slot, the longest waiting first.
    pub(super) waiting: Queue<0>,
    /// Slots of leases.
    pub(super) leased: usize,
    /// Slots of woken waiters.
    pub(super) granted: usize,
    /// It is in the queue of turns: it has waiters and is below its limit.
    pub(super) has_turn: bool,
}

impl<K> Host<K> {
    pub(super) const fn new(key: K) -> Self {
        let (idle, waiting) = (Queue::new(), Queue::new());
        Self { key, idle, waiting, leased: 0, granted: 0, has_turn: false }
    }

    /// Slots that are not free.
    pub(super) const fn taken(&self) -> usize {
        self.leased + self.granted
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.waiting.is_empty() && self.taken() == 0
    }
}
