//! Connections that wait for the next request, in the queue of their host and in one of all, by
//! the time at which they came back.

use std::time::Duration;

use super::host::Host;
use super::{Arena, Key, Queue};

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    host: Key,
    since: Duration,
}

#[derive(Debug)]
pub(super) struct IdleConnections<C> {
    /// First links: the host's `idle`; second links: `by_age`.
    idle: Arena<Idle<C>>,
    /// The longest idle first.
    by_age: Queue<1>,
}

impl<C> IdleConnections<C> {
    pub(super) const fn new() -> Self {
        Self { idle: Arena::new(), by_age: Queue::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn keep<K>(
        &mut self,
        host: Key,
        found: &mut Host<K>,
        connection: C,
        now: Duration,
    ) -> Key {
        let id = self.idle.insert(Idle { connection, host, since: now });
        found.idle.push_back(&mut self.idle, id);
        self.by_age.push_back(&mut self.idle, id);
        id
    }

    /// The host's next to be used, and since when it has been idle.
    pub(super) fn next<K>(&self, host: &Host<K>) -> Option<(Key, &C, Duration)> {
        let id = host.idle.first(&self.idle)?;
        self.idle.get(id).map(|idle| (id, &idle.connection, idle.since))
    }

    pub(super) fn oldest(&self) -> Option<Key> {
        self.by_age.first(&self.idle)
    }

    pub(super) fn oldest_since(&self) -> Option<Duration> {
        self.idle.get(self.oldest()?).map(|idle| idle.since)
    }

    pub(super) fn host_of(&self, id: Key) -> Option<Key> {
        self.idle.get(id).map(|idle| idle.host)
    }

    /// Takes out `id`, which is one of `found`'s.
    pub(super) fn take<K>(&mut self, id: Key, found: &mut Host<K>) -> Option<C> {
        self.idle.get(id)?;
        found.idle.unlink(&mut self.idle, id);
        self.by_age.unlink(&mut self.idle, id);
        self.idle.remove(id).map(|idle| idle.connection)
    }

    pub(super) fn of<'a, K>(&'a self, host: &Host<K>) -> impl Iterator<Item = &'a C> {
        let ids = host.idle.keys(&self.idle);
        ids.filter_map(|id| self.idle.get(id)).map(|idle| &idle.connection)
    }
}
