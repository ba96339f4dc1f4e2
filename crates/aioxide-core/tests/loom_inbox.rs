//! Every interleaving of the inbox, the loop's park and the wake-up of other threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p aioxide-core --release --test loom_inbox`
//!
//! The loop's side is what `wait_parked` and the turn around it do in aioxide-py; an eventfd is a
//! count under a lock. loom reports a loop that sleeps for good as a deadlock.
#![cfg(loom)]

use aioxide_core::Inbox;
use aioxide_core::inbox::Pushed;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use loom::thread;

/// An eventfd and the poll of it.
#[derive(Default)]
struct Wakeup {
    count: Mutex<u64>,
    readable: Condvar,
}

impl Wakeup {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().expect("nobody panics while holding it")
    }

    fn wake(&self) {
        *self.lock() += 1;
        self.readable.notify_one();
    }

    fn clear(&self) {
        *self.lock() = 0;
    }

    /// Waits until it is readable. It stays so.
    fn wait(&self) {
        let mut count = self.lock();
        while *count == 0 {
            count = self.readable.wait(count).expect("nobody panics while holding it");
        }
    }

    fn is_readable(&self) -> bool {
        *self.lock() != 0
    }
}

/// A loop to which other threads send.
#[derive(Default)]
struct Loop {
    inbox: Inbox<u32>,
    wakeup: Wakeup,
    /// How many pushes were told to wake the loop.
    wakes: AtomicUsize,
}

/// How a poll that may block ends.
#[derive(Clone, Copy)]
enum End {
    /// When somebody wakes the loop.
    Woken,
    /// By a timer, or by I/O: at once, here.
    OtherEvent,
}

impl Loop {
    /// `call_soon_threadsafe`.
    fn send(&self, item: u32) {
        if self.inbox.push(item) == Ok(Pushed::Wake) {
            self.wakes.fetch_add(1, Ordering::Relaxed);
            self.wakeup.wake();
        }
    }

    fn drain(&self, into: &mut Vec<u32>) {
        let mut items = Vec::new();
        if self.inbox.has_items() {
            self.inbox.swap(&mut items);
        }
        into.append(&mut items);
    }

    /// One turn. Answers whether somebody meant to end its wait.
    fn turn(&self, end: End, received: &mut Vec<u32>) -> bool {
        let before = received.len();
        self.drain(received);
        if received.len() > before {
            // Something is ready: no wait.
            return false;
        }
        let mut woken = false;
        if self.inbox.park() {
            if matches!(end, End::Woken) {
                self.wakeup.wait();
            }
            woken = self.inbox.unpark();
        }
        if self.wakeup.is_readable() {
            self.wakeup.clear();
        }
        self.drain(received);
        woken
    }
}

/// Runs turns, the first of which ends by `first`, until `expected` items came. Answers them, and
/// how many waits somebody meant to end.
fn receive(this: &Loop, first: End, expected: usize) -> (Vec<u32>, usize) {
    let mut received = Vec::new();
    let mut woken = usize::from(this.turn(first, &mut received));
    while received.len() < expected {
        woken += usize::from(this.turn(End::Woken, &mut received));
    }
    (received, woken)
}

#[test]
fn what_one_thread_sends_arrives_in_order() {
    loom::model(|| {
        let this = Arc::new(Loop::default());
        let sender = Arc::clone(&this);
        let thread = thread::spawn(move || {
            sender.send(1);
            sender.send(2);
        });
        let (received, woken) = receive(&this, End::Woken, 2);
        thread.join().unwrap();
        assert_eq!(received, [1, 2]);
        assert_eq!(this.wakes.load(Ordering::Relaxed), woken, "one wake-up for each wait it ends");
    });
}

#[test]
fn what_two_threads_send_arrives_and_one_of_them_wakes() {
    loom::model(|| {
        let this = Arc::new(Loop::default());
        let threads: Vec<_> = [1, 2]
            .into_iter()
            .map(|item| {
                let sender = Arc::clone(&this);
                thread::spawn(move || sender.send(item))
            })
            .collect();
        let (mut received, woken) = receive(&this, End::Woken, 2);
        for thread in threads {
            thread.join().unwrap();
        }
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        assert_eq!(this.wakes.load(Ordering::Relaxed), woken);
    });
}

#[test]
fn a_wait_that_ends_by_a_timer_loses_nothing_and_leaves_no_wait_without_end() {
    loom::model(|| {
        let this = Arc::new(Loop::default());
        let sender = Arc::clone(&this);
        let thread = thread::spawn(move || {
            sender.send(1);
            sender.send(2);
        });
        let (received, woken) = receive(&this, End::OtherEvent, 2);
        thread.join().unwrap();
        assert_eq!(received, [1, 2]);
        assert_eq!(this.wakes.load(Ordering::Relaxed), woken);
    });
}

#[test]
fn a_loop_that_is_awake_is_not_woken() {
    loom::model(|| {
        let this = Arc::new(Loop::default());
        let sender = Arc::clone(&this);
        let thread = thread::spawn(move || sender.send(1));
        let mut received = Vec::new();
        this.drain(&mut received);
        thread.join().unwrap();
        this.drain(&mut received);
        assert_eq!(received, [1]);
        assert_eq!(this.wakes.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_closing_inbox_takes_an_item_or_gives_it_back() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new());
        let sender = Arc::clone(&inbox);
        let thread = thread::spawn(move || sender.push(1));
        let taken: Vec<u32> = inbox.close();
        match thread.join().unwrap() {
            Ok(Pushed::Seen) => assert_eq!(taken, [1]),
            Err(item) => assert_eq!((item, taken.len()), (1, 0)),
            Ok(Pushed::Wake) => panic!("nobody is parked"),
        }
        assert_eq!(inbox.push(2), Err(2));
        assert!(!inbox.has_items());
        assert!(inbox.close().is_empty());
    });
}

#[test]
fn a_look_from_another_thread_sees_whole_states() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new());
        let looker = Arc::clone(&inbox);
        let thread = thread::spawn(move || {
            let mut seen = Vec::new();
            looker.try_visit(|item| seen.push(*item));
            seen
        });
        inbox.push(1).unwrap();
        inbox.push(2).unwrap();
        let seen = thread.join().unwrap();
        assert!([&[][..], &[1], &[1, 2]].contains(&&seen[..]), "{seen:?}");
    });
}
