//! The way in from other threads.
//!
//! The loop is either *awake*, and will look into the inbox within this turn or the next, or
//! *parked* in a poll without end. A thread that finds it parked has to wake it; one that finds it
//! awake must not, because a wake-up is a system call. Both facts, what is queued and whether the
//! loop is parked, are under one lock, so there is no moment between "nothing queued" and "parked"
//! into which a push could fall. The number of queued items is kept beside the lock as well: a turn
//! of a loop to which nobody sends costs one relaxed load.

#[cfg(loom)]
use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};
#[cfg(not(loom))]
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use std::sync::PoisonError;

#[derive(Debug)]
struct Shared<T> {
    items: Vec<T>,
    parked: bool,
    closed: bool,
}

/// Items on their way from any thread to the loop's.
#[derive(Debug)]
pub struct Inbox<T> {
    shared: Mutex<Shared<T>>,
    /// `shared.items.len()`, readable without the lock. Written under it.
    queued: AtomicUsize,
}

/// What [`Inbox::push`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The loop is awake and will see the item.
    Seen,
    /// The loop is parked: wake it.
    Wake,
}

impl<T> Inbox<T> {
    /// An empty inbox of a loop that is awake.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Mutex::new(Shared { items: Vec::new(), parked: false, closed: false }),
            queued: AtomicUsize::new(0),
        }
    }

    /// Queues `item`, from any thread. Of the pushes into a parked loop's inbox exactly one is told
    /// to wake it.
    ///
    /// # Errors
    /// Gives `item` back when the inbox is closed.
    pub fn push(&self, item: T) -> Result<Pushed, T> {
        let mut shared = self.lock();
        if shared.closed {
            return Err(item);
        }
        shared.items.push(item);
        self.queued.store(shared.items.len(), Ordering::Release);
        Ok(if std::mem::take(&mut shared.parked) { Pushed::Wake } else { Pushed::Seen })
    }

    /// Something is queued. A push of another thread may be missed here; it is then seen by
    /// [`Inbox::park`] or by the next turn.
    #[inline]
    #[must_use]
    pub fn has_items(&self) -> bool {
        self.queued.load(Ordering::Acquire) != 0
    }

    /// The loop is about to wait. `false` when something is queued: then it must not.
    #[must_use]
    pub fn park(&self) -> bool {
        let mut shared = self.lock();
        shared.parked = shared.items.is_empty();
        shared.parked
    }

    /// The loop has waited. Returns whether somebody meant to wake it, so that the wake-up is
    /// cleared only when there is one.
    pub fn unpark(&self) -> bool {
        !std::mem::take(&mut self.lock().parked)
    }

    /// Exchanges what is queued against `buffer`, which is empty. Two buffers take turns, so
    /// nothing is allocated in the steady state.
    pub fn swap(&self, buffer: &mut Vec<T>) {
        debug_assert!(buffer.is_empty());
        let mut shared = self.lock();
        std::mem::swap(&mut shared.items, buffer);
        self.queued.store(0, Ordering::Release);
    }

    /// Refuses items from now on and takes out what is queued. The caller drops it, when nothing
    /// is locked any more.
    #[must_use]
    pub fn close(&self) -> Vec<T> {
        let mut shared = self.lock();
        shared.closed = true;
        self.queued.store(0, Ordering::Release);
        std::mem::take(&mut shared.items)
    }

    /// Calls `visit` on each queued item, unless another thread holds the lock at this moment.
    pub fn try_visit(&self, mut visit: impl FnMut(&T)) {
        if let Ok(shared) = self.shared.try_lock() {
            shared.items.iter().for_each(&mut visit);
        }
    }

    /// A thread that panicked here had done no more than grow a `Vec`: the state is whole.
    fn lock(&self) -> MutexGuard<'_, Shared<T>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}
