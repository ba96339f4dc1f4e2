//! Interned strings and the classes and functions of asyncio that the hot path needs, looked up
//! once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyString, PyTuple};

use crate::ffi::{Ref, call_tuple};
use crate::streams::Original;

macro_rules! names {
    ($($(#[$doc:meta])* $field:ident = $text:literal,)*) => {
        /// Interned attribute and method names.
        #[derive(Debug)]
        pub(crate) struct Names { $($(#[$doc])* pub(crate) $field: Ref,)* }

        impl Names {
            fn new(py: Python<'_>) -> Self {
                Self { $($field: PyString::intern(py, $text).into_any().into(),)* }
            }
        }
    };
}

names! {
    run = "_run",
    cancelled_flag = "_cancelled",
    time = "time",
    context = "context",
    buffer = "_buffer",
    waiter = "_waiter",
    exception = "_exception",
    limit = "_limit",
    maybe_resume_transport = "_maybe_resume_transport",
    event_loop = "_loop",
    create_future = "create_future",
    paused = "_paused",
    eof = "_eof",
    transport = "_transport",
    set_result = "set_result",
    fileno = "fileno",
    gettimeout = "gettimeout",
    recv = "recv",
    recv_into = "recv_into",
    send = "send",
    stream_reader_wr = "_stream_reader_wr",
    client_connected_cb = "_client_connected_cb",
    reader = "_reader",
    protocol = "_protocol",
    connection_is_lost = "_connection_lost",
    pause_writing = "pause_writing",
    resume_writing = "resume_writing",
    connection_lost = "connection_lost",
    eof_received = "eof_received",
    buffer_updated = "buffer_updated",
    get_buffer = "get_buffer",
    data_received = "data_received",
    feed_data = "feed_data",
    datagram_received = "datagram_received",
    datagrams_received = "datagrams_received",
    sendto = "sendto",
    error_received = "error_received",
}

/// What is looked up once.
pub(crate) struct Interop {
    pub(crate) names: Names,
    pub(crate) task: Ref,
    pub(crate) future: Ref,
    pub(crate) invalid_state: Ref,
    pub(crate) handle: Ref,
    /// The class of what `call_soon_threadsafe` returns; `Handle` before 3.14.
    pub(crate) thread_safe_handle: Ref,
    pub(crate) timer_handle: Ref,
    /// What `StreamTransport.__class__` says.
    pub(crate) transport: Ref,
    /// What `ReadPipeTransport.__class__` says.
    pub(crate) read_pipe_transport: Ref,
    /// What `WritePipeTransport.__class__` says.
    pub(crate) write_pipe_transport: Ref,
    /// What `DatagramTransport.__class__` says.
    pub(crate) datagram_transport: Ref,
    /// The transports' own answers for it, unless a program has put another in its place.
    pub(crate) get_extra_info: Original,
    pub(crate) buffered_protocol: Ref,
    pub(crate) stream_reader_protocol: Ref,
    pub(crate) stream_reader: Ref,
    pub(crate) stream_writer: Ref,
    /// What the writer of such a reader becomes: `aioxide._streams.StreamWriter`.
    pub(crate) native_stream_writer: Ref,
    /// The methods that native draining stands for.
    pub(crate) drains: [Original; 3],
    /// What a reader becomes that is fed natively: `aioxide._streams.StreamReader`.
    pub(crate) native_stream_reader: Ref,
    /// The methods that native reads stand for.
    pub(crate) stream_reads: [Original; 6],
    /// The methods that native feeding stands for.
    pub(crate) feeds: [Original; 2],
    /// `socket.socket`, and the class under it.
    pub(crate) socket: Ref,
    pub(crate) native_socket: Ref,
    /// The module `aioxide._cold`: what runs so rarely that it is Python.
    pub(crate) cold: Ref,
    pub(crate) none: Ref,
    native_time: PyOnceLock<Ref>,
    /// `-1`, the hint for `get_buffer` that any size will do.
    pub(crate) minus_one: Ref,
}

impl Interop {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let asyncio = py.import("asyncio")?;
        let pipes = py.import("asyncio.unix_events")?;
        let class = |name: &str| asyncio.getattr(name).map(Ref::from);
        let method = |class: &str, name: &str| {
            let name = PyString::intern(py, name);
            Original::of(&asyncio.getattr(class)?, name.as_any())
        };
        Ok(Self {
            names: Names::new(py),
            task: class("Task")?,
            future: class("Future")?,
            invalid_state: class("InvalidStateError")?,
            handle: class("Handle")?,
            thread_safe_handle: py
                .import("asyncio.events")?
                .getattr(if cfg!(Py_3_14) { "_ThreadSafeHandle" } else { "Handle" })?
                .into(),
            timer_handle: class("TimerHandle")?,
            // Derives from `asyncio.Transport` and from the flow control mixin that
            // `loop.sendfile()` asks for.
            transport: py
                .import("asyncio.selector_events")?
                .getattr("_SelectorSocketTransport")?
                .into(),
            read_pipe_transport: pipes.getattr("_UnixReadPipeTransport")?.into(),
            write_pipe_transport: pipes.getattr("_UnixWritePipeTransport")?.into(),
            datagram_transport: py
                .import("asyncio.selector_events")?
                .getattr("_SelectorDatagramTransport")?
                .into(),
            get_extra_info: method("BaseTransport", "get_extra_info")?,
            buffered_protocol: class("BufferedProtocol")?,
            stream_reader_protocol: class("StreamReaderProtocol")?,
            stream_reader: class("StreamReader")?,
            stream_writer: class("StreamWriter")?,
            native_stream_writer: py.import("aioxide._streams")?.getattr("StreamWriter")?.into(),
            drains: [
                method("StreamWriter", "drain")?,
                method("StreamReader", "exception")?,
                method("StreamReaderProtocol", "_drain_helper")?,
            ],
            native_stream_reader: py.import("aioxide._streams")?.getattr("StreamReader")?.into(),
            stream_reads: [
                method("StreamReader", "read")?,
                method("StreamReader", "readexactly")?,
                method("StreamReader", "readuntil")?,
                method("StreamReader", "readline")?,
                method("StreamReader", "_wait_for_data")?,
                method("StreamReader", "_maybe_resume_transport")?,
            ],
            feeds: [
                method("StreamReaderProtocol", "data_received")?,
                method("StreamReader", "feed_data")?,
            ],
            socket: py.import("aioxide._cold")?.getattr("_Socket")?.into(),
            native_socket: py.import("_socket")?.getattr("socket")?.into(),
            cold: py.import("aioxide._cold")?.into_any().into(),
            none: Ref::none(py),
            native_time: PyOnceLock::new(),
            minus_one: PyInt::new(py, -1).into_any().into(),
        })
    }
}

static INTEROP: PyOnceLock<Interop> = PyOnceLock::new();

/// The looked-up names.
///
/// # Errors
/// Only at the first call: an import failed.
#[inline]
pub(crate) fn interop(py: Python<'_>) -> PyResult<&'static Interop> {
    if let Some(interop) = INTEROP.get(py) {
        return Ok(interop);
    }
    INTEROP.get_or_try_init(py, || Interop::new(py))
}

impl Interop {
    /// Whether this is the method `time` as `aioxide.EventLoop` got it.
    ///
    /// # Errors
    /// Those of an import, at the first call.
    pub(crate) fn is_native_time(&self, py: Python<'_>, time: &Ref) -> PyResult<bool> {
        let native = self.native_time.get_or_try_init(py, || {
            py.import("aioxide._loop")?.getattr("NATIVE_TIME").map(Ref::from)
        })?;
        Ok(native.is(time.as_ptr()))
    }
}

/// Calls the function `name` of `aioxide._cold`.
#[cold]
pub(crate) fn cold<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    let function = interop(py)?.cold.bind(py).getattr(name)?;
    call_tuple(&function, &arguments.into_pyobject(py).map_err(Into::into)?)
}
