//! The object itself: its memory, and calling what it holds. Its types are in `class.rs`.
//!
//! Invariant: from `HandleRef::create` to `dealloc` the `fields` are whole. They are reached by
//! [`HandleRef::with`], whose closure must not call Python nor drop a reference (the rule of
//! `LoopCell`); the two exceptions, `call` and the collector's visit, say why they may.

use std::ffi::{c_int, c_void};
use std::mem::{ManuallyDrop, offset_of};
use std::ptr;

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit, ffi};

use super::class::types;
use super::free_list::FreeList;
use super::{Fields, INLINE};
use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::{Ref, call_object, is_empty, new_context, vectorcall};
use crate::tasks::Step;

/// What lies behind a pointer to a handle.
#[repr(C)]
pub(super) struct Object {
    base: ffi::PyObject,
    pub(super) weakrefs: *mut ffi::PyObject,
    fields: ManuallyDrop<LoopCell<Fields>>,
}

/// Where a handle has its callback, for a reader that copies memory.
pub(crate) const CALLBACK: usize =
    offset_of!(Object, fields) + LoopCell::<Fields>::OFFSET + offset_of!(Fields, callback);

/// An owned reference to a handle.
#[derive(Clone, Debug)]
pub(crate) struct HandleRef(Ref);

impl HandleRef {
    /// Makes the object, of memory from the loop's free list where it has some. `fields` must not call
    /// Python; the compiler makes them in their place.
    #[inline]
    pub(super) fn create(
        py: Python<'_>,
        event_loop: &Loop,
        timer: bool,
        fields: impl FnOnce() -> Fields,
    ) -> PyResult<Self> {
        let types = types(py)?;
        let class = if timer { types.timer } else { types.handle };
        let memory = event_loop.free_handles.with(FreeList::pop);
        let object: *mut Object = if memory.is_null() {
            // SAFETY: A type with the collector's header and no variable part.
            unsafe { ffi::PyObject_GC_New(class) }
        } else {
            // SAFETY: The memory of a dead handle: both types have the same size and layout.
            unsafe { ffi::PyObject_Init(memory.cast(), class) }.cast()
        };
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        // SAFETY: A new object, which nobody else has seen.
        let weakrefs = unsafe { &raw mut (*object).weakrefs };
        // SAFETY: Its fields are not set yet.
        unsafe { weakrefs.write(ptr::null_mut()) };
        // SAFETY: As above.
        let place = unsafe { &raw mut (*object).fields };
        let fields = ManuallyDrop::new(LoopCell::new(fields()));
        // SAFETY: As above.
        unsafe { place.write(fields) };
        // SAFETY: A new reference, and the object is whole.
        unsafe { Ref::from_result(py, object.cast()) }.map(Self)
    }

    /// A reference to the handle that the interpreter passes to a method or a getter of its type.
    pub(super) fn at(py: Python<'_>, object: *mut ffi::PyObject) -> Self {
        // SAFETY: Methods and getters are called with an instance of their type, which is alive.
        let object = unsafe { Borrowed::from_ptr(py, object) };
        Self(Ref::new(&object))
    }

    /// The reference, when the object is a handle.
    pub(crate) fn from_object(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let types = types(py)?;
        let class = object.get_type_ptr();
        Ok((class == types.handle || class == types.timer).then(|| Self(Ref::new(object))))
    }

    #[inline]
    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.0.bind(py)
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn into_ref(self) -> Ref {
        self.0
    }

    /// How many references there are.
    #[inline]
    pub(super) fn count(&self) -> isize {
        self.0.count()
    }

    #[inline]
    fn has_weak_references(&self) -> bool {
        let object: *mut Object = self.0.as_ptr().cast();
        // SAFETY: A live handle (the invariant), kept alive by this reference.
        !unsafe { (*object).weakrefs }.is_null()
    }

