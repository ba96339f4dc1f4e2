//! What a pool should do, by lists that are searched from the beginning.

use std::collections::BTreeMap;
use std::time::Duration;

use aioxide_http::pool::Settings;

pub(crate) type Host = u8;
pub(crate) type Connection = u32;
pub(crate) type Waiter = u32;

/// What a request gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Idle(Connection),
    Connect,
    Wait,
    Refused,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) settings: Settings,
    /// In the order in which they came back.
    pub(crate) idle: Vec<(Host, Connection, Duration)>,
    pub(crate) leased: Vec<Host>,
    /// In the order in which they came.
    pub(crate) waiting: Vec<(Host, Waiter)>,
    pub(crate) woken: Vec<(Host, Waiter)>,
    /// Hosts in the order of their turns.
    turns: Vec<Host>,
    pub(crate) closing: Vec<Connection>,
    pub(crate) newly_woken: Vec<(Host, Waiter)>,
}

impl Model {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            idle: Vec::new(),
            leased: Vec::new(),
            waiting: Vec::new(),
            woken: Vec::new(),
            turns: Vec::new(),
            closing: Vec::new(),
            newly_woken: Vec::new(),
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.leased.len() + self.woken.len()
    }

    pub(crate) fn taken_by(&self, host: Host) -> usize {
        self.leased.iter().filter(|other| **other == host).count()
            + self.woken.iter().filter(|(other, _)| *other == host).count()
    }

    pub(crate) fn has_room(&self) -> bool {
        let Settings { limit, max_descriptors, .. } = self.settings;
        (limit == 0 || self.taken() < limit)
            && (max_descriptors == 0 || self.taken() < max_descriptors)
    }

    pub(crate) fn is_below_own_limit(&self, host: Host) -> bool {
        let limit = self.settings.limit_per_host;
        limit == 0 || self.taken_by(host) < limit
    }

    /// It waits for nothing but a slot that is for all.
    pub(crate) fn is_in_turn(&self, host: Host) -> bool {
        self.waiting.iter().any(|(other, _)| *other == host) && self.is_below_own_limit(host)
    }

    pub(crate) fn acquire(
        &mut self,
        host: Host,
        waiter: Waiter,
        now: Duration,
        is_alive: impl Fn(Connection) -> bool,
    ) -> Got {
        if self.has_room() && self.is_below_own_limit(host) {
            return self.take_slot(host, now, is_alive);
        }
        if self.settings.max_waiters != 0
            && self.waiting.len() + self.woken.len() >= self.settings.max_waiters
        {
            return Got::Refused;
        }
        self.waiting.push((host, waiter));
        self.settle();
        Got::Wait
    }

    pub(crate) fn claim(
        &mut self,
        waiter: Waiter,
        now: Duration,
        is_alive: impl Fn(Connection) -> bool,
    ) -> Got {
        if self.waiting.iter().any(|(_, other)| *other == waiter) {
            return Got::Wait;
        }
        let Some(place) = self.woken.iter().position(|(_, other)| *other == waiter) else {
            return Got::Refused;
        };
        let (host, _) = self.woken.remove(place);
        self.newly_woken.retain(|(_, other)| *other != waiter);
        self.take_slot(host, now, is_alive)
    }

    pub(crate) fn cancel(&mut self, waiter: Waiter) {
        for list in [&mut self.waiting, &mut self.woken, &mut self.newly_woken] {
            list.retain(|(_, other)| *other != waiter);
        }
        self.settle();
    }

    pub(crate) fn release(
        &mut self,
        host: Host,
        connection: Connection,
        reusable: bool,
        now: Duration,
    ) {
        if reusable && !self.settings.force_close {
            self.idle.push((host, connection, now));
        } else {
            self.closing.push(connection);
        }
        self.discard(host);
        self.evict();
    }

    pub(crate) fn discard(&mut self, host: Host) {
        let place = self.leased.iter().position(|other| *other == host).expect("a lease");
        self.leased.remove(place);
        self.settle();
    }

    pub(crate) fn take_expired(&mut self, now: Duration) -> Vec<Connection> {
        let Some(timeout) = self.settings.keepalive_timeout else { return Vec::new() };
        let (expired, kept) = std::mem::take(&mut self.idle)
            .into_iter()
            .partition(|(_, _, since)| now - *since >= timeout);
        self.idle = kept;
        let expired: Vec<_> = expired;
        expired.into_iter().map(|(_, connection, _)| connection).collect()
    }

    pub(crate) fn set_max_descriptors(&mut self, max_descriptors: usize) {
        self.settings.max_descriptors = max_descriptors;
        self.evict();
        self.settle();
    }

    /// Idle, leased, woken and waiting of each host that has any.
    pub(crate) fn numbers(&self) -> BTreeMap<Host, [usize; 4]> {
        let mut numbers = BTreeMap::new();
        for (host, _, _) in &self.idle {
            numbers.entry(*host).or_insert([0; 4])[0] += 1;
        }
        for host in &self.leased {
            numbers.entry(*host).or_insert([0; 4])[1] += 1;
        }
        for (host, _) in &self.woken {
            numbers.entry(*host).or_insert([0; 4])[2] += 1;
        }
        for (host, _) in &self.waiting {
            numbers.entry(*host).or_insert([0; 4])[3] += 1;
        }
        numbers
    }

    fn take_slot(
        &mut self,
        host: Host,
        now: Duration,
        is_alive: impl Fn(Connection) -> bool,
    ) -> Got {
        self.leased.push(host);
        let timeout = self.settings.keepalive_timeout;
        while let Some(place) = self.idle.iter().position(|(other, _, _)| *other == host) {
            let (_, connection, since) = self.idle.remove(place);
            if timeout.is_none_or(|timeout| now - since < timeout) && is_alive(connection) {
                return Got::Idle(connection);
            }
            self.closing.push(connection);
        }
        self.evict();
        Got::Connect
    }

    fn evict(&mut self) {
        let most = self.settings.max_descriptors;
        while most != 0 && self.leased.len() + self.idle.len() > most && !self.idle.is_empty() {
            self.closing.push(self.idle.remove(0).1);
        }
    }

    /// Hosts that are out of turn leave, those that came into it go behind the others, and each
    /// free slot goes to the first, which then goes behind the others.
    fn settle(&mut self) {
        loop {
            let in_turn: Vec<Host> = (0..8).filter(|host| self.is_in_turn(*host)).collect();
            self.turns.retain(|host| in_turn.contains(host));
            let new = in_turn.into_iter().filter(|host| !self.turns.contains(host));
            self.turns.extend(new.collect::<Vec<Host>>());
            if self.turns.is_empty() || !self.has_room() {
                return;
            }
            let host = self.turns.remove(0);
            let place = self.waiting.iter().position(|(other, _)| *other == host).expect("one");
            let waiter = self.waiting.remove(place);
            self.woken.push(waiter);
            self.newly_woken.push(waiter);
        }
    }
}
