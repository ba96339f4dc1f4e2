//! The native methods of `aioxide._streams.StreamReader`.
//!
//! Each gives the data, if it is there; the future to wait for, if waiting is all there is to do;
//! or `None`, if asyncio's own method knows better.

use std::ffi::CStr;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::is_original;
use super::read::{Attempt, Operation};
use crate::ffi::{Arguments, Bytes, ClassVersion, FastMethod, Namespace, Ref, call_method};
use crate::names::interop;

pub(super) struct Read;
pub(super) struct ReadExactly;
pub(super) struct ReadUntil;

impl FastMethod<PyAny> for Read {
    const NAME: &'static CStr = c"_read_now";
    const DOC: &'static CStr = c"_read_now($self, n, again, /)\n--\n\n\
        At most n bytes, or the future to wait for, or None where asyncio's read() is to run.";

    fn call<'a, 'py>(this: &'a Bound<'py, PyAny>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [count, again] = arguments.positional else { return Err(wrong_arguments()) };
        let again = again.is_truthy()?;
        attempt(this, positive(count).map(|most| Operation::Some { most, none: again }), again)
    }
}

impl FastMethod<PyAny> for ReadExactly {
    const NAME: &'static CStr = c"_read_exactly_now";
    const DOC: &'static CStr = c"_read_exactly_now($self, n, again, /)\n--\n\n\
        n bytes, or the future to wait for, or None where asyncio's readexactly() is to run.";

    fn call<'a, 'py>(this: &'a Bound<'py, PyAny>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [count, again] = arguments.positional else { return Err(wrong_arguments()) };
        attempt(this, positive(count).map(Operation::Exactly), again.is_truthy()?)
    }
}

impl FastMethod<PyAny> for ReadUntil {
    const NAME: &'static CStr = c"_read_until_now";
    const DOC: &'static CStr = c"_read_until_now($self, separator, offset, again, /)\n--\n\n\
        The bytes up to a separator that does not begin before offset, and the separator, or the \
        future to wait for, or None where asyncio's readuntil() is to run.";

    fn call<'a, 'py>(this: &'a Bound<'py, PyAny>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let [separator, offset, again] = arguments.positional else {
            return Err(wrong_arguments());
        };
        let offset = offset.extract()?;
        let separator = Bytes::of(*separator).filter(|bytes| !bytes.as_slice().is_empty());
        let operation = separator.map(|separator| Operation::Until { separator, offset });
        attempt(this, operation, again.is_truthy()?)
    }
}

fn wrong_arguments() -> PyErr {
    PyTypeError::new_err("native reads are called by aioxide._streams.StreamReader only")
}

/// A count that needs no further thought.
fn positive(count: &Bound<'_, PyAny>) -> Option<usize> {
    count.cast_exact::<PyInt>().ok()?.extract().ok().filter(|count| *count > 0)
}

fn attempt(reader: &Bound<'_, PyAny>, operation: Option<Operation>, again: bool) -> PyResult<Ref> {
    let py = reader.py();
    let interop = interop(py)?;
    let names = &interop.names;
    let Some(operation) = operation else { return Ok(interop.none.clone()) };
    let reader = Ref::new(reader);
    let attributes = Namespace::of(py, &reader)?;
    // After waiting, an error does not count any more if the data is there, as with asyncio.
    let usual =
        again || (is_untouched(py)? && attributes.get(py, &names.exception)?.bind(py).is_none());
    if !usual {
        return Ok(interop.none.clone());
    }
    match operation.attempt(py, &reader, &attributes)? {
        Attempt::Done(data) => Ok(data),
        Attempt::More => {
            let event_loop = attributes.get(py, &names.event_loop)?;
            let waiter = call_method(py, &names.create_future, [&event_loop])?;
            attributes.set(py, &names.waiter, &waiter)?;
            Ok(waiter)
        }
        Attempt::Unusual => Ok(interop.none.clone()),
    }
}

/// Whether asyncio's methods are the ones that the native reads stand for: a program may replace
/// them on the class at any time.
fn is_untouched(py: Python<'_>) -> PyResult<bool> {
    static SEEN: ClassVersion = ClassVersion::unknown();
    let interop = interop(py)?;
    SEEN.holds(py, &interop.stream_reader, || {
        for original in &interop.stream_reads {
            if !is_original(py, original)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}
