//! The limiter on simulated time.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use aioxide_http::rate::{LimitError, Limiter, Permit, Rate, Settings, Turn, WaiterId};
use proptest::prelude::*;

const NANOSECOND: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_secs(1_000_000);

fn rate(limit: u32, interval: Duration, burst: u32, strict: bool) -> Rate {
    let positive = |number| NonZeroU32::new(number).expect("not zero");
    Rate { limit: positive(limit), interval, burst: positive(burst), strict }
}

fn limiter(rate: Rate) -> Limiter {
    Limiter::new(Settings { rate: Some(rate), ..Settings::default() })
}

fn at_once(limit: usize) -> Limiter {
    Limiter::new(Settings { concurrency: limit, ..Settings::default() })
}

fn go(turn: Result<Turn, LimitError>) -> Permit {
    match turn {
        Ok(Turn::Go(permit)) => permit,
        other => panic!("{other:?} instead of a turn"),
    }
}

fn wait(turn: Result<Turn, LimitError>) -> WaiterId {
    match turn {
        Ok(Turn::Wait(id)) => id,
        other => panic!("{other:?} instead of a place in the queue"),
    }
}

/// One goes, and ends at once.
fn pass(limiter: &mut Limiter, now: Duration) {
    let permit = go(limiter.acquire(now));
    limiter.release(permit);
}

/// One that was woken goes, and ends at once.
fn claim(limiter: &mut Limiter, id: WaiterId, now: Duration) {
    let permit = go(limiter.claim(id, now));
    limiter.release(permit);
}

/// How many go at `now`, if everybody wants to.
fn crowd(limiter: &mut Limiter, now: Duration) -> usize {
    let mut count = 0;
    loop {
        match limiter.acquire(now).expect("no limit") {
            Turn::Go(permit) => limiter.release(permit),
            Turn::Wait(id) => {
                limiter.cancel_wait(id);
                return count;
            }
        }
        count += 1;
    }
}

/// When each of `count` goes, if everybody wants to at the beginning and takes turns at once.
fn times(limiter: &mut Limiter, count: usize) -> Vec<Duration> {
    let mut now = START;
    let mut times = Vec::new();
    let mut waiters = VecDeque::new();
    for _ in 0..count {
        match limiter.acquire(now).expect("no limit") {
            Turn::Go(permit) => {
                limiter.release(permit);
                times.push(now);
            }
            Turn::Wait(id) => waiters.push_back(id),
        }
    }
    while let Some(first) = waiters.pop_front() {
        let at = limiter.next_at().expect("one waits, and nobody is ahead");
        now = now.max(at);
        if at > START {
            assert_eq!(limiter.poll_woken(at - NANOSECOND), None, "it could have been earlier");
        }
        assert_eq!(limiter.poll_woken(now), Some(first));
        claim(limiter, first, now);
        times.push(now);
    }
    times
}

fn most_in_a_window(times: &[Duration], interval: Duration) -> usize {
    let inside = |start: usize| times[start..].partition_point(|at| *at - times[start] < interval);
    (0..times.len()).map(inside).max().unwrap_or(0)
}

#[test]
fn a_burst_goes_at_once_and_the_rest_evenly() {
    let mut limiter = limiter(rate(10, SECOND, 3, false));
    let times = times(&mut limiter, 8);
    let millis: Vec<u128> = times.iter().map(|at| (*at - START).as_millis()).collect();
    assert_eq!(millis, [0, 0, 0, 100, 200, 300, 400, 500]);
}

#[test]
fn a_burst_is_full_again_after_a_time_without_requests() {
    let mut limiter = limiter(rate(10, SECOND, 5, false));
    assert_eq!(crowd(&mut limiter, START), 5);
    assert_eq!(crowd(&mut limiter, START + SECOND / 5), 2);
    assert_eq!(crowd(&mut limiter, START + SECOND * 100), 5, "and no fuller");
}

