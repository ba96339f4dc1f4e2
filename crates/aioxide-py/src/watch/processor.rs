//! For how long a thread has waited for a processor: that time its code has not taken.
//!
//! The kernel counts it (`/proc/PID/task/TID/schedstat`, the second number), and adds a wait when that
//! is over. A thread that has not gone to sleep meanwhile either ran or waited, so what it waits just
//! now is known as well. A limit of a container counts: whoever has used up its share waits.

use std::fs;

use aioxide_core::Nanos;

use super::cpu_time;

/// A window that is a smaller part of the work says nothing about it.
const PART: Nanos = 8;
/// The lines of a thread's status that say that it is awake, and how often it has gone to sleep.
const AWAKE: &str = "\nState:\tR";
const SLEEPS: &str = "\nvoluntary_ctxt_switches:";

/// A moment of a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    at: Nanos,
    /// How long it had waited by then, those waits that were over.
    waited: Nanos,
    /// How long it had run, and how often it had gone to sleep, if it did not sleep then.
    awake: Option<(Nanos, u64)>,
}

/// How long a thread has waited, of how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) waited: Nanos,
    pub(super) of: Nanos,
}

impl Mark {
    /// `None` when the kernel does not count.
    pub(super) fn of(tid: i32, now: Nanos) -> Option<Self> {
        let read = |name| fs::read_to_string(format!("/proc/self/task/{tid}/{name}")).ok();
        let waited = waited(&read("schedstat")?)?;
        let sleeps = read("status").and_then(|text| sleeps(&text));
        Some(Self { at: now, waited, awake: cpu_time::of(tid).zip(sleeps) })
    }

    /// Whether it is of long enough before `now` to tell of work that began then.
    pub(super) const fn tells_of(self, began: Nanos, now: Nanos) -> bool {
        now - self.at >= (now - began) / PART
    }

    /// How long the thread has waited since.
    pub(super) fn wait(self, tid: i32, now: Nanos) -> Option<Wait> {
        Some(self.until(Self::of(tid, now)?))
    }

    pub(super) fn until(self, later: Self) -> Wait {
        let of = (later.at - self.at).max(0);
        let waited = match (self.awake, later.awake) {
            (Some((ran, sleeps)), Some((ran_later, same))) if sleeps == same => {
                of - (ran_later - ran)
            }
            // Those that were over meanwhile.
            _ => later.waited - self.waited,
        };
        Wait { waited: waited.clamp(0, of), of }
    }
}

impl Wait {
    /// Whether that was more than two thirds of the time, as far as is known of work that has lasted
    /// for `length`.
    pub(super) const fn is_most(self, length: Nanos) -> bool {
        self.waited > self.of / 3 * 2 && self.is_enough(length)
    }

    /// How much of `length` was waited, if it was all as in what is known of it.
    pub(super) fn of_all(self, length: Nanos) -> Option<Nanos> {
        let share = self.waited as f64 / self.of as f64;
        self.is_enough(length).then_some((share * length as f64) as Nanos)
    }

    const fn is_enough(self, length: Nanos) -> bool {
        self.of > 0 && self.of >= length / PART
    }
}

fn waited(schedstat: &str) -> Option<Nanos> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn sleeps(status: &str) -> Option<u64> {
    status.contains(AWAKE).then_some(())?;
    status.split_once(SLEEPS)?.1.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(waited("241254362 929364131 577\n"), Some(929_364_131));
        assert_eq!(waited("0 0 0"), Some(0));
        assert_eq!(waited("241254362"), None);
        assert_eq!(waited(""), None);
    }

    #[test]
    fn knows_how_often_a_thread_that_is_awake_has_slept() {
        let status = |state, count| format!("Name:\tx\nState:\t{state}\nTgid:\t1\n{count}:\t12\n");
        let count = "voluntary_ctxt_switches";
        assert_eq!(sleeps(&status("R (running)", count)), Some(12));
        assert_eq!(sleeps(&status("S (sleeping)", count)), None);
        assert_eq!(sleeps(&status("R (running)", "nonvoluntary_ctxt_switches")), None);
    }

    fn mark(at: Nanos, waited: Nanos, awake: Option<(Nanos, u64)>) -> Mark {
        Mark { at, waited, awake }
    }

    #[test]
    fn mark_of_just_now_tells_little() {
        assert!(mark(85, 0, None).tells_of(0, 100));
        assert!(!mark(90, 0, None).tells_of(0, 100));
    }

    #[test]
    fn one_that_has_not_slept_has_run_or_waited() {
        let first = mark(100, 10, Some((1000, 7)));
        let wait = first.until(mark(150, 10, Some((1005, 7))));
        assert_eq!(wait, Wait { waited: 45, of: 50 });
        // A processor's time is not told to the nanosecond.
        let wait = first.until(mark(150, 10, Some((1051, 7))));
        assert_eq!(wait, Wait { waited: 0, of: 50 });
    }

    #[test]
    fn of_one_that_has_slept_waits_that_are_over_count() {
        let first = mark(100, 10, Some((1000, 7)));
        assert_eq!(first.until(mark(150, 40, Some((1001, 8)))), Wait { waited: 30, of: 50 });
        assert_eq!(first.until(mark(150, 400, None)), Wait { waited: 50, of: 50 });
        assert_eq!(first.until(first), Wait { waited: 0, of: 0 });
    }

    #[test]
    fn most_is_more_than_two_thirds_of_a_window_that_counts() {
        assert!(Wait { waited: 41, of: 60 }.is_most(100));
        assert!(!Wait { waited: 40, of: 60 }.is_most(100));
        assert!(!Wait { waited: 12, of: 12 }.is_most(104));
        assert!(!Wait { waited: 0, of: 0 }.is_most(0));
    }

    #[test]
    fn what_was_not_seen_is_taken_to_be_alike() {
        assert_eq!(Wait { waited: 15, of: 20 }.of_all(100), Some(75));
        assert_eq!(Wait { waited: 15, of: 20 }.of_all(10), Some(7));
        assert_eq!(Wait { waited: 15, of: 20 }.of_all(168), None);
        assert_eq!(Wait { waited: 0, of: 0 }.of_all(0), None);
    }
}
