//! Handshakes with proxies as byte scripts, and the rules of the environment.

mod connect;
mod environment;
mod socks;
