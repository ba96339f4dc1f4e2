//! The engine: TLS over memory, by the interpreter's own `ssl.SSLObject`.
//!
//! Bytes off the wire go in by `feed`, bytes for the wire come out by `drain`; between them
//! `handshake`, `read`, `write` and `unwrap` do what their names say, and never wait.

use pyo3::prelude::*;
use pyo3::types::PyInt;
use pyo3::{PyTraverseError, PyVisit};

use super::interop::{Interop, interop};
use crate::cell::LoopCell;
use crate::ffi::{Bytes, Ref, attribute, call_method, lend, lend_mut};
use crate::names::cold;

/// What a step of the engine came to.
#[derive(Debug)]
pub(super) enum Step<T> {
    Done(T),
    /// It needs more from the peer.
    Again,
}

/// One connection's.
#[derive(Debug)]
pub(super) struct Engine {
    /// `None` in both once it was released.
    held: LoopCell<Held>,
    /// What is called is the inner object. Buffers are lent to that only.
    direct: bool,
    incoming: Ref,
    outgoing: Ref,
    /// Who is to be told of the end, for the next connection to resume the session; or `None`.
    resumption: Ref,
}

/// The OpenSSL connection.
#[derive(Debug)]
struct Held {
    /// The `ssl.SSLObject`.
    object: Ref,
    /// What is called: the `_ssl._SSLSocket` inside the object, so that no Python frame is made; or
    /// the object, when the program has put its own methods in place.
    session: Ref,
}

impl Engine {
    /// # Errors
    /// What the context raises: of the wrong side, a host name that it cannot check, ...
    pub(super) fn new(
        py: Python<'_>,
        context: &Bound<'_, PyAny>,
        server_side: bool,
        server_hostname: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let interop = interop(py)?;
        let incoming = interop.memory_bio.bind(py).call0()?;
        let outgoing = interop.memory_bio.bind(py).call0()?;
        let arguments = (context, &incoming, &outgoing, server_side, server_hostname);
        let (object, session, resumption) = cold(py, "tls_session", arguments)?.extract::<(
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
        )>()?;
        let direct = session.get_type().is(interop.session.bind(py));
        Ok(Self {
            held: LoopCell::new(Held { object: object.into(), session: session.into() }),
            direct,
            incoming: incoming.into(),
            outgoing: outgoing.into(),
            resumption: resumption.into(),
        })
    }

