//! The pool by example, and against a model of lists.

mod model;
mod operations;

use std::time::Duration;

use aioxide_http::pool::{AcquireError, Acquired, Lease, Pool, Settings, Stats, WaiterId};

type Connections = Pool<&'static str, u32>;

const START: Duration = Duration::from_secs(100);

fn at(seconds: u64) -> Duration {
    START + Duration::from_secs(seconds)
}

fn pool(limit: usize, limit_per_host: usize) -> Connections {
    Pool::new(Settings { limit, limit_per_host, ..Settings::default() })
}

fn acquire(pool: &mut Connections, key: &'static str) -> Acquired<u32> {
    pool.acquire(&key, START, |_| true).expect("an open pool")
}

fn connect(pool: &mut Connections, key: &'static str) -> Lease {
    match acquire(pool, key) {
        Acquired::Connect(lease) => lease,
        other => panic!("{other:?} instead of a new connection"),
    }
}

fn wait(pool: &mut Connections, key: &'static str) -> WaiterId {
    match acquire(pool, key) {
        Acquired::Wait(id) => id,
        other => panic!("{other:?} instead of a place in the queue"),
    }
}

fn reuse(acquired: Acquired<u32>) -> (u32, Lease) {
    match acquired {
        Acquired::Idle(connection, lease) => (connection, lease),
        other => panic!("{other:?} instead of a connection that was kept"),
    }
}

/// Keeps `connection` for `key`.
fn keep(pool: &mut Connections, key: &'static str, connection: u32, now: Duration) {
    let lease = connect(pool, key);
    assert!(pool.release(lease, connection, true, now).is_some());
}

fn claim(pool: &mut Connections, id: WaiterId) -> Acquired<u32> {
    pool.claim(id, START, |_| true).expect("a waiter")
}

fn closing(pool: &mut Connections) -> Vec<u32> {
    std::iter::from_fn(|| pool.poll_closing()).collect()
}

fn woken(pool: &mut Connections) -> Vec<WaiterId> {
    std::iter::from_fn(|| pool.poll_woken()).collect()
}

#[test]
fn what_came_back_first_is_used_first() {
    let mut pool = pool(0, 0);
    let leases = [connect(&mut pool, "a"), connect(&mut pool, "a"), connect(&mut pool, "a")];
    for (connection, lease) in (1..).zip(leases) {
        pool.release(lease, connection, true, START);
    }
    assert_eq!(pool.idle(&"a").copied().collect::<Vec<_>>(), [1, 2, 3]);
    let mut used = Vec::new();
    let mut leases = Vec::new();
    for _ in 0..3 {
        let (connection, lease) = reuse(acquire(&mut pool, "a"));
        used.push(connection);
        leases.push(lease);
    }
    assert_eq!(used, [1, 2, 3]);
    leases.push(connect(&mut pool, "a"));
    assert_eq!(pool.key_of(&leases[0]), Some(&"a"));
    leases.into_iter().for_each(|lease| pool.discard(lease));
    let stats = Stats { reused: 3, connects: 4, ..Stats::default() };
    assert_eq!(pool.stats(), stats);
}

#[test]
fn a_connection_is_not_used_for_another_key() {
    let mut pool = pool(0, 0);
    keep(&mut pool, "a", 1, START);
    let lease = connect(&mut pool, "b");
    pool.discard(lease);
    assert_eq!(pool.key_stats(&"a").idle, 1);
    assert_eq!(pool.keys().count(), 1, "nothing is left of the other key");
}

#[test]
fn a_dead_connection_is_closed_and_the_next_is_used() {
    let mut pool = pool(0, 0);
    let leases: Vec<Lease> = (0..3).map(|_| connect(&mut pool, "a")).collect();
    for (connection, lease) in (1..).zip(leases) {
        pool.release(lease, connection, true, START);
    }
    let acquired = pool.acquire(&"a", START, |connection| *connection == 3).unwrap();
    let (connection, lease) = reuse(acquired);
    assert_eq!(connection, 3);
    assert_eq!(closing(&mut pool), [1, 2]);
    assert_eq!(pool.stats().dead, 2);
    pool.discard(lease);
}