#[test]
fn a_spacing_that_is_no_whole_number_adds_up_to_no_error() {
    let mut limiter = limiter(rate(7, SECOND, 1, false));
    let times = times(&mut limiter, 70_001);
    assert_eq!(times[70_000] - times[0], SECOND * 10_000);
    assert_eq!(most_in_a_window(&times, SECOND), 7);
}

#[test]
fn a_strict_rate_sees_its_limit_in_every_interval_and_never_more() {
    for (limit, burst) in [(10, 10), (10, 4), (10, 1), (7, 3), (1, 1), (3, 8)] {
        let mut limiter = limiter(rate(limit, SECOND, burst, true));
        let times = times(&mut limiter, 1000);
        assert_eq!(most_in_a_window(&times, SECOND), limit as usize, "burst {burst}");
        for start in 0..times.len() - limit as usize {
            assert_eq!(times[start + limit as usize] - times[start], SECOND, "burst {burst}");
        }
    }
}

#[test]
fn ten_thousand_calls_take_their_time_to_one_percent() {
    for strict in [false, true] {
        for (limit, interval, burst) in [
            (1, SECOND / 333, 1),
            (1000, SECOND, 1),
            (1000, SECOND, 7),
            (97, SECOND / 3, 50),
            (60, SECOND * 60, 60),
        ] {
            let mut limiter = limiter(rate(limit, interval, burst, strict));
            let times = times(&mut limiter, 10_000);
            let took = (times[9_999] - times[0]).as_secs_f64();
            let expected = 10_000.0 * interval.as_secs_f64() / f64::from(limit);
            assert!((took / expected - 1.0).abs() < 0.01, "{limit}, {burst}: {took} s");
        }
    }
}

#[test]
fn a_newcomer_does_not_pass_those_who_wait() {
    let mut limiter = limiter(rate(1, SECOND, 1, false));
    pass(&mut limiter, START);
    let first = wait(limiter.acquire(START));
    let second = wait(limiter.acquire(START + SECOND * 10));
    assert_eq!(limiter.poll_woken(START + SECOND * 10), Some(first));
    assert_eq!(limiter.poll_woken(START + SECOND * 10), None, "the first has not gone");
    assert_eq!(limiter.next_at(), None);
    let third = wait(limiter.acquire(START + SECOND * 20));
    claim(&mut limiter, first, START + SECOND * 20);
    assert_eq!(limiter.next_at(), Some(START + SECOND * 21), "a turn counts when it is taken");
    assert_eq!(limiter.poll_woken(START + SECOND * 21), Some(second));
    limiter.cancel_wait(second);
    assert_eq!(limiter.poll_woken(START + SECOND * 21), Some(third));
}

#[test]
fn one_that_is_cancelled_uses_nothing_up() {
    let mut limiter = limiter(rate(1, SECOND, 1, true));
    pass(&mut limiter, START);
    let waiters: Vec<WaiterId> = (0..100).map(|_| wait(limiter.acquire(START))).collect();
    let now = START + SECOND;
    for id in &waiters[..99] {
        assert_eq!(limiter.poll_woken(now), Some(*id));
        limiter.cancel_wait(*id);
        limiter.cancel_wait(*id);
        assert_eq!(limiter.claim(*id, now).map(drop), Err(LimitError::NotWaiting));
    }
    assert_eq!(limiter.next_at(), Some(now));
    assert_eq!(limiter.poll_woken(now), Some(waiters[99]));
    claim(&mut limiter, waiters[99], now);
    assert_eq!((limiter.waiting(), limiter.active(), limiter.next_at()), (0, 0, None));
}

#[test]
fn a_pause_is_for_everybody_and_keeps_the_order() {
    let mut limiter = limiter(rate(2, SECOND, 2, false));
    let (one, two) = (go(limiter.acquire(START)), go(limiter.acquire(START)));
    let waiters: Vec<WaiterId> = (0..4).map(|_| wait(limiter.acquire(START))).collect();
    let now = START + SECOND;
    assert_eq!(limiter.poll_woken(now), Some(waiters[0]));
    assert_eq!(limiter.poll_woken(now), Some(waiters[1]));
    limiter.pause_until(now + SECOND * 60);
    limiter.pause_until(now + SECOND * 30);
    assert_eq!(wait(limiter.claim(waiters[1], now)), waiters[1], "woken before the pause");
    assert_eq!(limiter.next_at(), Some(now + SECOND * 60));
    assert_eq!(limiter.poll_woken(now + SECOND * 59), None);
    for id in &waiters[..2] {
        assert_eq!(limiter.poll_woken(now + SECOND * 60), Some(*id));
    }
    limiter.resume();
    for permit in [one, two] {
        limiter.release(permit);
    }
}

