//! `Handle` and `TimerHandle`: what `call_soon`, `call_later` and `call_at` return.
//!
//! One is made for each callback, so it is a C struct made by hand: up to [`INLINE`] arguments lie
//! in it, the memory goes back to a free list of its loop, and it is not tracked by the garbage
//! collector while nobody but the loop holds it, which is the common case from birth to death.
//! [`Handle::traverse_from_loop`] makes up for that: the loop shows the collector what its
//! untracked handles hold. A handle that somebody else still holds after it ran is tracked then,
//! a timer's from the start, because programs keep those.
//!
//! ```text
//!             call_soon                run
//!   free list ─────────► queued ───────────────► done ──► free list
//!                          │ cancel                        ▲
//!                          └───────────► cancelled ────────┘
//!                            (callback and arguments dropped at once)
//! ```
//!
//! `isinstance(handle, asyncio.Handle)` holds because `__class__` says so: a true subclass would
//! carry eight more slots for attributes that live here.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use aioxide_core::TimerKey;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::event_loop::Loop;
use crate::ffi::{Ref, guard};
use crate::names::{cold, interop};

/// How many arguments lie in the handle; more are in a tuple.
pub(crate) const INLINE: usize = 3;

const CANCELLED: u8 = 1;
const TRACKED: u8 = 1 << 1;
const TIMER: u8 = 1 << 2;
/// `args[0]` is a tuple of all arguments.
const SPILLED: u8 = 1 << 3;

/// The object. Every pointer is NULL or owned.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Handle {
    base: ffi::PyObject,
    owner: *mut ffi::PyObject,
    context: *mut ffi::PyObject,
    callback: *mut ffi::PyObject,
    args: [*mut ffi::PyObject; INLINE],
    source_traceback: *mut ffi::PyObject,
    repr: *mut ffi::PyObject,
    weakrefs: *mut ffi::PyObject,
    when: f64,
    key: Option<TimerKey>,
    count: u8,
    flags: u8,
}

/// An owned reference to a handle.
#[derive(Debug)]
pub(crate) struct HandleRef(Ref);

impl HandleRef {
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn as_ref(&self) -> &Ref {
        &self.0
    }

    #[inline]
    pub(crate) fn into_ref(self) -> Ref {
        self.0
    }

    #[inline]
    fn raw(&self) -> *mut Handle {
        self.0.as_ptr().cast()
    }

    /// Takes the reference when the object is a handle.
    pub(crate) fn from_object(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let types = types(py)?;
        let class = object.get_type().as_type_ptr();
        Ok((class == types.handle || class == types.timer).then(|| Self(Ref::new(object))))
    }

    /// Another reference to the same handle.
    #[inline]
    pub(crate) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        // SAFETY: The object is alive; the flags are only written while attached.
        unsafe { (*self.raw()).flags & CANCELLED != 0 }
    }

    /// Where the timer is in the loop's timers.
    pub(crate) fn set_key(&self, key: TimerKey) {
        // SAFETY: As above.
        unsafe { (*self.raw()).key = Some(key) }
    }

    /// Sets `_source_traceback`, in debug mode.
    pub(crate) fn set_source_traceback(&self, traceback: Ref) {
        // SAFETY: As above.
        let old =
            unsafe { ptr::replace(&raw mut (*self.raw()).source_traceback, traceback.into_ptr()) };
        drop_pointer(old);
    }
}

/// The two types.
#[derive(Debug)]
pub(crate) struct Types {
    pub(crate) handle: *mut ffi::PyTypeObject,
    pub(crate) timer: *mut ffi::PyTypeObject,
}

// SAFETY: The pointers are to types that live as long as the process, and are never written.
unsafe impl Send for Types {}
// SAFETY: As above.
unsafe impl Sync for Types {}

static TYPES: PyOnceLock<Types> = PyOnceLock::new();

