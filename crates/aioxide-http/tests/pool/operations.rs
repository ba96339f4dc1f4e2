//! Long sequences of operations, each of them against the model, with any waiter cancelled at any
//! step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aioxide_http::pool::{AcquireError, Acquired, IdleId, Lease, Pool, Settings, WaiterId};
use proptest::prelude::*;

use crate::model::{Connection, Got, Host, Model, Waiter};

#[derive(Clone, Debug)]
enum Operation {
    Acquire(Host),
    Claim(usize),
    /// All that were woken.
    ClaimAll,
    Cancel(usize),
    Release(usize, bool),
    Discard(usize),
    Poll,
    Advance(u64),
    TakeExpired,
    /// The peer closes an idle connection, and nobody notices.
    Die(usize),
    /// The peer closes an idle connection, which is taken out.
    RemoveIdle(usize),
    TakeIdle,
    SetMaxDescriptors(usize),
}

fn operation(hosts: Host) -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => (0..hosts).prop_map(Operation::Acquire),
        5 => any::<usize>().prop_map(Operation::Claim),
        2 => Just(Operation::ClaimAll),
        4 => any::<usize>().prop_map(Operation::Cancel),
        7 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, reusable)| Operation::Release(which, reusable)),
        2 => any::<usize>().prop_map(Operation::Discard),
        4 => Just(Operation::Poll),
        3 => (0..8_u64).prop_map(Operation::Advance),
        1 => Just(Operation::TakeExpired),
        2 => any::<usize>().prop_map(Operation::Die),
        1 => any::<usize>().prop_map(Operation::RemoveIdle),
        1 => Just(Operation::TakeIdle).boxed(),
        1 => (0..7_usize).prop_map(Operation::SetMaxDescriptors),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let timeout = prop::option::weighted(0.8, (0..20_u64).prop_map(Duration::from_secs));
    (0..5_usize, 0..4_usize, timeout, prop::bool::weighted(0.1), 0..40_usize, 0..7_usize).prop_map(
        |(limit, limit_per_host, keepalive_timeout, force_close, waiters, max_descriptors)| {
            Settings {
                limit,
                limit_per_host,
                keepalive_timeout,
                force_close,
                max_waiters: waiters.saturating_sub(20),
                max_descriptors,
            }
        },
    )
}

