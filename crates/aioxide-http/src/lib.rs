//! HTTP and WebSocket for clients, as state machines.
//!
//! Bytes come in and events go out; commands come in and bytes go out. Nothing here has a socket,
//! a clock or an interpreter: time is an argument called `now`, a length of time since an
//! arbitrary beginning, and randomness is an argument, too. So every machine runs in a test by
//! itself, split at any byte.

#![forbid(unsafe_code)]

pub mod auth;
pub mod coding;
pub mod cookies;
pub mod form;
pub mod http1;
pub mod multipart;
pub mod netrc;
pub mod pool;
pub mod proxy;
pub mod rate;
pub mod redirect;
pub mod retry;
pub mod websocket;