/// The two types, made at the first call.
pub(crate) fn types(py: Python<'_>) -> PyResult<&'static Types> {
    if let Some(types) = TYPES.get(py) {
        return Ok(types);
    }
    TYPES.get_or_try_init(py, || {
        let handle = make_type(py, c"aioxide._aioxide.Handle", HANDLE_DOC, ptr::null_mut())?;
        let timer = make_type(py, c"aioxide._aioxide.TimerHandle", TIMER_DOC, handle.as_ptr())?;
        Ok(Types { handle: handle.into_ptr().cast(), timer: timer.into_ptr().cast() })
    })
}

/// A loop's memory for handles that have gone: they are chained by their `owner` field.
#[derive(Debug)]
pub(crate) struct FreeList {
    first: *mut Handle,
    length: usize,
}

/// As many dead handles are kept; a burst above gives its memory back.
const KEPT: usize = 1024;

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self { first: ptr::null_mut(), length: 0 }
    }

    #[inline]
    fn pop(&mut self) -> *mut Handle {
        let first = self.first;
        if !first.is_null() {
            // SAFETY: Memory in the list is a handle's, written by `push`.
            self.first = unsafe { (*first).owner }.cast();
            self.length -= 1;
        }
        first
    }

    #[inline]
    fn push(&mut self, memory: *mut Handle) -> bool {
        if self.length == KEPT {
            return false;
        }
        // SAFETY: The caller gives the memory of a handle whose fields it has cleared.
        unsafe { (*memory).owner = self.first.cast() };
        self.first = memory;
        self.length += 1;
        true
    }
}

impl Drop for FreeList {
    fn drop(&mut self) {
        loop {
            let memory = self.pop();
            if memory.is_null() {
                break;
            }
            // SAFETY: The memory came from `PyObject_GC_New` and is in no list any more.
            unsafe { ffi::PyObject_GC_Del(memory.cast()) };
        }
    }
}

/// The arguments of a call, as vectorcall gives them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a>(pub(crate) &'a [*mut ffi::PyObject]);

/// Makes a handle of `owner`, the Python object of `event_loop`.
///
/// `context` is taken over. `when` makes it a `TimerHandle`.
#[inline]
pub(crate) fn make(
    py: Python<'_>,
    event_loop: &Loop,
    owner: *mut ffi::PyObject,
    callback: *mut ffi::PyObject,
    arguments: Arguments<'_>,
    context: Ref,
    when: Option<f64>,
) -> PyResult<HandleRef> {
    let types = types(py)?;
    let class = if when.is_some() { types.timer } else { types.handle };
    let memory = event_loop.free_handles.with(FreeList::pop);
    let handle = if memory.is_null() {
        // SAFETY: A GC type with no variable part.
        unsafe { ffi::PyObject_GC_New::<Handle>(class) }
    } else {
        // SAFETY: The memory of a dead handle: both types have the same size and layout.
        unsafe { ffi::PyObject_Init(memory.cast(), class).cast() }
    };
    // SAFETY: The result of a call.
    let object = unsafe { Ref::from_result(py, handle.cast())? };
    let args = arguments.0;
    let mut flags = if when.is_some() { TIMER } else { 0 };
    let mut inline = [ptr::null_mut(); INLINE];
    if args.len() <= INLINE {
        for (place, argument) in inline.iter_mut().zip(args) {
            // SAFETY: The caller's arguments are alive.
            *place = unsafe { Ref::from_borrowed(*argument) }.into_ptr();
        }
    } else {
        flags |= SPILLED;
    }
    // SAFETY: `handle` is a new object whose fields hold nothing yet; nobody else has seen it.
    unsafe {
        ptr::addr_of_mut!((*handle).owner).write(Ref::from_borrowed(owner).into_ptr());
        ptr::addr_of_mut!((*handle).context).write(context.into_ptr());
        ptr::addr_of_mut!((*handle).callback).write(Ref::from_borrowed(callback).into_ptr());
        ptr::addr_of_mut!((*handle).args).write(inline);
        ptr::addr_of_mut!((*handle).source_traceback).write(ptr::null_mut());
        ptr::addr_of_mut!((*handle).repr).write(ptr::null_mut());
        ptr::addr_of_mut!((*handle).weakrefs).write(ptr::null_mut());
        ptr::addr_of_mut!((*handle).when).write(when.unwrap_or(0.0));
        ptr::addr_of_mut!((*handle).key).write(None);
        ptr::addr_of_mut!((*handle).count).write(if flags & SPILLED == 0 {
            args.len() as u8
        } else {
            0
        });
        ptr::addr_of_mut!((*handle).flags).write(flags);
    }
    let object = HandleRef(object);
    if flags & SPILLED != 0 {
        let tuple = tuple_of(py, args)?;
        // SAFETY: The slot is empty.
        unsafe { (*handle).args[0] = tuple.into_ptr() };
    }
    if when.is_some() {
        track(handle);
    }
    Ok(object)
}