/// The pool, the model, and what is in the callers' hands.
struct Pair {
    pool: Pool<Host, Connection>,
    model: Model,
    now: Duration,
    leases: Vec<(Host, Lease, Connection)>,
    waiters: Vec<(Host, Waiter, WaiterId)>,
    idle: Vec<(Connection, IdleId)>,
    dead: BTreeSet<Connection>,
    serial: u32,
    /// For each host that is in turn: which others were served before it, since it was last.
    passed: BTreeMap<Host, Vec<Host>>,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        Self {
            pool: Pool::new(settings.clone()),
            model: Model::new(settings),
            now: Duration::from_secs(1000),
            leases: Vec::new(),
            waiters: Vec::new(),
            idle: Vec::new(),
            dead: BTreeSet::new(),
            serial: 0,
            passed: BTreeMap::new(),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Acquire(host) => self.acquire(host),
            Operation::Claim(which) => {
                if let Some(which) = pick(which, self.waiters.len()) {
                    self.claim(which);
                }
            }
            Operation::ClaimAll => {
                let woken: Vec<Waiter> = self.model.woken.iter().map(|(_, id)| *id).collect();
                for waiter in woken {
                    let place = self.waiters.iter().position(|(_, other, _)| *other == waiter);
                    self.claim(place.expect("a waiter"));
                    self.check();
                }
            }
            Operation::Cancel(which) => {
                if let Some(which) = pick(which, self.waiters.len()) {
                    let (_, waiter, id) = self.waiters.remove(which);
                    self.pool.cancel_wait(id);
                    self.model.cancel(waiter);
                    self.pool.cancel_wait(id);
                }
            }
            Operation::Release(which, reusable) => {
                if let Some(which) = pick(which, self.leases.len()) {
                    let (host, lease, connection) = self.leases.remove(which);
                    let kept = self.pool.release(lease, connection, reusable, self.now);
                    self.model.release(host, connection, reusable, self.now);
                    self.idle.extend(kept.map(|id| (connection, id)));
                }
            }
            Operation::Discard(which) => {
                if let Some(which) = pick(which, self.leases.len()) {
                    let (host, lease, _) = self.leases.remove(which);
                    self.pool.discard(lease);
                    self.model.discard(host);
                }
            }
            Operation::Poll => self.poll(),
            Operation::Advance(seconds) => self.now += Duration::from_secs(seconds),
            Operation::TakeExpired => {
                assert_eq!(self.pool.take_expired(self.now), self.model.take_expired(self.now));
            }
            Operation::Die(which) => {
                if let Some(which) = pick(which, self.model.idle.len()) {
                    self.dead.insert(self.model.idle[which].1);
                }
            }
            Operation::RemoveIdle(which) => {
                if let Some(which) = pick(which, self.idle.len()) {
                    let (connection, id) = self.idle.remove(which);
                    let place = self.model.idle.iter().position(|idle| idle.1 == connection);
                    assert_eq!(self.pool.remove_idle(id).is_some(), place.is_some());
                    place.map(|place| self.model.idle.remove(place));
                }
            }
            Operation::TakeIdle => {
                let expected: Vec<Connection> =
                    std::mem::take(&mut self.model.idle).into_iter().map(|idle| idle.1).collect();
                assert_eq!(self.pool.take_idle(), expected);
            }
            Operation::SetMaxDescriptors(max_descriptors) => {
                self.pool.set_max_descriptors(max_descriptors);
                self.model.set_max_descriptors(max_descriptors);
            }
        }
        self.check();
    }

    fn acquire(&mut self, host: Host) {
        self.serial += 1;
        let waiter = self.serial;
        let dead = &self.dead;
        let acquired = self.pool.acquire(&host, self.now, |connection| !dead.contains(connection));
        let got =
            self.model.acquire(host, waiter, self.now, |connection| !dead.contains(&connection));
        self.note(host, waiter, acquired, &got);
    }

    fn claim(&mut self, which: usize) {
        let (host, waiter, id) = self.waiters.remove(which);
        let dead = &self.dead;
        let acquired = self.pool.claim(id, self.now, |connection| !dead.contains(connection));
        let got = self.model.claim(waiter, self.now, |connection| !dead.contains(&connection));
        assert_ne!(got, Got::Refused);
        self.note(host, waiter, acquired, &got);
    }

    fn note(
        &mut self,
        host: Host,
        waiter: Waiter,
        acquired: Result<Acquired<Connection>, AcquireError>,
        expected: &Got,
    ) {
        let got = match acquired {
            Ok(Acquired::Idle(connection, lease)) => {
                self.idle.retain(|(other, _)| *other != connection);
                self.leases.push((host, lease, connection));
                Got::Idle(connection)
            }
            Ok(Acquired::Connect(lease)) => {
                self.serial += 1;
                self.leases.push((host, lease, self.serial));
                Got::Connect
            }
            Ok(Acquired::Wait(id)) => {
                self.waiters.push((host, waiter, id));
                Got::Wait
            }
            Err(error) => {
                let limit = self.model.settings.max_waiters;
                assert_eq!(error, AcquireError::TooManyWaiting { limit });
                Got::Refused
            }
        };
        assert_eq!(got, *expected);
    }

    /// Who was woken, in which order; nobody passes a host in turn twice.
    fn poll(&mut self) {
        for (host, waiter) in std::mem::take(&mut self.model.newly_woken) {
            let id = self.pool.poll_woken().expect("one more");
            assert!(self.waiters.contains(&(host, waiter, id)));
        }
        assert_eq!(self.pool.poll_woken(), None);
    }

    fn check(&mut self) {
        let closing: Vec<Connection> = std::iter::from_fn(|| self.pool.poll_closing()).collect();
        assert_eq!(closing, std::mem::take(&mut self.model.closing));
        let numbers: BTreeMap<Host, [usize; 4]> = self
            .pool
            .keys()
            .map(|(host, stats)| (*host, [stats.idle, stats.leased, stats.woken, stats.waiting]))
            .collect();
        assert_eq!(numbers, self.model.numbers());
        let stats = self.pool.stats();
        let sum = |part: usize| numbers.values().map(|numbers| numbers[part]).sum::<usize>();
        assert_eq!(
            [stats.idle, stats.leased, stats.woken, stats.waiting],
            [sum(0), sum(1), sum(2), sum(3)]
        );
        assert_eq!(stats.keys, numbers.len());
        let timeout = self.model.settings.keepalive_timeout;
        let oldest = self.model.idle.first().map(|idle| idle.2);
        assert_eq!(self.pool.next_expiry(), oldest.zip(timeout).map(|(since, long)| since + long));
        self.check_limits(&numbers);
    }

    fn check_limits(&self, numbers: &BTreeMap<Host, [usize; 4]>) {
        let Settings { limit, limit_per_host, max_descriptors, .. } = self.model.settings;
        let taken = self.model.taken();
        assert!(limit == 0 || taken <= limit);
        let room = self.model.has_room();
        for (host, [_, leased, woken, waiting]) in numbers {
            assert!(limit_per_host == 0 || leased + woken <= limit_per_host);
            let below = self.model.is_below_own_limit(*host);
            assert!(*waiting == 0 || !room || !below, "a slot is free for one that waits");
        }
        let open = self.model.leased.len() + self.model.idle.len();
        if max_descriptors != 0 && !self.model.idle.is_empty() {
            assert!(open <= max_descriptors);
        }
    }

    /// Nobody wants anything any more.
    fn finish(mut self) {
        while !self.waiters.is_empty() {
            self.apply(&Operation::Cancel(0));
        }
        while !self.leases.is_empty() {
            self.apply(&Operation::Release(0, true));
        }
        self.apply(&Operation::TakeIdle);
        assert!(self.model.numbers().is_empty());
    }
}

