//! The HTTP client's side of the loop: connections, and what goes over them.
//!
//! ```text
//!   Python: ClientSession ──► Connector ──► HttpConnection.begin(...) ──► Exchange
//!                                                │ write                    ▲ head, body, end
//!                                         StreamTransport or TlsTransport   │
//!                                                └─ read ─► HttpConnection.feed(bytes)
//! ```
//!
//! The protocol is in aioxide-http; here bytes become Python objects and futures get results. An
//! `HttpConnection` carries one [`Exchange`] after another, and nothing of one gets into the next.

mod answer;
mod attempt;
mod body;
mod connection;
mod cookie_jar;
mod cookie_text;
mod deliver;
mod dial;
mod dialled;
mod digest;
mod error;
mod exchange;
mod feed;
mod handshake;
mod head;
mod inflate;
mod limiter;
mod netrc;
mod pool;
mod receive;
mod request;
mod retry;
mod settings;
mod socks;
mod template;
mod timeouts;
mod untouched;
mod websocket;

pub(crate) use connection::HttpConnection;
pub(crate) use cookie_jar::NativeCookieJar;
pub(crate) use cookie_text::{parse_cookie_field, parse_set_cookies};
pub(crate) use digest::DigestCredentials;
pub(crate) use exchange::Exchange;
pub(crate) use handshake::WebSocketOffer;
pub(crate) use head::encode_request_head;
pub(crate) use limiter::{HostLimiter, HostPermit, HostWaiter};
pub(crate) use netrc::Netrc;
pub(crate) use pool::{ConnectionPool, PoolWaiter, Slot};
pub(crate) use request::RequestBody;
pub(crate) use retry::RetryRules;
pub(crate) use settings::ResponseSettings;
pub(crate) use socks::Socks5Handshake;
pub(crate) use template::HeadTemplate;
pub(crate) use untouched::Untouched;
pub(crate) use websocket::WebSocket;