#[test]
fn all_dead_leave_a_new_connection() {
    let mut pool = pool(1, 1);
    keep(&mut pool, "a", 1, START);
    let acquired = pool.acquire(&"a", START, |_| false).unwrap();
    let Acquired::Connect(lease) = acquired else { panic!("{acquired:?}") };
    assert_eq!(closing(&mut pool), [1]);
    pool.discard(lease);
    assert_eq!(pool.stats().keys, 0);
}

#[test]
fn a_connection_expires_when_it_has_been_idle_for_the_timeout() {
    let mut pool = pool(0, 0);
    keep(&mut pool, "a", 1, at(0));
    keep(&mut pool, "b", 2, at(5));
    assert_eq!(pool.next_expiry(), Some(at(15)));
    let just_before = at(15) - Duration::from_nanos(1);
    assert_eq!(pool.take_expired(just_before), []);
    assert_eq!(pool.take_expired(at(15)), [1]);
    assert_eq!(pool.next_expiry(), Some(at(20)));
    assert_eq!(pool.take_expired(at(100)), [2]);
    assert_eq!(pool.next_expiry(), None);
    assert_eq!((pool.stats().expired, pool.stats().keys), (2, 0));
}

#[test]
fn an_expired_connection_is_not_used_even_if_nobody_took_it_out() {
    let mut pool = pool(0, 0);
    keep(&mut pool, "a", 1, at(0));
    let acquired = pool.acquire(&"a", at(15), |_| panic!("expired anyway")).unwrap();
    let Acquired::Connect(lease) = acquired else { panic!("{acquired:?}") };
    assert_eq!((closing(&mut pool), pool.stats().expired), (vec![1], 1));
    pool.discard(lease);
}

#[test]
fn without_a_timeout_nothing_expires() {
    let mut pool: Connections =
        Pool::new(Settings { keepalive_timeout: None, ..Settings::default() });
    keep(&mut pool, "a", 1, Duration::ZERO);
    assert_eq!(pool.next_expiry(), None);
    assert_eq!(pool.take_expired(Duration::MAX), []);
    let (connection, lease) = reuse(pool.acquire(&"a", Duration::MAX, |_| true).unwrap());
    assert_eq!(connection, 1);
    pool.discard(lease);
}

#[test]
fn a_timeout_beyond_the_end_of_time_does_not_expire() {
    let mut pool: Connections =
        Pool::new(Settings { keepalive_timeout: Some(Duration::MAX), ..Settings::default() });
    keep(&mut pool, "a", 1, START);
    assert_eq!(pool.next_expiry(), None);
    assert_eq!(pool.take_expired(Duration::MAX), []);
}

#[test]
fn nothing_is_kept_by_force_close_nor_when_it_cannot_be_used_again() {
    let mut forced: Connections = Pool::new(Settings { force_close: true, ..Settings::default() });
    let lease = connect(&mut forced, "a");
    assert_eq!(forced.release(lease, 1, true, START), None);
    assert_eq!((closing(&mut forced), forced.stats().keys), (vec![1], 0));

    let mut pool = pool(0, 0);
    let lease = connect(&mut pool, "a");
    assert_eq!(pool.release(lease, 1, false, START), None);
    assert_eq!((closing(&mut pool), pool.stats().keys), (vec![1], 0));
}

