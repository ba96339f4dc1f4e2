//! One turn of the loop: the only place where its six steps stand in order.

use crate::clock::Nanos;
use crate::counters::Counters;
use crate::inbox::Inbox;
use crate::poller::{Event, Poller, Timeout};
use crate::scheduler::{Plan, Ready, Scheduler};

/// For how long work that is ready may put off the poll at most. Part of the contract: it bounds
/// what a chain of `call_soon` adds to the latency of I/O, of timers and of signals.
pub const POLL_BUDGET: Nanos = 25_000;

/// For how long work that is ready may put off the poll when the last one found an event. A poll
/// costs a fraction of this, so busy descriptors cannot take most of the time from other work.
pub const POLL_LEAST: Nanos = 500;

/// How many polls that find nothing put off no other after the loop has begun to run or has waited.
/// Programs that make a descriptor ready and then let the loop turn a few times count on
/// these turns to see it, as with asyncio; beside a wait a few polls cost little.
pub const POLLED_TURNS: u32 = 16;

/// Whoever runs the items: the loop, or a test.
///
/// Every method but [`Host::with`] may call back into the loop.
pub trait Host {
    /// What is scheduled.
    type Item;
    /// What owns a descriptor.
    type Source;
    /// What tells of descriptors.
    type Poller: Poller;
    /// What ends a run from inside: an exception that asyncio lets through.
    type Error;

    /// Borrows the scheduler for `f`, which must not call the host.
    fn with<R>(
        &self,
        f: impl FnOnce(&mut Scheduler<Self::Item, Self::Source, Self::Poller>) -> R,
    ) -> R;

    /// The way in from other threads.
    fn inbox(&self) -> &Inbox<Self::Item>;

    /// What is counted.
    fn counters(&self) -> &Counters;

    /// The time by which deadlines are judged.
    ///
    /// # Errors
    /// A clock that the program put in its place may raise.
    fn now(&self) -> Result<Nanos, Self::Error>;

    /// The cheap clock.
    fn ticks(&self) -> u64;

    /// [`POLL_BUDGET`] in ticks, or `None` while that is not known.
    fn poll_budget(&self) -> Option<u64>;

    /// Polls, and leaves what it found in the scheduler's `events`, without wake-ups by other
    /// threads. Parks the inbox before a wait that can block, counts as [`State::Polling`] while it
    /// is in there, and tells signals to the program afterwards.
    ///
    /// [`State::Polling`]: crate::State::Polling
    ///
    /// # Errors
    /// The poller's, or what a signal handler raised.
    fn wait(&self, timeout: Timeout) -> Result<(), Self::Error>;

    /// A number that identifies `item` while it runs.
    fn identify(item: &Self::Item) -> usize;

    /// Runs `item`.
    ///
    /// # Errors
    /// Only what is to end the run.
    fn run(&self, item: Self::Item) -> Result<(), Self::Error>;

    /// Handles a descriptor that is ready. The registration may have been removed since.
    ///
    /// # Errors
    /// Only what is to end the run.
    fn dispatch(&self, event: Event) -> Result<(), Self::Error>;

    /// Sends what was written in this turn.
    ///
    /// # Errors
    /// Only what is to end the run.
    fn flush(&self) -> Result<(), Self::Error>;

    /// The work that somebody noticed ([`Counters::notice`]) has ended, at `ticks`: a step, a poll,
    /// or with `turn` a whole turn.
    ///
    /// # Errors
    /// Only what is to end the run.
    fn freed(&self, ticks: u64, turn: bool) -> Result<(), Self::Error>;
}

/// Runs one turn.
///
/// # Errors
/// What ended the run. Everything that had not run yet is still queued.
#[inline]
pub fn turn<H: Host>(host: &H) -> Result<(), H::Error> {
    if host.inbox().has_items() {
        drain(host);
    }
    match host.with(Scheduler::begin_turn) {
        Plan::Skip => {}
        Plan::Look => poll(host, Timeout::Zero)?,
        Plan::Wait => wait(host)?,
    }
    if let Err(error) = run_batch(host) {
        // What was written before an exception ended the run is sent all the same.
        let flushed = host.flush();
        if host.counters().is_noticed() {
            // Of several errors the first counts.
            let _ = host.freed(host.ticks(), true);
        }
        return flushed.and(Err(error));
    }
    host.flush()?;
    if host.counters().is_noticed() { host.freed(host.ticks(), true) } else { Ok(()) }
}

fn drain<H: Host>(host: &H) {
    let mut items = host.with(|scheduler| std::mem::take(&mut scheduler.arrived));
    host.inbox().swap(&mut items);
    host.with(|scheduler| {
        scheduler.ready.extend(items.drain(..).map(Ready::Item));
        scheduler.arrived = items;
    });
}

#[inline(never)]
fn wait<H: Host>(host: &H) -> Result<(), H::Error> {
    let timeout = if host.with(|scheduler| scheduler.timers.is_empty()) {
        Timeout::Never
    } else {
        let now = host.now()?;
        host.with(|scheduler| scheduler.timeout(now))
    };
    if !matches!(timeout, Timeout::Zero) {
        host.with(Scheduler::poll_next_turns);
    }
    poll(host, timeout)
}

#[inline(never)]
fn poll<H: Host>(host: &H, timeout: Timeout) -> Result<(), H::Error> {
    let counters = host.counters();
    let before = host.ticks();
    let waited = host.wait(timeout);
    let after = host.ticks();
    if counters.is_noticed() {
        host.freed(after, false)?;
    }
    counters.polled(before, after);
    let budget = host.poll_budget();
    host.with(|scheduler| scheduler.end_poll(after, budget));
    waited?;
    if host.inbox().has_items() {
        drain(host);
    }
    if host.with(|scheduler| !scheduler.timers.is_empty()) {
        let now = host.now()?;
        host.with(|scheduler| scheduler.seen = now);
    }
    Ok(())
}

#[inline]
fn run_batch<H: Host>(host: &H) -> Result<(), H::Error> {
    let counters = host.counters();
    let (batch, queue, mut ticks) =
        host.with(|scheduler| (scheduler.begin_batch(), scheduler.ready.parts(), scheduler.ticks));
    counters.turn_begins(batch, queue, ticks);
    for _ in 0..batch {
        let Some(next) = host.with(|scheduler| scheduler.ready.pop()) else { break };
        let result = match next {
            Ready::Item(item) => {
                counters.step_begins(H::identify(&item), ticks);
                host.run(item)
            }
            Ready::Event(event) => {
                counters.step_begins(0, ticks);
                host.dispatch(event)
            }
        };
        ticks = host.ticks();
        counters.step_ends(ticks);
        if let Err(error) = result {
            host.with(|scheduler| scheduler.ticks = ticks);
            if counters.is_noticed() {
                // Of two errors the first counts.
                let _ = host.freed(ticks, false);
            }
            return Err(error);
        }
        if counters.is_noticed() {
            host.with(|scheduler| scheduler.ticks = ticks);
            host.freed(ticks, false)?;
        }
    }
    host.with(|scheduler| scheduler.ticks = ticks);
    Ok(())
}
