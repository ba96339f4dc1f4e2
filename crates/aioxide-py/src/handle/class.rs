//! The two types: their slots, methods and getters, as the interpreter calls them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::attributes::{ATTRIBUTES, METHODS, Reader, TIMER_METHODS, repr};
use super::object::{HandleRef, Object, clear, dealloc, traverse};
use crate::ffi::{Ref, guard};
use crate::names::cold;

unsafe extern "C" fn get(object: *mut ffi::PyObject, closure: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: Every getter is registered with its `Reader` for a closure (see `make_type`).
    let reader = unsafe { std::mem::transmute::<*mut c_void, Reader>(closure) };
    guard(|py| reader(py, &HandleRef::at(py, object)))
}

/// One C function for each method: they have no closures.
macro_rules! c_methods {
    ($table:ident: $($index:literal),*) => {
        [$({
            unsafe extern "C" fn method(
                object: *mut ffi::PyObject,
                _: *mut ffi::PyObject,
            ) -> *mut ffi::PyObject {
                guard(|py| $table[$index].1(py, &HandleRef::at(py, object)))
            }
            ffi::PyMethodDef {
                ml_name: $table[$index].0.as_ptr(),
                ml_meth: ffi::PyMethodDefPointer { PyCFunction: method },
                ml_flags: ffi::METH_NOARGS,
                ml_doc: $table[$index].2.as_ptr(),
            }
        },)* ffi::PyMethodDef::zeroed()]
    };
}

unsafe extern "C" fn represent(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    guard(|py| repr(py, &HandleRef::at(py, object)))
}

unsafe extern "C" fn compare(
    left: *mut ffi::PyObject,
    right: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject {
    guard(|py| {
        let left = HandleRef::at(py, left);
        // SAFETY: A live object, of any type.
        let right = unsafe { Borrowed::from_ptr(py, right) };
        Ok(cold(py, "compare_timers", (left.bind(py), right, operation))?.into())
    })
}

unsafe extern "C" fn hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    let when = HandleRef::at(py, object).with(|fields| fields.when().unwrap_or(0.0));
    match pyo3::types::PyFloat::new(py, when).hash() {
        Ok(hash) => hash,
        Err(error) => {
            error.restore(py);
            -1
        }
    }
}

unsafe extern "C" fn refuse_new(
    _: *mut ffi::PyTypeObject,
    _: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guard(|_| {
        let text = "handles are made by call_soon(), call_later() and call_at()";
        Err(PyTypeError::new_err(text))
    })
}

/// The two types.
#[derive(Debug)]
pub(crate) struct Types {
    pub(super) handle: *mut ffi::PyTypeObject,
    pub(super) timer: *mut ffi::PyTypeObject,
}

// SAFETY: The pointers are to types that live as long as the process, and are never written.
unsafe impl Send for Types {}
// SAFETY: As above.
unsafe impl Sync for Types {}

impl Types {
    /// Both, with their names.
    pub(crate) fn named<'py>(&self, py: Python<'py>) -> [(&'static str, Bound<'py, PyAny>); 2] {
        [("Handle", self.handle), ("TimerHandle", self.timer)].map(|(name, class)| {
            // SAFETY: The types live as long as the process.
            (name, unsafe { Bound::from_borrowed_ptr(py, class.cast()) })
        })
    }
}

static TYPES: PyOnceLock<Types> = PyOnceLock::new();

/// The two types, made at the first call.
#[inline]
pub(crate) fn types(py: Python<'_>) -> PyResult<&'static Types> {
    if let Some(types) = TYPES.get(py) {
        return Ok(types);
    }
    TYPES.get_or_try_init(py, || {
        let handle = make_type(py, None)?;
        let timer = make_type(py, Some(&handle))?;
        Ok(Types { handle: handle.into_ptr().cast(), timer: timer.into_ptr().cast() })
    })
}

/// `Handle`, or `TimerHandle` on top of it.
fn make_type(py: Python<'_>, base: Option<&Ref>) -> PyResult<Ref> {
    // A type made from a spec keeps pointers to these arrays.
    let methods: &'static mut [ffi::PyMethodDef] = match base {
        None => Box::leak(Box::new(c_methods!(METHODS: 0, 1, 2, 3, 4))),
        Some(_) => Box::leak(Box::new(c_methods!(TIMER_METHODS: 0, 1, 2))),
    };
    let mut getters: Vec<ffi::PyGetSetDef> = Vec::new();
    if base.is_none() {
        getters.extend(ATTRIBUTES.iter().map(|(name, reader)| ffi::PyGetSetDef {
            name: name.as_ptr(),
            get: Some(get),
            set: None,
            doc: ptr::null(),
            closure: *reader as *mut c_void,
        }));
    }
    getters.push(ffi::PyGetSetDef::default());
    let members = vec![
        ffi::PyMemberDef {
            name: c"__weaklistoffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: offset_of!(Object, weakrefs) as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        ffi::PyMemberDef::default(),
    ];
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let (name, doc): (&CStr, &CStr) = match base {
        None => (
            c"aioxide._aioxide.Handle",
            c"A callback that is scheduled, as returned by loop.call_soon().",
        ),
        Some(_) => (
            c"aioxide._aioxide.TimerHandle",
            c"A callback that is scheduled for a time: see loop.call_later() and call_at().",
        ),
    };
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_new, refuse_new as *mut c_void),
        slot(ffi::Py_tp_repr, represent as *mut c_void),
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, Vec::leak(getters).as_mut_ptr().cast()),
        slot(ffi::Py_tp_members, Vec::leak(members).as_mut_ptr().cast()),
        slot(ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
    ];
    let mut flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC;
    match base {
        None => flags |= ffi::Py_TPFLAGS_BASETYPE,
        Some(base) => {
            slots.push(slot(ffi::Py_tp_base, base.as_ptr().cast()));
            slots.push(slot(ffi::Py_tp_richcompare, compare as *mut c_void));
            slots.push(slot(ffi::Py_tp_hash, hash as *mut c_void));
        }
    }
    slots.push(slot(0, ptr::null_mut()));
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr().cast::<c_char>(),
        basicsize: size_of::<Object>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: The spec and its slots are complete and end with a zero; what the type keeps of them
    // was leaked above.
    let class = unsafe { ffi::PyType_FromSpec(&raw mut spec) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, class) }
}
