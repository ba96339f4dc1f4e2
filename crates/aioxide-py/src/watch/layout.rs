//! Where the fields of the interpreter's structures are.
//!
//! From 3.13 on the interpreter says it itself, in `_Py_DebugOffsets` at the head of `_PyRuntime`.
//! For 3.11 and 3.12 it is written down in `offsets.rs`. In both cases nothing is believed before the
//! self-test (in `interpreter.rs`) has held.

use std::ffi::CStr;

#[cfg(Py_3_13)]
use pyo3::ffi;

#[cfg(not(Py_3_13))]
use crate::offsets;
use crate::offsets::{Code, Frame, ThreadState};

/// Offsets in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) thread: ThreadState,
    pub(crate) frame: Frame,
    pub(crate) code: Code,
    /// Whether the garbage collector is at work, from the interpreter's state. `None` when the
    /// self-test did not find it there.
    pub(crate) collecting: Option<usize>,
    /// Likewise.
    pub(crate) gil: Option<Gil>,
}

/// The lock that one thread at a time runs Python under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gil {
    pub(crate) place: Place,
    /// The thread state that has it, or had it last.
    pub(crate) holder: usize,
    pub(crate) locked: usize,
    /// The length of the structure, in which the waiting threads wait.
    pub(crate) size: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// At this address.
    #[cfg_attr(Py_3_12, expect(dead_code, reason = "up to 3.11 there is one"))]
    At(usize),
    /// The interpreter's state has a pointer to it here.
    #[cfg_attr(
        not(Py_3_12),
        expect(dead_code, reason = "from 3.12 on interpreters have their own")
    )]
    Behind(usize),
}

/// The same in CPython 3.11 to 3.15; `Python/ceval_gil.c` names its fields.
const GIL_SIZE: usize = 208;

impl Layout {
    /// That of the interpreter that runs, or why it is not known.
    pub(crate) fn of_interpreter() -> Result<Self, &'static str> {
        if cfg!(Py_GIL_DISABLED) {
            return Err("threads run without the GIL");
        }
        if !cfg!(all(target_pointer_width = "64", target_endian = "little")) {
            return Err("the processor is not a 64-bit little-endian one");
        }
        let runtime = symbol(c"_PyRuntime").ok_or("the interpreter does not export _PyRuntime")?;
        Self::at(runtime)
    }

    #[cfg(not(Py_3_12))]
    #[expect(clippy::unnecessary_wraps, reason = "other versions can fail")]
    const fn at(runtime: usize) -> Result<Self, &'static str> {
        Ok(Self {
            thread: offsets::THREAD,
            frame: offsets::FRAME,
            code: offsets::CODE,
            collecting: Some(648 + 200),
            gil: Some(Gil {
                place: Place::At(runtime + 360),
                holder: 8,
                locked: 16,
                size: GIL_SIZE,
            }),
        })
    }

    #[cfg(all(Py_3_12, not(Py_3_13)))]
    #[expect(clippy::unnecessary_wraps, reason = "other versions can fail")]
    const fn at(_: usize) -> Result<Self, &'static str> {
        Ok(Self {
            thread: offsets::THREAD,
            frame: offsets::FRAME,
            code: offsets::CODE,
            collecting: Some(112 + 200),
            gil: Some(Gil { place: Place::Behind(384), holder: 8, locked: 16, size: GIL_SIZE }),
        })
    }

    #[cfg(Py_3_13)]
    fn at(runtime: usize) -> Result<Self, &'static str> {
        let bytes = super::memory::Memory::new().array::<{ size_of::<DebugOffsets>() }>(runtime);
        let bytes = bytes.ok_or("_PyRuntime cannot be read")?;
        let offsets = DebugOffsets::of(&bytes);
        if offsets.cookie.to_ne_bytes() != *b"xdebugpy" {
            return Err("_PyRuntime does not begin with debug offsets");
        }
        // SAFETY: A number that is never written.
        let running = unsafe { ffi::Py_Version };
        if offsets.version != u64::from(u32::try_from(running).unwrap_or(0)) {
            return Err("the debug offsets are of another version of Python");
        }
        if offsets.free_threaded != 0 {
            return Err("threads run without the GIL");
        }
        offsets.layout().ok_or("the debug offsets are not plausible")
    }
}

/// The address of a symbol that the interpreter exports.
fn symbol(name: &CStr) -> Option<usize> {
    // SAFETY: The name ends with a zero, and the default handle needs no opening.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then(|| address.addr())
}

