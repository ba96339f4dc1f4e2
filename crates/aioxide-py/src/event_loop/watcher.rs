//! What a descriptor that the program owns is watched for.

use aioxide_core::Interest;
use pyo3::{PyTraverseError, PyVisit};

use super::trust::Trust;
use crate::ffi::Ref;
use crate::handle::HandleRef;
use crate::pipe::PipeMethod;

/// What happens when a descriptor is ready.
#[derive(Clone, Debug)]
pub(crate) enum Callback {
    /// A handle of `add_reader` or `add_writer` runs, again and again.
    Handle(HandleRef),
    /// The same, of a method of a pipe's transport, which is called without the interpreter. The
    /// handle is for its context, for whoever asks or cancels, for errors and for debug mode.
    Pipe(HandleRef, PipeMethod),
    /// A future that a coroutine of `sock_recv` or another awaits gets its result, once. That says
    /// no more than: try again.
    Waiter(Ref),
}

impl Callback {
    /// The object that says who is called.
    pub(super) fn object(&self) -> Ref {
        match self {
            Self::Handle(handle) | Self::Pipe(handle, _) => handle.clone().into_ref(),
            Self::Waiter(future) => future.clone(),
        }
    }

    /// The handle, of all but a waiter.
    pub(super) fn handle(&self) -> Option<&HandleRef> {
        match self {
            Self::Handle(handle) | Self::Pipe(handle, _) => Some(handle),
            Self::Waiter(_) => None,
        }
    }

    /// Whether it gives data to a protocol, so that what is written meanwhile is an answer.
    #[inline]
    pub(super) fn gives_data(&self) -> bool {
        matches!(self, Self::Pipe(_, method) if method.is_read())
    }

    pub(super) fn is_waiter(&self, future: &Ref) -> bool {
        matches!(self, Self::Waiter(own) if own.is(future.as_ptr()))
    }
}

/// The callbacks of one descriptor.
///
/// While all that there are, if any, are waiters, the kernel tells each change once, and what it
/// was asked to tell is not taken back when nobody waits any more. With a handle it tells exactly
/// what is wanted, for as long as it is so.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    reader: Option<Callback>,
    writer: Option<Callback>,
    /// What the program gave `add_reader` in place of a number: it may close it before it removes
    /// the callback, and then has no number to tell.
    pub(super) object: Option<Ref>,
    pub(super) trust: Trust,
}

impl Watcher {
    pub(super) fn new(callback: Callback, writing: bool) -> Self {
        let mut watcher = Self::default();
        *watcher.place(writing) = Some(callback);
        watcher
    }

    pub(super) fn callback(&self, writing: bool) -> Option<&Callback> {
        if writing { self.writer.as_ref() } else { self.reader.as_ref() }
    }

    pub(super) fn place(&mut self, writing: bool) -> &mut Option<Callback> {
        if writing { &mut self.writer } else { &mut self.reader }
    }

    fn callbacks(&self) -> impl Iterator<Item = &Callback> {
        [&self.reader, &self.writer].into_iter().flatten()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.callbacks().next().is_none()
    }

    pub(super) fn has_handle(&self) -> bool {
        self.callbacks().any(|callback| callback.handle().is_some())
    }

    /// What the callbacks need to be told.
    pub(super) fn wanted(&self) -> Interest {
        Interest {
            readable: self.reader.is_some(),
            writable: self.writer.is_some(),
            edge: !self.has_handle(),
        }
    }

    /// The same, once there is a waiter for one direction, in the place of whatever is there.
    pub(super) fn wanted_beside_waiter(&self, writing: bool) -> Interest {
        let edge = self.callback(!writing).and_then(Callback::handle).is_none();
        Interest { edge, ..self.wanted().with(interest(writing)) }
    }

    /// Takes out whoever waits.
    pub(super) fn take_waiters(&mut self) -> Vec<Ref> {
        let mut waiters = Vec::new();
        for place in [&mut self.reader, &mut self.writer] {
            match place.take() {
                Some(Callback::Waiter(future)) => waiters.push(future),
                other => *place = other,
            }
        }
        waiters
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for callback in self.callbacks() {
            match callback {
                Callback::Handle(handle) => handle.traverse_from_loop(visit)?,
                Callback::Pipe(handle, method) => {
                    handle.traverse_from_loop(visit)?;
                    visit.call(method.transport().as_py())?;
                }
                Callback::Waiter(future) => visit.call(future.as_py())?,
            }
        }
        match &self.object {
            Some(object) => visit.call(object.as_py()),
            None => Ok(()),
        }
    }
}

/// One direction as an interest.
pub(super) fn interest(writing: bool) -> Interest {
    if writing { Interest::WRITE } else { Interest::READ }
}
