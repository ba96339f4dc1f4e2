//! What is queued, for a program that looks: the handles of `loop._ready` and `loop._scheduled`.

use aioxide_core::scheduler::Ready;
use pyo3::prelude::*;

use super::{Item, Loop};
use crate::ffi::Ref;

#[pymethods]
impl Loop {
    /// The handles that are to run, in their order; those that other threads have sent come last.
    /// What is queued without a handle, an event of a descriptor or a transport that begins to
    /// read, is not among them.
    fn _ready_handles<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let mut handles: Vec<Ref> = self.scheduler.with(|scheduler| {
            let items = scheduler.ready.iter().filter_map(|ready| match ready {
                Ready::Item(item) => Some(item),
                Ready::Event(_) => None,
            });
            items.filter_map(handle).collect()
        });
        self.inbox.try_visit(|item| handles.extend(handle(item)));
        handles.into_iter().map(|handle| handle.into_bound(py)).collect()
    }

    /// The handles of the timers that are pending, the next one to be due first.
    fn _timer_handles<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let handles: Vec<Ref> = self
            .scheduler
            .with(|scheduler| scheduler.timers.in_order().into_iter().filter_map(handle).collect());
        handles.into_iter().map(|handle| handle.into_bound(py)).collect()
    }
}

/// The object by which a program knows an item.
fn handle(item: &Item) -> Option<Ref> {
    match item {
        Item::Handle(handle) => Some(handle.clone().into_ref()),
        Item::Foreign(object) => Some(object.clone()),
        Item::Start(_) | Item::Datagrams(_) => None,
    }
}
