//! Who has a slot, who gets the next, and which connection goes with it.

use std::hash::Hash;
use std::time::Duration;

use super::host::Host;
use super::{Acquired, Key, Lease, Pool, Settings, Turn, Waiter};

impl<K: Eq + Hash + Clone, C> Pool<K, C> {
    pub(super) fn add_host(&mut self, key: &K) -> Key {
        let host = self.hosts.insert(Host::new(key.clone()));
        self.by_key.insert(key.clone(), host);
        host
    }

    /// A slot is free under the limits for all.
    pub(super) const fn has_room(&self) -> bool {
        let taken = self.leased + self.granted;
        let Settings { limit, max_descriptors, .. } = self.settings;
        (limit == 0 || taken < limit) && (max_descriptors == 0 || taken < max_descriptors)
    }

    pub(super) fn is_below_own_limit(&self, host: Key) -> bool {
        let limit = self.settings.limit_per_host;
        limit == 0 || self.hosts.get(host).is_none_or(|host| host.taken() < limit)
    }

    pub(super) fn enqueue(&mut self, host: Key) -> Key {
        let waiter = self.waiters.insert(Waiter { host, turn: Turn::Waiting });
        if let Some(found) = self.hosts.get_mut(host) {
            found.waiting.push_back(&mut self.waiters, waiter);
        }
        self.settle(host);
        waiter
    }

    /// Takes a waiter out, with the slot that it may have. Whose it was is to be settled.
    pub(super) fn revoke(&mut self, id: Key) -> Option<Key> {
        let &Waiter { host, turn } = self.waiters.get(id)?;
        let found = self.hosts.get_mut(host)?;
        match turn {
            Turn::Waiting => found.waiting.unlink(&mut self.waiters, id),
            Turn::Woken | Turn::Told => {
                found.granted -= 1;
                self.granted -= 1;
            }
        }
        if turn == Turn::Woken {
            self.woken.unlink(&mut self.waiters, id);
        }
        self.waiters.remove(id);
        Some(host)
    }

    /// Takes a slot that is free, for the connection or for one that is to be opened.
    pub(super) fn lease(&mut self, host: Key, connection: Option<C>) -> Acquired<C> {
        self.leased += 1;
        if let Some(found) = self.hosts.get_mut(host) {
            found.leased += 1;
        }
        let lease = Lease { pool: self.id, host };
        if let Some(connection) = connection {
            self.counts.reused += 1;
            return Acquired::Idle(connection, lease);
        }
        self.counts.connects += 1;
        self.evict();
        Acquired::Connect(lease)
    }

    /// Frees the slot of a lease. Whose it was is to be settled. `None` for another pool's.
    pub(super) fn take_back(&mut self, lease: Lease) -> Option<Key> {
        let Lease { pool, host } = lease;
        let found = self.hosts.get_mut(host).filter(|_| pool == self.id)?;
        found.leased -= 1;
        self.leased -= 1;
        Some(host)
    }

    /// The waiters, slots or connections of a host have changed: it gets its turn or loses it, and
    /// is forgotten when nothing is left. Then slots that are free go to those who wait.
    pub(super) fn settle(&mut self, host: Key) {
        let below = self.is_below_own_limit(host);
        let Some(found) = self.hosts.get_mut(host) else { return };
        let (has_turn, empty) = (below && !found.waiting.is_empty(), found.is_empty());
        if std::mem::replace(&mut found.has_turn, has_turn) != has_turn {
            if has_turn {
                self.turns.push_back(&mut self.hosts, host);
            } else {
                self.turns.unlink(&mut self.hosts, host);
            }
        }
        if empty {
            self.forget(host);
        }
        self.wake();
    }

    fn forget(&mut self, host: Key) {
        if let Some(found) = self.hosts.remove(host) {
            self.by_key.remove(&found.key);
            if self.by_key.is_empty() {
                self.by_key.shrink_to(64);
            }
        }
    }

    /// Gives each free slot to a waiter: one of the host whose turn it is, which then goes behind
    /// the others.
    pub(super) fn wake(&mut self) {
        while !self.closed && self.has_room() {
            let Some(host) = self.turns.first(&self.hosts) else { return };
            self.turns.unlink(&mut self.hosts, host);
            let limit = self.settings.limit_per_host;
            let Some(found) = self.hosts.get_mut(host) else { return };
            if let Some(id) = found.waiting.first(&self.waiters) {
                found.waiting.unlink(&mut self.waiters, id);
                found.granted += 1;
                self.granted += 1;
                if let Some(waiter) = self.waiters.get_mut(id) {
                    waiter.turn = Turn::Woken;
                }
                self.woken.push_back(&mut self.waiters, id);
            }
            found.has_turn = !found.waiting.is_empty() && (limit == 0 || found.taken() < limit);
            if found.has_turn {
                self.turns.push_back(&mut self.hosts, host);
            }
        }
    }

    /// Takes the host's next connection that is neither expired nor dead; those before it are to be
    /// closed. The host may have nothing left then.
    pub(super) fn find_alive(
        &mut self,
        host: Key,
        now: Duration,
        mut is_alive: impl FnMut(&C) -> bool,
    ) -> Option<C> {
        let found = self.hosts.get_mut(host)?;
        loop {
            let (id, connection, since) = self.idle.next(found)?;
            let idle_for = now.saturating_sub(since);
            let expired = self.settings.keepalive_timeout.is_some_and(|limit| idle_for >= limit);
            let alive = !expired && is_alive(connection);
            let connection = self.idle.take(id, found)?;
            if alive {
                return Some(connection);
            }
            *if expired { &mut self.counts.expired } else { &mut self.counts.dead } += 1;
            self.closing.push_back(connection);
        }
    }

    /// Takes out a connection that is idle.
    pub(super) fn take_out(&mut self, id: Key) -> Option<C> {
        let host = self.idle.host_of(id)?;
        let connection = self.idle.take(id, self.hosts.get_mut(host)?)?;
        self.settle(host);
        Some(connection)
    }

    pub(super) fn take_oldest(&mut self) -> Option<C> {
        self.take_out(self.idle.oldest()?)
    }

    /// Closes what has been idle for longest, until no more are open than may be.
    pub(super) fn evict(&mut self) {
        let most = self.settings.max_descriptors;
        while most != 0 && self.leased + self.idle.len() > most {
            let Some(connection) = self.take_oldest() else { return };
            self.counts.evicted += 1;
            self.closing.push_back(connection);
        }
    }
}