#[test]
fn an_idle_connection_that_its_peer_closed_is_taken_out_once() {
    let mut pool = pool(0, 0);
    let leases = [connect(&mut pool, "a"), connect(&mut pool, "a")];
    let ids: Vec<_> = (1..)
        .zip(leases)
        .map(|(connection, lease)| pool.release(lease, connection, true, START).expect("kept"))
        .collect();
    assert_eq!(pool.remove_idle(ids[1]), Some(2));
    assert_eq!(pool.remove_idle(ids[1]), None);
    let (connection, lease) = reuse(acquire(&mut pool, "a"));
    assert_eq!((connection, pool.remove_idle(ids[0])), (1, None));
    let again = pool.release(lease, 1, true, START).expect("kept");
    assert_eq!(pool.remove_idle(ids[0]), None, "the id is of the stay before");
    assert_eq!(pool.remove_idle(again), Some(1));
    assert_eq!(pool.stats().keys, 0);
}

#[test]
fn waiters_of_a_key_are_served_in_order() {
    let mut pool = pool(1, 0);
    let mut lease = connect(&mut pool, "a");
    let waiters: Vec<WaiterId> = (0..5).map(|_| wait(&mut pool, "a")).collect();
    assert_eq!(woken(&mut pool), []);
    pool.release(lease, 7, true, START);
    for id in waiters {
        assert_eq!(woken(&mut pool), [id]);
        let (connection, next) = reuse(claim(&mut pool, id));
        assert_eq!(connection, 7);
        pool.release(next, connection, true, START);
    }
    lease = reuse(acquire(&mut pool, "a")).1;
    pool.discard(lease);
}

#[test]
fn the_slot_of_a_woken_waiter_is_not_for_a_newcomer() {
    let mut pool = pool(1, 0);
    let lease = connect(&mut pool, "a");
    let first = wait(&mut pool, "a");
    pool.release(lease, 1, true, START);
    let newcomer = wait(&mut pool, "a");
    assert_eq!(woken(&mut pool), [first]);
    let (_, lease) = reuse(claim(&mut pool, first));
    pool.discard(lease);
    assert_eq!(woken(&mut pool), [newcomer]);
    let Acquired::Connect(lease) = claim(&mut pool, newcomer) else { panic!("nothing is idle") };
    pool.discard(lease);
}

#[test]
fn a_woken_waiter_that_is_cancelled_wakes_the_next() {
    for told in [false, true] {
        let mut pool = pool(1, 0);
        let lease = connect(&mut pool, "a");
        let waiters = [wait(&mut pool, "a"), wait(&mut pool, "b"), wait(&mut pool, "c")];
        pool.discard(lease);
        for pair in waiters.windows(2) {
            if told {
                assert_eq!(pool.poll_woken(), Some(pair[0]));
            }
            pool.cancel_wait(pair[0]);
            pool.cancel_wait(pair[0]);
        }
        assert_eq!(woken(&mut pool), [waiters[2]], "told: {told}");
        let Acquired::Connect(lease) = claim(&mut pool, waiters[2]) else { panic!("no slot") };
        pool.discard(lease);
        assert_eq!(pool.stats().keys, 0);
    }
}

#[test]
fn a_waiter_that_was_not_woken_keeps_its_place_when_it_claims() {
    let mut pool = pool(1, 0);
    let lease = connect(&mut pool, "a");
    let (first, second) = (wait(&mut pool, "a"), wait(&mut pool, "a"));
    let Acquired::Wait(still) = claim(&mut pool, second) else { panic!("no slot is free") };
    assert_eq!(still, second);
    pool.discard(lease);
    assert_eq!(woken(&mut pool), [first]);
    pool.cancel_wait(second);
    pool.cancel_wait(first);
    let claimed = pool.claim(first, START, |_| true).map(drop);
    assert_eq!(claimed, Err(AcquireError::NotWaiting));
}

