//! What is queued, for a program that looks: the handles of `loop._ready` and `loop._scheduled`.
//! The former can be changed, as a queue of asyncio's can.

use aioxide_core::scheduler::Ready;
use pyo3::intern;
use pyo3::prelude::*;

use super::{Item, Loop, LoopScheduler};
use crate::ffi::Ref;
use crate::handle::HandleRef;

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

    /// Queue a handle, cancelled or not, before `next`; last if that is None or not queued.
    #[pyo3(signature = (handle, next=None))]
    fn _insert_ready(
        &self,
        handle: &Bound<'_, PyAny>,
        next: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.ensure_open()?;
        let item = item_of(handle)?.0;
        self.take_arrived();
        self.scheduler.with(|scheduler| {
            let index = next.and_then(|next| position(scheduler, next));
            scheduler.ready.insert(index.unwrap_or(usize::MAX), Ready::Item(item));
        });
        Ok(())
    }

    /// Take a handle out of what is to run; False if it is not there.
    fn _remove_ready(&self, handle: &Bound<'_, PyAny>) -> bool {
        self.take_arrived();
        let removed = self.scheduler.with(|scheduler| {
            position(scheduler, handle).and_then(|index| scheduler.ready.remove(index))
        });
        removed.is_some()
    }

    /// The handles of the timers that are pending, the next one to be due first.
    fn _timer_handles<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let handles: Vec<Ref> = self
            .scheduler
            .with(|scheduler| scheduler.timers.in_order().into_iter().filter_map(handle).collect());
        handles.into_iter().map(|handle| handle.into_bound(py)).collect()
    }
}

/// Where in the queue the item of `object` is.
fn position(scheduler: &LoopScheduler, object: &Bound<'_, PyAny>) -> Option<usize> {
    let is_it = |item: &Item| handle(item).is_some_and(|handle| handle.as_ptr() == object.as_ptr());
    scheduler.ready.iter().position(|ready| matches!(ready, Ready::Item(item) if is_it(item)))
}

/// The object by which a program knows an item.
fn handle(item: &Item) -> Option<Ref> {
    match item {
        Item::Handle(handle) => Some(handle.clone().into_ref()),
        Item::Foreign(object) => Some(object.clone()),
        Item::Start(_) | Item::Datagrams(_) => None,
    }
}

/// The item of a handle, which may be asyncio's, and whether it was cancelled.
pub(super) fn item_of(handle: &Bound<'_, PyAny>) -> PyResult<(Item, bool)> {
    let py = handle.py();
    if let Some(handle) = HandleRef::from_object(py, handle)? {
        let cancelled = handle.is_cancelled();
        return Ok((Item::Handle(handle), cancelled));
    }
    let cancelled = handle.getattr(intern!(py, "_cancelled"))?.is_truthy()?;
    Ok((Item::Foreign(Ref::new(handle)), cancelled))
}
