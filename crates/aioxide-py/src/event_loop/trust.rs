//! Waits to read that do not ask the kernel.
//!
//! A wait is one `epoll_ctl` because only the kernel knows whether a number is still that of the
//! file that was registered (`wait.rs`). Of a connection whose last wait was ended by an event of
//! its registration, and which has been read since until nothing was left, this is asked in vain.
//! Such a wait **trusts** the registration for as long as the loop has other things to do: most are
//! ended by an event before it ever blocks. For the others the kernel is asked
//!
//! - before the loop blocks, so that nobody waits for ever for a file that was never registered;
//! - when a wait has lasted for longer than [`PATIENCE`], however busy the loop is.
//!
//! The socket's object is compared, by its address, and nothing more is done with it: another one
//! with the same address and number is asked for late, but asked for.

use std::mem;
use std::os::fd::RawFd;

use aioxide_core::{Nanos, POLL_BUDGET};

use super::wait::find;
use super::watcher::Callback;
use super::{Loop, LoopScheduler};

/// After so long the kernel is asked about a wait in a loop that does not block, and at the latest
/// after twice as long.
const PATIENCE: Nanos = 1_000_000;

/// Looking for events without waiting costs as much as asking about so many waits.
const FEW: usize = 2;

/// What is known of a watcher's registration, as far as it is for waits to read.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The address of the socket object that waited last, 0 when it is to be asked about.
    socket: usize,
    /// An event has ended that wait.
    told: bool,
    doubt: Doubt,
    /// Its number is in the list of the loop.
    listed: bool,
}

/// Whether the kernel was asked about the wait that goes on.
#[derive(Clone, Copy, Debug, Default)]
enum Doubt {
    #[default]
    None,
    /// Not since the loop last went through its list.
    Young,
    Old,
}

impl Trust {
    /// Whether a socket may wait without asking.
    pub(super) fn holds(&self, socket: usize) -> bool {
        self.told && socket != 0 && self.socket == socket
    }

    /// A wait begins. Returns whether the number is to be listed.
    pub(super) fn begin(&mut self, socket: usize, asked: bool) -> bool {
        self.socket = socket;
        self.told = false;
        self.doubt = if asked { Doubt::None } else { Doubt::Young };
        !asked && !mem::replace(&mut self.listed, true)
    }

    /// An event has ended the wait.
    pub(super) fn end(&mut self) {
        self.told = true;
        self.doubt = Doubt::None;
    }

    /// The socket has come to its end, or its number is another's from now on.
    fn lose(&mut self) {
        self.socket = 0;
    }
}

/// The numbers of those whose wait may not have been asked about.
#[derive(Debug)]
pub(crate) struct Trusting {
    numbers: Vec<RawFd>,
    /// When they were gone through last, in ticks.
    looked: u64,
}

impl Trusting {
    pub(super) const fn new() -> Self {
        Self { numbers: Vec::new(), looked: 0 }
    }

    pub(super) fn push(&mut self, fd: RawFd) {
        self.numbers.push(fd);
    }
}

impl Loop {
    /// Looking for events before asking pays, since they end some of the waits.
    pub(super) fn trusts_many(&self) -> bool {
        self.trusting.with(|trusting| trusting.numbers.len() > FEW)
    }

    /// Asks about waits that have lasted for long. For a loop that is about to poll.
    #[inline]
    pub(super) fn ask_about_long_waits(&self) {
        if self.trusting.with(|trusting| trusting.numbers.is_empty()) {
            return;
        }
        let ticks = self.clock.ticks();
        let patience = self.poll_budget_ticks() * (PATIENCE / POLL_BUDGET) as u64;
        if self.trusting.with(|trusting| ticks.wrapping_sub(trusting.looked) > patience) {
            self.trusting.with(|trusting| trusting.looked = ticks);
            self.ask(false);
        }
    }

    /// Asks about all waits. For a loop that is about to block.
    #[inline]
    pub(super) fn ask_about_waits(&self) {
        if !self.trusting.with(|trusting| trusting.numbers.is_empty()) {
            self.ask(true);
        }
    }

    fn ask(&self, all: bool) {
        let mut numbers = self.trusting.with(|trusting| mem::take(&mut trusting.numbers));
        self.scheduler.with(|scheduler| numbers.retain(|fd| ask(scheduler, *fd, all)));
        self.trusting.with(|trusting| {
            numbers.append(&mut trusting.numbers);
            trusting.numbers = numbers;
        });
    }

    /// The next wait for the socket of this number asks.
    #[cold]
    pub(crate) fn distrust(&self, fd: RawFd) {
        self.scheduler.with(|scheduler| {
            if let Some((_, watcher)) = find(scheduler, fd) {
                watcher.trust.lose();
            }
        });
    }
}

/// Asks about the wait for one number, or about old ones only. Returns whether it stays listed.
fn ask(scheduler: &mut LoopScheduler, fd: RawFd, all: bool) -> bool {
    let Some((token, watcher)) = find(scheduler, fd) else { return false };
    let waits = matches!(watcher.callback(false), Some(Callback::Waiter(_)));
    let doubt = mem::take(&mut watcher.trust.doubt);
    if waits && !all && matches!(doubt, Doubt::Young) {
        watcher.trust.doubt = Doubt::Old;
        return true;
    }
    watcher.trust.listed = false;
    if waits && !matches!(doubt, Doubt::None) {
        let wanted = watcher.wanted();
        // The socket may be closed. Its number is nobody's then, and the call waits for ever, as
        // asyncio's does.
        let _ = scheduler.reactor.renew(&*scheduler.poller, token, wanted);
    }
    false
}