#[test]
fn a_key_at_its_own_limit_does_not_hold_up_another() {
    let mut pool = pool(3, 1);
    let a = connect(&mut pool, "a");
    let waits_for_a = wait(&mut pool, "a");
    let b = connect(&mut pool, "b");
    let c = connect(&mut pool, "c");
    let (again_a, d) = (wait(&mut pool, "a"), wait(&mut pool, "d"));
    pool.discard(b);
    assert_eq!(woken(&mut pool), [d], "the others wait for their own key");
    pool.discard(a);
    assert_eq!(woken(&mut pool), [waits_for_a]);
    pool.discard(c);
    assert_eq!(woken(&mut pool), [], "one slot is free, and a has its own");
    for id in [waits_for_a, d] {
        pool.cancel_wait(id);
    }
    assert_eq!(woken(&mut pool), [again_a]);
    pool.cancel_wait(again_a);
    assert_eq!(pool.stats().keys, 0);
}

#[test]
fn a_crowd_for_one_key_does_not_hold_up_a_single_request_for_another() {
    let mut pool = pool(1, 0);
    let lease = connect(&mut pool, "crowd");
    let crowd: Vec<WaiterId> = (0..10_000).map(|_| wait(&mut pool, "crowd")).collect();
    let single = wait(&mut pool, "single");
    pool.discard(lease);
    assert_eq!(woken(&mut pool), [crowd[0]]);
    pool.cancel_wait(crowd[0]);
    assert_eq!(woken(&mut pool), [single]);
    pool.cancel_wait(single);
    assert_eq!(woken(&mut pool), [crowd[1]]);
}

#[test]
fn too_many_waiters_are_refused() {
    let settings = Settings { limit: 1, max_waiters: 2, ..Settings::default() };
    let mut pool: Connections = Pool::new(settings);
    let lease = connect(&mut pool, "a");
    let first = wait(&mut pool, "a");
    wait(&mut pool, "b");
    let refused = pool.acquire(&"c", START, |_| true).map(drop).unwrap_err();
    assert_eq!(refused, AcquireError::TooManyWaiting { limit: 2 });
    assert_eq!(refused.to_string(), "2 requests wait for a connection already");
    assert_eq!(pool.stats().keys, 2, "one that was refused leaves nothing");
    pool.cancel_wait(first);
    wait(&mut pool, "c");
    pool.discard(lease);
}

#[test]
fn an_open_connection_is_closed_for_a_new_one_beyond_the_descriptors() {
    let settings = Settings { max_descriptors: 2, ..Settings::default() };
    let mut pool: Connections = Pool::new(settings);
    let (a, b) = (connect(&mut pool, "a"), connect(&mut pool, "b"));
    let waiter = wait(&mut pool, "c");
    pool.release(b, 2, true, START);
    pool.release(a, 1, true, START);
    let Acquired::Connect(c) = claim(&mut pool, waiter) else { panic!("nothing is idle for c") };
    assert_eq!(closing(&mut pool), [2], "the longest idle");
    assert_eq!(pool.stats().evicted, 1);
    let (_, a) = reuse(acquire(&mut pool, "a"));
    pool.discard(c);
    pool.discard(a);
}

#[test]
fn fewer_descriptors_close_what_is_idle_and_let_requests_wait() {
    let mut pool = pool(0, 0);
    let leases: Vec<Lease> = (0..3).map(|_| connect(&mut pool, "a")).collect();
    keep(&mut pool, "b", 1, at(0));
    keep(&mut pool, "c", 2, at(1));
    pool.set_max_descriptors(4);
    assert_eq!(closing(&mut pool), [1]);
    pool.set_max_descriptors(2);
    assert_eq!(closing(&mut pool), [2]);
    let waiter = wait(&mut pool, "d");
    let mut leases = leases.into_iter();
    pool.discard(leases.next().unwrap());
    assert_eq!(woken(&mut pool), [], "two of two are in use");
    pool.set_max_descriptors(3);
    assert_eq!(woken(&mut pool), [waiter]);
    pool.set_max_descriptors(0);
    assert!(matches!(acquire(&mut pool, "e"), Acquired::Connect(_)));
    leases.for_each(|lease| pool.discard(lease));
}

