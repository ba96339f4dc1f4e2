//! What the coroutines of `sock_recv` and others do natively: one attempt, without waiting.
//!
//! The coroutines are in `aioxide._sockets`. They try, and wait only when there is nothing to do:
//! see `event_loop/wait.rs`. `None` tells them to leave the call to asyncio's own method: for what
//! is no plain `socket.socket`, for arguments that need more thought, and in debug mode, whose
//! checks and frames are asyncio's.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, RawFd};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyType};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::error::os_error;
use crate::event_loop::{Loop, READ_SIZE};
use crate::ffi::{
    Arguments, Bytes, ClassVersion, FastMethod, Ref, View, add_own_method, attribute,
    borrow_number, call_method, fill_bytes, socket_number,
};
use crate::names::interop;

/// Gives `Loop`, or a class that inherits from it, its methods.
///
/// # Errors
/// CPython's, out of memory.
pub(crate) fn add_fast_methods(class: &Bound<'_, PyType>) -> PyResult<()> {
    add_own_method::<Loop, Takes>(class)?;
    add_own_method::<Loop, Receive>(class)?;
    add_own_method::<Loop, ReceiveInto>(class)?;
    add_own_method::<Loop, Send>(class)?;
    add_own_method::<Loop, WaitReady>(class)?;
    add_own_method::<Loop, NewSocket>(class)?;
    add_own_method::<Loop, StopWaiting>(class)
}

struct Takes;
struct Receive;
struct ReceiveInto;
struct Send;
struct WaitReady;
struct NewSocket;
struct StopWaiting;

impl FastMethod<Loop> for Takes {
    const NAME: &'static CStr = c"_takes_socket";
    const DOC: &'static CStr = c"_takes_socket($self, sock, /)\n--\n\n\
        Whether calls on this socket need not be left to asyncio.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket] = arguments.positional else { return Err(wrong_arguments()) };
        let takes = takes(this, socket)?;
        Ok(takes.into_pyobject(this.py())?.to_owned().into_any().into())
    }
}

impl FastMethod<Loop> for Receive {
    const NAME: &'static CStr = c"_recv_now";
    const DOC: &'static CStr = c"_recv_now($self, sock, n, /)\n--\n\n\
        At most n bytes, or the future to wait for, or None where asyncio's sock_recv() is to run.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket, count] = arguments.positional else { return Err(wrong_arguments()) };
        let py = this.py();
        let Some(count) = positive(count) else { return none(py) };
        if !takes(this, socket)? {
            return none(py);
        }
        let fd = number(py, socket)?;
        let known_as = socket.as_ptr() as usize;
        if !this.get().expects_nothing(fd, known_as)
            && let Some(data) = receive(this, fd, count)?
        {
            return Ok(data);
        }
        Loop::wait_ready(this, fd, false, known_as)
    }
}

impl FastMethod<Loop> for ReceiveInto {
    const NAME: &'static CStr = c"_recv_into_now";
    const DOC: &'static CStr = c"_recv_into_now($self, sock, buf, /)\n--\n\n\
        How many bytes came into the buffer, or the future to wait for, or None where asyncio's \
        sock_recv_into() is to run.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket, buffer] = arguments.positional else { return Err(wrong_arguments()) };
        let py = this.py();
        if !takes(this, socket)? {
            return none(py);
        }
        let Ok(mut view) = View::writable(py, &Ref::new(buffer)) else { return none(py) };
        let room = view.as_mut_slice();
        if room.is_empty() {
            return none(py);
        }
        let fd = number(py, socket)?;
        let known_as = socket.as_ptr() as usize;
        if !this.get().expects_nothing(fd, known_as) {
            let came = attempt(fd, |fd| recv(fd, &mut *room, FLAGS).map(|(count, _)| count));
            if let Some(count) = noted(this, fd, room.len(), came)? {
                return Ok(PyInt::new(py, count).into_any().into());
            }
        }
        Loop::wait_ready(this, fd, false, known_as)
    }
}

impl FastMethod<Loop> for Send {
    const NAME: &'static CStr = c"_send_now";
    const DOC: &'static CStr = c"_send_now($self, sock, data, /)\n--\n\n\
        True when all is sent, or how many bytes are, or None where asyncio's sock_sendall() is \
        to run.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket, data] = arguments.positional else { return Err(wrong_arguments()) };
        let py = this.py();
        if !takes(this, socket)? {
            return none(py);
        }
        let (bytes, view);
        let content = if let Some(exact) = Bytes::of(*data) {
            bytes = exact;
            bytes.as_slice()
        } else {
            match View::readable(py, data.as_ptr()) {
                // Items of several bytes are counted in another way.
                Ok(of_data) if data.len().ok() == Some(of_data.as_slice().len()) => view = of_data,
                _ => return none(py),
            }
            view.as_slice()
        };
        let fd = number(py, socket)?;
        let flags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);
        let sent = attempt(fd, |fd| send(fd, content, flags))?.unwrap_or(0);
        if sent == content.len() {
            return Ok(true.into_pyobject(py)?.to_owned().into_any().into());
        }
        Ok(PyInt::new(py, sent).into_any().into())
    }
}