    /// The connection is lost.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(super) fn end(&self, py: Python<'_>) -> PyResult<()> {
        let (resumption, object) = (self.resumption.bind(py), self.object());
        let object = object.bind(py);
        if resumption.is_none() || object.is_none() {
            return Ok(());
        }
        cold(py, "tls_ended", (resumption, object)).map(drop)
    }

    /// The `ssl.SSLObject`; `None` once it was released.
    pub(super) fn object(&self) -> Ref {
        self.held.with(|held| held.object.clone())
    }

    #[inline]
    fn session(&self) -> Ref {
        self.held.with(|held| held.session.clone())
    }

    /// Lets go of the OpenSSL connection, and so of the context. Nothing is to be encrypted any more.
    pub(super) fn release(&self, py: Python<'_>) {
        let none = Held { object: Ref::none(py), session: Ref::none(py) };
        drop(self.held.with(|held| std::mem::replace(held, none)));
    }

    /// Shows the collector what the engine holds.
    ///
    /// # Errors
    /// The visitor's.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.incoming.as_py())?;
        visit.call(self.outgoing.as_py())?;
        visit.call(self.resumption.as_py())?;
        let visited = self.held.try_with(|held| {
            visit.call(held.object.as_py())?;
            visit.call(held.session.as_py())
        });
        visited.unwrap_or(Ok(()))
    }

    /// Takes bytes off the wire.
    pub(super) fn feed(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        let write = &interop(py)?.write;
        // SAFETY: `incoming` is a `_ssl.MemoryBIO`, whose `write` copies and keeps nothing.
        unsafe { lend(py, data, |view| call_method(py, write, [&self.incoming, view])) }.map(drop)
    }

    /// How many bytes off the wire wait to be looked at.
    pub(super) fn undecrypted(&self, py: Python<'_>) -> PyResult<usize> {
        attribute(py, &self.incoming, &interop(py)?.pending)?.bind(py).extract()
    }

    /// The bytes for the wire, a `bytes`.
    pub(super) fn drain(&self, py: Python<'_>) -> PyResult<Ref> {
        call_method(py, &interop(py)?.read, [&self.outgoing])
    }

    /// How many bytes for the wire there are.
    pub(super) fn undrained(&self, py: Python<'_>) -> PyResult<usize> {
        attribute(py, &self.outgoing, &interop(py)?.pending)?.bind(py).extract()
    }

    pub(super) fn handshake(&self, py: Python<'_>) -> PyResult<Step<()>> {
        let interop = interop(py)?;
        let result = call_method(py, &interop.do_handshake, [&self.session()]);
        step(py, interop, result.map(drop))
    }

    /// Reads at most `most` bytes, of one record. Empty is the peer's `close_notify`.
    pub(super) fn read(&self, py: Python<'_>, most: usize) -> PyResult<Step<Bytes>> {
        let interop = interop(py)?;
        let most = Ref::from(PyInt::new(py, most).into_any());
        let result = call_method(py, &interop.read, [&self.session(), &most]);
        step(py, interop, result.and_then(|data| exact(py, data)))
    }

    /// Reads into `target`, from one record. 0 is the peer's `close_notify`.
    pub(super) fn read_into(&self, py: Python<'_>, target: &mut [u8]) -> PyResult<Step<usize>> {
        if !self.direct {
            let read = match self.read(py, target.len())? {
                Step::Done(data) => data,
                Step::Again => return Ok(Step::Again),
            };
            let data = read.as_slice();
            let room = target.get_mut(..data.len()).ok_or_else(|| {
                pyo3::exceptions::PyValueError::new_err("read() returned more than was asked for")
            })?;
            room.copy_from_slice(data);
            return Ok(Step::Done(data.len()));
        }
        let interop = interop(py)?;
        let most = Ref::from(PyInt::new(py, target.len()).into_any());
        // SAFETY: `session` is a `_ssl._SSLSocket`, whose `read` fills the buffer and keeps nothing.
        let result = unsafe {
            lend_mut(py, target, |view| {
                call_method(py, &interop.read, [&self.session(), &most, view])
            })
        };
        step(py, interop, result.and_then(|count| count.bind(py).extract()))
    }

    /// How many decrypted bytes wait to be read.
    pub(super) fn pending(&self, py: Python<'_>) -> PyResult<usize> {
        call_method(py, &interop(py)?.pending, [&self.session()])?.bind(py).extract()
    }

    /// Encrypts some of `data`, which is not empty: one record of it.
    pub(super) fn write(&self, py: Python<'_>, data: &[u8]) -> PyResult<Step<usize>> {
        let interop = interop(py)?;
        let result = if self.direct {
            // SAFETY: `session` is a `_ssl._SSLSocket`, whose `write` keeps nothing.
            unsafe {
                lend(py, data, |view| call_method(py, &interop.write, [&self.session(), view]))
            }
        } else {
            let copy = Ref::from(pyo3::types::PyBytes::new(py, data).into_any());
            call_method(py, &interop.write, [&self.session(), &copy])
        };
        step(py, interop, result.and_then(|count| count.bind(py).extract()))
    }

    /// Says `close_notify`, and looks for the peer's.
    pub(super) fn unwrap(&self, py: Python<'_>) -> PyResult<Step<()>> {
        let interop = interop(py)?;
        let name = if self.direct { &interop.shutdown } else { &interop.unwrap };
        step(py, interop, call_method(py, name, [&self.session()]).map(drop))
    }
}

/// The bytes of a read; a program's own `SSLObject` may return anything.
fn exact(py: Python<'_>, data: Ref) -> PyResult<Bytes> {
    if let Some(bytes) = Bytes::of(data.bind(py).as_borrowed()) {
        return Ok(bytes);
    }
    let copy = py.get_type::<pyo3::types::PyBytes>().call1((data.bind(py),))?;
    Bytes::of(copy.as_borrowed())
        .ok_or_else(|| pyo3::exceptions::PyTypeError::new_err("read() returned no bytes"))
}

fn step<T>(py: Python<'_>, interop: &Interop, result: PyResult<T>) -> PyResult<Step<T>> {
    match result {
        Ok(value) => Ok(Step::Done(value)),
        Err(error) if interop.again.iter().any(|kind| error.is_instance(py, kind.bind(py))) => {
            Ok(Step::Again)
        }
        Err(error) => Err(error),
    }
}
