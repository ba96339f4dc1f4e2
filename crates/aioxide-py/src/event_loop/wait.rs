//! Waiting for a socket: what `sock_recv` and the others do when they cannot go on.
//!
//! Whoever waits has tried before, or knows that it is in vain (`trust.rs`), and tries again when
//! it is woken, on its own socket, so it does no harm to be woken for nothing, or for another
//! socket that had the number before. That is what lets a registration outlive the wait: it is told
//! once of each change, and is left to the kernel when its socket is closed. A wait is one
//! `epoll_ctl`, which changes what is there or says that the number is another file's by now;
//! nothing else tells that for less. Most waits to read of a busy loop are over before it matters,
//! and go without it (`trust.rs`).

use std::io;
use std::os::fd::RawFd;

use aioxide_core::{Interest, Token};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::watcher::{Callback, Watcher};
use super::{Loop, LoopScheduler, Source};
use crate::error::os_error;
use crate::ffi::{Ref, attached, call_method};
use crate::names::interop;

impl Loop {
    /// Registers a descriptor for a source of the loop's own. What is left of sockets that had
    /// the number before gives way.
    ///
    /// # Errors
    /// Gives `source` back with the poller's error; `EEXIST` when a callback of the program, a
    /// transport or a server has the descriptor.
    pub(crate) fn register(
        &self,
        fd: RawFd,
        interest: Interest,
        source: Source,
    ) -> Result<Token, (Source, io::Error)> {
        let inserted = self
            .scheduler
            .with(|scheduler| scheduler.reactor.insert(&*scheduler.poller, fd, interest, source));
        match inserted {
            Err((source, error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !self.vacate(fd) {
                    return Err((source, error));
                }
                self.scheduler.with(|scheduler| {
                    scheduler.reactor.insert(&*scheduler.poller, fd, interest, source)
                })
            }
            inserted => inserted,
        }
    }

    /// Ends a registration that is there for waits only. Those who wait try again, and find out
    /// what has become of their socket.
    #[cold]
    fn vacate(&self, fd: RawFd) -> bool {
        let removed = self.scheduler.with(|scheduler| {
            let token = scheduler.reactor.lookup(fd)?;
            match scheduler.reactor.source(token) {
                Some(Source::Watcher(watcher)) if !watcher.has_handle() => {
                    scheduler.reactor.remove(&*scheduler.poller, token)
                }
                _ => None,
            }
        });
        let Some(Source::Watcher(mut watcher)) = removed else { return false };
        let py = attached();
        for waiter in watcher.take_waiters() {
            if let Err(error) = wake(py, &waiter) {
                error.write_unraisable(py, None);
            }
        }
        true
    }

    /// A future that has its result when it is worth trying again. Whoever waited for the same or
    /// had a callback there is never told, as with asyncio. `socket` is the object's address if
    /// nothing was there to read a moment ago, or is expected; else 0.
    ///
    /// # Errors
    /// `RuntimeError` when a transport uses the descriptor or the loop is closed, `OSError` when it
    /// cannot be watched.
    pub(crate) fn wait_ready(
        this: &Bound<'_, Self>,
        fd: RawFd,
        writing: bool,
        socket: usize,
    ) -> PyResult<Ref> {
        let py = this.py();
        let event_loop = this.get();
        event_loop.ensure_open()?;
        if event_loop.may_have_transport(fd) {
            event_loop.refuse_transports(py, fd.into_pyobject(py)?.as_any())?;
        }
        let future = Ref::from(Self::create_future(this)?);
        let mut waiter = Some(Callback::Waiter(future.clone()));
        let placed = event_loop.scheduler.with(|scheduler| {
            let Some((token, watcher)) = find(scheduler, fd) else { return Ok(None) };
            let wanted = watcher.wanted_beside_waiter(writing);
            let trusts = watcher.trust.holds(socket);
            let reactor = &mut scheduler.reactor;
            let asked = !trusts || reactor.interest(token) != Some(wanted);
            let token =
                if asked { reactor.renew(&*scheduler.poller, token, wanted)? } else { token };
            let Some(Source::Watcher(watcher)) = reactor.source_mut(token) else {
                return Ok(None);
            };
            let listed = !writing && watcher.trust.begin(socket, asked);
            Ok(Some((std::mem::replace(watcher.place(writing), waiter.take()), listed)))
        });
        let replaced = match placed.map_err(|error: io::Error| os_error(&error))? {
            Some((replaced, listed)) => {
                if listed {
                    event_loop.trusting.with(|trusting| trusting.push(fd));
                }
                replaced
            }
            None => {
                let mut watcher = Watcher::new(Callback::Waiter(future.clone()), writing);
                watcher.trust.begin(socket, true);
                event_loop.begin_watching(fd, watcher)?;
                None
            }
        };
        if let Some(handle) = replaced.as_ref().and_then(Callback::handle) {
            handle.bind(py).call_method0("cancel")?;
        }
        Ok(future)
    }

    /// Registers a new watcher.
    ///
    /// # Errors
    /// `OSError` when the descriptor cannot be watched, `RuntimeError` when a transport or a
    /// server has it.
    pub(super) fn begin_watching(&self, fd: RawFd, watcher: Watcher) -> PyResult<()> {
        let wanted = watcher.wanted();
        match self.register(fd, wanted, Source::Watcher(watcher)) {
            Ok(_) => Ok(()),
            Err((_, error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(PyRuntimeError::new_err(format!(
                    "File descriptor {fd} is used by a transport or a server of this loop"
                )))
            }
            Err((_, error)) => Err(os_error(&error)),
        }
    }

    /// Nobody awaits `future` any more, for which the descriptor was watched; its number is negative
    /// if it is closed.
    pub(crate) fn stop_waiting(&self, fd: RawFd, future: &Ref, writing: bool) {
        let taken = self.scheduler.with(|scheduler| {
            let waits = |source: &Source| match source {
                Source::Watcher(watcher) => {
                    watcher.callback(writing).is_some_and(|callback| callback.is_waiter(future))
                }
                _ => false,
            };
            let reactor = &mut scheduler.reactor;
            let token = if fd < 0 {
                reactor.iter().find_map(|(token, source)| waits(source).then_some(token))
            } else {
                reactor.lookup(fd).filter(|token| reactor.source(*token).is_some_and(waits))
            }?;
            let Some(Source::Watcher(watcher)) = reactor.source_mut(token) else { return None };
            let taken = watcher.place(writing).take();
            let ended = fd < 0 && watcher.is_idle();
            if ended {
                return Some((taken, reactor.remove(&*scheduler.poller, token)));
            }
            settle(scheduler, token);
            Some((taken, None))
        });
        drop(taken);
    }

    /// The callback for one direction of a descriptor that is ready. A waiter is told once.
    pub(super) fn ready_callback(&self, token: Token, writing: bool) -> Option<Callback> {
        self.scheduler.with(|scheduler| {
            let Some(Source::Watcher(watcher)) = scheduler.reactor.source_mut(token) else {
                return None;
            };
            match watcher.callback(writing)? {
                Callback::Waiter(_) => {
                    let taken = watcher.place(writing).take();
                    if !writing {
                        watcher.trust.end();
                    }
                    settle(scheduler, token);
                    scheduler.answer_next_turn();
                    taken
                }
                stays => Some(stays.clone()),
            }
        })
    }
}

/// The watcher of a descriptor.
pub(super) fn find(scheduler: &mut LoopScheduler, fd: RawFd) -> Option<(Token, &mut Watcher)> {
    let token = scheduler.reactor.lookup(fd)?;
    match scheduler.reactor.source_mut(token) {
        Some(Source::Watcher(watcher)) => Some((token, watcher)),
        _ => None,
    }
}

/// A waiter has left. Beside a handle, the kernel would go on to tell what it waited for.
fn settle(scheduler: &mut LoopScheduler, token: Token) {
    if let Some(Source::Watcher(watcher)) = scheduler.reactor.source(token)
        && watcher.has_handle()
    {
        let wanted = watcher.wanted();
        // The descriptor may be closed: then the kernel has nothing to change.
        let _ = scheduler.reactor.set_interest(&*scheduler.poller, token, wanted);
    }
}

/// Gives a waiter its result, unless its task was cancelled.
pub(super) fn wake(py: Python<'_>, future: &Ref) -> PyResult<()> {
    let interop = interop(py)?;
    match call_method(py, &interop.names.set_result, [future, &interop.none]) {
        Err(error) if !error.matches(py, interop.invalid_state.bind(py))? => Err(error),
        _ => Ok(()),
    }
}
