//! `add_reader` and `add_writer`.

use std::os::fd::RawFd;

use aioxide_core::{Interest, Token};
use pyo3::exceptions::{
    PyAttributeError, PyOverflowError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};

use super::wait::find;
use super::watcher::{Callback, Watcher, interest};
use super::{Loop, Source};
use crate::error::os_error;
use crate::ffi::{Ref, copy_context};
use crate::handle::make;
use crate::pipe::PipeMethod;

/// Events as in `selectors`, reader, writer.
type Watched<'py> = (u8, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// The number of a descriptor, given as such or as an object with `fileno()`.
///
/// # Errors
/// `OverflowError` for a number that no descriptor has, `ValueError` for what has no number; what
/// else `fileno()` raises.
pub(crate) fn number(file: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    let py = file.py();
    if file.is_instance_of::<PyInt>() {
        return match file.extract() {
            Err(_) if file.lt(0)? => {
                Err(PyValueError::new_err(format!("Invalid file descriptor: {file}")))
            }
            number => number,
        };
    }
    match file.call_method0("fileno").and_then(|number| number.extract::<RawFd>()) {
        Err(error)
            if error.is_instance_of::<PyAttributeError>(py)
                || error.is_instance_of::<PyTypeError>(py)
                || error.is_instance_of::<PyValueError>(py) =>
        {
            Err(PyValueError::new_err(format!("Invalid file object: {}", file.repr()?)))
        }
        number => number,
    }
}

/// As [`number`], of an object that is open.
///
/// # Errors
/// As [`number`], and `ValueError` for one that is closed.
pub(crate) fn descriptor_number(file: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    checked(number(file)?)
}

fn checked(fd: RawFd) -> PyResult<RawFd> {
    if fd < 0 {
        return Err(PyValueError::new_err(format!("Invalid file descriptor: {fd}")));
    }
    Ok(fd)
}

impl Loop {
    /// The registration of what the program names, and its number.
    fn find_watcher(&self, file: &Bound<'_, PyAny>, fd: RawFd) -> PyResult<Option<Token>> {
        if fd >= 0 {
            return Ok(self.token_of_watcher(fd));
        }
        // Closed already: found by identity.
        let found = self.scheduler.with(|scheduler| {
            let mut found = scheduler.reactor.iter().filter_map(|(token, source)| match source {
                Source::Watcher(Watcher { object: Some(object), .. }) => {
                    object.is(file.as_ptr()).then_some(token)
                }
                _ => None,
            });
            found.next()
        });
        if found.is_none() {
            checked(fd)?;
        }
        Ok(found)
    }

    /// `add_reader`, or `add_writer` when `writing`, without the check for transports.
    ///
    /// # Errors
    /// Those of `add_reader`.
    pub(crate) fn watch(
        &self,
        this: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        context: Option<&Bound<'_, PyAny>>,
        writing: bool,
    ) -> PyResult<Py<PyAny>> {
        let py = this.py();
        self.ensure_open()?;
        let fd = checked(number(file)?)?;
        let context = match context {
            Some(context) => Ref::new(context),
            None => copy_context(py)?,
        };
        let arguments: Vec<_> = args.iter_borrowed().collect();
        let handle = make(py, this, Ref::new(callback), &arguments, Some(context), None)?;
        let object = (!file.is_instance_of::<PyInt>()).then(|| Ref::new(file));
        self.begin_calling(py, fd, object, Callback::Handle(handle.clone()), writing)?;
        Ok(handle.into_ref().into_bound(py).unbind())
    }

    fn token_of_watcher(&self, fd: RawFd) -> Option<Token> {
        self.scheduler.with(|scheduler| find(scheduler, fd).map(|(token, _)| token))
    }

    /// As [`Loop::watch`], of a method of a pipe's transport.
    ///
    /// # Errors
    /// Those of `add_reader`.
    pub(crate) fn watch_pipe(
        &self,
        this: &Bound<'_, Self>,
        fd: RawFd,
        method: PipeMethod,
    ) -> PyResult<()> {
        let py = this.py();
        self.ensure_open()?;
        let callback = method.as_object(py)?;
        let handle = make(py, this, callback.clone(), &[], Some(copy_context(py)?), None)?;
        let writing = method.is_for_writing();
        let callback = if method.is(py, &callback)? {
            Callback::Pipe(handle, method)
        } else {
            // The program has put another method in its place.
            Callback::Handle(handle)
        };
        self.begin_calling(py, fd, None, callback, writing)
    }