#[test]
fn a_pause_ends_when_it_is_ended() {
    let mut limiter = Limiter::new(Settings::default());
    limiter.pause_until(START + SECOND);
    let id = wait(limiter.acquire(START));
    assert_eq!(limiter.poll_woken(START), None);
    limiter.resume();
    assert_eq!(limiter.poll_woken(START), Some(id));
    let permit = go(limiter.claim(id, START));
    limiter.release(permit);
}

#[test]
fn only_so_many_are_under_way_at_a_time() {
    let mut limiter = at_once(2);
    let (one, two) = (go(limiter.acquire(START)), go(limiter.acquire(START)));
    let (first, second) = (wait(limiter.acquire(START)), wait(limiter.acquire(START)));
    assert_eq!((limiter.poll_woken(START), limiter.next_at()), (None, None));
    limiter.release(one);
    assert_eq!(limiter.poll_woken(START), Some(first));
    assert_eq!(limiter.poll_woken(START), None, "the place is the first's");
    limiter.cancel_wait(first);
    assert_eq!(limiter.poll_woken(START), Some(second));
    let three = go(limiter.claim(second, START));
    assert_eq!(limiter.active(), 2);
    limiter.release(two);
    limiter.release(three);
    assert_eq!(limiter.active(), 0);
}

#[test]
fn without_limits_everybody_goes() {
    let mut limiter = Limiter::new(Settings::default());
    let permits: Vec<Permit> = (0..1000).map(|_| go(limiter.acquire(Duration::ZERO))).collect();
    assert_eq!(limiter.active(), 1000);
    permits.into_iter().for_each(|permit| limiter.release(permit));
}

#[test]
fn too_many_waiters_are_refused() {
    let settings = Settings { concurrency: 1, max_waiters: 1, ..Settings::default() };
    let mut limiter = Limiter::new(settings);
    let permit = go(limiter.acquire(START));
    wait(limiter.acquire(START));
    let refused = limiter.acquire(START).map(drop);
    assert_eq!(refused, Err(LimitError::TooManyWaiting { limit: 1 }));
    limiter.release(permit);
}