impl FastMethod<Loop> for WaitReady {
    const NAME: &'static CStr = c"_wait_ready";
    const DOC: &'static CStr = c"_wait_ready($self, sock, writing, /)\n--\n\n\
        A future that is done when it is worth trying again.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket, writing] = arguments.positional else { return Err(wrong_arguments()) };
        let fd = number(this.py(), socket)?;
        Loop::wait_ready(this, fd, writing.is_truthy()?, 0)
    }
}

impl FastMethod<Loop> for NewSocket {
    const NAME: &'static CStr = c"_new_socket";
    const DOC: &'static CStr = c"_new_socket($self, sock, /)\n--\n\n\
        The socket's number is a new file's. It need not be told of, but saves asking late.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket] = arguments.positional else { return Err(wrong_arguments()) };
        this.get().distrust(number(this.py(), socket)?);
        none(this.py())
    }
}

impl FastMethod<Loop> for StopWaiting {
    const NAME: &'static CStr = c"_stop_waiting";
    const DOC: &'static CStr = c"_stop_waiting($self, sock, future, writing, /)\n--\n\n\
        Nobody awaits the future any more.";

    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [socket, future, writing] = arguments.positional else {
            return Err(wrong_arguments());
        };
        let fd = number(this.py(), socket)?;
        this.get().stop_waiting(fd, &Ref::new(future), writing.is_truthy()?);
        none(this.py())
    }
}

const FLAGS: RecvFlags = RecvFlags::DONTWAIT;

fn wrong_arguments() -> PyErr {
    PyTypeError::new_err("native attempts are called by aioxide._sockets only")
}

fn none(py: Python<'_>) -> PyResult<Ref> {
    Ok(interop(py)?.none.clone())
}

/// A count that needs no further thought.
fn positive(count: &Bound<'_, PyAny>) -> Option<usize> {
    count.cast_exact::<PyInt>().ok()?.extract().ok().filter(|count| *count > 0)
}

/// Whether a socket is exactly a `socket.socket`, whose methods are what they were.
fn takes(event_loop: &Bound<'_, Loop>, socket: &Bound<'_, PyAny>) -> PyResult<bool> {
    static SEEN: ClassVersion = ClassVersion::unknown();
    let py = event_loop.py();
    let interop = interop(py)?;
    if !socket.get_type().is(interop.socket.bind(py)) || event_loop.get().is_debug() {
        return Ok(false);
    }
    SEEN.holds(py, &interop.socket, || {
        let names = &interop.names;
        for name in [&names.fileno, &names.gettimeout, &names.recv, &names.recv_into, &names.send] {
            let own = attribute(py, &interop.socket, name)?;
            if !own.is(attribute(py, &interop.native_socket, name)?.as_ptr()) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// What `fileno()` of a socket says: its number, -1 when it is closed.
fn number(py: Python<'_>, socket: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    let interop = interop(py)?;
    // A class of the program's may have a `fileno()` of its own.
    let plain = socket.get_type().is(interop.socket.bind(py));
    let number = if plain { socket_number(&interop.native_socket, socket) } else { None };
    match number {
        Some(number) => Ok(number),
        None => call_method(py, &interop.names.fileno, [&Ref::new(socket)])?.bind(py).extract(),
    }
}

/// One system call: `None` when it would have to wait.
///
/// # Errors
/// `OSError`.
fn attempt<T>(
    fd: RawFd,
    mut call: impl FnMut(BorrowedFd<'_>) -> Result<T, Errno>,
) -> PyResult<Option<T>> {
    let Some(fd) = borrow_number(fd) else { return Err(os_error(&Errno::BADF.into())) };
    loop {
        match call(fd) {
            Ok(done) => return Ok(Some(done)),
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(os_error(&error.into())),
        }
    }
}

/// What came of an attempt to read into `room` bytes. A socket that has come to its end is likely
/// to be closed next, and its number to be another's.
fn noted(
    event_loop: &Bound<'_, Loop>,
    fd: RawFd,
    room: usize,
    received: PyResult<Option<usize>>,
) -> PyResult<Option<usize>> {
    match received {
        Ok(Some(0)) | Err(_) => event_loop.get().distrust(fd),
        Ok(Some(count)) => event_loop.get().has_read(fd, count < room),
        Ok(None) => {}
    }
    received
}

/// At most `count` bytes.
fn receive(event_loop: &Bound<'_, Loop>, fd: RawFd, count: usize) -> PyResult<Option<Ref>> {
    let py = event_loop.py();
    if count > READ_SIZE {
        return fill_bytes(py, count, |room| {
            let came =
                attempt(fd, |fd| recv(fd, &mut *room, FLAGS).map(|((came, _), _)| came.len()));
            noted(event_loop, fd, count, came)
        });
    }
    let scratch = &event_loop.get().scratch;
    let mut buffer = scratch.with(std::mem::take);
    if buffer.is_empty() {
        buffer = vec![0; READ_SIZE];
    }
    let room = &mut buffer[..count];
    let received = attempt(fd, |fd| recv(fd, &mut *room, FLAGS).map(|(count, _)| count));
    let data = noted(event_loop, fd, count, received)
        .map(|received| received.map(|count| PyBytes::new(py, &buffer[..count]).into_any().into()));
    scratch.with(|slot| *slot = buffer);
    data
}
