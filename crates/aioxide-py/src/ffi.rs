//! The parts of CPython's C API that PyO3 does not wrap, or wraps at a price that shows on the hot
//! path. What is exported is safe to call; each island below says on what its safety rests.

#[expect(unsafe_code, reason = "an event that is raised only to see whether somebody listens")]
mod audit;
#[expect(unsafe_code, reason = "views of Python's buffers, and what they point to")]
mod buffer;
#[expect(unsafe_code, reason = "vectorcall passes arrays of pointers")]
mod call;
#[expect(unsafe_code, reason = "contexts are entered and left by C functions")]
mod context;
#[expect(unsafe_code, reason = "the collector is told to wait")]
mod creation;
#[expect(unsafe_code, reason = "calls that the end of the interpreter unwinds")]
mod ending;
#[expect(unsafe_code, reason = "methods that take their arguments as an array of pointers")]
mod method;
#[expect(unsafe_code, reason = "dicts, asked without their hooks")]
mod namespace;
#[expect(unsafe_code, reason = "the number in a socket, and as a descriptor for one system call")]
mod number;
#[expect(unsafe_code, reason = "an owned pointer without bookkeeping")]
mod reference;
#[expect(unsafe_code, reason = "a field of the interpreter's classes")]
mod version;

pub(crate) use audit::has_audit_hooks;
pub(crate) use buffer::{
    Bytes, View, extend_bytearray, fill_bytes, inspect_bytearray, lend, lend_mut, take_front,
    weak_target,
};
pub(crate) use call::{
    attribute, call_method, call_tuple, call_with_keywords, call0, check_signals, thread_id,
};
pub(crate) use context::{
    copy_context, copy_of_context, copy_unless_empty, in_context, is_empty, new_context,
};
pub(crate) use creation::new_with_dict;
pub(crate) use ending::{call_object, vectorcall};
pub(crate) use method::{
    Arguments, FastMethod, add_method, add_method_to, add_own_method, attached, guard,
};
pub(crate) use namespace::Namespace;
pub(crate) use number::{borrow_number, socket_number};
pub(crate) use reference::Ref;
pub(crate) use version::ClassVersion;