#[test]
fn the_longest_times_and_the_highest_numbers_do_no_harm() {
    for burst in [1, u32::MAX] {
        for strict in [false, true] {
            for (limit, interval) in
                [(u32::MAX, Duration::MAX), (1, Duration::MAX), (u32::MAX, Duration::ZERO)]
            {
                let mut limiter = limiter(rate(limit, interval, burst, strict));
                for now in [Duration::ZERO, Duration::MAX, START, Duration::MAX] {
                    limiter.pause_until(now);
                    if let Turn::Go(permit) = limiter.acquire(now).expect("no limit") {
                        limiter.release(permit);
                    }
                    limiter.poll_woken(now);
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Acquire,
    Claim(usize),
    Cancel(usize),
    Release(usize),
    Advance(u64),
    Pause(u64),
    AdvanceToNext,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        10 => Just(Operation::Acquire),
        6 => any::<usize>().prop_map(Operation::Claim),
        3 => any::<usize>().prop_map(Operation::Cancel),
        6 => any::<usize>().prop_map(Operation::Release),
        4 => (0..400_u64).prop_map(Operation::Advance),
        1 => (0..400_u64).prop_map(Operation::Pause),
        6 => Just(Operation::AdvanceToNext),
    ]
}

/// A limiter, and what its callers have.
struct World {
    limiter: Limiter,
    now: Duration,
    went: Vec<Duration>,
    permits: Vec<Permit>,
    /// In the order in which they came.
    waiting: Vec<WaiterId>,
    woken: Vec<WaiterId>,
    paused_until: Duration,
}

impl World {
    fn apply(&mut self, operation: &Operation) {
        let pick = |which: usize, of: usize| (of != 0).then(|| which % of);
        match *operation {
            Operation::Acquire => {
                let turn = self.limiter.acquire(self.now);
                self.note(turn);
            }
            Operation::Claim(which) => {
                if let Some(which) = pick(which, self.woken.len()) {
                    let id = self.woken.remove(which);
                    let turn = self.limiter.claim(id, self.now);
                    let permit = go(turn);
                    self.went.push(self.now);
                    self.permits.push(permit);
                }
            }
            Operation::Cancel(which) => {
                if let Some(which) = pick(which, self.waiting.len() + self.woken.len()) {
                    let waiting = self.waiting.len();
                    let id = match which.checked_sub(waiting) {
                        Some(which) => self.woken.remove(which),
                        None => self.waiting.remove(which),
                    };
                    self.limiter.cancel_wait(id);
                }
            }
            Operation::Release(which) => {
                if let Some(which) = pick(which, self.permits.len()) {
                    self.limiter.release(self.permits.swap_remove(which));
                }
            }
            Operation::Advance(millis) => self.now += Duration::from_millis(millis),
            Operation::Pause(millis) => {
                let until = self.now + Duration::from_millis(millis);
                self.limiter.pause_until(until);
                self.paused_until = self.paused_until.max(until);
                let woken = std::mem::take(&mut self.woken);
                self.waiting.splice(0..0, woken);
            }
            Operation::AdvanceToNext => {
                self.now = self.now.max(self.limiter.next_at().unwrap_or_default());
            }
        }
        while let Some(id) = self.limiter.poll_woken(self.now) {
            assert_eq!(id, self.waiting.remove(0), "first come, first served");
            assert!(self.now >= self.paused_until);
            self.woken.push(id);
        }
        assert_eq!(self.limiter.active(), self.permits.len());
        assert_eq!(self.limiter.waiting(), self.waiting.len() + self.woken.len());
        let next = self.limiter.next_at();
        assert!(next.is_none_or(|at| at > self.now), "nobody is left who could go");
        assert!(next.is_none() || !self.waiting.is_empty());
    }

    fn note(&mut self, turn: Result<Turn, LimitError>) {
        match turn.expect("no limit of waiters") {
            Turn::Go(permit) => {
                assert!(self.waiting.is_empty(), "nobody is passed");
                assert!(self.now >= self.paused_until);
                self.went.push(self.now);
                self.permits.push(permit);
            }
            Turn::Wait(id) => self.waiting.push(id),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_window_sees_more_than_it_may_whatever_happens(
        limit in 1..12_u32,
        millis in 1..3000_u64,
        burst in 1..12_u32,
        strict in any::<bool>(),
        concurrency in 0..5_usize,
        operations in prop::collection::vec(operation(), 0..400),
    ) {
        let rate = rate(limit, Duration::from_millis(millis), burst, strict);
        let settings = Settings { rate: Some(rate), concurrency, max_waiters: 0 };
        let mut world = World {
            limiter: Limiter::new(settings),
            now: START,
            went: Vec::new(),
            permits: Vec::new(),
            waiting: Vec::new(),
            woken: Vec::new(),
            paused_until: Duration::ZERO,
        };
        for operation in &operations {
            world.apply(operation);
            prop_assert!(concurrency == 0 || world.limiter.active() <= concurrency);
        }
        // Everybody who still waits gets a turn.
        while world.limiter.waiting() != 0 {
            let before = world.went.len();
            world.apply(&Operation::Release(0));
            world.apply(&Operation::AdvanceToNext);
            world.apply(&Operation::Claim(0));
            prop_assert!(world.went.len() > before || !world.permits.is_empty());
        }
        let most = if strict { limit } else { limit + burst - 1 };
        prop_assert!(most_in_a_window(&world.went, rate.interval) <= most as usize);
    }
}
