//! What a poller costs: this crate's epoll file, `polling` and `mio`, over the same eventfds.
//!
//! `polling` is asked for level-triggered events; `mio` only has edge-triggered ones, so before
//! each poll that is measured the descriptors that are to be ready are written to again, in every
//! arm and outside of the measurement.

#![expect(unsafe_code, reason = "polling trusts its user to delete before closing")]

mod measure;

use std::fmt::Debug;
use std::hint::black_box;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use aioxide_core::poller::Poller as _;
use aioxide_core::sys::Epoll;
use aioxide_core::{Clock, Event, Interest, Nanos, Timeout, Token};
use rustix::event::{EventfdFlags, eventfd};

use measure::{Arm, compare, wanted};

const REGISTERED: usize = 1000;
/// Operations in a round.
const COUNT: usize = 2000;

/// What the three have in common.
trait Backend {
    const NAME: &str;

    fn new() -> Self;
    fn add(&self, fd: BorrowedFd<'_>, key: usize);
    fn modify(&self, fd: BorrowedFd<'_>, key: usize, writable: bool);
    fn delete(&self, fd: BorrowedFd<'_>);
    /// Looks without waiting; answers how many are ready, having read each key.
    fn look(&mut self) -> usize;
}

fn must<T>(result: Result<T, impl Debug>) -> T {
    result.expect("the system has room for a bench")
}

struct Ours {
    epoll: Epoll,
    events: Vec<Event>,
}

impl Backend for Ours {
    const NAME: &str = "aioxide_core::sys::Epoll";

    fn new() -> Self {
        Self { epoll: must(Epoll::new()), events: Vec::new() }
    }

    fn add(&self, fd: BorrowedFd<'_>, key: usize) {
        must(self.epoll.add(fd.as_raw_fd(), Token(key as u64), Interest::READ));
    }

    fn modify(&self, fd: BorrowedFd<'_>, key: usize, writable: bool) {
        let interest = Interest { readable: true, writable, edge: false };
        must(self.epoll.modify(fd.as_raw_fd(), Token(key as u64), interest));
    }

    fn delete(&self, fd: BorrowedFd<'_>) {
        must(self.epoll.delete(fd.as_raw_fd()));
    }

    fn look(&mut self) -> usize {
        must(self.epoll.wait(&mut self.events, Timeout::Zero));
        for event in &self.events {
            black_box((event.token.0, event.ready.readable));
        }
        self.events.len()
    }
}

struct Polling {
    poller: polling::Poller,
    events: polling::Events,
}

impl Backend for Polling {
    const NAME: &str = "polling";

    fn new() -> Self {
        Self { poller: must(polling::Poller::new()), events: polling::Events::new() }
    }

    fn add(&self, fd: BorrowedFd<'_>, key: usize) {
        let mode = polling::PollMode::Level;
        let raw: RawFd = fd.as_raw_fd();
        // SAFETY: The bench deletes what it adds, or drops the poller, before it closes `fd`.
        must(unsafe { self.poller.add_with_mode(raw, polling::Event::readable(key), mode) });
    }

    fn modify(&self, fd: BorrowedFd<'_>, key: usize, writable: bool) {
        let event = polling::Event::new(key, true, writable);
        must(self.poller.modify_with_mode(fd, event, polling::PollMode::Level));
    }

    fn delete(&self, fd: BorrowedFd<'_>) {
        must(self.poller.delete(fd));
    }

    fn look(&mut self) -> usize {
        self.events.clear();
        let ready = must(self.poller.wait(&mut self.events, Some(Duration::ZERO)));
        for event in self.events.iter() {
            black_box((event.key, event.readable));
        }
        ready
    }
}

struct Mio {
    poll: mio::Poll,
    events: mio::Events,
}

impl Backend for Mio {
    const NAME: &str = "mio (edge-triggered)";

    fn new() -> Self {
        Self { poll: must(mio::Poll::new()), events: mio::Events::with_capacity(256) }
    }

    fn add(&self, fd: BorrowedFd<'_>, key: usize) {
        let raw = fd.as_raw_fd();
        let mut source = mio::unix::SourceFd(&raw);
        let interest = mio::Interest::READABLE;
        must(self.poll.registry().register(&mut source, mio::Token(key), interest));
    }

    fn modify(&self, fd: BorrowedFd<'_>, key: usize, writable: bool) {
        let raw = fd.as_raw_fd();
        let mut source = mio::unix::SourceFd(&raw);
        let read = mio::Interest::READABLE;
        let interest = if writable { read | mio::Interest::WRITABLE } else { read };
        must(self.poll.registry().reregister(&mut source, mio::Token(key), interest));
    }

    fn delete(&self, fd: BorrowedFd<'_>) {
        let raw = fd.as_raw_fd();
        must(self.poll.registry().deregister(&mut mio::unix::SourceFd(&raw)));
    }

    fn look(&mut self) -> usize {
        must(self.poll.poll(&mut self.events, Some(Duration::ZERO)));
        let mut ready = 0;
        for event in &self.events {
            black_box((event.token(), event.is_readable()));
            ready += 1;
        }
        ready
    }
}

fn eventfds(count: usize) -> Vec<OwnedFd> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    (0..count).map(|_| must(eventfd(0, flags))).collect()
}

fn registered<B: Backend>(fds: &[OwnedFd]) -> B {
    let backend = B::new();
    for (key, fd) in fds.iter().enumerate() {
        backend.add(fd.as_fd(), key);
    }
    backend
}

/// Registers and deregisters, in turns.
fn add_delete<'a, B: Backend + 'a>(fds: &'a [OwnedFd]) -> Arm<'a> {
    let backend = B::new();
    Arm::new(B::NAME, COUNT as u64, move |clock| {
        let start = clock.now();
        for key in 0..COUNT {
            let fd = fds[key % fds.len()].as_fd();
            backend.add(fd, key);
            backend.delete(fd);
        }
        clock.now() - start
    })
}

/// Adds and takes back an interest in writing, as a connection whose peer is slow does.
fn modify<'a, B: Backend + 'a>(fds: &'a [OwnedFd]) -> Arm<'a> {
    let backend: B = registered(fds);
    Arm::new(B::NAME, COUNT as u64, move |clock| {
        let start = clock.now();
        for operation in 0..COUNT {
            let key = operation / 2 % fds.len();
            backend.modify(fds[key].as_fd(), key, operation % 2 == 0);
        }
        clock.now() - start
    })
}

/// Looks while nothing is ready: what a loop with work pays for fairness to I/O.
fn nothing_ready<'a, B: Backend + 'a>(fds: &'a [OwnedFd]) -> Arm<'a> {
    let mut backend: B = registered(fds);
    Arm::new(B::NAME, COUNT as u64, move |clock| {
        let start = clock.now();
        for _ in 0..COUNT {
            black_box(backend.look());
        }
        clock.now() - start
    })
}

/// A poll that finds `ready` of the registered ones.
fn some_ready<'a, B: Backend + 'a>(fds: &'a [OwnedFd], ready: usize) -> Arm<'a> {
    let mut backend: B = registered(fds);
    let rounds = COUNT / 10;
    Arm::new(B::NAME, rounds as u64, move |clock| {
        let mut took = 0;
        for _ in 0..rounds {
            for index in 0..ready {
                let fd = &fds[index * fds.len() / ready];
                must(rustix::io::write(fd, &1_u64.to_ne_bytes()));
            }
            took += timed(clock, || assert_eq!(backend.look(), ready));
            for index in 0..ready {
                let fd = &fds[index * fds.len() / ready];
                must(rustix::io::read(fd, &mut [0; 8]));
            }
        }
        took
    })
}

fn timed(clock: &Clock, f: impl FnOnce()) -> Nanos {
    let start = clock.now();
    f();
    clock.now() - start
}

fn main() {
    if !wanted() {
        return;
    }
    // Each backend holds descriptors of its own; the eventfds stay below the usual limit of 1024.
    let fds = eventfds(REGISTERED);
    compare(
        "add and delete, as one operation",
        &mut [add_delete::<Ours>(&fds), add_delete::<Polling>(&fds), add_delete::<Mio>(&fds)],
    );
    compare("modify", &mut [modify::<Ours>(&fds), modify::<Polling>(&fds), modify::<Mio>(&fds)]);
    compare(
        "poll with timeout 0, none of 1,000 ready",
        &mut [
            nothing_ready::<Ours>(&fds),
            nothing_ready::<Polling>(&fds),
            nothing_ready::<Mio>(&fds),
        ],
    );
    for ready in [1, 10, 100] {
        compare(
            &format!("poll with timeout 0, {ready} of 1,000 ready"),
            &mut [
                some_ready::<Ours>(&fds, ready),
                some_ready::<Polling>(&fds, ready),
                some_ready::<Mio>(&fds, ready),
            ],
        );
    }
}
