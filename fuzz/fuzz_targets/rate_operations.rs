#![no_main]
//! Any operations on a limiter: first come, first served, and no window sees more than it may.

use std::num::NonZeroU32;
use std::time::Duration;

use aioxide_http::rate::{Limiter, Permit, Rate, Settings, Turn, WaiterId};
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
enum Operation {
    Acquire,
    Claim(u8),
    Cancel(u8),
    Release,
    Advance(u16),
    Pause(u16),
    Resume,
}

#[derive(Arbitrary, Debug)]
struct Input {
    limit: u8,
    interval: u16,
    burst: u8,
    strict: bool,
    concurrency: u8,
    operations: Vec<Operation>,
}

fn positive(number: u8) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(u32::from(number % 16))
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let rate = Rate {
        limit: positive(input.limit),
        interval: Duration::from_millis(input.interval.into()),
        burst: positive(input.burst),
        strict: input.strict,
    };
    let concurrency = usize::from(input.concurrency % 8);
    let mut limiter = Limiter::new(Settings { rate: Some(rate), concurrency, max_waiters: 0 });
    let mut now = Duration::from_secs(1);
    let mut went: Vec<Duration> = Vec::new();
    let mut permits: Vec<Permit> = Vec::new();
    let mut waiting: Vec<WaiterId> = Vec::new();
    let mut woken: Vec<WaiterId> = Vec::new();
    for operation in input.operations {
        match operation {
            Operation::Acquire => match limiter.acquire(now).expect("no limit") {
                Turn::Go(permit) => {
                    assert!(waiting.is_empty());
                    permits.push(permit);
                    went.push(now);
                }
                Turn::Wait(id) => waiting.push(id),
            },
            Operation::Claim(which) if !woken.is_empty() => {
                let id = woken.remove(usize::from(which) % woken.len());
                let Ok(Turn::Go(permit)) = limiter.claim(id, now) else { panic!("its turn") };
                permits.push(permit);
                went.push(now);
            }
            Operation::Cancel(which) if !woken.is_empty() => {
                limiter.cancel_wait(woken.remove(usize::from(which) % woken.len()));
            }
            Operation::Cancel(which) if !waiting.is_empty() => {
                limiter.cancel_wait(waiting.remove(usize::from(which) % waiting.len()));
            }
            Operation::Release => permits.pop().into_iter().for_each(|one| limiter.release(one)),
            Operation::Advance(millis) => now += Duration::from_millis(millis.into()),
            Operation::Pause(millis) => {
                limiter.pause_until(now + Duration::from_millis(millis.into()));
                waiting.splice(0..0, std::mem::take(&mut woken));
            }
            Operation::Resume => limiter.resume(),
            Operation::Claim(_) | Operation::Cancel(_) => {}
        }
        while let Some(id) = limiter.poll_woken(now) {
            assert_eq!(id, waiting.remove(0));
            woken.push(id);
        }
        assert!(concurrency == 0 || limiter.active() <= concurrency);
        assert_eq!(limiter.active(), permits.len());
        assert_eq!(limiter.waiting(), waiting.len() + woken.len());
        assert!(limiter.next_at().is_none_or(|at| at > now));
    }
    let over = if rate.strict { 0 } else { rate.burst.get() - 1 };
    let most = (rate.limit.get() + over) as usize;
    for pair in went.windows(most + 1) {
        assert!(pair[most] - pair[0] >= rate.interval);
    }
});
