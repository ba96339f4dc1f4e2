//! Which reports have been made, so that none is made too often.

use std::collections::HashMap;

use aioxide_core::Nanos;

use super::activity::Kind;
use super::frames::Frame;

const SECOND: Nanos = 1_000_000_000;
/// A site is told of in full again after this.
const FULL_AGAIN: Nanos = 60 * SECOND;
/// And in one line after this.
const SHORT_AGAIN: Nanos = SECOND;
/// So many reports are made at most in [`FULL_AGAIN`].
const MOST: usize = 30;
/// So many sites are remembered.
const SITES: usize = 1024;

/// How much is said of work that blocks a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Full,
    /// One line.
    Short,
    Nothing,
}

#[derive(Debug)]
struct Seen {
    count: u64,
    full_at: Nanos,
    said_at: Nanos,
}

#[derive(Debug, Default)]
pub(super) struct History {
    /// By file, line, and what keeps the thread there.
    sites: HashMap<(String, i32, Kind), Seen>,
    /// When the last reports were made.
    said: Vec<Nanos>,
    /// How many were not made since.
    dropped: u64,
}

/// What is decided about one report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) length: Length,
    /// How often the site has blocked a loop, with this time.
    pub(super) count: u64,
    /// How many reports were dropped before this one.
    pub(super) dropped: u64,
}

impl History {
    /// Counts a report about `site` at `now`, and says how long it is to be.
    pub(super) fn judge(&mut self, site: &Frame, kind: Kind, now: Nanos) -> Verdict {
        self.said.retain(|at| now - at < FULL_AGAIN);
        if self.sites.len() == SITES {
            self.sites.retain(|_, seen| now - seen.said_at < FULL_AGAIN);
        }
        if self.sites.len() == SITES {
            self.sites.clear();
        }
        let key = (site.file.clone(), site.line, kind);
        let long_ago = now - 2 * FULL_AGAIN;
        let seen = self.sites.entry(key).or_insert(Seen {
            count: 0,
            full_at: long_ago,
            said_at: long_ago,
        });
        seen.count += 1;
        let length = if self.said.len() >= MOST {
            Length::Nothing
        } else if now - seen.full_at >= FULL_AGAIN {
            Length::Full
        } else if now - seen.said_at >= SHORT_AGAIN {
            Length::Short
        } else {
            Length::Nothing
        };
        let count = seen.count;
        if length == Length::Nothing {
            self.dropped += 1;
            return Verdict { length, count, dropped: 0 };
        }
        seen.said_at = now;
        if length == Length::Full {
            seen.full_at = now;
        }
        self.said.push(now);
        Verdict { length, count, dropped: std::mem::take(&mut self.dropped) }
    }
}

impl Verdict {
    /// Before it is judged: nothing is said.
    pub(super) const fn nothing() -> Self {
        Self { length: Length::Nothing, count: 1, dropped: 0 }
    }
}
