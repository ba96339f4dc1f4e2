//! `aioxide._aioxide`: the native module. Adapters only; what is scheduled how is in aioxide-core.

#[expect(unsafe_code, reason = "one borrow at a time, guarded by a flag or a lock")]
mod cell;
mod error;
#[expect(
    unsafe_code,
    reason = "loops are found behind object pointers; fast methods take pointers"
)]
mod event_loop;
#[expect(unsafe_code, reason = "CPython's C API")]
mod ffi;
#[expect(unsafe_code, reason = "a C struct with its own life cycle")]
mod handle;
mod names;
#[expect(unsafe_code, reason = "transports are found behind object pointers; buffers of Python")]
mod transport;

use pyo3::prelude::*;

/// The native module of aioxide.
#[pymodule(gil_used = true)]
fn _aioxide(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<event_loop::Loop>()?;
    module.add_class::<transport::StreamTransport>()?;
    module.add_class::<transport::Listener>()?;
    let types = handle::types(py)?;
    // SAFETY: Both types live as long as the process.
    for (name, class) in [("Handle", types.handle), ("TimerHandle", types.timer)] {
        module.add(name, ffi::type_object(py, class))?;
    }
    event_loop::add_fast_methods(py, py.get_type::<event_loop::Loop>().as_type_ptr())?;
    transport::add_fast_methods(py, py.get_type::<transport::StreamTransport>().as_type_ptr())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
