//! How an `HttpConnection` is connected natively: to one of several addresses, as RFC 8305 has it.
//!
//! ```text
//!   dial() ──► at an address ─┬─ connected ──► a StreamTransport ─[TLS]─► what waits is sent
//!                   ▲         ├─ refused ────► the next address; after the last: failed
//!                   └─────────┴─ `delay` over: the next one beside it
//! ```
//!
//! Sockets that are on their way belong to the dial, which drops them when the connection is
//! closed: nobody else has them, so nobody can lose them. With TLS, it lasts until hands are shaken.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aioxide_core::{Interest, Token};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyTuple};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};

use super::connection::{HttpConnection, Phase};
use super::deliver::refuse;
use super::error::failure;
use crate::event_loop::{Loop, Source};
use crate::ffi::{Ref, copy_context, in_context};
use crate::handle::ends_run;
use crate::tls::TlsProtocol;
use crate::transport::{StreamTransport, Way};

/// One address that is being tried.
#[derive(Debug)]
struct Attempt {
    descriptor: OwnedFd,
    token: Token,
    at: usize,
}

/// One that was tried in vain: which, the error's number, and whether the kernel knew at once.
type Refused = (usize, i32, bool);

/// Until when there is to be a connection, in the loop's time; whose limit that is, and of how many
/// seconds.
#[derive(Debug)]
struct Limit {
    when: f64,
    name: String,
    seconds: f64,
}

/// What is under way.
#[derive(Debug)]
pub(super) struct Dial {
    addresses: Vec<SocketAddr>,
    /// How many of them were tried.
    tried: usize,
    attempts: Vec<Attempt>,
    refused: Vec<Refused>,
    /// Seconds after which the next address is tried beside those that are.
    delay: Option<f64>,
    /// The timer of that.
    stagger: Option<Ref>,
    limit: Option<Limit>,
    /// The caller's: what the transport's callbacks run in.
    context: Ref,
    /// Who awaits the connection.
    waiter: Option<Ref>,
    /// What encrypts it.
    tls: Option<Ref<TlsProtocol>>,
    /// A socket is connected, and hands are being shaken.
    shaking: bool,
}

impl Dial {
    pub(super) fn limit(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.when)
    }

    /// The objects that are held, for the collector.
    pub(super) fn references(&self) -> impl Iterator<Item = &Ref> {
        let tls = self.tls.as_ref().map(Ref::as_any);
        [Some(&self.context), self.stagger.as_ref(), self.waiter.as_ref(), tls]
            .into_iter()
            .flatten()
    }

    fn has_failed(&self) -> bool {
        self.attempts.is_empty() && self.tried == self.addresses.len() && !self.shaking
    }
}

