//! The processor's time stamp counter.
//!
//! On a machine whose counters differ between cores, a difference of two readings can be wrong;
//! callers use readings for statistics and for how often to poll, where that does no harm.

/// The counter's value.
#[cfg(target_arch = "x86_64")]
#[inline]
#[must_use]
pub fn read() -> u64 {
    // SAFETY: RDTSC exists on every x86-64 processor, reads no memory and has no operands.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The counter's value: the monotonic clock, where no cheaper counter is known.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
#[must_use]
pub fn read() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
