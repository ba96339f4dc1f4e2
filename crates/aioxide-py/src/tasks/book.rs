//! Which tasks a loop holds, and what it knows of those that failed.

use std::collections::HashMap;
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

/// By the address of the task.
#[derive(Debug)]
pub(super) struct Book {
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
            held: Map::default(),
            failed: Map::default(),
            notes: Map::default(),
            recent: Recent::default(),
            sweep_at: SWEEP,
            prune_at: PRUNE,
        }
    }

    /// Returns what was known of the address before, to be dropped, and whether a look for ended
    /// tasks is due.
    #[inline]
    #[must_use]
    pub(super) fn insert(&mut self, task: Ref, sites: Option<Ref<SpawnSites>>) -> (Old, bool) {
        let address = task.as_ptr() as usize;
        let failed = if self.failed.is_empty() { None } else { self.failed.remove(&address) };
        let held = self.held.insert(address, Held { task: Some(task), sites });
        ((held, failed), self.held.len() >= self.sweep_at)
    }

    #[inline]
    #[must_use]
    pub(super) fn remove(&mut self, address: usize) -> Option<Held> {
        let held = self.held.remove(&address);
        let room = self.held.capacity();
        if room > KEPT && self.held.len() < room / 8 {
            self.held.shrink_to(room / 4);
        }
        held
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Where the task at the address was spawned.
    pub(super) fn sites(&self, address: usize) -> Option<&Sites> {
        let held = self.held.get(&address).map(|held| &held.sites);
        let sites = held.or_else(|| self.failed.get(&address).map(|failed| &failed.sites));
        sites?.as_ref().map(|sites| &sites.0)
    }

    /// Takes out the tasks that are done.
    #[must_use]
    pub(super) fn take_ended(&mut self, layout: &Layout) -> Vec<Held> {
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
        for held in self.held.values() {
            if let Some(task) = &held.task {
                visit.call(task.as_py())?;
            }
        }
        Ok(())
    }
}
