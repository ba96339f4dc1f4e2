//! `RateLimiter`: aioxide-http's limiter, with numbers for its waiters. Futures, timers and the
//! clock are `aioxide.Limiter`'s, which works on any loop.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use aioxide_http::rate::{Limiter, Permit, Rate, Settings, Turn, WaiterId};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::cell::LoopCell;

#[derive(Debug)]
struct State {
    limiter: Limiter,
    /// Of those that were let through and have not ended.
    permits: Vec<Permit>,
    waiters: HashMap<u64, WaiterId>,
    numbers: HashMap<WaiterId, u64>,
    next_number: u64,
}

/// Who may go, and when: a rate, a number at a time, and pauses. Times are a loop's.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct RateLimiter(LoopCell<State>);

/// A time on a loop's clock. One before its beginning counts as the beginning.
fn duration(seconds: f64) -> Duration {
    let longest = if seconds > 0.0 { Duration::MAX } else { Duration::ZERO };
    Duration::try_from_secs_f64(seconds).unwrap_or(longest)
}

/// The first number that is no earlier a time: a timer that is set for it does not come too early.
fn seconds(time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if duration(seconds) < time { seconds.next_up() } else { seconds }
}

impl State {
    fn forget(&mut self, number: u64) -> Option<WaiterId> {
        let id = self.waiters.remove(&number)?;
        self.numbers.remove(&id);
        Some(id)
    }
}

#[pymethods]
impl RateLimiter {
    /// `limit` in each `interval` seconds, 0 for any number; `concurrency` at a time, 0 for any
    /// number. Raises ValueError for an interval that is no length of time.
    #[new]
    fn new(
        limit: u32,
        interval: f64,
        burst: u32,
        strict: bool,
        concurrency: usize,
    ) -> PyResult<Self> {
        let interval = Duration::try_from_secs_f64(interval)
            .map_err(|_| PyValueError::new_err("the interval of a rate is no length of time"))?;
        let rate = NonZeroU32::new(limit).map(|limit| Rate {
            limit,
            interval,
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
            strict,
        });
        let settings = Settings { rate, concurrency, max_waiters: 0 };
        Ok(Self(LoopCell::new(State {
            limiter: Limiter::new(settings),
            permits: Vec::new(),
            waiters: HashMap::new(),
            numbers: HashMap::new(),
            next_number: 0,
        })))
    }

    /// Takes a turn (None), or a place in the queue (its number).
    fn acquire(&self, now: f64) -> PyResult<Option<u64>> {
        self.0.with(|state| match state.limiter.acquire(duration(now)) {
            Ok(Turn::Go(permit)) => {
                state.permits.push(permit);
                Ok(None)
            }
            Ok(Turn::Wait(id)) => {
                let number = state.next_number;
                state.next_number += 1;
                state.waiters.insert(number, id);
                state.numbers.insert(id, number);
                Ok(Some(number))
            }
            Err(error) => Err(PyValueError::new_err(error.to_string())),
        })
    }

    /// The next waiter whose turn it is, each once.
    fn poll_woken(&self, now: f64) -> Option<u64> {
        self.0.with(|state| {
            let id = state.limiter.poll_woken(duration(now))?;
            state.numbers.get(&id).copied()
        })
    }

    /// When the next waiter's turn comes; None while that depends on others.
    fn next_at(&self) -> Option<f64> {
        self.0.with(|state| state.limiter.next_at()).map(seconds)
    }

    /// A waiter takes its turn. False when a pause has put it back, and it waits on.
    fn claim(&self, number: u64, now: f64) -> PyResult<bool> {
        self.0.with(|state| {
            let turn = state.waiters.get(&number).map(|id| state.limiter.claim(*id, duration(now)));
            match turn {
                Some(Ok(Turn::Go(permit))) => {
                    state.permits.push(permit);
                    state.forget(number);
                    Ok(true)
                }
                Some(Ok(Turn::Wait(_))) => Ok(false),
                Some(Err(error)) => Err(PyValueError::new_err(error.to_string())),
                None => Err(PyValueError::new_err("nobody waits by this number")),
            }
        })
    }

    /// A waiter gives up.
    fn cancel_wait(&self, number: u64) {
        self.0.with(|state| {
            if let Some(id) = state.forget(number) {
                state.limiter.cancel_wait(id);
            }
        });
    }

    /// One that was let through has ended. False if there is none.
    fn release(&self) -> bool {
        self.0.with(|state| match state.permits.pop() {
            Some(permit) => {
                state.limiter.release(permit);
                true
            }
            None => false,
        })
    }

    /// Lets nobody go before a time; a pause only grows.
    fn pause_until(&self, at: f64) {
        self.0.with(|state| state.limiter.pause_until(duration(at)));
    }

    /// How many were let through and have not ended.
    #[getter]
    fn active(&self) -> usize {
        self.0.with(|state| state.limiter.active())
    }

    /// How many wait.
    #[getter]
    fn waiting(&self) -> usize {
        self.0.with(|state| state.limiter.waiting())
    }
}
