//! What is going on in a pool, in numbers.

use std::hash::Hash;

use super::host::Host;
use super::{Lease, Pool};

/// A pool at one moment, and what it has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that are idle.
    pub idle: usize,
    /// Slots in use.
    pub leased: usize,
    /// Slots of waiters that were woken and have not claimed.
    pub woken: usize,
    /// Requests without a slot.
    pub waiting: usize,
    /// Keys that have any of these.
    pub keys: usize,
    /// Requests that got a connection that was kept.
    pub reused: u64,
    /// Requests that were told to open one.
    pub connects: u64,
    /// Connections that were idle for too long.
    pub expired: u64,
    /// Connections that died while they were idle.
    pub dead: u64,
    /// Connections that were closed for the sake of another, or of fewer descriptors.
    pub evicted: u64,
}

/// One key at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyStats {
    /// Connections that are idle.
    pub idle: usize,
    /// Slots in use.
    pub leased: usize,
    /// Slots of waiters that were woken and have not claimed.
    pub woken: usize,
    /// Requests without a slot.
    pub waiting: usize,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) reused: u64,
    pub(super) connects: u64,
    pub(super) expired: u64,
    pub(super) dead: u64,
    pub(super) evicted: u64,
}

impl<K> Host<K> {
    const fn stats(&self) -> KeyStats {
        KeyStats {
            idle: self.idle.len(),
            leased: self.leased,
            woken: self.granted,
            waiting: self.waiting.len(),
        }
    }
}

impl<K: Eq + Hash + Clone, C> Pool<K, C> {
    /// The whole pool.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Counts { reused, connects, expired, dead, evicted } = self.counts;
        Stats {
            idle: self.idle.len(),
            leased: self.leased,
            woken: self.granted,
            waiting: self.waiters.len() - self.granted,
            keys: self.by_key.len(),
            reused,
            connects,
            expired,
            dead,
            evicted,
        }
    }

    /// One key.
    #[must_use]
    pub fn key_stats(&self, key: &K) -> KeyStats {
        self.host(key).map(Host::stats).unwrap_or_default()
    }

    /// Each key that has anything, in no order.
    pub fn keys(&self) -> impl Iterator<Item = (&K, KeyStats)> {
        let hosts = self.by_key.values().filter_map(|host| self.hosts.get(*host));
        hosts.map(|host| (&host.key, host.stats()))
    }

    /// The idle connections of `key`, in the order in which they will be used.
    pub fn idle(&self, key: &K) -> impl Iterator<Item = &C> {
        self.host(key).into_iter().flat_map(|host| self.idle.of(host))
    }

    /// The key that `lease` was given for.
    #[must_use]
    pub fn key_of(&self, lease: &Lease) -> Option<&K> {
        let own = lease.pool == self.id;
        self.hosts.get(lease.host).filter(|_| own).map(|host| &host.key)
    }

    fn host(&self, key: &K) -> Option<&Host<K>> {
        self.hosts.get(*self.by_key.get(key)?)
    }
}