    /// Borrows the fields for `f`, which must not call Python nor drop a reference.
    #[inline]
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Fields) -> R) -> R {
        self.cell().with(f)
    }

    #[inline]
    fn cell(&self) -> &LoopCell<Fields> {
        let object: *mut Object = self.0.as_ptr().cast();
        // SAFETY: A live handle (the invariant), kept alive by this reference.
        unsafe { &(*object).fields }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.with(|fields| fields.cancelled)
    }

    /// Where the timer is in the loop's timers.
    #[inline]
    pub(crate) fn set_key(&self, key: aioxide_core::TimerKey) {
        self.with(|fields| {
            if let Some(place) = fields.key() {
                *place = Some(key);
            }
        });
    }

    /// Sets `_source_traceback`, in debug mode.
    pub(crate) fn set_source_traceback(&self, traceback: Ref) {
        let old = self.with(|fields| {
            fields.debug.get_or_insert_default().source_traceback.replace(traceback)
        });
        drop(old);
    }

    /// Shows the object to the garbage collector from now on.
    pub(crate) fn track(&self) {
        if !self.with(|fields| std::mem::replace(&mut fields.tracked, true)) {
            // SAFETY: A whole object of a type with the collector's header, tracked once.
            unsafe { ffi::PyObject_GC_Track(self.0.as_ptr().cast()) };
        }
    }

    /// Calls the callback in its context, and sends what it wrote; does nothing when cancelled.
    #[inline]
    pub(super) fn call(&self, py: Python<'_>) -> PyResult<()> {
        // With one reference, and no weak one, nobody else can reach the handle, so nobody can
        // cancel it while it runs: what it holds needs no second reference.
        let alone = cfg!(not(Py_GIL_DISABLED)) && self.count() == 1 && !self.has_weak_references();
        let Some((context, owner, mut call)) = self.with(|fields| {
            // It is not queued any more.
            if let Some(key) = fields.key() {
                *key = None;
            }
            let callback = fields.callback.as_ref()?;
            let [first, second, third] = &fields.args;
            let call = Call {
                callback: callback.as_ptr(),
                stack: [
                    ptr::null_mut(),
                    pointer(first.as_ref()),
                    pointer(second.as_ref()),
                    pointer(third.as_ref()),
                ],
                count: fields.count,
                spilled: fields.spilled,
            };
            if !alone {
                let held = (callback.clone(), fields.args.clone());
                let _held_by_call = ManuallyDrop::new(held);
            }
            Some((pointer(fields.context.as_ref()), fields.owner.as_ref()?.as_ptr(), call))
        }) else {
            return Ok(());
        };
        // SAFETY: The loop is alive: the handle holds it until it is deallocated.
        let owner = unsafe { Borrowed::from_ptr(py, owner) };
        // SAFETY: The field is a `Ref<Loop>`.
        let owner = unsafe { owner.cast_unchecked::<Loop>() };
        let run = |call: &mut Call| {
            if context.is_null() {
                self.run_in_spare(py, owner, call, alone)
            } else {
                run_in(py, owner, context, call)
            }
        };
        if alone {
            return run(&mut call);
        }
        let result = run(&mut call);
        for held in [call.callback].into_iter().chain(call.stack) {
            // SAFETY: The references that were taken above.
            drop(unsafe { Ref::<PyAny>::from_owned_or_null(held) });
        }
        result
    }

    /// Runs `call` inside an empty context that nobody else has, the loop's spare one if it is
    /// there.
    #[inline]
    fn run_in_spare(
        &self,
        py: Python<'_>,
        owner: Borrowed<'_, '_, Loop>,
        call: &mut Call,
        alone: bool,
    ) -> PyResult<()> {
        let context = match owner.get().spare_context.with(Option::take) {
            Some(context) => context,
            None => new_context(py)?,
        };
        // Somebody may ask for it: the exception handler runs in it.
        let keep = |context| drop(self.with(|fields| fields.context.replace(context)));
        if let Err(error) = run_in(py, owner, context.as_ptr(), call) {
            keep(context);
            return Err(error);
        }
        let unused = if !alone {
            keep(context);
            None
        } else if context.count() == 1 && is_empty(&context) {
            // It is spare again: the callback has set nothing in it and nobody has kept it.
            owner.get().spare_context.with(|spare| spare.replace(context))
        } else {
            Some(context)
        };
        drop(unused);
        Ok(())
    }

    /// Shows the collector what a handle holds, on behalf of the loop that owns it. A tracked
    /// handle shows its own, and one that somebody else holds is held from outside.
    ///
    /// # Errors
    /// The visitor's.
    pub(crate) fn traverse_from_loop(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.0.as_py())?;
        if self.count() != 1 {
            return Ok(());
        }
        self.cell()
            .try_with(|fields| {
                if fields.tracked {
                    return Ok(());
                }
                fields.references().try_for_each(|object| visit.call(object.as_py()))
            })
            .unwrap_or(Ok(()))
    }
}

fn pointer(object: Option<&Ref>) -> *mut ffi::PyObject {
    object.map_or(ptr::null_mut(), Ref::as_ptr)
}

/// What is to be called; alive for as long as the call lasts, by whoever makes one.
struct Call {
    callback: *mut ffi::PyObject,
    /// The arguments behind a slot that is the callee's to use.
    stack: [*mut ffi::PyObject; 1 + INLINE],
    count: u8,
    spilled: bool,
}

