//! One address after another, and beside each other: the sockets of a dial that are on their way.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aioxide_core::{Interest, Token};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyTuple};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};

use super::connection::HttpConnection;
use crate::event_loop::{Loop, Source};
use crate::ffi::Ref;

/// One address that is being tried.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) descriptor: OwnedFd,
    pub(super) token: Token,
    pub(super) at: usize,
}

/// The addresses, as `getaddrinfo()` gives them; `None` where one needs Python to be understood.
pub(super) fn addresses_of(infos: &Bound<'_, PyList>) -> Option<Vec<SocketAddr>> {
    infos
        .iter()
        .map(|info| {
            let info = info.cast_into::<PyTuple>().ok()?;
            let address = info.get_borrowed_item(4).ok()?.to_owned().cast_into::<PyTuple>().ok()?;
            let host = address.get_borrowed_item(0).ok()?.extract::<PyBackedStr>().ok()?;
            let port = address.get_borrowed_item(1).ok()?.extract::<u16>().ok()?;
            let host = host.parse::<IpAddr>().ok()?;
            Some(SocketAddr::new(host, port))
        })
        .collect()
}

/// A socket that is being connected.
fn begin(address: &SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let descriptor = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    // Some sandboxes refuse it, and asyncio does without it then, too.
    let _ = sockopt::set_tcp_nodelay(&descriptor, true);
    match connect(&descriptor, address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::AGAIN | Errno::ALREADY | Errno::INTR) => {
            Ok(descriptor)
        }
        Err(error) => Err(error),
    }
}

/// What has become of an attempt: the error's number, 0 for a connection, `None` while it goes on.
pub(super) fn outcome(descriptor: &OwnedFd) -> Option<i32> {
    match sockopt::socket_error(descriptor) {
        Ok(Ok(())) => Some(0),
        Ok(Err(Errno::INPROGRESS | Errno::AGAIN | Errno::ALREADY | Errno::INTR)) => None,
        Ok(Err(error)) | Err(error) => Some(error.raw_os_error()),
    }
}

impl Loop {
    /// Ends attempts: each leaves the poller, then its descriptor is closed.
    pub(super) fn end_attempts(&self, attempts: impl IntoIterator<Item = Attempt>) {
        for attempt in attempts {
            let source = self
                .scheduler
                .with(|scheduler| scheduler.reactor.remove(&*scheduler.poller, attempt.token));
            drop(attempt.descriptor);
            drop(source);
        }
    }
}

impl HttpConnection {
    /// Tries the next address that there is to try, until one is under way.
    ///
    /// # Errors
    /// What the loop's timers raise.
    pub(super) fn dial_next(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        loop {
            let next = self.state.with(|state| {
                let dial = state.dial.as_mut()?;
                let address = *dial.addresses.get(dial.tried)?;
                dial.tried += 1;
                Some((dial.tried - 1, address))
            });
            let Some((at, address)) = next else { return Ok(()) };
            match self.attempt(this, at, &address) {
                Ok(attempt) => {
                    let delay = self.state.with(|state| {
                        let dial = state.dial.as_mut()?;
                        dial.attempts.push(attempt);
                        dial.delay.filter(|_| dial.tried < dial.addresses.len())
                    });
                    return self.stagger(py, this, delay);
                }
                Err(error) => self.state.with(|state| {
                    if let Some(dial) = &mut state.dial {
                        dial.refused.push((at, error, true));
                    }
                }),
            }
        }
    }

    fn attempt(&self, this: &Ref<Self>, at: usize, address: &SocketAddr) -> Result<Attempt, i32> {
        let descriptor = begin(address).map_err(Errno::raw_os_error)?;
        let (fd, source) = (descriptor.as_fd().as_raw_fd(), Source::Dial(this.clone()));
        match self.event_loop.register(fd, Interest::WRITE, source) {
            Ok(token) => Ok(Attempt { descriptor, token, at }),
            Err((source, error)) => {
                drop(source);
                Err(error.raw_os_error().unwrap_or_else(|| Errno::IO.raw_os_error()))
            }
        }
    }

    /// Sets the timer of the next address, in the place of the one that there is.
    fn stagger(&self, py: Python<'_>, this: &Ref<Self>, delay: Option<f64>) -> PyResult<()> {
        let timer = match delay {
            Some(delay) => {
                let method = this.bind(py).getattr("_dial_next")?;
                let event_loop = self.event_loop.bind(py);
                Some(Ref::from(event_loop.call_method1("call_later", (delay, method))?))
            }
            None => None,
        };
        let (old, unused) = self.state.with(|state| match &mut state.dial {
            Some(dial) => (std::mem::replace(&mut dial.stagger, timer), None),
            None => (None, timer),
        });
        for timer in [old, unused].into_iter().flatten() {
            timer.bind(py).call_method0("cancel")?;
        }
        Ok(())
    }

    /// The kernel has refused one: tries the next.
    ///
    /// # Errors
    /// As [`HttpConnection::dial_next`].
    pub(super) fn attempt_failed(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        index: usize,
        error: i32,
    ) -> PyResult<()> {
        let failed = self.state.with(|state| {
            let dial = state.dial.as_mut()?;
            let attempt = dial.attempts.swap_remove(index);
            dial.refused.push((attempt.at, error, false));
            Some(attempt)
        });
        self.event_loop.end_attempts(failed);
        self.dial_next(py, this)?;
        self.see_whether_failed(py)
    }
}