/// Runs the callback in its context, as `Handle._run` does: an exception goes to the loop's
/// exception handler.
///
/// # Errors
/// `KeyboardInterrupt` and `SystemExit` end the run, as does what the exception handler raises of
/// that kind.
#[inline]
pub(crate) fn run(py: Python<'_>, handle: HandleRef) -> PyResult<()> {
    let raw = handle.raw();
    // SAFETY: Alive while `handle` is.
    let callback = unsafe { (*raw).callback };
    if callback.is_null() {
        return Ok(());
    }
    // SAFETY: As above.
    let context = unsafe { (*raw).context };
    // SAFETY: As above. With one reference nobody else can reach the handle, so nobody can cancel
    // it while it runs.
    let alone = cfg!(not(Py_GIL_DISABLED)) && unsafe { ffi::Py_REFCNT(raw.cast()) } == 1;
    // SAFETY: `context` is alive: the handle holds it, and a run does not let go of it.
    let result = if unsafe { ffi::PyContext_Enter(context) } < 0 {
        Err(PyErr::fetch(py))
    } else {
        let result = if alone { call(py, raw) } else { call_held(py, raw) };
        // SAFETY: Entered above.
        if unsafe { ffi::PyContext_Exit(context) } < 0 && result.is_ok() {
            Err(PyErr::fetch(py))
        } else {
            result
        }
    };
    // SAFETY: As above.
    if unsafe { ffi::Py_REFCNT(raw.cast()) } > 1 {
        track(raw);
    }
    match result {
        Ok(()) => Ok(()),
        Err(error) => failed(py, &handle, error),
    }
}

/// Calls a callback whose handle keeps what it needs alive for as long as the call lasts.
#[inline]
fn call(py: Python<'_>, raw: *mut Handle) -> PyResult<()> {
    // SAFETY: The handle is alive and is not changed during the call (the caller's promise). The
    // slot before `args` is `callback`, which the callee may overwrite for the time of the call.
    let result = unsafe {
        if (*raw).flags & SPILLED != 0 {
            ffi::PyObject_CallObject((*raw).callback, (*raw).args[0])
        } else {
            ffi::PyObject_Vectorcall(
                (*raw).callback,
                (&raw const (*raw).args).cast(),
                (*raw).count as usize | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
                ptr::null_mut(),
            )
        }
    };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, result) }.map(drop)
}

/// Calls a callback whose handle may be cancelled by it, which drops callback and arguments.
fn call_held(py: Python<'_>, raw: *mut Handle) -> PyResult<()> {
    // SAFETY: The handle is alive.
    unsafe {
        let callback = Ref::from_borrowed((*raw).callback);
        if (*raw).flags & SPILLED != 0 {
            let arguments = Ref::from_borrowed((*raw).args[0]);
            let result = ffi::PyObject_CallObject(callback.as_ptr(), arguments.as_ptr());
            return Ref::from_result(py, result).map(drop);
        }
        let count = (*raw).count as usize;
        let mut stack = [ptr::null_mut(); INLINE + 1];
        let mut held = [const { None }; INLINE];
        for index in 0..count {
            let argument = Ref::from_borrowed((*raw).args[index]);
            stack[index + 1] = argument.as_ptr();
            held[index] = Some(argument);
        }
        let result = ffi::PyObject_Vectorcall(
            callback.as_ptr(),
            stack.as_ptr().add(1),
            count | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            ptr::null_mut(),
        );
        Ref::from_result(py, result).map(drop)
    }
}

#[cold]
fn failed(py: Python<'_>, handle: &HandleRef, error: PyErr) -> PyResult<()> {
    if ends_run(py, &error) {
        return Err(error);
    }
    cold(py, "callback_failed", (handle.as_ref().bind(py), error.into_value(py))).map(drop)
}

/// The exceptions that asyncio lets through everywhere.
pub(crate) fn ends_run(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>(py)
        || error.is_instance_of::<pyo3::exceptions::PySystemExit>(py)
}

fn tuple_of(py: Python<'_>, items: &[*mut ffi::PyObject]) -> PyResult<Ref> {
    let items: Vec<Ref> = items
        .iter()
        // SAFETY: The caller's arguments are alive.
        .map(|item| unsafe { Ref::from_borrowed(*item) })
        .collect();
    let bound = items.into_iter().map(|item| item.into_bound(py)).collect::<Vec<_>>();
    Ok(Ref::new(pyo3::types::PyTuple::new(py, bound)?.as_any()))
}