impl Call {
    /// As `make`, of a task's step.
    #[inline]
    fn make_step(
        &mut self,
        py: Python<'_>,
        owner: Borrowed<'_, '_, Loop>,
        step: Step,
    ) -> PyResult<()> {
        let given = self.stack[1];
        // SAFETY: Alive for the call, or NULL where there is none.
        let argument = unsafe { Borrowed::from_ptr_or_opt(py, given) };
        let other = owner.get().tasks.instead_of(step, argument);
        if let Some(other) = &other {
            self.stack[1] = other.as_ptr();
        }
        let called = self.make(py);
        self.stack[1] = given;
        step.ended(py, owner);
        called
    }

    #[inline]
    fn make(&mut self, py: Python<'_>) -> PyResult<()> {
        let result = if self.spilled {
            // SAFETY: Both are alive for the call; the first argument is the tuple.
            unsafe { call_object(self.callback, self.stack[1]) }
        } else {
            let count = usize::from(self.count) | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
            // SAFETY: Within the array.
            let first = unsafe { self.stack.as_mut_ptr().add(1) }.cast_const().cast();
            // SAFETY: All are alive for the call.
            unsafe { vectorcall(self.callback, first, count, ptr::null_mut()) }
        };
        // SAFETY: The result of a call.
        unsafe { Ref::<PyAny>::from_result(py, result) }.map(drop)
    }
}

/// Runs `call` inside `context`, which lives until it is left. What was written is sent before.
#[inline]
fn run_in(
    py: Python<'_>,
    owner: Borrowed<'_, '_, Loop>,
    context: *mut ffi::PyObject,
    call: &mut Call,
) -> PyResult<()> {
    // SAFETY: Alive; the function checks that it is a context.
    if unsafe { ffi::PyContext_Enter(context) } < 0 {
        return Err(PyErr::fetch(py));
    }
    // The errors are looked at one by one: to move a result that holds none is to read back, in other
    // pieces, what was just written, and waits for that.
    let called = match Step::of(py, call.callback) {
        Some(step) => call.make_step(py, owner, step),
        None => call.make(py),
    };
    let flushed = owner.get().flush(py);
    // SAFETY: Entered above.
    let left = unsafe { ffi::PyContext_Exit(context) };
    called?;
    flushed?;
    if left < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
}

pub(super) unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: A live object.
    let class = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: The collector's visitor takes any live object.
    let status = unsafe { visit(class.cast(), arg) };
    if status != 0 {
        return status;
    }
    let object: *mut Object = object.cast();
    // SAFETY: The collector gives a live, tracked handle.
    let fields = unsafe { &(*object).fields };
    let visited = fields.try_with(|fields| {
        fields.references().find_map(|held| {
            // SAFETY: A visitor changes counts in the collector's own header and calls no code.
            let status = unsafe { visit(held.as_ptr(), arg) };
            (status != 0).then_some(status)
        })
    });
    visited.flatten().unwrap_or(0)
}

pub(super) unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> c_int {
    let object: *mut Object = object.cast();
    // SAFETY: The collector gives a live handle.
    let fields = unsafe { &(*object).fields };
    drop(fields.with(Fields::release));
    0
}

pub(super) unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    let raw: *mut Object = object.cast();
    // SAFETY: The last reference is gone, so this function owns the object; it is whole until the
    // fields are taken out below.
    let fields = unsafe { &mut (*raw).fields };
    if fields.with(|fields| fields.tracked) {
        // SAFETY: It was tracked.
        unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
    }
    // SAFETY: As above.
    if !unsafe { (*raw).weakrefs }.is_null() {
        // SAFETY: The type has weak references.
        unsafe { ffi::PyObject_ClearWeakRefs(object) };
    }
    let owner = fields.with(|fields| fields.owner.take());
    // In place: copying the fields would wait for the flags that were just written.
    // SAFETY: Dropped once; only the memory is used from here on.
    unsafe { ManuallyDrop::drop(fields) };
    // SAFETY: The header is still set.
    let class = unsafe { ffi::Py_TYPE(object) };
    let kept = owner.as_ref().is_some_and(|owner| owner.free_handles.with(|free| free.push(raw)));
    if !kept {
        // SAFETY: The memory came from `PyObject_GC_New`, and is in no list.
        unsafe { ffi::PyObject_GC_Del(object.cast()) };
    }
    // SAFETY: An object of a heap type holds its type.
    unsafe { ffi::Py_DECREF(class.cast()) };
    // The last, because the free list is the loop's.
    drop(owner);
}
