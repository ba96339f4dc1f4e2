//! The reactor over epoll, with pipes.
//!
//! Tests of one process may run side by side, so a number that is closed may be somebody else's a
//! moment later. Where a test needs a number to be used again, `dup2` does it in one step.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use aioxide_core::poller::Poller;
use aioxide_core::sys::{Epoll, Wakeup};
use aioxide_core::{Clock, Event, Interest, Reactor, Timeout, Token};
use rustix::io::{Errno, dup, dup2, write};
use rustix::pipe::pipe;

use super::{BOTH, insert, ready};

/// Open in no test process.
const CLOSED: RawFd = 900_000;

fn kernel() -> (Epoll, Reactor<&'static str>) {
    (Epoll::new().expect("descriptors are left"), Reactor::new())
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// A pipe with a byte in it: its end for reading is ready until somebody reads.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, written) = pipe().expect("descriptors are left");
    write(&written, b"x").expect("descriptors are left");
    (read, written)
}

#[test]
fn an_event_comes_again_until_its_cause_is_gone() {
    let (poller, mut reactor) = kernel();
    let (read, _written) = full_pipe();
    let token = insert(&mut reactor, &poller, read.as_raw_fd(), Interest::READ, "source");
    for _ in 0..3 {
        assert_eq!(ready(&poller), [Event { token, ready: Interest::READ }]);
    }
    rustix::io::read(&read, &mut [0; 8]).unwrap();
    assert_eq!(ready(&poller), []);
}

#[test]
fn a_regular_file_is_refused_with_eperm_and_leaves_nothing() {
    let (poller, mut reactor) = kernel();
    let file = File::open("Cargo.toml").expect("tests run in the crate's folder");
    let (source, error) = reactor
        .insert(&poller, file.as_raw_fd(), Interest::READ, "file")
        .expect_err("a regular file");
    assert_eq!(source, "file");
    assert!(is(&error, Errno::PERM), "{error}");
    assert!(reactor.is_empty());
    assert_eq!(reactor.lookup(file.as_raw_fd()), None);

    let (read, _written) = full_pipe();
    let token = insert(&mut reactor, &poller, read.as_raw_fd(), Interest::READ, "pipe");
    assert_eq!(ready(&poller), [Event { token, ready: Interest::READ }]);
}

#[test]
fn an_interest_that_the_kernel_refuses_leaves_the_registration_as_it_was() {
    let (poller, mut reactor) = kernel();
    let file = File::open("Cargo.toml").expect("tests run in the crate's folder");
    let token = insert(&mut reactor, &poller, file.as_raw_fd(), Interest::NONE, "file");
    let error = reactor.set_interest(&poller, token, Interest::READ).expect_err("a regular file");
    assert!(is(&error, Errno::PERM), "{error}");
    assert_eq!(reactor.interest(token), Some(Interest::NONE));
    assert_eq!(reactor.remove(&poller, token), Some("file"));
}

#[test]
fn a_closed_descriptor_is_refused_with_ebadf() {
    let (poller, mut reactor) = kernel();
    let (source, error) =
        reactor.insert(&poller, CLOSED, Interest::READ, "source").expect_err("not open");
    assert_eq!(source, "source");
    assert!(is(&error, Errno::BADF), "{error}");
    for error in [
        poller.add(-1, Token(1), Interest::READ).expect_err("negative"),
        poller.modify(-1, Token(1), Interest::READ).expect_err("negative"),
        poller.delete(-1).expect_err("negative"),
        poller.delete(CLOSED).expect_err("not open"),
    ] {
        assert!(is(&error, Errno::BADF), "{error}");
    }
}

#[test]
fn a_descriptor_that_is_closed_first_can_be_removed_after() {
    let (poller, mut reactor) = kernel();
    let (read, written) = full_pipe();
    let token = insert(&mut reactor, &poller, read.as_raw_fd(), Interest::READ, "source");
    drop(read);
    assert_eq!(ready(&poller), [], "the kernel dropped it");
    assert_eq!(reactor.remove(&poller, token), Some("source"));
    drop(written);
}

#[test]
fn without_interest_a_hang_up_is_not_told() {
    let (poller, mut reactor) = kernel();
    let (read, written) = pipe().unwrap();
    let token = insert(&mut reactor, &poller, read.as_raw_fd(), Interest::READ, "source");
    reactor.set_interest(&poller, token, Interest::NONE).unwrap();
    drop(written);
    assert_eq!(ready(&poller), []);
    reactor.set_interest(&poller, token, Interest::READ).unwrap();
    assert_eq!(ready(&poller), [Event { token, ready: BOTH }], "a hang-up counts as both");
}

#[test]
fn an_error_counts_as_both() {
    let (poller, mut reactor) = kernel();
    let (read, written) = pipe().unwrap();
    let token = insert(&mut reactor, &poller, written.as_raw_fd(), Interest::WRITE, "source");
    assert_eq!(ready(&poller), [Event { token, ready: Interest::WRITE }]);
    drop(read);
    assert_eq!(ready(&poller), [Event { token, ready: BOTH }]);
}

#[test]
fn a_number_that_is_used_again_is_watched_after_renewal() {
    let (poller, mut reactor) = kernel();
    let (mut number, _first) = full_pipe();
    let token = insert(&mut reactor, &poller, number.as_raw_fd(), Interest::READ, "source");
    let (second, _written) = full_pipe();
    dup2(&second, &mut number).unwrap();
    drop(second);
    assert_eq!(ready(&poller), [], "the kernel knows nothing of the new one");
    let token = reactor.renew(&poller, token, Interest::READ).unwrap();
    assert_eq!(ready(&poller), [Event { token, ready: Interest::READ }]);

    let (third, write_third) = pipe().unwrap();
    dup2(&write_third, &mut number).unwrap();
    reactor.set_interest(&poller, token, Interest::WRITE).unwrap();
    assert_eq!(ready(&poller), [Event { token, ready: Interest::WRITE }]);
    drop(third);
}

