//! The only reader of the system's clocks.
//!
//! Two of them are read. [`Clock::now`] is `CLOCK_MONOTONIC`, the clock of `time.monotonic()`:
//! deadlines are kept on it, and `loop.time()` is it. [`Clock::ticks`] is the processor's own
//! counter where there is one: reading it costs less than half of the above, so the per-step
//! statistics and the poll budget use it. Ticks are never compared with deadlines.

use std::sync::OnceLock;

use rustix::time::{ClockId, clock_gettime};

use crate::sys::tsc;

/// Nanoseconds, on the monotonic clock (a point) or between two points of it (a length).
///
/// Signed, because a program may replace `loop.time` by a clock that starts below zero.
pub type Nanos = i64;

/// How long the two clocks are watched side by side before their ratio is trusted.
const CALIBRATION: Nanos = 1_000_000;

/// The system's clocks, and the ratio between them.
#[derive(Debug)]
pub struct Clock {
    start: Nanos,
    start_ticks: u64,
    ticks_per_nano: OnceLock<f64>,
}

impl Clock {
    /// Starts to watch the two clocks.
    #[must_use]
    pub fn new() -> Self {
        Self { start: monotonic(), start_ticks: tsc::read(), ticks_per_nano: OnceLock::new() }
    }

    /// Nanoseconds on `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn now(&self) -> Nanos {
        monotonic()
    }

    /// Nanoseconds since 1970, for people to read.
    #[must_use]
    pub fn wall(&self) -> Nanos {
        let now = clock_gettime(ClockId::Realtime);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    }

    /// The processor's counter; its unit is known once [`Clock::ticks_in`] has been.
    #[inline]
    #[must_use]
    pub fn ticks(&self) -> u64 {
        tsc::read()
    }

    /// How many ticks pass in `length`, or `None` in the first millisecond of this clock's life,
    /// while the ratio is not known yet.
    #[inline]
    #[must_use]
    pub fn ticks_in(&self, length: Nanos) -> Option<u64> {
        let ratio = match self.ticks_per_nano.get() {
            Some(ratio) => *ratio,
            None => self.calibrate()?,
        };
        Some((length as f64 * ratio) as u64)
    }

    /// The length of `ticks` in nanoseconds, or `None` while the ratio is not known.
    #[must_use]
    pub fn nanos_in(&self, ticks: u64) -> Option<Nanos> {
        let ratio = self.ticks_per_nano.get().copied().or_else(|| self.calibrate())?;
        Some((ticks as f64 / ratio) as Nanos)
    }

    /// How long before `now` it was `then`, both in ticks, in nanoseconds; 0 when it was later, as
    /// what another thread has counted may be. `None` as above.
    #[must_use]
    pub fn nanos_since(&self, then: u64, now: u64) -> Option<Nanos> {
        // No two counts that are compared are 2^63 ticks apart.
        let ticks = now.wrapping_sub(then);
        self.nanos_in(if ticks >> 63 == 0 { ticks } else { 0 })
    }

    #[cold]
    fn calibrate(&self) -> Option<f64> {
        let elapsed = monotonic() - self.start;
        if elapsed < CALIBRATION {
            return None;
        }
        let ticks = tsc::read().wrapping_sub(self.start_ticks);
        Some(*self.ticks_per_nano.get_or_init(|| ticks as f64 / elapsed as f64))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn monotonic() -> Nanos {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_nanoseconds_agree() {
        let clock = Clock::new();
        let ratio = loop {
            if let Some(ticks) = clock.ticks_in(1_000_000) {
                break ticks;
            }
        };
        let back = clock.nanos_in(ratio).expect("calibrated above");
        assert!((999_000..=1_001_000).contains(&back), "{back}");
    }

    #[test]
    fn a_count_that_is_later_was_no_time_ago() {
        let clock = Clock::new();
        while clock.nanos_in(1).is_none() {}
        assert_eq!(clock.nanos_since(1_001, 1_000), Some(0));
        assert_eq!(
            clock.nanos_since(u64::MAX - 9, 10),
            clock.nanos_in(20),
            "past the largest count"
        );
    }

    #[test]
    fn monotonic_does_not_go_back() {
        let clock = Clock::new();
        let mut last = clock.now();
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