fn track(raw: *mut Handle) {
    // SAFETY: Every field is set, as the collector needs it, and the object is tracked once.
    unsafe {
        if (*raw).flags & TRACKED == 0 {
            (*raw).flags |= TRACKED;
            ffi::PyObject_GC_Track(raw.cast());
        }
    }
}

fn drop_pointer(pointer: *mut ffi::PyObject) {
    if !pointer.is_null() {
        // SAFETY: An owned pointer, taken out of its field by the caller.
        drop(unsafe { Ref::from_owned(pointer) });
    }
}

/// Takes callback and arguments out, then drops them.
fn release(raw: *mut Handle) {
    // SAFETY: The object is alive; the fields are emptied before anything is dropped.
    let taken = unsafe {
        (*raw).count = 0;
        (*raw).flags &= !SPILLED;
        let args = ptr::replace(&raw mut (*raw).args, [ptr::null_mut(); INLINE]);
        let callback = ptr::replace(&raw mut (*raw).callback, ptr::null_mut());
        [callback, args[0], args[1], args[2]]
    };
    taken.into_iter().for_each(drop_pointer);
}

/// Shows the collector what a handle holds, on behalf of the loop that owns it.
///
/// # Errors
/// The visitor's.
pub(crate) fn traverse_from_loop(
    handle: &HandleRef,
    visit: &pyo3::PyVisit<'_>,
) -> Result<(), pyo3::PyTraverseError> {
    visit.call(handle.as_ref().as_py())?;
    let raw = handle.raw();
    // SAFETY: The object is alive. Only what nobody else could show is shown here: a tracked
    // handle shows its own, and one that somebody else holds is held from outside.
    unsafe {
        if (*raw).flags & TRACKED != 0 || ffi::Py_REFCNT(raw.cast()) != 1 {
            return Ok(());
        }
        let fields = [(*raw).owner, (*raw).context, (*raw).callback];
        for pointer in fields.into_iter().chain((*raw).args) {
            if !pointer.is_null() {
                visit.call(&*ptr::from_ref(&pointer).cast::<Py<PyAny>>())?;
            }
        }
    }
    Ok(())
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    let raw: *mut Handle = object.cast();
    // SAFETY: The collector gives a live, tracked handle, and a visitor for its references.
    unsafe {
        let own = [
            ffi::Py_TYPE(object).cast(),
            (*raw).owner,
            (*raw).context,
            (*raw).callback,
            (*raw).source_traceback,
        ];
        for pointer in own.into_iter().chain((*raw).args) {
            if !pointer.is_null() {
                let status = visit(pointer, arg);
                if status != 0 {
                    return status;
                }
            }
        }
    }
    0
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> c_int {
    release(object.cast());
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    let raw: *mut Handle = object.cast();
    // SAFETY: The last reference is gone, so this function owns the object and all that it holds.
    // Every field is emptied before what was in it is dropped.
    unsafe {
        if (*raw).flags & TRACKED != 0 {
            ffi::PyObject_GC_UnTrack(object.cast());
            (*raw).flags &= !TRACKED;
        }
        if !(*raw).weakrefs.is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        release(raw);
        drop_pointer(ptr::replace(&raw mut (*raw).context, ptr::null_mut()));
        drop_pointer(ptr::replace(&raw mut (*raw).source_traceback, ptr::null_mut()));
        drop_pointer(ptr::replace(&raw mut (*raw).repr, ptr::null_mut()));
        let owner = ptr::replace(&raw mut (*raw).owner, ptr::null_mut());
        let class: *mut ffi::PyObject = ffi::Py_TYPE(object).cast();
        if owner.is_null() || !Loop::of(owner).free_handles.with(|free| free.push(raw)) {
            ffi::PyObject_GC_Del(object.cast());
        }
        ffi::Py_DECREF(class);
        drop_pointer(owner);
    }
}

/// The handle's method, with the exception set when it fails.
type Getter = fn(Python<'_>, *mut Handle) -> PyResult<Ref>;

unsafe extern "C" fn get(object: *mut ffi::PyObject, closure: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: Every getter below is registered with a `Getter` for its closure.
    let getter = unsafe { std::mem::transmute::<*mut c_void, Getter>(closure) };
    guard(py, |py| getter(py, object.cast()).map(Ref::into_ptr))
}

fn none(py: Python<'_>) -> Ref {
    Ref::new(py.None().bind(py))
}

/// The object in a field, or None where there is none.
fn or_none(py: Python<'_>, pointer: *mut ffi::PyObject) -> Ref {
    if pointer.is_null() {
        none(py)
    } else {
        // SAFETY: A field of a live object.
        unsafe { Ref::from_borrowed(pointer) }
    }
}

fn boolean(py: Python<'_>, value: bool) -> Ref {
    Ref::new(pyo3::types::PyBool::new(py, value).as_any())
}

const GETTERS: &[(&CStr, Getter)] = &[
    (c"__class__", |py, raw| {
        let interop = interop(py)?;
        // SAFETY: A live handle.
        let timer = unsafe { (*raw).flags } & TIMER != 0;
        Ok(if timer { interop.timer_handle.clone() } else { interop.handle.clone() })
    }),
    // SAFETY (this and the following): a live handle.
    (c"_callback", |py, raw| Ok(or_none(py, unsafe { (*raw).callback }))),
    (c"_args", |py, raw| unsafe {
        if (*raw).callback.is_null() {
            Ok(none(py))
        } else if (*raw).flags & SPILLED != 0 {
            Ok(or_none(py, (*raw).args[0]))
        } else {
            tuple_of(py, &(&(*raw).args)[..(*raw).count as usize])
        }
    }),
    (c"_context", |py, raw| Ok(or_none(py, unsafe { (*raw).context }))),
    (c"_loop", |py, raw| Ok(or_none(py, unsafe { (*raw).owner }))),
    (c"_cancelled", |py, raw| Ok(boolean(py, unsafe { (*raw).flags } & CANCELLED != 0))),
    (c"_source_traceback", |py, raw| Ok(or_none(py, unsafe { (*raw).source_traceback }))),
    (c"_repr", |py, raw| Ok(or_none(py, unsafe { (*raw).repr }))),
    (c"_when", |py, raw| {
        // SAFETY: As above.
        let when = unsafe { (*raw).when };
        Ok(Ref::new(pyo3::types::PyFloat::new(py, when).as_any()))
    }),
    (c"_scheduled", |py, raw| Ok(boolean(py, unsafe { (*raw).key }.is_some()))),
];

unsafe extern "C" fn cancel(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        let raw: *mut Handle = object.cast();
        // SAFETY: A live handle, whose loop it keeps alive.
        unsafe {
            if (*raw).flags & CANCELLED == 0 {
                (*raw).flags |= CANCELLED;
                let owner = Loop::of((*raw).owner);
                if owner.is_debug() {
                    let text = ffi::PyObject_Repr(object);
                    let text = Ref::from_result(py, text)?;
                    drop_pointer(ptr::replace(&raw mut (*raw).repr, text.into_ptr()));
                }
                // The timers' reference goes first: the caller's keeps the handle alive.
                let queued = (*raw).key.take().and_then(|key| owner.cancel_timer(key));
                release(raw);
                drop(queued);
            }
        }
        Ok(none(py).into_ptr())
    })
}

