//! The inbox on one thread; `loom_inbox.rs` has the others.

#![cfg(not(loom))]

use aioxide_core::Inbox;
use aioxide_core::inbox::Pushed;

#[test]
fn only_a_parked_loop_is_woken_and_only_once() {
    let inbox = Inbox::new();
    assert_eq!(inbox.push(1), Ok(Pushed::Seen));
    assert!(!inbox.park(), "something is queued");
    assert_eq!(inbox.push(2), Ok(Pushed::Seen), "a loop that could not park is awake");
    let mut items = Vec::new();
    inbox.swap(&mut items);
    assert_eq!(items, [1, 2]);
    assert!(inbox.park());
    assert_eq!(inbox.push(3), Ok(Pushed::Wake));
    assert_eq!(inbox.push(4), Ok(Pushed::Seen));
    assert!(inbox.unpark(), "somebody meant to wake it");
    items.clear();
    inbox.swap(&mut items);
    assert_eq!(items, [3, 4]);
    assert!(inbox.park());
    assert!(!inbox.unpark(), "nobody did");
    assert_eq!(inbox.push(5), Ok(Pushed::Seen));
}

#[test]
fn the_two_buffers_take_turns() {
    let inbox = Inbox::new();
    let mut buffer = Vec::with_capacity(100);
    let first = buffer.as_ptr();
    inbox.swap(&mut buffer);
    inbox.push(1).unwrap();
    inbox.swap(&mut buffer);
    assert_eq!((buffer.as_ptr(), buffer.as_slice()), (first, &[1][..]));
    assert!(!inbox.has_items());
}

#[test]
fn a_closed_inbox_gives_items_back() {
    let inbox = Inbox::new();
    inbox.push(1).unwrap();
    assert!(inbox.has_items());
    assert_eq!(inbox.close(), [1]);
    assert!(!inbox.has_items());
    assert_eq!(inbox.push(2), Err(2));
}

#[test]
fn many_threads_lose_nothing_and_keep_their_order() {
    const THREADS: u32 = 4;
    const EACH: u32 = 5000;
    let inbox = Inbox::new();
    let mut received = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let inbox = &inbox;
            scope.spawn(move || {
                for number in 0..EACH {
                    inbox.push((thread, number)).expect("the inbox is open");
                }
            });
        }
        let mut items = Vec::new();
        while received.len() < (THREADS * EACH) as usize {
            if inbox.has_items() {
                inbox.swap(&mut items);
                received.append(&mut items);
            } else {
                std::thread::yield_now();
            }
        }
    });
    for thread in 0..THREADS {
        let numbers =
            received.iter().filter(|(from, _)| *from == thread).map(|(_, number)| *number);
        assert!(numbers.eq(0..EACH));
    }
}
