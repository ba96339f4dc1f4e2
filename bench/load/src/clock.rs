//! The only reader of the clock. Everything else takes `now`, in nanoseconds.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // PANIC: the monotonic clock counts up from boot, so neither part is negative.
    let seconds = u64::try_from(time.tv_sec).expect("the monotonic clock is not negative");
    let nanos = u64::try_from(time.tv_nsec).expect("nanoseconds are not negative");
    seconds * 1_000_000_000 + nanos
}

/// Nanoseconds in a number of seconds given by the user, which is finite and not negative.
pub(crate) fn nanos(seconds: f64) -> u64 {
    std::time::Duration::from_secs_f64(seconds).as_nanos().try_into().unwrap_or(u64::MAX)
}