#[test]
fn a_connection_that_comes_back_when_too_many_are_open_takes_the_place_of_an_older_one() {
    let mut pool = pool(0, 0);
    let leases: Vec<Lease> = (0..4).map(|_| connect(&mut pool, "a")).collect();
    pool.set_max_descriptors(2);
    let mut closed = Vec::new();
    for (connection, lease) in (1..).zip(leases) {
        pool.release(lease, connection, true, START);
        closed.push(closing(&mut pool));
    }
    assert_eq!(closed, [vec![1], vec![2], vec![], vec![]]);
    assert_eq!(pool.idle(&"a").copied().collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_closed_pool_gives_everything_out_and_keeps_nothing() {
    let mut pool = pool(2, 0);
    let (a, b) = (connect(&mut pool, "a"), connect(&mut pool, "b"));
    let waiters = [wait(&mut pool, "z"), wait(&mut pool, "a"), wait(&mut pool, "a")];
    pool.release(a, 1, true, START);
    let closed = pool.close();
    assert_eq!(closed.idle, [1]);
    assert_eq!(closed.waiters, waiters, "those that were woken, too");
    assert!(pool.is_closed());
    assert_eq!(woken(&mut pool), []);
    let refused = pool.acquire(&"a", START, |_| true).map(drop);
    assert_eq!(refused, Err(AcquireError::Closed));
    let refused = pool.claim(waiters[0], START, |_| true).map(drop);
    assert_eq!(refused, Err(AcquireError::Closed));
    pool.cancel_wait(waiters[1]);
    assert_eq!(pool.stats().leased, 1);
    assert_eq!(pool.release(b, 2, true, START), None);
    assert_eq!(closing(&mut pool), [2]);
    let stats = pool.stats();
    assert_eq!((stats.leased, stats.idle, stats.waiting, stats.woken, stats.keys), (0, 0, 0, 0, 0));
    assert!(pool.close().idle.is_empty());
}

#[test]
fn a_lease_of_another_pool_changes_nothing() {
    let (mut one, mut other) = (pool(1, 0), pool(1, 0));
    let lease = connect(&mut one, "a");
    let own = connect(&mut other, "a");
    assert_eq!(other.key_of(&lease), None);
    assert_eq!(other.release(lease, 1, true, START), None);
    assert_eq!(closing(&mut other), [1]);
    assert_eq!((one.stats().leased, other.stats().leased), (1, 1));
    other.discard(own);
}

#[test]
fn new_connection_is_opened_where_nobody_waits_for_one() {
    let mut pool = pool(2, 1);
    keep(&mut pool, "a", 1, START);
    let first = pool.acquire_new(&"a").expect("room for one");
    assert!(pool.acquire_new(&"a").is_none(), "the host's limit");
    let second = pool.acquire_new(&"b").expect("room for another");
    assert!(pool.acquire_new(&"c").is_none(), "the limit for all");
    let waiter = wait(&mut pool, "c");
    pool.discard(second);
    assert_eq!(woken(&mut pool), [waiter]);
    assert!(pool.acquire_new(&"b").is_none(), "the place is the waiter's");
    let Acquired::Connect(third) = claim(&mut pool, waiter) else { panic!("nothing is idle") };
    pool.discard(first);
    pool.discard(third);
    let stats = pool.stats();
    assert_eq!((stats.leased, stats.idle, stats.connects), (0, 1, 4));
    pool.close();
    assert!(pool.acquire_new(&"a").is_none(), "closed");
}

#[test]
fn new_connection_makes_room_among_the_idle() {
    let mut pool = Pool::new(Settings { max_descriptors: 1, ..Settings::default() });
    keep(&mut pool, "a", 1, START);
    let lease = pool.acquire_new(&"b").expect("the idle one gives way");
    assert_eq!(closing(&mut pool), [1]);
    pool.discard(lease);
}