    /// Calls `callback` when the descriptor, which the program named by `object` if not by its
    /// number, is ready.
    fn begin_calling(
        &self,
        py: Python<'_>,
        fd: RawFd,
        object: Option<Ref>,
        callback: Callback,
        writing: bool,
    ) -> PyResult<()> {
        let old = match self.token_of_watcher(fd) {
            Some(token) => self.replace(token, callback, writing)?,
            None => {
                let mut watcher = Watcher::new(callback, writing);
                watcher.object = object;
                self.begin_watching(fd, watcher)?;
                None
            }
        };
        // What is ready by now comes behind what is queued by now, as with asyncio: programs count
        // on a callback that they queue after this one to run later than what can be read already.
        self.scheduler.with(|scheduler| scheduler.poll_next_turn());
        if let Some(old) = old.as_ref().and_then(Callback::handle) {
            old.bind(py).call_method0("cancel")?;
        }
        Ok(())
    }

    fn replace(
        &self,
        token: Token,
        callback: Callback,
        writing: bool,
    ) -> PyResult<Option<Callback>> {
        let mut new = Some(callback);
        let replaced = self.scheduler.with(|scheduler| {
            let Some(Source::Watcher(watcher)) = scheduler.reactor.source(token) else {
                return Ok(None);
            };
            let wanted = watcher.wanted().with(interest(writing));
            // Told to the kernel even if nothing changes: it may have lost what it knew.
            let wanted = Interest { edge: false, ..wanted };
            let token = scheduler.reactor.renew(&*scheduler.poller, token, wanted)?;
            Ok(match scheduler.reactor.source_mut(token) {
                Some(Source::Watcher(watcher)) => {
                    std::mem::replace(watcher.place(writing), new.take())
                }
                _ => None,
            })
        });
        replaced.map_err(|error: std::io::Error| os_error(&error))
    }

    /// `remove_reader`, or `remove_writer` when `writing`, without the check for transports.
    ///
    /// # Errors
    /// Those of `remove_reader`.
    pub(crate) fn unwatch(
        &self,
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        writing: bool,
    ) -> PyResult<bool> {
        if self.is_closed() {
            return Ok(false);
        }
        let fd = match number(file) {
            // No descriptor has such a number, so none with it is watched.
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => return Ok(false),
            fd => fd?,
        };
        let Some(token) = self.find_watcher(file, fd)? else { return Ok(false) };
        self.end_calling(py, token, writing)
    }

    /// Undoes [`Loop::watch_pipe`].
    ///
    /// # Errors
    /// What cancelling the handle raises.
    pub(crate) fn unwatch_pipe(&self, py: Python<'_>, fd: RawFd, writing: bool) -> PyResult<()> {
        if self.is_closed() {
            return Ok(());
        }
        match self.token_of_watcher(fd) {
            Some(token) => self.end_calling(py, token, writing).map(drop),
            None => Ok(()),
        }
    }

    /// Returns whether there was a callback.
    fn end_calling(&self, py: Python<'_>, token: Token, writing: bool) -> PyResult<bool> {
        let (callback, source) = self.scheduler.with(|scheduler| {
            let Some(Source::Watcher(watcher)) = scheduler.reactor.source_mut(token) else {
                return (None, None);
            };
            let Some(callback) = watcher.place(writing).take() else { return (None, None) };
            if watcher.is_idle() {
                return (Some(callback), scheduler.reactor.remove(&*scheduler.poller, token));
            }
            let wanted = watcher.wanted();
            // The descriptor may be closed: then the kernel has nothing to change.
            let _ = scheduler.reactor.set_interest(&*scheduler.poller, token, wanted);
            (Some(callback), None)
        });
        drop(source);
        let Some(callback) = callback else { return Ok(false) };
        if let Some(handle) = callback.handle() {
            handle.bind(py).call_method0("cancel")?;
        }
        Ok(true)
    }

    /// Whether a transport may have the descriptor: then `refuse_transports` knows.
    pub(super) fn may_have_transport(&self, fd: RawFd) -> bool {
        self.live.with(|live| live.others().is_some() || live.transport(fd).is_some())
    }

