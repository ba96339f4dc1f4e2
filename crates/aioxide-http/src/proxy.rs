//! Ways through a proxy: CONNECT, SOCKS5 and SOCKS4a, and when to take one.
//!
//! A handshake is a machine: [`Connect`], [`Socks5`] or [`Socks4`]. What `poll_output` has goes to
//! the proxy, what comes from it goes into `handle_bytes`, until the way is open or the proxy has
//! refused. No machine takes a byte behind its handshake: the rest of the input is the target's.
//! [`Environment`] says which proxy the environment wants for a URL.

mod connect;
mod environment;
mod head;
mod socks4;
mod socks5;
mod target;

pub use connect::{Connect, ConnectError};
pub use environment::{Environment, Rules};
pub use head::{Head, HeadError, HeadLimits, HeadReader};
pub use socks4::{Socks4, Socks4Error};
pub use socks5::{Refusal, Socks5, Socks5Error};
pub use target::{InvalidTarget, Target};

/// How far a handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// More has to come from the proxy.
    More,
    /// What follows in either direction is between client and target.
    Open,
}

/// A user's name and password, for a proxy.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The name.
    pub user: &'a [u8],
    /// The password.
    pub password: &'a [u8],
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").finish_non_exhaustive()
    }
}