/// `_Py_DebugOffsets` up to the last field that is used: groups of 64-bit numbers.
#[cfg(Py_3_13)]
macro_rules! groups {
    ($($(#[$gate:meta])* $group:ident { $($(#[$inner:meta])* $field:ident,)* })*) => {
        $($(#[$gate])* #[derive(Clone, Copy, Debug)] #[repr(C)]
        struct $group { $($(#[$inner])* $field: u64,)* })*

        #[derive(Clone, Copy, Debug)] #[repr(C)]
        struct DebugOffsets {
            cookie: u64,
            version: u64,
            free_threaded: u64,
            $($(#[$gate])* $group: $group,)*
        }
    };
}

#[cfg(Py_3_13)]
groups! {
    runtime_state { size, finalizing, interpreters_head, }
    interpreter_state {
        size, id, next, threads_head, #[cfg(Py_3_14)] threads_main, gc, imports_modules, sysdict,
        builtins, ceval_gil, gil_runtime_state, gil_runtime_state_enabled,
        gil_runtime_state_locked, gil_runtime_state_holder,
        #[cfg(Py_3_14)] code_object_generation, #[cfg(Py_3_14)] tlbc_generation,
    }
    thread_state {
        size, prev, next, interp, current_frame,
        #[cfg(Py_3_15)] base_frame, #[cfg(Py_3_15)] last_profiled_frame,
        #[cfg(Py_3_15)] last_profiled_frame_seq,
        thread_id, native_thread_id, datastack_chunk, status,
        #[cfg(Py_3_15)] holds_gil, #[cfg(Py_3_15)] gil_requested,
        #[cfg(Py_3_15)] current_exception, #[cfg(Py_3_15)] exc_state,
    }
    #[cfg(Py_3_15)]
    err_stackitem { exc_value, }
    interpreter_frame {
        size, previous, executable, instr_ptr, localsplus, owner,
        #[cfg(Py_3_14)] stackpointer, #[cfg(Py_3_14)] tlbc_index,
    }
    code_object {
        size, filename, name, qualname, linetable, firstlineno, argcount, localsplusnames,
        localspluskinds, co_code_adaptive, #[cfg(Py_3_14)] co_tlbc,
    }
    pyobject { size, ob_type, }
    type_object {
        size, tp_name, tp_repr, tp_flags,
        #[cfg(Py_3_15)] tp_basicsize, #[cfg(Py_3_15)] tp_dictoffset,
    }
    #[cfg(Py_3_15)]
    heap_type_object { size, ht_cached_keys, }
    tuple_object { size, ob_item, ob_size, }
    list_object { size, ob_item, ob_size, }
    #[cfg(Py_3_14)]
    set_object { size, used, table, mask, }
    dict_object { size, ma_keys, ma_values, }
    float_object { size, ob_fval, }
    long_object { size, lv_tag, ob_digit, }
    bytes_object { size, ob_size, ob_sval, }
    unicode_object {
        size, state, length, asciiobject_size, #[cfg(Py_3_15)] compactunicodeobject_size,
    }
    gc { size, collecting, }
}

#[cfg(Py_3_13)]
impl DebugOffsets {
    const fn of(bytes: &[u8; size_of::<Self>()]) -> Self {
        // SAFETY: Plain numbers, for which every pattern of bits is one.
        unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) }
    }

    fn layout(&self) -> Option<Layout> {
        // None of these structures is longer than this.
        let offset = |value: u64| usize::try_from(value).ok().filter(|value| *value < 1 << 20);
        let interpreter = &self.interpreter_state;
        let within_gil = |value: u64| offset(value.checked_sub(interpreter.gil_runtime_state)?);
        Some(Layout {
            thread: ThreadState {
                interpreter: offset(self.thread_state.interp)?,
                current_frame: offset(self.thread_state.current_frame)?,
                indirect: None,
                native_id: offset(self.thread_state.native_thread_id)?,
            },
            frame: Frame {
                previous: offset(self.interpreter_frame.previous)?,
                code: offset(self.interpreter_frame.executable)?,
                instruction: offset(self.interpreter_frame.instr_ptr)?,
                owner: offset(self.interpreter_frame.owner)?,
            },
            code: Code {
                file: offset(self.code_object.filename)?,
                name: offset(self.code_object.qualname)?,
                lines: offset(self.code_object.linetable)?,
                first_line: offset(self.code_object.firstlineno)?,
                instructions: offset(self.code_object.co_code_adaptive)?,
            },
            collecting: Some(offset(interpreter.gc)? + offset(self.gc.collecting)?),
            gil: Some(Gil {
                place: Place::Behind(offset(interpreter.ceval_gil)?),
                holder: within_gil(interpreter.gil_runtime_state_holder)?,
                locked: within_gil(interpreter.gil_runtime_state_locked)?,
                size: GIL_SIZE,
            }),
        })
    }
}
