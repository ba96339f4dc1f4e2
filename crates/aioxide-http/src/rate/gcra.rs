//! The generic cell rate algorithm: one number, the time at which the next request would come if
//! all came evenly.
//!
//! The spacing, interval by limit, need not be a whole number of nanoseconds, and its error would
//! add up over requests. So time is counted in parts of a nanosecond here, `limit` of them in one,
//! and the spacing is `interval` of these, exactly. A turn comes in the nanosecond in which its part
//! lies, not in the next: then one that is taken at once has lost nothing, and `limit` turns later
//! it is a whole interval later, however the parts fall.

use std::time::Duration;

use super::Rate;

#[derive(Debug)]
pub(super) struct Gcra {
    /// Parts in a nanosecond.
    scale: u128,
    /// Parts between two requests.
    spacing: u128,
    burst: u128,
    /// When the next request would come, in parts.
    arrival: u128,
}

impl Gcra {
    pub(super) fn new(rate: &Rate) -> Self {
        Self {
            scale: u128::from(rate.limit.get()),
            spacing: rate.interval.as_nanos(),
            burst: u128::from(rate.burst.get()),
            arrival: 0,
        }
    }

    /// From when on one more may go after `ahead` others that have not been charged. `None` while
    /// they are as many as may go at once.
    pub(super) fn opens_at(&self, ahead: usize) -> Option<Duration> {
        let early = self.burst.checked_sub(1 + ahead as u128)?;
        let at = self.arrival.saturating_sub(self.spacing.saturating_mul(early));
        Some(duration(at / self.scale))
    }

    pub(super) fn charge(&mut self, now: Duration) {
        // 2^32 parts in each of 2^94 nanoseconds, the longest that there is: 2^126.
        let now = now.as_nanos() * self.scale;
        self.arrival = self.arrival.max(now).saturating_add(self.spacing);
    }
}

/// The longest that there is instead of what is longer.
fn duration(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND);
    let rest = u32::try_from(nanos % SECOND);
    match (seconds, rest) {
        (Ok(seconds), Ok(rest)) => Duration::new(seconds, rest),
        _ => Duration::MAX,
    }
}
