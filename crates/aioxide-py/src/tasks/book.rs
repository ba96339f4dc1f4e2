//! Which tasks a loop holds, and what it knows of those that failed.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::Layout;
use super::frames::Sites;
use super::layout::is_dead;
use super::recent::{Recent, SpawnSites};
use crate::ffi::Ref;

/// A task that is not done.
#[derive(Debug)]
pub(super) struct Held {
    /// `None` while the loop lets go of it.
    task: Option<Ref>,
    pub(super) sites: Option<Ref<SpawnSites>>,
}

/// A task that has failed, and is not held.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) weak: Ref,
    pub(super) sites: Option<Ref<SpawnSites>>,
    /// When it was found, in seconds on the loop's clock.
    pub(super) since: Option<f64>,
    /// Is to be reported if nobody asks for its exception.
    pub(super) is_watched: bool,
}

/// Addresses of objects differ in their middle bits.
#[derive(Debug, Default)]
pub(super) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        let mixed = (self.0 ^ (address as u64 >> 4)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// What was known of an address.
type Old = (Option<Held>, Option<Failed>);

type Map<T> = HashMap<usize, T, BuildHasherDefault<AddressHasher>>;

/// The first look for tasks that were ended by other means is made when there are this many.
const SWEEP: usize = 4096;
const PRUNE: usize = 64;
/// Room for this many tasks is kept.
const KEPT: usize = 1024;
/// So many tasks wait in the queue at most, so that no step has more than these to sort out.
const FRESH: usize = 1024;

/// A task that has not been seen to end, and where it was spawned.
#[derive(Debug)]
struct Fresh {
    task: Ref,
    sites: Option<Ref<SpawnSites>>,
}

/// By the address of the task.
///
/// Tasks begin in the order in which they were spawned, and many end at their first step: a task
/// waits in a queue, and comes to the map only when one that was spawned after it ends before it,
/// when the queue is full, or when somebody asks.
#[derive(Debug)]
pub(super) struct Book {
    fresh: VecDeque<Fresh>,
    held: Map<Held>,
    pub(super) failed: Map<Failed>,
    /// What is to be said in the exception by which a task learns that it was cancelled.
    pub(super) notes: Map<Ref>,
    pub(super) recent: Recent,
    sweep_at: usize,
    prune_at: usize,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            fresh: VecDeque::new(),
            held: Map::default(),
            failed: Map::default(),
            notes: Map::default(),
            recent: Recent::default(),
            sweep_at: SWEEP,
            prune_at: PRUNE,
        }
    }

    /// Holds a task that was made just now. Returns what was known of the address before, to be
    /// dropped, and whether a look for ended tasks is due.
    #[inline]
    #[must_use]
    pub(super) fn insert(
        &mut self,
        task: Ref,
        sites: Option<Ref<SpawnSites>>,
    ) -> (Option<Failed>, bool) {
        let address = task.as_ptr() as usize;
        let failed = if self.failed.is_empty() { None } else { self.failed.remove(&address) };
        if self.fresh.len() >= FRESH {
            self.sort_first();
        }
        self.fresh.push_back(Fresh { task, sites });
        (failed, self.len() >= self.sweep_at)
    }

    /// As [`Book::insert`], of a task that may be held already.
    #[must_use]
    pub(super) fn insert_known(
        &mut self,
        task: Ref,
        sites: Option<Ref<SpawnSites>>,
    ) -> (Old, bool) {
        self.sort();
        let address = task.as_ptr() as usize;
        let failed = self.failed.remove(&address);
        let held = self.held.insert(address, Held { task: Some(task), sites });
        ((held, failed), self.len() >= self.sweep_at)
    }

    /// The first of the queue comes to the map, which does not know it: it was new.
    fn sort_first(&mut self) {
        if let Some(Fresh { task, sites }) = self.fresh.pop_front() {
            self.held.insert(task.as_ptr() as usize, Held { task: Some(task), sites });
        }
    }

    /// All of the queue come to the map.
    fn sort(&mut self) {
        while !self.fresh.is_empty() {
            self.sort_first();
        }
    }

    /// Whether the task at the address is the first of the queue.
    #[inline]
    fn is_first(&self, address: usize) -> bool {
        self.fresh.front().is_some_and(|first| first.task.as_ptr() as usize == address)
    }

    /// Takes out the task at the address.
    #[inline]
    #[must_use]
    pub(super) fn remove(&mut self, address: usize) -> Option<Held> {
        if self.is_first(address) { self.take_first() } else { self.remove_later(address) }
    }

    #[inline]
    fn take_first(&mut self) -> Option<Held> {
        let Fresh { task, sites } = self.fresh.pop_front()?;
        Some(Held { task: Some(task), sites })
    }

    fn remove_later(&mut self, address: usize) -> Option<Held> {
        let mut held = self.held.remove(&address);
        while held.is_none() && !self.fresh.is_empty() {
            if self.is_first(address) {
                held = self.take_first();
            } else {
                self.sort_first();
            }
        }
        let room = self.held.capacity();
        if room > KEPT && self.held.len() < room / 8 {
            self.held.shrink_to(room / 4);
        }
        held
    }

    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.held.len()
    }

    /// Where the task at the address was spawned.
    pub(super) fn sites(&mut self, address: usize) -> Option<&Sites> {
        self.sort();
        let held = self.held.get(&address).map(|held| &held.sites);
        let sites = held.or_else(|| self.failed.get(&address).map(|failed| &failed.sites));
        sites?.as_ref().map(|sites| &sites.0)
    }

    /// Takes out the tasks that are done.
    #[must_use]
    pub(super) fn take_ended(&mut self, layout: &Layout) -> Vec<Held> {
        self.sort();
        let ended: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| held.task.as_ref().is_none_or(|task| !layout.is_pending_task(task)))
            .map(|(address, _)| *address)
            .collect();
        let ended = ended.iter().filter_map(|address| self.held.remove(address)).collect();
        self.sweep_at = (2 * self.held.len()).max(SWEEP);
        ended
    }

    /// Lets go of all tasks, and still knows where they were spawned.
    #[must_use]
    pub(super) fn let_go(&mut self) -> Vec<Ref> {
        self.sort();
        self.held.values_mut().filter_map(|held| held.task.take()).collect()
    }

    /// Returns what was known of the address before, to be dropped, and whether it is time to look
    /// for tasks that are gone.
    #[must_use]
    pub(super) fn fail(&mut self, address: usize, entry: Failed) -> (Option<Failed>, bool) {
        let old = self.failed.insert(address, entry);
        (old, self.failed.len() >= self.prune_at)
    }

    /// Takes out the failed tasks that are gone.
    #[must_use]
    pub(super) fn take_dead(&mut self, py: Python<'_>) -> Vec<Failed> {
        let dead: Vec<_> = self
            .failed
            .iter()
            .filter(|(_, failed)| is_dead(py, &failed.weak))
            .map(|(address, _)| *address)
            .collect();
        let dead = dead.iter().filter_map(|address| self.failed.remove(address)).collect();
        self.prune_at = (2 * self.failed.len()).max(PRUNE);
        dead
    }

    /// # Errors
    /// The visitor's.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for fresh in &self.fresh {
            visit.call(fresh.task.as_py())?;
        }
        for held in self.held.values() {
            if let Some(task) = &held.task {
                visit.call(task.as_py())?;
            }
        }
        Ok(())
    }
}
