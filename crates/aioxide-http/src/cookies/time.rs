//! Points in time on the calendar, which is what cookies expire by.

use std::time::Duration;

const MICROS: i64 = 1_000_000;

/// A point in time: microseconds since 1970, before it if negative.
///
/// Seconds as a float, which is how Python keeps them, come back as they were to the microsecond.
/// Ends of time that do not fit become the first or the last moment that does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The beginning of 1970.
    pub const EPOCH: Self = Self(0);

    /// That many seconds since 1970.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS))
    }

    /// That many microseconds since 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// That many seconds since 1970, or `None` if that is no finite number.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Option<Self> {
        // `as` saturates: a float beyond the range becomes the end of the range.
        seconds.is_finite().then(|| Self((seconds * 1e6).round() as i64))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment that many seconds later.
    #[must_use]
    pub const fn after_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS)))
    }
}

impl From<Duration> for UnixTime {
    /// The moment that long after the beginning of 1970.
    fn from(since_epoch: Duration) -> Self {
        Self(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}