unsafe extern "C" fn cancelled(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: A live handle.
    boolean(py, unsafe { (*object.cast::<Handle>()).flags } & CANCELLED != 0).into_ptr()
}

unsafe extern "C" fn context(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: A live handle.
    or_none(py, unsafe { (*object.cast::<Handle>()).context }).into_ptr()
}

unsafe extern "C" fn when(object: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: A live handle; attached, as called by the interpreter.
    unsafe { ffi::PyFloat_FromDouble((*object.cast::<Handle>()).when) }
}

unsafe extern "C" fn run_method(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: A live handle.
        run(py, HandleRef(unsafe { Ref::from_borrowed(object) }))?;
        Ok(none(py).into_ptr())
    })
}

/// `repr` and its parts are CPython's own functions, applied to this object: the same text on
/// every version.
unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: A live handle.
        let handle = unsafe { Bound::from_borrowed_ptr(py, object) };
        Ok(cold(py, "handle_repr", (handle,))?.into_ptr())
    })
}

unsafe extern "C" fn repr_info(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: A live handle.
        let handle = unsafe { Bound::from_borrowed_ptr(py, object) };
        Ok(cold(py, "handle_repr_info", (handle,))?.into_ptr())
    })
}

unsafe extern "C" fn compare(
    left: *mut ffi::PyObject,
    right: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        let class = types(py)?.timer;
        // SAFETY: Live objects, and of one type where their `when` is read.
        let order = unsafe {
            if ffi::Py_TYPE(left) != class || ffi::Py_TYPE(right) != class {
                return Ok(Ref::from_borrowed(ffi::Py_NotImplemented()).into_ptr());
            }
            (*left.cast::<Handle>()).when.total_cmp(&(*right.cast::<Handle>()).when)
        };
        let same = left == right;
        Ok(boolean(
            py,
            match operation {
                ffi::Py_LT => order.is_lt(),
                ffi::Py_LE => order.is_lt() || same,
                ffi::Py_GT => order.is_gt(),
                ffi::Py_GE => order.is_gt() || same,
                ffi::Py_EQ => same,
                _ => !same,
            },
        )
        .into_ptr())
    })
}

