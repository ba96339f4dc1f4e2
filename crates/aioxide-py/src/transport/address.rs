//! Socket addresses as Python has them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

use crate::ffi::Ref;

/// The tuple of an IPv4 or IPv6 address, the path of a Unix socket; `None` for what Python's socket module had better format:
/// other families, and addresses with a scope, which it appends by name.
pub(super) fn to_python(py: Python<'_>, address: &SocketAddrAny) -> PyResult<Option<Ref>> {
    use std::net::SocketAddr;
    if address.address_family() == AddressFamily::UNIX {
        let Ok(address) = SocketAddrUnix::try_from(address.clone()) else { return Ok(None) };
        return unix(py, &address);
    }
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

/// A path as text, an abstract name as bytes; `None` where it may have no name at all.
fn unix(py: Python<'_>, address: &SocketAddrUnix) -> PyResult<Option<Ref>> {
    if let Some(path) = address.path_bytes() {
        return Ok(Some(OsStr::from_bytes(path).into_pyobject(py)?.into_any().into()));
    }
    let name = address.abstract_name().filter(|name| !name.is_empty());
    Ok(name.map(|name| PyBytes::new(py, &[&[0], name].concat()).into_any().into()))
}
