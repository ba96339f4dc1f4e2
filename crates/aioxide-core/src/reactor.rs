//! Who owns which registration.
//!
//! A registration is a descriptor, what is wanted of it and its owner, an `S` that the host
//! chooses. Its token carries the slot and the slot's generation, so events, owners and slots
//! cannot be mixed up when descriptors are closed and their numbers come back.
//!
//! A registration from which nothing is wanted is taken out of the kernel's set and kept here:
//! the kernel tells of errors and hang-ups even then, at each poll, and a paused connection whose
//! peer went away would keep the loop spinning.

use std::io;
use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::poller::{Interest, Poller, Token};

#[derive(Debug)]
struct Slot<S> {
    generation: u32,
    fd: RawFd,
    interest: Interest,
    source: Option<S>,
}

/// The registrations of one loop.
#[derive(Debug)]
pub struct Reactor<S> {
    slots: Vec<Slot<S>>,
    free: Vec<u32>,
    /// Descriptor number to slot, `NO_SLOT` where there is none.
    by_fd: Vec<u32>,
    live: usize,
}

const NO_SLOT: u32 = u32::MAX;

impl<S> Reactor<S> {
    /// No registrations.
    #[must_use]
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_fd: Vec::new(), live: 0 }
    }

    /// Registers `fd` for `interest`.
    ///
    /// # Errors
    /// Gives `source` back with the poller's error: `EBADF`, `EPERM` for a regular file; or
    /// `EEXIST` when `fd` is registered here already.
    pub fn insert(
        &mut self,
        poller: &impl Poller,
        fd: RawFd,
        interest: Interest,
        source: S,
    ) -> Result<Token, (S, io::Error)> {
        let Ok(index) = usize::try_from(fd) else {
            return Err((source, Errno::BADF.into()));
        };
        if self.lookup(fd).is_some() {
            return Err((source, Errno::EXIST.into()));
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot {
                    generation: 0,
                    fd: -1,
                    interest: Interest::NONE,
                    source: None,
                });
                (self.slots.len() - 1) as u32
            }
        };
        let place = &mut self.slots[slot as usize];
        place.generation = following(place.generation);
        let token = token(slot, place.generation);
        if let Err(error) = watch(poller, fd, token, Interest::NONE, interest) {
            self.free.push(slot);
            return Err((source, error));
        }
        place.fd = fd;
        place.interest = interest;
        place.source = Some(source);
        if self.by_fd.len() <= index {
            self.by_fd.resize(index + 1, NO_SLOT);
        }
        self.by_fd[index] = slot;
        self.live += 1;
        Ok(token)
    }

    /// Wants `interest` from now on. Setting what is set already asks the kernel nothing.
    ///
    /// # Errors
    /// The poller's. The registration stays as it was.
    pub fn set_interest(
        &mut self,
        poller: &impl Poller,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        let Some(slot) = self.slot_mut(token) else { return Err(Errno::NOENT.into()) };
        if slot.interest != interest {
            watch(poller, slot.fd, token, slot.interest, interest)?;
            slot.interest = interest;
        }
        Ok(())
    }

    /// Wants `interest` from now on, and tells the kernel even if nothing changes: the descriptor
    /// may have been closed and its number used again since, and then the kernel knows nothing of
    /// it. What it does not know is added under another token, which is the registration's from
    /// now on: if a copy of the closed descriptor is open elsewhere, the set still tells of that
    /// one, under the old token.
    ///
    /// # Errors
    /// The poller's, when the descriptor is closed or cannot be polled. The registration stays as
    /// it was.
    pub fn renew(
        &mut self,
        poller: &impl Poller,
        token: Token,
        interest: Interest,
    ) -> io::Result<Token> {
        let Some(slot) = self.slot_mut(token) else { return Err(Errno::NOENT.into()) };
        if slot.interest.is_none() || interest.is_none() {
            watch(poller, slot.fd, token, slot.interest, interest)?;
            slot.interest = interest;
            return Ok(token);
        }
        let current = match poller.modify(slot.fd, token, interest) {
            Err(error) if is(&error, Errno::NOENT) => {
                let next = self::token(token.0 as u32, following(slot.generation));
                poller.add(slot.fd, next, interest)?;
                slot.generation = following(slot.generation);
                next
            }
            result => result.map(|()| token)?,
        };
        slot.interest = interest;
        Ok(current)
    }

    /// Registers all with another poller. What it refuses is closed, and the kernel had dropped it.
    pub fn add_all(&self, poller: &impl Poller) {
        for (index, slot) in self.slots.iter().enumerate() {
            if slot.source.is_some() && !slot.interest.is_none() {
                let _ = poller.add(slot.fd, token(index as u32, slot.generation), slot.interest);
            }
        }
    }

    /// Ends a registration and gives its owner back. The descriptor may be closed already: what
    /// the kernel says to that is not an error here.
    pub fn remove(&mut self, poller: &impl Poller, token: Token) -> Option<S> {
        let slot = self.slot_mut(token)?;
        let source = slot.source.take();
        if !slot.interest.is_none() {
            let _ = poller.delete(slot.fd);
        }
        slot.interest = Interest::NONE;
        let fd = std::mem::replace(&mut slot.fd, -1);
        self.by_fd[fd as usize] = NO_SLOT;
        self.free.push(token.0 as u32);
        self.live -= 1;
        source
    }

    /// The owner of a registration that still stands.
    #[inline]
    #[must_use]
    pub fn source(&self, token: Token) -> Option<&S> {
        let slot = self.slots.get(token.0 as u32 as usize)?;
        if slot.generation == (token.0 >> 32) as u32 { slot.source.as_ref() } else { None }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn source_mut(&mut self, token: Token) -> Option<&mut S> {
        self.slot_mut(token)?.source.as_mut()
    }

    /// What is wanted of a registration that still stands.
    #[must_use]
    pub fn interest(&self, token: Token) -> Option<Interest> {
        let slot = self.slots.get(token.0 as u32 as usize)?;
        (slot.generation == (token.0 >> 32) as u32 && slot.source.is_some())
            .then_some(slot.interest)
    }

    /// The descriptor of a registration that still stands.
    #[must_use]
    pub fn descriptor(&self, token: Token) -> Option<RawFd> {
        self.source(token)?;
        Some(self.slots[token.0 as u32 as usize].fd)
    }

    /// The registration of a descriptor.
    #[must_use]
    pub fn lookup(&self, fd: RawFd) -> Option<Token> {
        let slot = *self.by_fd.get(usize::try_from(fd).ok()?)?;
        (slot != NO_SLOT).then(|| token(slot, self.slots[slot as usize].generation))
    }

    /// How many registrations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The owners, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Token, &S)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            slot.source.as_ref().map(|source| (token(index as u32, slot.generation), source))
        })
    }

    fn slot_mut(&mut self, token: Token) -> Option<&mut Slot<S>> {
        let slot = self.slots.get_mut(token.0 as u32 as usize)?;
        (slot.generation == (token.0 >> 32) as u32 && slot.source.is_some()).then_some(slot)
    }
}

impl<S> Default for Reactor<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// The generation after one; 0 is none's.
fn following(generation: u32) -> u32 {
    generation.wrapping_add(1).max(1)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn token(slot: u32, generation: u32) -> Token {
    Token(u64::from(generation) << 32 | u64::from(slot))
}

/// Takes the kernel from one interest to another, whatever it still knows of the number: an entry
/// that it lost (closed, number used again) is added, one that it kept (a copy is open elsewhere)
/// is changed.
fn watch(
    poller: &impl Poller,
    fd: RawFd,
    token: Token,
    old: Interest,
    new: Interest,
) -> io::Result<()> {
    if new.is_none() {
        if !old.is_none() {
            let _ = poller.delete(fd);
        }
        return Ok(());
    }
    if old.is_none() {
        match poller.add(fd, token, new) {
            Err(error) if is(&error, Errno::EXIST) => poller.modify(fd, token, new),
            other => other,
        }
    } else {
        match poller.modify(fd, token, new) {
            Err(error) if is(&error, Errno::NOENT) => poller.add(fd, token, new),
            other => other,
        }
    }
}