/// The addresses, as `getaddrinfo()` gives them; `None` where one needs Python to be understood.
fn addresses_of(infos: &Bound<'_, PyList>) -> Option<Vec<SocketAddr>> {
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
fn outcome(descriptor: &OwnedFd) -> Option<i32> {
    match sockopt::socket_error(descriptor) {
        Ok(Ok(())) => Some(0),
        Ok(Err(Errno::INPROGRESS | Errno::AGAIN | Errno::ALREADY | Errno::INTR)) => None,
        Ok(Err(error)) | Err(error) => Some(error.raw_os_error()),
    }
}

impl Loop {
    /// Ends attempts: each leaves the poller, then its descriptor is closed.
    fn end_attempts(&self, attempts: impl IntoIterator<Item = Attempt>) {
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
    fn dial_next(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
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

    /// A socket has something to say. Without an error that is: connected.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn dial_ready(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        token: Token,
        ready: Interest,
    ) -> PyResult<()> {
        let found = self.state.with(|state| {
            let dial = state.dial.as_ref()?;
            let index = dial.attempts.iter().position(|attempt| attempt.token == token)?;
            // Only an error or a hang-up makes it readable, which nobody has asked for.
            let error =
                if ready.readable { outcome(&dial.attempts[index].descriptor) } else { Some(0) };
            Some((index, error))
        });
        let result = match found {
            None | Some((_, None)) => Ok(()),
            Some((index, Some(0))) => self.come_through(py, this, index),
            Some((index, Some(error))) => self.attempt_failed(py, this, index, error),
        };
        match result {
            Err(error) if !ends_run(py, &error) => {
                let exception = Ref::from(error.into_value(py).into_bound(py).into_any());
                self.fail_dial(py, None, exception)
            }
            result => result,
        }
    }

    fn attempt_failed(
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

    /// Fails if there is nothing left to try or to wait for.
    fn see_whether_failed(&self, py: Python<'_>) -> PyResult<()> {
        let refused = self.state.with(|state| {
            let dial = state.dial.as_mut().filter(|dial| dial.has_failed())?;
            Some(std::mem::take(&mut dial.refused))
        });
        match refused {
            Some(refused) => {
                let exception = failure(py, "not_connected", (refused,))?;
                self.fail_dial(py, None, exception)
            }
            None => Ok(()),
        }
    }

    /// The time for connecting is over.
    ///
    /// # Errors
    /// What telling those who wait raises.
    pub(super) fn dial_over(&self, py: Python<'_>) -> PyResult<()> {
        let limit = self.state.with(|state| state.dial.as_mut()?.limit.take());
        let Some(limit) = limit else { return Ok(()) };
        let exception = failure(py, "limit_over", (limit.name, limit.seconds))?;
        self.fail_dial(py, None, exception)
    }

    /// The program closes the connection that is not there yet.
    ///
    /// # Errors
    /// What telling those who wait raises.
    pub(super) fn dial_closed(&self, py: Python<'_>) -> PyResult<()> {
        let exception = failure(py, "closed_while_connecting", ())?;
        self.fail_dial(py, None, exception)
    }

    /// There will be no connection. Those who wait are told, `waiter` among them.
    fn fail_dial(&self, py: Python<'_>, waiter: Option<Ref>, exception: Ref) -> PyResult<()> {
        let (exchange, waiter) = self.state.with(|state| {
            state.phase = Phase::Closed;
            state.reusable = false;
            let known = state.dial.as_mut().and_then(|dial| dial.waiter.take());
            (state.exchange.take(), waiter.or(known))
        });
        self.stop_dialling(py)?;
        if let Some(waiter) = waiter {
            refuse(py, &waiter, &exception)?;
        }
        match exchange {
            Some(exchange) => exchange.fail(py, exception),
            None => Ok(()),
        }
    }

    /// Dials no more, if it did. Whoever awaits the connection has given up.
    ///
    /// # Errors
    /// What cancelling a timer raises.
    pub(super) fn stop_dialling(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.state.with(|state| {
            let dial = state.dial.take()?;
            Some((dial, state.timer.take(), std::mem::take(&mut state.first)))
        });
        let Some((dial, timer, first)) = taken else { return Ok(()) };
        let Dial { attempts, stagger, waiter, context, tls, shaking, .. } = *dial;
        self.event_loop.end_attempts(attempts);
        drop((first, waiter, context));
        if let Some(upper) = tls.and_then(|tls| tls.upper()) {
            // As whoever awaits the handshake does. Without a connection nothing is to be ended.
            let how = if shaking { "close" } else { "abort" };
            upper.bind(py).call_method0(how)?;
        }
        for timer in timer.map(|(timer, _)| timer).into_iter().chain(stagger) {
            timer.bind(py).call_method0("cancel")?;
        }
        Ok(())
    }

    /// The loop is closed: it has taken the sockets out already.
    pub(crate) fn undialled(&self) {
        let dial = self.state.with(|state| state.dial.take());
        drop(dial);
    }

    /// One attempt has come through: its socket becomes the transport's, the others go.
    fn come_through(&self, py: Python<'_>, this: &Ref<Self>, index: usize) -> PyResult<()> {
        let taken = self.state.with(|state| {
            let dial = state.dial.as_mut()?;
            let Attempt { descriptor, token, at } = dial.attempts.swap_remove(index);
            let connection = (descriptor, token, dial.addresses[at]);
            let losers = std::mem::take(&mut dial.attempts);
            let (stagger, waiter) = (dial.stagger.take(), dial.waiter.take());
            let (context, tls) = (dial.context.clone(), dial.tls.clone());
            // The next addresses are not tried any more.
            dial.tried = dial.addresses.len();
            dial.shaking = true;
            let plain = if tls.is_none() { state.dial.take() } else { None };
            Some((connection, losers, (stagger, waiter, plain), context, tls))
        });
        let Some((connection, losers, (stagger, waiter, plain), context, tls)) = taken else {
            return Ok(());
        };
        drop(plain);
        self.event_loop.end_attempts(losers);
        if let Some(stagger) = stagger {
            stagger.bind(py).call_method0("cancel")?;
        }
        let made = match tls {
            None => self.establish(py, this, connection, context),
            Some(tls) => self.encrypt(py, &tls, connection, context),
        };
        match made {
            Ok(transport) => match waiter {
                Some(waiter) => tell(py, &waiter, &transport),
                None => Ok(()),
            },
            Err(error) if ends_run(py, &error) => Err(error),
            Err(error) => {
                let exception = Ref::from(error.into_value(py).into_bound(py).into_any());
                self.fail_dial(py, waiter, exception)
            }
        }
    }

    /// Makes the transport, and sends what waits for it.
    fn establish(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        socket: (OwnedFd, Token, SocketAddr),
        context: Ref,
    ) -> PyResult<Ref<StreamTransport>> {
        let protocol = (this.clone().into_any(), Way::Http(this.clone()));
        let transport = StreamTransport::dialled(py, &self.event_loop, protocol, socket, context)?;
        let (first, exchange, paused) = self.state.with(|state| {
            state.transport = Some(transport.clone().into_any());
            state.stream = Some(transport.clone());
            if state.phase == Phase::New {
                state.phase = Phase::Idle;
            }
            (std::mem::take(&mut state.first), state.exchange.clone(), state.reading_paused)
        });
        if paused {
            transport.bind(py).call_method0("pause_reading")?;
        }
        self.send_first(py, first, exchange)?;
        Ok(transport)
    }

    /// Makes the transport below TLS, which calls `connection_made` when hands are shaken.
    fn encrypt(
        &self,
        py: Python<'_>,
        tls: &Ref<TlsProtocol>,
        socket: (OwnedFd, Token, SocketAddr),
        context: Ref,
    ) -> PyResult<Ref<StreamTransport>> {
        let protocol = (tls.clone().into_any(), Way::Tls);
        let kept = context.clone();
        let lower = StreamTransport::dialled(py, &self.event_loop, protocol, socket, context)?;
        in_context(py, &kept, || {
            tls.bind(py).call_method1("connection_made", (lower.bind(py),)).map(drop)
        })?;
        Ok(lower)
    }
}

/// Gives whoever awaits it the transport, which may be lost by the time that he has it.
fn tell(py: Python<'_>, waiter: &Ref, transport: &Ref<StreamTransport>) -> PyResult<()> {
    let waiter = waiter.bind(py);
    if waiter.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    transport.mark_shown();
    waiter.call_method1("set_result", (transport.bind(py),)).map(drop)
}

#[pymethods]
impl HttpConnection {
    /// Begin to connect to one of several addresses, as getaddrinfo() gives them. Each is tried
    /// when those before have failed, or `delay` seconds after the one before; `limit` is until
    /// when, in the loop's time, whose limit that is, and of how many seconds.
    ///
    /// What begin() is given is sent when there is a connection. With `tls`, a protocol for this one,
    /// there is one when its handshake is done, which the waiter of that protocol tells. Returns
    /// False, and does nothing,
    /// for addresses that are not plain. Raises RuntimeError when it was dialled or connected
    /// before.
    #[pyo3(signature = (addresses, delay=None, limit=None, tls=None))]
    fn dial(
        this: &Bound<'_, Self>,
        addresses: &Bound<'_, PyList>,
        delay: Option<f64>,
        limit: Option<(f64, String, f64)>,
        tls: Option<&Bound<'_, TlsProtocol>>,
    ) -> PyResult<bool> {
        let (py, connection) = (this.py(), this.get());
        connection.event_loop.ensure_open()?;
        let Some(addresses) = addresses_of(addresses).filter(|found| !found.is_empty()) else {
            return Ok(false);
        };
        let limit = limit.map(|(when, name, seconds)| Limit { when, name, seconds });
        let until = limit.as_ref().map(|limit| limit.when);
        let dial = Box::new(Dial {
            addresses,
            tried: 0,
            attempts: Vec::new(),
            refused: Vec::new(),
            delay,
            stagger: None,
            limit,
            context: copy_context(py)?,
            waiter: None,
            tls: tls.map(Ref::new),
            shaking: false,
        });
        let refused = connection.state.with(|state| {
            if state.phase != Phase::New || state.dial.is_some() {
                return Some(dial);
            }
            state.dial = Some(dial);
            None
        });
        if refused.is_some() {
            return Err(PyRuntimeError::new_err("the connection was dialled before"));
        }
        let kept = Ref::new(this);
        connection.dial_next(py, &kept)?;
        if connection.state.with(|state| state.dial.as_ref().is_some_and(|dial| dial.has_failed()))
        {
            // Whoever is to be told comes after this.
            let method = this.getattr("_dial_failed")?;
            connection.event_loop.bind(py).call_method1("call_soon", (method,))?;
        } else if let Some(until) = until {
            connection.watch_deadline(py, &kept, until)?;
        }
        Ok(true)
    }

    /// A future of the transport of the socket that is connected first, which has the exception if
    /// none will be; None when one is.
    fn dial_waiter<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.state.with(|state| state.dial.is_none()) {
            return Ok(None);
        }
        let future = Loop::create_future(self.event_loop.bind(py))?;
        let waiter = Ref::new(&future);
        let old = self.state.with(|state| state.dial.as_mut()?.waiter.replace(waiter));
        drop(old);
        Ok(Some(future))
    }

    fn _dial_next(this: &Bound<'_, Self>) -> PyResult<()> {
        let (py, connection) = (this.py(), this.get());
        connection.dial_next(py, &Ref::new(this))?;
        connection.see_whether_failed(py)
    }

    /// To be called when the waiter of a `tls` is done: a failure is the exchange's.
    #[pyo3(signature = (waiter, /))]
    fn _handshake_ended(&self, py: Python<'_>, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        if waiter.call_method0("cancelled")?.is_truthy()? {
            return Ok(());
        }
        let exception = waiter.call_method0("exception")?;
        if exception.is_none() || self.state.with(|state| state.dial.is_none()) {
            return Ok(());
        }
        self.fail_dial(py, None, Ref::from(exception))
    }

    fn _dial_failed(&self, py: Python<'_>) -> PyResult<()> {
        self.see_whether_failed(py)
    }
}