fn pick(which: usize, of: usize) -> Option<usize> {
    (of != 0).then(|| which % of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_is_as_the_model(
        settings in settings(),
        operations in prop::collection::vec(operation(4), 0..400),
    ) {
        let mut pair = Pair::new(settings);
        for operation in &operations {
            pair.apply(operation);
        }
        pair.finish();
    }

    /// Everybody who waits is served in the end, whoever else comes: with a key always in turn, no
    /// other is woken twice before it is.
    #[test]
    fn nobody_starves(
        limit in 1..4_usize,
        limit_per_host in 0..3_usize,
        steps in prop::collection::vec((0..4_u8, 0..4_u8, any::<usize>()), 1..300),
    ) {
        let settings = Settings { limit, limit_per_host, ..Settings::default() };
        let mut pair = Pair::new(settings);
        for (first, second, which) in steps {
            pair.acquire(first);
            pair.acquire(second);
            let before: Vec<Host> = (0..4).filter(|host| pair.model.is_in_turn(*host)).collect();
            pair.passed.retain(|host, _| before.contains(host));
            if let Some(which) = pick(which, pair.leases.len()) {
                let (host, lease, _) = pair.leases.remove(which);
                pair.pool.discard(lease);
                pair.model.discard(host);
            }
            pair.model.newly_woken.clear();
            let woken: Vec<WaiterId> = std::iter::from_fn(|| pair.pool.poll_woken()).collect();
            for id in woken {
                let place = pair.waiters.iter().position(|(_, _, other)| *other == id);
                let place = place.expect("a waiter");
                let served = pair.waiters[place].0;
                let first = pair.waiters.iter().find(|(host, ..)| *host == served);
                prop_assert_eq!(first.map(|(_, _, id)| *id), Some(id), "out of order");
                pair.passed.remove(&served);
                for host in before.iter().filter(|host| **host != served) {
                    let passed = pair.passed.entry(*host).or_default();
                    prop_assert!(!passed.contains(&served), "{} passed {} twice", served, host);
                    passed.push(served);
                }
                pair.claim(place);
            }
            pair.check();
        }
    }
}
