//! The desk: a limited number of workers, and the queue in front of them.
//!
//! ```text
//!   arrive ──> waiting ──> working ──> Done       latency after a worker took it
//!                 │           │
//!                 └───────────┴──────> TimedOut   the time limit after it arrived
//! ```
//!
//! A request that no worker takes in time, or that is not finished in time, times out: that is
//! how a site answers that is asked for everything at once. Pure: the time is an argument, and
//! tickets are opaque.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Desk<T> {
    latency: Duration,
    workers: usize,
    time_limit: Duration,
    /// In order of arrival, so also in order of their deadlines.
    waiting: VecDeque<(Instant, T)>,
    working: BinaryHeap<Reverse<Work<T>>>,
    started: u64,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Outcome {
    Done,
    TimedOut,
}

impl<T> Desk<T> {
    pub(crate) fn new(latency: Duration, workers: usize, time_limit: Duration) -> Self {
        Self {
            latency,
            workers,
            time_limit,
            waiting: VecDeque::new(),
            working: BinaryHeap::new(),
            started: 0,
        }
    }

    pub(crate) fn handle_arrival(&mut self, ticket: T, now: Instant) {
        self.waiting.push_back((now + self.time_limit, ticket));
        self.start_work(now);
    }

    /// The next request that has ended by `now`, in order of its end.
    pub(crate) fn poll_ended(&mut self, now: Instant) -> Option<(T, Outcome)> {
        let work_ends = self.working.peek().map(|Reverse(work)| work.ends_at);
        let wait_ends = self.waiting.front().map(|(deadline_at, _)| *deadline_at);
        match (work_ends, wait_ends) {
            (work, Some(deadline_at))
                if deadline_at <= now && work.is_none_or(|ends_at| deadline_at < ends_at) =>
            {
                self.waiting.pop_front().map(|(_, ticket)| (ticket, Outcome::TimedOut))
            }
            (Some(ends_at), _) if ends_at <= now => {
                let Reverse(work) = self.working.pop()?;
                // The worker was free from the moment its request ended, however late that is
                // noticed here.
                self.start_work(ends_at);
                Some((work.ticket, work.outcome))
            }
            _ => None,
        }
    }

    /// When `poll_ended` has something to tell next.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let work_ends = self.working.peek().map(|Reverse(work)| work.ends_at);
        let wait_ends = self.waiting.front().map(|(deadline_at, _)| *deadline_at);
        work_ends.into_iter().chain(wait_ends).min()
    }

    fn start_work(&mut self, now: Instant) {
        while self.working.len() < self.workers {
            let Some((deadline_at, ticket)) = self.waiting.pop_front() else { return };
            let done_at = now + self.latency;
            let (ends_at, outcome) = if done_at <= deadline_at {
                (done_at, Outcome::Done)
            } else {
                (deadline_at, Outcome::TimedOut)
            };
            self.started += 1;
            self.working.push(Reverse(Work { ends_at, order: self.started, outcome, ticket }));
        }
    }
}

#[derive(Debug)]
struct Work<T> {
    ends_at: Instant,
    /// Breaks ties, so that of two that end together the first started comes first.
    order: u64,
    outcome: Outcome,
    ticket: T,
}

impl<T> PartialEq for Work<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Work<T> {}

impl<T> PartialOrd for Work<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Work<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.ends_at, self.order).cmp(&(other.ends_at, other.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn ended(desk: &mut Desk<u32>, now: Instant) -> Vec<(u32, Outcome)> {
        std::iter::from_fn(|| desk.poll_ended(now)).collect()
    }

    #[test]
    fn a_request_takes_the_latency() {
        let start = clock::now();
        let mut desk = Desk::new(ms(10), 2, ms(100));
        assert_eq!(desk.next_at(), None);
        desk.handle_arrival(1, start);
        assert_eq!(desk.next_at(), Some(start + ms(10)));
        assert_eq!(ended(&mut desk, start + ms(9)), []);
        assert_eq!(ended(&mut desk, start + ms(10)), [(1, Outcome::Done)]);
        assert_eq!(desk.next_at(), None);
    }

    #[test]
    fn no_more_requests_than_workers_run_at_once() {
        let start = clock::now();
        let mut desk = Desk::new(ms(10), 2, ms(100));
        for ticket in 0..5 {
            desk.handle_arrival(ticket, start);
        }
        let done = |range: std::ops::Range<u32>| -> Vec<_> {
            range.map(|ticket| (ticket, Outcome::Done)).collect()
        };
        assert_eq!(ended(&mut desk, start + ms(10)), done(0..2));
        assert_eq!(ended(&mut desk, start + ms(20)), done(2..4));
        assert_eq!(ended(&mut desk, start + ms(30)), done(4..5));
    }

    #[test]
    fn the_queue_moves_on_at_the_right_time_though_looked_at_late() {
        let start = clock::now();
        let mut desk = Desk::new(ms(10), 1, ms(100));
        desk.handle_arrival(1, start);
        desk.handle_arrival(2, start);
        assert_eq!(ended(&mut desk, start + ms(50)), [(1, Outcome::Done), (2, Outcome::Done)]);
    }

    #[test]
    fn everything_at_once_times_out_beyond_what_the_time_limit_allows() {
        let start = clock::now();
        let mut desk = Desk::new(ms(10), 4, ms(35));
        for ticket in 0..100 {
            desk.handle_arrival(ticket, start);
        }
        let outcomes = ended(&mut desk, start + ms(1_000));
        let done = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Done).count();
        assert_eq!(outcomes.len(), 100);
        assert_eq!(done, 12, "three rounds of four fit into the limit");
        assert_eq!(desk.next_at(), None);
    }

    #[test]
    fn a_latency_beyond_the_limit_times_every_request_out_at_the_limit() {
        let start = clock::now();
        let mut desk = Desk::new(ms(50), 8, ms(20));
        desk.handle_arrival(1, start);
        assert_eq!(desk.next_at(), Some(start + ms(20)));
        assert_eq!(ended(&mut desk, start + ms(20)), [(1, Outcome::TimedOut)]);
    }
}
