//! Where tasks were spawned of late. Who spawns many does so in one place, and they share a record.

use pyo3::prelude::*;

use super::frames::{Calling, Sites, is_calling};
use crate::ffi::Ref;

/// Keeps so many records, and the code objects in them, when their tasks are done.
const PLACES: usize = 32;

/// Where tasks were spawned. An object, because its count of references then costs no atomic
/// operation while there is a GIL; Python never sees it.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(super) struct SpawnSites(pub(super) Sites);

#[derive(Debug, Default)]
pub(super) struct Recent {
    places: [Option<Ref<SpawnSites>>; PLACES],
    /// Which place the last record came from.
    last: usize,
}

impl Recent {
    #[inline]
    fn place(calling: &Calling) -> usize {
        calling.hash() % PLACES
    }

    /// The last record, if the same frames are calling again.
    #[inline]
    pub(super) fn again(&self, py: Python<'_>) -> Option<Ref<SpawnSites>> {
        let sites = self.places[self.last].as_ref()?;
        is_calling(py, &sites.0).then(|| sites.clone())
    }

    /// The record of who is calling.
    #[inline]
    pub(super) fn find(&mut self, calling: &Calling) -> Option<Ref<SpawnSites>> {
        let place = Self::place(calling);
        let sites = self.places[place].as_ref()?;
        self.last = place;
        calling.is(&sites.0).then(|| sites.clone())
    }

    /// Returns what is to be dropped.
    #[must_use]
    pub(super) fn put(
        &mut self,
        calling: &Calling,
        sites: Ref<SpawnSites>,
    ) -> Option<Ref<SpawnSites>> {
        self.last = Self::place(calling);
        self.places[self.last].replace(sites)
    }
}