#[test]
fn an_entry_that_a_copy_kept_alive_is_taken_over() {
    let (poller, mut reactor) = kernel();
    let (mut number, _written) = full_pipe();
    let copy = dup(&number).unwrap();
    let old = insert(&mut reactor, &poller, number.as_raw_fd(), Interest::READ, "old");
    let (other, _write_other) = pipe().unwrap();
    dup2(&other, &mut number).unwrap();
    assert_eq!(reactor.remove(&poller, old), Some("old"), "its number is another file's now");
    assert_eq!(
        ready(&poller),
        [Event { token: old, ready: Interest::READ }],
        "the copy keeps the entry in the set, under a token that names nothing"
    );
    assert_eq!(reactor.source(old), None);

    dup2(&copy, &mut number).unwrap();
    let new = insert(&mut reactor, &poller, number.as_raw_fd(), Interest::READ, "new");
    assert_eq!(ready(&poller), [Event { token: new, ready: Interest::READ }]);
    reactor.remove(&poller, new);
    assert_eq!(ready(&poller), []);
}

#[test]
fn a_copy_that_stays_open_is_told_apart_from_the_next_owner_of_its_number() {
    let (poller, mut reactor) = kernel();
    let (mut number, _written) = full_pipe();
    let _copy = dup(&number).unwrap();
    let old = insert(&mut reactor, &poller, number.as_raw_fd(), Interest::READ, "source");
    let (other, _write_other) = pipe().unwrap();
    dup2(&other, &mut number).unwrap();
    let new = reactor.renew(&poller, old, Interest::READ).unwrap();
    assert_eq!(ready(&poller), [Event { token: old, ready: Interest::READ }]);
    assert_eq!(reactor.source(old), None);
    assert_eq!(reactor.source(new), Some(&"source"));

    let fresh = Epoll::new().unwrap();
    reactor.add_all(&fresh);
    assert_eq!(ready(&fresh), [], "a new set does not have it");
}

#[test]
fn an_edge_is_told_once() {
    let (poller, mut reactor) = kernel();
    let (read, written) = full_pipe();
    let interest = Interest::READ.once();
    let token = insert(&mut reactor, &poller, read.as_raw_fd(), interest, "source");
    assert_eq!(ready(&poller), [Event { token, ready: Interest::READ }]);
    assert_eq!(ready(&poller), []);
    write(&written, b"more").unwrap();
    assert_eq!(ready(&poller), [Event { token, ready: Interest::READ }]);
    reactor.set_interest(&poller, token, Interest::READ).unwrap();
    for _ in 0..2 {
        assert_eq!(ready(&poller), [Event { token, ready: Interest::READ }]);
    }
}

#[test]
fn more_than_one_batch_is_fetched_in_two_polls() {
    let (poller, mut reactor) = kernel();
    let wakeups: Vec<_> = (0..300).map(|_| Wakeup::new().unwrap()).collect();
    let mut tokens: Vec<_> = wakeups
        .iter()
        .map(|wakeup| {
            wakeup.wake();
            insert(&mut reactor, &poller, wakeup.as_fd().as_raw_fd(), Interest::READ, "source")
        })
        .collect();
    let first = ready(&poller);
    let second = ready(&poller);
    assert!(first.len() < 300 && first.len() + second.len() >= 300, "{}", first.len());
    let mut told: Vec<_> = first.into_iter().chain(second).map(|event| event.token).collect();
    told.sort_unstable_by_key(|token| token.0);
    told.dedup();
    tokens.sort_unstable_by_key(|token| token.0);
    assert_eq!(told, tokens, "a crowd of ready descriptors starves none");
}

#[test]
fn a_wait_does_not_end_before_its_time() {
    let (poller, _) = kernel();
    let clock = Clock::new();
    let mut events = vec![Event { token: Token(7), ready: BOTH }];
    for length in [1, 300_000, 1_000_001] {
        let deadline = clock.now() + length;
        poller.wait(&mut events, Timeout::After(length)).unwrap();
        assert!(clock.now() >= deadline);
        assert_eq!(events, [], "what was there is cleared");
    }
}

#[test]
fn another_thread_ends_a_wait_without_end() {
    let (poller, mut reactor) = kernel();
    let wakeup = Wakeup::new().unwrap();
    let token = insert(&mut reactor, &poller, wakeup.as_fd().as_raw_fd(), Interest::READ, "wakeup");
    let mut events = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wakeup.wake();
            wakeup.wake();
        });
        poller.wait(&mut events, Timeout::Never).unwrap();
    });
    assert_eq!(events, [Event { token, ready: Interest::READ }]);
    wakeup.clear();
    assert_eq!(ready(&poller), [], "two wake-ups are one");
    wakeup.clear();
    assert_eq!(ready(&poller), []);
}

#[test]
fn a_closed_poller_answers_ebadf() {
    let poller = Epoll::closed();
    let (read, _written) = full_pipe();
    let mut events = Vec::new();
    for error in [
        poller.add(read.as_raw_fd(), Token(1), Interest::READ).expect_err("closed"),
        poller.modify(read.as_raw_fd(), Token(1), Interest::READ).expect_err("closed"),
        poller.delete(read.as_raw_fd()).expect_err("closed"),
        poller.wait(&mut events, Timeout::Zero).expect_err("closed"),
    ] {
        assert!(is(&error, Errno::BADF), "{error}");
    }
}
