//! The inbox between real threads, with the loop parked in a real poll. `loom_inbox.rs` has every
//! interleaving of few steps; this has many steps, as they come. (ThreadSanitizer does not know the
//! standard library's `Mutex` unless that library is built for it, too: without, it takes every
//! push that had to wait for a race.)
#![cfg(not(loom))]

use std::os::fd::{AsFd, AsRawFd};
use std::thread;

use aioxide_core::inbox::Pushed;
use aioxide_core::sys::{Epoll, Wakeup};
use aioxide_core::{Inbox, Interest, Poller, Timeout, Token};

const THREADS: usize = 4;
const EACH: usize = 5_000;

/// What `wait_parked` and the turn around it do in aioxide-py.
fn receive(
    inbox: &Inbox<(usize, usize)>,
    wakeup: &Wakeup,
    poller: &Epoll,
) -> [Vec<usize>; THREADS] {
    let mut received = [const { Vec::new() }; THREADS];
    let (mut items, mut events) = (Vec::new(), Vec::new());
    let mut count = 0;
    while count < THREADS * EACH {
        if inbox.has_items() {
            inbox.swap(&mut items);
        }
        for (thread, number) in items.drain(..) {
            received[thread].push(number);
            count += 1;
        }
        if count < THREADS * EACH && inbox.park() {
            poller.wait(&mut events, Timeout::Never).expect("the poller works");
            let _meant = inbox.unpark();
            if !events.is_empty() {
                wakeup.clear();
                events.clear();
            }
        }
    }
    received
}

#[test]
fn every_item_arrives_once_and_in_the_order_of_its_thread() {
    let inbox = Inbox::new();
    let wakeup = Wakeup::new().expect("a descriptor");
    let poller = Epoll::new().expect("a descriptor");
    poller.add(wakeup.as_fd().as_raw_fd(), Token(0), Interest::READ).expect("it can be watched");
    let received = thread::scope(|scope| {
        for thread in 0..THREADS {
            let (inbox, wakeup) = (&inbox, &wakeup);
            scope.spawn(move || {
                for number in 0..EACH {
                    if inbox.push((thread, number)) == Ok(Pushed::Wake) {
                        wakeup.wake();
                    }
                }
            });
        }
        receive(&inbox, &wakeup, &poller)
    });
    for numbers in received {
        assert!(numbers.into_iter().eq(0..EACH));
    }
}

#[test]
fn what_is_refused_and_what_was_queued_are_all_there_is() {
    for _ in 0..200 {
        let inbox = Inbox::new();
        let (taken, refused) = thread::scope(|scope| {
            let pushers: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| (0..10).filter(|item| inbox.push(*item).is_err()).count()))
                .collect();
            let taken = inbox.close().len();
            let refused: usize =
                pushers.into_iter().map(|pusher| pusher.join().expect("no panic")).sum();
            (taken, refused)
        });
        assert_eq!(taken + refused, THREADS * 10);
        assert!(inbox.close().is_empty());
    }
}
