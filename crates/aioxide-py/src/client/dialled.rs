//! The attempt of a dial that has come through.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use aioxide_core::Token;
use pyo3::prelude::*;

use super::attempt::Attempt;
use super::connection::{HttpConnection, Phase};
use super::dial::value_of;
use crate::event_loop::{Loop, Source};
use crate::ffi::{Ref, in_context};
use crate::handle::ends_run;
use crate::tls::TlsProtocol;
use crate::transport::{StreamTransport, Way};

impl Loop {
    /// Ends the registration of a dial that no transport has taken over. Its descriptor is closed.
    #[cold]
    fn forget_dial(&self, token: Token) {
        let source = self.scheduler.with(|scheduler| match scheduler.reactor.source(token) {
            Some(Source::Dial(_)) => scheduler.reactor.remove(&*scheduler.poller, token),
            _ => None,
        });
        drop(source);
    }
}

impl HttpConnection {
    /// One attempt has come through: its socket becomes the transport's, the others go.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(super) fn come_through(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        index: usize,
    ) -> PyResult<()> {
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
        let token = connection.1;
        let made = match tls {
            None => self.establish(py, this, connection, context),
            Some(tls) => self.encrypt(py, &tls, connection, context),
        };
        if made.is_err() {
            self.event_loop.forget_dial(token);
        }
        let told = match (made, waiter) {
            (Ok(transport), Some(waiter)) => tell(py, &waiter, &transport),
            (Ok(_), None) => Ok(()),
            (Err(error), _) if ends_run(py, &error) => Err(error),
            (Err(error), waiter) => self.fail_dial(py, waiter, value_of(py, error)),
        };
        match stagger {
            Some(stagger) => stagger.bind(py).call_method0("cancel").map(drop).and(told),
            None => told,
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
