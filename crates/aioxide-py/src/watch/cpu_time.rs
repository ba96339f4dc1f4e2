//! For how long a thread has run, which tells one that stands still from one that waits for its turn.

/// The CPU time of the thread `tid` of this process, in nanoseconds; `None` when it cannot be had.
pub(super) fn of(tid: i32) -> Option<i64> {
    // As pthread_getcpuclockid() has it: a thread's id, and that what is meant is its time.
    let clock = (!tid << 3) | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: The kernel writes into `time` only, which lives here.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) } != 0;
    (!failed).then_some(time.tv_sec * 1_000_000_000 + time.tv_nsec)
}
