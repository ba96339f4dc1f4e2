//! Where tasks were spawned of late. Who spawns many does so in one place, and they share a record.

use std::sync::Arc;

use pyo3::prelude::*;

use super::frames::{Calling, Sites};

/// Keeps so many records, and the code objects in them, when their tasks are done.
const PLACES: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Recent([Option<Arc<Sites>>; PLACES]);

impl Recent {
    /// The record of who is calling, and what had its place before, to be dropped: a code object's
    /// end may call Python.
    #[inline]
    #[must_use]
    pub(super) fn record(
        &mut self,
        py: Python<'_>,
        calling: &Calling,
    ) -> (Arc<Sites>, Option<Arc<Sites>>) {
        let place = &mut self.0[calling.hash() % PLACES];
        match place {
            Some(sites) if calling.is(sites) => (Arc::clone(sites), None),
            _ => {
                let sites = Arc::new(calling.to_sites(py));
                let replaced = place.replace(Arc::clone(&sites));
                (sites, replaced)
            }
        }
    }
}
