//! Interned strings and the classes and functions of asyncio that the hot path needs, looked up
//! once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::ffi::Ref;

macro_rules! names {
    ($($(#[$doc:meta])* $field:ident = $text:literal,)*) => {
        /// Interned attribute and method names.
        #[derive(Debug)]
        pub(crate) struct Names { $($(#[$doc])* pub(crate) $field: Ref,)* }

        impl Names {
            fn new(py: Python<'_>) -> Self {
                Self { $($field: Ref::new(PyString::intern(py, $text).as_any()),)* }
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
    paused = "_paused",
    eof = "_eof",
    transport = "_transport",
    cancelled = "cancelled",
    set_result = "set_result",
    stream_reader_wr = "_stream_reader_wr",
    pause_writing = "pause_writing",
    resume_writing = "resume_writing",
    connection_lost = "connection_lost",
    eof_received = "eof_received",
    buffer_updated = "buffer_updated",
    get_buffer = "get_buffer",
    data_received = "data_received",
}

/// What is looked up once.
#[derive(Debug)]
pub(crate) struct Interop {
    pub(crate) names: Names,
    pub(crate) task: Ref,
    pub(crate) future: Ref,
    pub(crate) handle: Ref,
    pub(crate) timer_handle: Ref,
    pub(crate) transport: Ref,
    pub(crate) buffered_protocol: Ref,
    pub(crate) stream_reader_protocol: Ref,
    pub(crate) stream_reader: Ref,
    /// `asyncio.StreamReader.feed_data`: a program may have replaced it since.
    pub(crate) feed_data: Ref,
    /// `asyncio.StreamReaderProtocol.data_received`, likewise.
    pub(crate) stream_data_received: Ref,
    /// The module `aioxide._cold`: what runs so rarely that it is Python.
    pub(crate) cold: Ref,
    /// `("loop",)`
    pub(crate) loop_keyword: Ref,
}

impl Interop {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let asyncio = py.import("asyncio")?;
        let class = |name: &str| asyncio.getattr(name).map(|class| Ref::new(&class));
        Ok(Self {
            names: Names::new(py),
            task: class("Task")?,
            future: class("Future")?,
            handle: class("Handle")?,
            timer_handle: class("TimerHandle")?,
            transport: class("Transport")?,
            buffered_protocol: class("BufferedProtocol")?,
            stream_reader_protocol: class("StreamReaderProtocol")?,
            stream_reader: class("StreamReader")?,
            feed_data: Ref::new(&asyncio.getattr("StreamReader")?.getattr("feed_data")?),
            stream_data_received: Ref::new(
                &asyncio.getattr("StreamReaderProtocol")?.getattr("data_received")?,
            ),
            cold: Ref::new(py.import("aioxide._cold")?.as_any()),
            loop_keyword: Ref::new(
                pyo3::types::PyTuple::new(py, [PyString::intern(py, "loop")])?.as_any(),
            ),
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

/// Calls the function `name` of `aioxide._cold`.
#[cold]
pub(crate) fn cold<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    interop(py)?.cold.bind(py).getattr(name)?.call1(arguments)
}
