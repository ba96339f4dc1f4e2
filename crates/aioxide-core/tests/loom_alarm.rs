//! Every interleaving of loops that begin to work and the thread that watches them.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p aioxide-core --release --test loom_alarm`
//!
//! loom reports a thread that dozes for good as a deadlock.
#![cfg(loom)]

use aioxide_core::Alarm;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

#[derive(Default)]
struct Loop {
    busy: AtomicBool,
}

impl Loop {
    /// What a loop does when its poll has ended: `true` if it was the one to wake the thread.
    fn begins(&self, alarm: &Alarm, watching: &thread::Thread) -> bool {
        self.busy.store(true, Ordering::Relaxed);
        let rings = alarm.rings();
        if rings {
            watching.unpark();
        }
        rings
    }
}

/// What the watching thread does when it finds every loop idle.
fn doze_until_somebody_works(alarm: &Alarm, loops: &[Loop]) {
    alarm.doze();
    if loops.iter().any(|each| each.busy.load(Ordering::Relaxed)) {
        alarm.rise();
        return;
    }
    while alarm.is_dozing() {
        thread::park();
    }
}

fn check(count: usize) {
    loom::model(move || {
        let alarm = Arc::new(Alarm::new(false));
        let loops: Arc<Vec<Loop>> = Arc::new((0..count).map(|_| Loop::default()).collect());
        let watching = thread::current();
        let threads: Vec<_> = (0..count)
            .map(|index| {
                let (alarm, loops, watching) = (alarm.clone(), loops.clone(), watching.clone());
                thread::spawn(move || loops[index].begins(&alarm, &watching))
            })
            .collect();
        doze_until_somebody_works(&alarm, &loops);
        let rung = threads.into_iter().map(|each| each.join().unwrap());
        assert!(rung.filter(|rings| *rings).count() <= 1, "one wake-up is enough");
    });
}

#[test]
fn a_loop_that_begins_to_work_is_seen() {
    check(1);
}

#[test]
fn of_two_loops_one_wakes_the_thread() {
    check(2);
}
