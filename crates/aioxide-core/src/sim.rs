//! A simulated clock and poller, for tests that must not depend on time or on the kernel.
//!
//! [`SimClock`] moves only when told, or when a simulated poll waits: then it jumps to the end of
//! the wait. [`SimPoller`] has no descriptors; a test says which number is ready for what.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;

use rustix::io::Errno;

use crate::clock::Nanos;
use crate::poller::{Event, Interest, Poller, Timeout, Token};

/// A clock that stands still.
#[derive(Clone, Debug, Default)]
pub struct SimClock(Rc<Cell<Nanos>>);

impl SimClock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.0.get()
    }

    /// Moves it by `length`.
    pub fn advance(&self, length: Nanos) {
        self.0.set(self.0.get() + length);
    }
}

/// What [`Poller::wait`] answers when nothing is ready and nothing ever will be: a real loop would
/// hang here.
pub const DEADLOCK: Errno = Errno::DEADLK;

/// A poller over made-up descriptors.
#[derive(Debug)]
pub struct SimPoller {
    clock: SimClock,
    watched: RefCell<BTreeMap<RawFd, (Token, Interest)>>,
    ready: RefCell<BTreeMap<RawFd, Interest>>,
    waits: RefCell<Vec<Timeout>>,
}

impl SimPoller {
    /// A poller whose waits move `clock`.
    #[must_use]
    pub fn new(clock: SimClock) -> Self {
        Self {
            clock,
            watched: RefCell::default(),
            ready: RefCell::default(),
            waits: RefCell::default(),
        }
    }

    /// Makes `fd` ready for `what`, until told otherwise: level-triggered.
    pub fn set_ready(&self, fd: RawFd, what: Interest) {
        self.ready.borrow_mut().insert(fd, what);
    }

    /// How `fd` is watched, if it is.
    #[must_use]
    pub fn watched(&self, fd: RawFd) -> Option<(Token, Interest)> {
        self.watched.borrow().get(&fd).copied()
    }

    /// Drops what it knows of `fd`, as the kernel does when a descriptor is closed.
    pub fn forget(&self, fd: RawFd) {
        self.watched.borrow_mut().remove(&fd);
    }

    /// Every wait so far.
    #[must_use]
    pub fn waits(&self) -> Vec<Timeout> {
        self.waits.borrow().clone()
    }
}

impl Poller for SimPoller {
    fn add(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        let mut watched = self.watched.borrow_mut();
        if watched.contains_key(&fd) {
            return Err(Errno::EXIST.into());
        }
        watched.insert(fd, (token, interest));
        Ok(())
    }

    fn modify(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        match self.watched.borrow_mut().get_mut(&fd) {
            Some(entry) => {
                *entry = (token, interest);
                Ok(())
            }
            None => Err(Errno::NOENT.into()),
        }
    }

    fn delete(&self, fd: RawFd) -> io::Result<()> {
        match self.watched.borrow_mut().remove(&fd) {
            Some(_) => Ok(()),
            None => Err(Errno::NOENT.into()),
        }
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Timeout) -> io::Result<()> {
        self.waits.borrow_mut().push(timeout);
        events.clear();
        let ready = self.ready.borrow();
        for (fd, (token, interest)) in self.watched.borrow().iter() {
            let Some(is) = ready.get(fd) else { continue };
            let both = is.and(*interest);
            if !both.is_none() {
                events.push(Event { token: *token, ready: both });
            }
        }
        if events.is_empty() {
            match timeout {
                Timeout::Zero => {}
                Timeout::After(length) => self.clock.advance(length),
                Timeout::Never => return Err(DEADLOCK.into()),
            }
        }
        Ok(())
    }
}
