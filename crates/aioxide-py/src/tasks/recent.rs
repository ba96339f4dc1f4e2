//! Where tasks were spawned of late. Who spawns many does so in one place, and they share a record.

use pyo3::prelude::*;

use super::frames::{Calling, Sites};
use crate::ffi::Ref;

/// Keeps so many records, and the code objects in them, when their tasks are done.
const PLACES: usize = 32;

/// Where tasks were spawned. An object, because its count of references then costs no atomic
/// operation while there is a GIL; Python never sees it.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(super) struct SpawnSites(pub(super) Sites);

#[derive(Debug, Default)]
pub(super) struct Recent([Option<Ref<SpawnSites>>; PLACES]);

impl Recent {
    #[inline]
    fn place(calling: &Calling) -> usize {
        calling.hash() % PLACES
    }

    /// The record of who is calling.
    #[inline]
    pub(super) fn find(&self, calling: &Calling) -> Option<Ref<SpawnSites>> {
        let sites = self.0[Self::place(calling)].as_ref()?;
        calling.is(&sites.0).then(|| sites.clone())
    }

    /// Returns what is to be dropped.
    #[must_use]
    pub(super) fn put(
        &mut self,
        calling: &Calling,
        sites: Ref<SpawnSites>,
    ) -> Option<Ref<SpawnSites>> {
        self.0[Self::place(calling)].replace(sites)
    }
}