unsafe extern "C" fn hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // Equality is identity here, so the address is the hash; -1 means an error.
    ((object as usize >> 4) as ffi::Py_hash_t).max(0)
}

unsafe extern "C" fn refuse_new(
    _: *mut ffi::PyTypeObject,
    _: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    PyTypeError::new_err("handles are made by call_soon(), call_later() and call_at()").restore(py);
    ptr::null_mut()
}

const HANDLE_DOC: &CStr = c"A callback that is scheduled, as returned by loop.call_soon().";
const TIMER_DOC: &CStr =
    c"A callback that is scheduled for a time, as returned by loop.call_later() and call_at().";

fn method(name: &'static CStr, function: ffi::PyCFunction, doc: &'static CStr) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: doc.as_ptr(),
    }
}

fn make_type(
    py: Python<'_>,
    name: &'static CStr,
    doc: &'static CStr,
    base: *mut ffi::PyObject,
) -> PyResult<Ref> {
    let timer = !base.is_null();
    let end = || ffi::PyMethodDef::zeroed();
    let methods = if timer {
        vec![
            method(
                c"when",
                when,
                c"when($self, /)\n--\n\nWhen it is due, on the loop's clock, in seconds.",
            ),
            end(),
        ]
    } else {
        vec![
            method(
                c"cancel",
                cancel,
                c"cancel($self, /)\n--\n\nDo not run it. Once it has run, nothing happens.",
            ),
            method(
                c"cancelled",
                cancelled,
                c"cancelled($self, /)\n--\n\nWhether cancel() was called.",
            ),
            method(
                c"get_context",
                context,
                c"get_context($self, /)\n--\n\nThe contextvars.Context that it runs in.",
            ),
            method(c"_run", run_method, c"_run($self, /)\n--\n\nRun it now."),
            method(c"_repr_info", repr_info, c"_repr_info($self, /)\n--\n\nThe parts of repr()."),
            end(),
        ]
    };
    let mut getters: Vec<ffi::PyGetSetDef> = Vec::new();
    if !timer {
        for (name, getter) in GETTERS {
            getters.push(ffi::PyGetSetDef {
                name: name.as_ptr(),
                get: Some(get),
                set: None,
                doc: ptr::null(),
                closure: *getter as *mut c_void,
            });
        }
    }
    getters.push(ffi::PyGetSetDef::default());
    let members = vec![
        ffi::PyMemberDef {
            name: c"__weaklistoffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: offset_of!(Handle, weakrefs) as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        ffi::PyMemberDef::default(),
    ];
    // A type made from a spec keeps pointers to these arrays.
    let methods = Vec::leak(methods).as_mut_ptr();
    let getters = Vec::leak(getters).as_mut_ptr();
    let members = Vec::leak(members).as_mut_ptr();
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_new, refuse_new as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_tp_methods, methods.cast()),
        slot(ffi::Py_tp_getset, getters.cast()),
        slot(ffi::Py_tp_members, members.cast()),
        slot(ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast::<c_void>()),
    ];
    if timer {
        slots.push(slot(ffi::Py_tp_base, base.cast()));
        slots.push(slot(ffi::Py_tp_richcompare, compare as *mut c_void));
        slots.push(slot(ffi::Py_tp_hash, hash as *mut c_void));
    }
    slots.push(slot(0, ptr::null_mut()));
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr().cast::<c_char>(),
        basicsize: size_of::<Handle>() as c_int,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT
            | ffi::Py_TPFLAGS_HAVE_GC
            | if timer { 0 } else { ffi::Py_TPFLAGS_BASETYPE }) as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: The spec and its slots are complete and end with a zero; what the type keeps of them
    // was leaked above.
    let class = unsafe { ffi::PyType_FromSpec(&raw mut spec) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, class) }
}