    /// The transport that has the descriptor.
    fn transport_of<'py>(&self, py: Python<'py>, fd: RawFd) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (native, others) = self.live.with(|live| (live.transport(fd), live.others().cloned()));
        match (native, others) {
            (Some(transport), _) => Ok(Some(transport.into_bound(py))),
            (None, Some(others)) => {
                let found = others.bind(py).call_method1("get", (fd,))?;
                Ok((!found.is_none()).then_some(found))
            }
            (None, None) => Ok(None),
        }
    }

    /// # Errors
    /// `RuntimeError` when a transport that is not closing has the descriptor.
    pub(crate) fn refuse_transports(
        &self,
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let fd = match number(file) {
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => return Ok(()),
            fd => fd?,
        };
        let Some(transport) = self.transport_of(py, fd)? else { return Ok(()) };
        if transport.call_method0("is_closing")?.is_truthy()? {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(format!(
            "File descriptor {} is used by transport {}",
            file.repr()?,
            transport.repr()?
        )))
    }
}

#[pymethods]
impl Loop {
    /// Call callback(*args) whenever the descriptor can be read, until remove_reader().
    ///
    /// fd is a number or an object with fileno(). A callback that was there is replaced. Raises
    /// ValueError for what is no descriptor, PermissionError for a regular file, RuntimeError when
    /// a transport uses it or the loop is closed.
    #[pyo3(signature = (fd, callback, *args))]
    fn add_reader(
        this: &Bound<'_, Self>,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        this.get().refuse_transports(this.py(), fd)?;
        this.get().watch(this, fd, callback, args, None, false).map(drop)
    }

    /// Call callback(*args) whenever the descriptor can be written, until remove_writer().
    ///
    /// As add_reader().
    #[pyo3(signature = (fd, callback, *args))]
    fn add_writer(
        this: &Bound<'_, Self>,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        this.get().refuse_transports(this.py(), fd)?;
        this.get().watch(this, fd, callback, args, None, true).map(drop)
    }

    /// Undo add_reader(). Returns whether there was a callback.
    fn remove_reader(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.refuse_transports(py, fd)?;
        self.unwatch(py, fd, false)
    }

    /// Undo add_writer(). Returns whether there was a callback.
    fn remove_writer(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.refuse_transports(py, fd)?;
        self.unwatch(py, fd, true)
    }

    /// add_reader() without the check for transports, for asyncio's own code. Returns the Handle.
    #[pyo3(signature = (fd, callback, *args, context=None))]
    fn _add_reader(
        this: &Bound<'_, Self>,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        this.get().watch(this, fd, callback, args, context, false)
    }

    /// add_writer() without the check for transports, for asyncio's own code. Returns the Handle.
    #[pyo3(signature = (fd, callback, *args, context=None))]
    fn _add_writer(
        this: &Bound<'_, Self>,
        fd: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        this.get().watch(this, fd, callback, args, context, true)
    }

    /// remove_reader() without the check for transports.
    fn _remove_reader(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.unwatch(py, fd, false)
    }

    /// remove_writer() without the check for transports.
    fn _remove_writer(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.unwatch(py, fd, true)
    }

    /// What is watched on a descriptor: (events, reader, writer) with events as in selectors (1 to
    /// read, 2 to write) and the Handles, the Futures of sock_*() or None; None when nothing is.
    fn _watched<'py>(
        &self,
        py: Python<'py>,
        fd: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Watched<'py>>> {
        let Some(token) = self.find_watcher(fd, number(fd)?)? else { return Ok(None) };
        let found = self.scheduler.with(|scheduler| match scheduler.reactor.source(token)? {
            Source::Watcher(watcher) if !watcher.is_idle() => {
                let object = |writing| watcher.callback(writing).map(Callback::object);
                Some((watcher.wanted(), object(false), object(true)))
            }
            _ => None,
        });
        Ok(found.map(|(wanted, reader, writer)| {
            let events = u8::from(wanted.readable) | u8::from(wanted.writable) << 1;
            let object = |object: Option<Ref>| object.map(|object| object.into_bound(py));
            (events, object(reader), object(writer))
        }))
    }
}
