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
//!
//! Before such a wait, there is a try to read. It too is made in vain, if the read before it got
//! less than it had room for: of a stream, nothing is left then, and an event tells of what comes.
//! So after [`VAIN_TRIES`] in a row the next ones are left out, and the call waits at once. What
//! came meanwhile is read a turn later; where that was wrong of the socket (datagrams, a mark of
//! urgent data), when the wait is asked about. Tries begin anew every [`CYCLE`] waits, since those
//! of a peer that sends without a pause do succeed.

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

/// So many tries in a row find nothing before some are left out.
const VAIN_TRIES: u8 = 8;

/// After so many waits such a row begins anew.
const CYCLE: u8 = 64;

/// What is known of a watcher's registration, as far as it is for waits to read.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The address of the socket object that waited last, 0 when it is to be asked about.
    socket: usize,
    /// An event has ended that wait.
    told: bool,
    /// And all that it told of has been read since.
    drained: bool,
    /// Waits that began so, in a row, modulo [`CYCLE`].
    vain: u8,
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

    /// Whether a try to read would be in vain.
    fn expects_nothing(&self, socket: usize) -> bool {
        self.vain >= VAIN_TRIES && self.drained && self.holds(socket)
    }

    /// The socket has been read, and `drained` says whether nothing was left.
    fn read(&mut self, drained: bool) {
        if self.drained {
            self.vain = 0;
        }
        self.drained = drained;
    }

    /// A wait begins. Returns whether the number is to be listed.
    pub(super) fn begin(&mut self, socket: usize, asked: bool) -> bool {
        if mem::take(&mut self.drained) {
            self.vain = (self.vain + 1) % CYCLE;
        }
        self.socket = socket;
        self.told = false;
        self.doubt = if asked { Doubt::None } else { Doubt::Young };
        !asked && !mem::replace(&mut self.listed, true)
    }

    /// An event has ended the wait.
    pub(super) fn end(&mut self) {
        self.told = true;
        self.drained = false;
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

    /// Whether to wait for this socket without a try to read it. With few others to wait for, the
    /// loop would only block the sooner.
    #[inline]
    pub(crate) fn expects_nothing(&self, fd: RawFd, socket: usize) -> bool {
        self.trusts_many()
            && self.scheduler.with(|scheduler| {
                find(scheduler, fd).is_some_and(|(_, watcher)| {
                    watcher.trust.expects_nothing(socket) && !watcher.has_handle()
                })
            })
    }

    /// Something was read from the socket of this number; `drained` says that there was room for
    /// more.
    #[inline]
    pub(crate) fn has_read(&self, fd: RawFd, drained: bool) {
        self.scheduler.with(|scheduler| {
            if let Some((_, watcher)) = find(scheduler, fd) {
                watcher.trust.read(drained);
            }
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
