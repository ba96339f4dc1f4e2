#![no_main]
//! Any operations on a pool: it keeps its limits, nobody waits beside a free slot, and nothing is
//! left when everything has come back.

use std::time::Duration;

use aioxide_http::pool::{Acquired, IdleId, Lease, Pool, Settings, WaiterId};
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
enum Operation {
    Acquire(u8),
    Claim(u8),
    Cancel(u8),
    Release(u8, bool),
    Discard(u8),
    Poll,
    Advance(u8),
    Expire,
    RemoveIdle(u8),
    TakeIdle,
    SetMaxDescriptors(u8),
    Close,
}

#[derive(Arbitrary, Debug)]
struct Input {
    limit: u8,
    limit_per_host: u8,
    timeout: Option<u8>,
    force_close: bool,
    max_waiters: u8,
    max_descriptors: u8,
    alive: u8,
    operations: Vec<Operation>,
}

#[derive(Default)]
struct Hands {
    leases: Vec<Lease>,
    waiters: Vec<WaiterId>,
    idle: Vec<IdleId>,
}

impl Hands {
    fn take(&mut self, acquired: Acquired<u8>) {
        match acquired {
            Acquired::Idle(_, lease) | Acquired::Connect(lease) => self.leases.push(lease),
            Acquired::Wait(id) => self.waiters.push(id),
        }
    }
}

fn pick(which: u8, of: usize) -> Option<usize> {
    (of != 0).then(|| usize::from(which) % of)
}

fn check(pool: &Pool<u8, u8>) {
    let (stats, settings) = (pool.stats(), pool.settings());
    let taken = stats.leased + stats.woken;
    assert!(settings.limit == 0 || taken <= settings.limit);
    let most = settings.max_descriptors;
    assert!(most == 0 || stats.idle == 0 || stats.leased + stats.idle <= most);
    let room = (settings.limit == 0 || taken < settings.limit) && (most == 0 || taken < most);
    let mut sums = [0; 4];
    for (_, key) in pool.keys() {
        let host_taken = key.leased + key.woken;
        let below = settings.limit_per_host == 0 || host_taken < settings.limit_per_host;
        assert!(settings.limit_per_host == 0 || host_taken <= settings.limit_per_host);
        assert!(key.waiting == 0 || !room || !below);
        for (sum, part) in sums.iter_mut().zip([key.idle, key.leased, key.woken, key.waiting]) {
            *sum += part;
        }
    }
    assert_eq!(sums, [stats.idle, stats.leased, stats.woken, stats.waiting]);
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let mut pool: Pool<u8, u8> = Pool::new(Settings {
        limit: usize::from(input.limit % 8),
        limit_per_host: usize::from(input.limit_per_host % 4),
        keepalive_timeout: input.timeout.map(|seconds| Duration::from_secs(seconds.into())),
        force_close: input.force_close,
        max_waiters: usize::from(input.max_waiters),
        max_descriptors: usize::from(input.max_descriptors % 8),
    });
    let mut hands = Hands::default();
    let mut now = Duration::ZERO;
    let alive = |connection: &u8| connection & input.alive == 0;
    for operation in input.operations {
        match operation {
            Operation::Acquire(key) => {
                if let Ok(acquired) = pool.acquire(&(key % 4), now, alive) {
                    hands.take(acquired);
                }
            }
            Operation::Claim(which) => {
                if let Some(which) = pick(which, hands.waiters.len()) {
                    let id = hands.waiters.swap_remove(which);
                    if let Ok(acquired) = pool.claim(id, now, alive) {
                        hands.take(acquired);
                    }
                }
            }
            Operation::Cancel(which) => {
                if let Some(which) = pick(which, hands.waiters.len()) {
                    pool.cancel_wait(hands.waiters.swap_remove(which));
                }
            }
            Operation::Release(which, reusable) => {
                if let Some(at) = pick(which, hands.leases.len()) {
                    let kept = pool.release(hands.leases.swap_remove(at), which, reusable, now);
                    hands.idle.extend(kept);
                }
            }
            Operation::Discard(which) => {
                if let Some(which) = pick(which, hands.leases.len()) {
                    pool.discard(hands.leases.swap_remove(which));
                }
            }
            Operation::Poll => while pool.poll_woken().is_some() {},
            Operation::Advance(seconds) => now += Duration::from_secs(seconds.into()),
            Operation::Expire => drop(pool.take_expired(now)),
            Operation::RemoveIdle(which) => {
                if let Some(which) = pick(which, hands.idle.len()) {
                    pool.remove_idle(hands.idle.swap_remove(which));
                }
            }
            Operation::TakeIdle => drop(pool.take_idle()),
            Operation::SetMaxDescriptors(most) => pool.set_max_descriptors(usize::from(most % 8)),
            Operation::Close => drop(pool.close()),
        }
        while pool.poll_closing().is_some() {}
        if !pool.is_closed() {
            check(&pool);
        }
    }
    hands.waiters.into_iter().for_each(|id| pool.cancel_wait(id));
    hands.leases.into_iter().for_each(|lease| pool.discard(lease));
    drop(pool.take_idle());
    let stats = pool.stats();
    assert_eq!((stats.idle, stats.leased, stats.woken, stats.waiting, stats.keys), (0, 0, 0, 0, 0));
});
