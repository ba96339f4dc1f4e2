//! `aioxide._aioxide`: the native module. Adapters only; what is scheduled how is in aioxide-core.

#[expect(unsafe_code, reason = "one borrow at a time, guarded by a flag or a lock")]
mod cell;
mod client;
mod datagram;
mod error;
mod event_loop;
mod fanout;
mod ffi;
mod handle;
mod heap;
mod names;
mod offsets;
mod pipe;
mod socket;
mod streams;
mod tasks;
mod tls;
mod transport;
mod watch;

use pyo3::prelude::*;

/// The native module of aioxide.
#[pymodule(gil_used = true)]
fn _aioxide(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<event_loop::Loop>()?;
    module.add_class::<transport::StreamTransport>()?;
    module.add_class::<transport::Listener>()?;
    module.add_class::<tls::TlsProtocol>()?;
    module.add_class::<tls::TlsTransport>()?;
    module.add_class::<pipe::PipeTransport>()?;
    module.add_class::<pipe::ReadPipeTransport>()?;
    module.add_class::<pipe::WritePipeTransport>()?;
    module.add_class::<datagram::DatagramTransport>()?;
    module.add_class::<client::HttpConnection>()?;
    module.add_class::<client::Untouched>()?;
    module.add_class::<client::Exchange>()?;
    module.add_class::<client::ConnectionPool>()?;
    module.add_class::<client::ResponseSettings>()?;
    module.add_class::<client::Slot>()?;
    module.add_class::<client::WebSocket>()?;
    module.add_class::<client::WebSocketOffer>()?;
    module.add_class::<client::PoolWaiter>()?;
    module.add_class::<client::NativeCookieJar>()?;
    module.add_class::<client::DigestCredentials>()?;
    module.add_class::<client::Netrc>()?;
    module.add_class::<client::HeadTemplate>()?;
    module.add_class::<client::RequestBody>()?;
    module.add_class::<client::RetryRules>()?;
    module.add_class::<client::Socks5Handshake>()?;
    module.add_class::<client::HostLimiter>()?;
    module.add_class::<client::HostPermit>()?;
    module.add_class::<client::HostWaiter>()?;
    module.add_class::<fanout::RateLimiter>()?;
    module.add_function(wrap_pyfunction!(fanout::parse_retry_after, module)?)?;
    module.add_function(wrap_pyfunction!(client::encode_request_head, module)?)?;
    module.add_function(wrap_pyfunction!(client::parse_set_cookies, module)?)?;
    module.add_function(wrap_pyfunction!(client::parse_cookie_field, module)?)?;
    for (name, class) in handle::types(py)?.named(py) {
        module.add(name, class)?;
    }
    module.add_function(wrap_pyfunction!(streams::add_stream_reads, module)?)?;
    module.add_function(wrap_pyfunction!(streams::add_stream_drain, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_set_label, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_remove_label, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_prepare_watch, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_before_fork, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_after_fork_in_parent, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_after_fork_in_child, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_read_own_stack, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_thread_state, module)?)?;
    module.add_function(wrap_pyfunction!(watch::_walk_threads, module)?)?;
    event_loop::add_fast_methods(&py.get_type::<event_loop::Loop>())?;
    module.add_function(wrap_pyfunction!(event_loop::_own_methods, module)?)?;
    transport::add_fast_methods(py)?;
    tls::add_fast_methods(py)?;
    pipe::add_fast_methods(py)?;
    datagram::add_fast_methods(py)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    // A debug build is an order of magnitude slower: benchmarks refuse it.
    module.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    Ok(())
}
