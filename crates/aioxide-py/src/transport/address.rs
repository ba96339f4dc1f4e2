//! Socket addresses as Python has them.

use pyo3::prelude::*;
use rustix::net::SocketAddrAny;

use crate::ffi::Ref;

/// The tuple of an IPv4 or IPv6 address; `None` for what Python's socket module had better format:
/// other families, and addresses with a scope, which it appends by name.
pub(super) fn to_python(py: Python<'_>, address: &SocketAddrAny) -> PyResult<Option<Ref>> {
    use std::net::SocketAddr;
    let Ok(address) = SocketAddr::try_from(address.clone()) else { return Ok(None) };
    let tuple = match address {
        SocketAddr::V4(v4) => (v4.ip().to_string(), v4.port()).into_pyobject(py)?,
        SocketAddr::V6(v6) if v6.scope_id() == 0 => {
            let fields = (v6.ip().to_string(), v6.port(), v6.flowinfo(), v6.scope_id());
            return Ok(Some(Ref::new(fields.into_pyobject(py)?.as_any())));
        }
        SocketAddr::V6(_) => return Ok(None),
    };
    Ok(Some(Ref::new(tuple.as_any())))
}
