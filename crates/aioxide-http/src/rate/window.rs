//! The times of the last requests, as many as one interval may see.

use std::collections::VecDeque;
use std::time::Duration;

use super::Rate;

#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    interval: Duration,
    /// In order; `limit` at most.
    charged: VecDeque<Duration>,
}

impl Window {
    pub(super) fn new(rate: &Rate) -> Self {
        let limit = usize::try_from(rate.limit.get()).unwrap_or(usize::MAX);
        Self { limit, interval: rate.interval, charged: VecDeque::new() }
    }

    /// From when on one more may go after `ahead` others that have not been charged. `None` while
    /// they are as many as an interval may see.
    pub(super) fn opens_at(&self, ahead: usize) -> Option<Duration> {
        let others = self.limit.checked_sub(1)?.checked_sub(ahead)?;
        // The one that has to be out of the interval when `others` of the last are still in it.
        let place = self.charged.len().checked_sub(others + 1);
        let leaves = place.and_then(|place| self.charged.get(place));
        Some(leaves.map_or(Duration::ZERO, |at| at.saturating_add(self.interval)))
    }

    pub(super) fn charge(&mut self, now: Duration) {
        let out = |at: &Duration| at.saturating_add(self.interval) <= now;
        while self.charged.len() >= self.limit || self.charged.front().is_some_and(out) {
            self.charged.pop_front();
        }
        self.charged.push_back(now);
    }
}
