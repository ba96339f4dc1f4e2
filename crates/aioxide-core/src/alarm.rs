//! How loops that begin to work wake the thread that watches them.
//!
//! The watching thread *dozes* while every loop is idle. A loop that begins to work after that wakes
//! it; while it is awake, beginning costs a loop one load. No wake-up is lost: the thread says that
//! it dozes before it looks at the loops for the last time, and a loop says that it works before it
//! looks whether the thread dozes, each with a fence between, so one of them sees the other.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// Whether the watching thread dozes.
#[derive(Debug)]
pub struct Alarm {
    dozing: AtomicBool,
}

impl Alarm {
    /// Of a thread that is awake, or of one that dozes because it has not been started yet.
    #[must_use]
    pub fn new(dozing: bool) -> Self {
        Self { dozing: AtomicBool::new(dozing) }
    }

    /// A loop has begun to work, and has said so. `true` for one of those that find the thread
    /// dozing: that one wakes it.
    #[inline]
    #[must_use]
    pub fn rings(&self) -> bool {
        fence(Ordering::SeqCst);
        self.dozing.load(Ordering::Relaxed) && self.dozing.swap(false, Ordering::AcqRel)
    }

    /// The thread is about to doze. It looks at all loops once more before it does.
    pub fn doze(&self) {
        self.dozing.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The thread need not doze, or has been woken by something else.
    pub fn rise(&self) {
        self.dozing.store(false, Ordering::Relaxed);
    }

    /// Nobody has rung since [`Alarm::doze`].
    #[must_use]
    pub fn is_dozing(&self) -> bool {
        self.dozing.load(Ordering::Acquire)
    }
}
