//! What a timer costs: from its insertion to its end, in a queue of 50,000.

mod measure;

use std::hint::black_box;

use aioxide_core::{Clock, Nanos, Timers};

use measure::{Arm, compare, wanted};

const COUNT: u64 = 50_000;

/// What the loop keeps for a timer: two words.
type Item = (u64, u64);

/// A fixed pseudo-random sequence (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// All are inserted, then all become due.
fn fill_and_drain(clock: &Clock, deadlines: &[Nanos]) -> Nanos {
    let mut timers: Timers<Item> = Timers::new();
    let start = clock.now();
    for (index, when) in deadlines.iter().enumerate() {
        let _ = timers.insert(*when, (index as u64, 0));
    }
    while let Some(item) = timers.pop_due(Nanos::MAX) {
        black_box(item);
    }
    clock.now() - start
}

/// A queue that stays as long as it is: each timer that becomes due is followed by another one
/// after the delay that `delay` gives.
fn steady(clock: &Clock, queued: u64, mut delay: impl FnMut(u64) -> Nanos) -> Nanos {
    let mut timers: Timers<Item> = Timers::new();
    for index in 0..queued {
        let _ = timers.insert(delay(index) * index as Nanos / queued as Nanos, (index, 0));
    }
    let start = clock.now();
    for index in 0..COUNT {
        let Some(now) = timers.next_deadline() else { break };
        black_box(timers.pop_due(now));
        let _ = timers.insert(now + delay(index), (index, 0));
    }
    clock.now() - start
}

/// Timeouts that never fire: each is cancelled while `concurrent` others are pending.
fn cancelled(clock: &Clock, concurrent: usize) -> Nanos {
    let mut timers: Timers<Item> = Timers::new();
    let mut keys = std::collections::VecDeque::new();
    let start = clock.now();
    for index in 0..COUNT {
        keys.extend(timers.insert(10_000_000_000 + index as Nanos, (index, 0)));
        if keys.len() > concurrent
            && let Some(key) = keys.pop_front()
        {
            black_box(timers.cancel(key));
        }
    }
    clock.now() - start
}

/// A loop that looks at each turn whether its one far timer is due.
fn not_due(clock: &Clock) -> Nanos {
    let mut timers: Timers<Item> = Timers::new();
    let _ = timers.insert(Nanos::MAX, (0, 0));
    let start = clock.now();
    for now in 0..COUNT {
        black_box(timers.pop_due(black_box(now as Nanos)));
    }
    clock.now() - start
}

fn main() {
    if !wanted() {
        return;
    }
    let increasing: Vec<Nanos> = (0..COUNT as Nanos).map(|index| index * 100).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let scattered: Vec<Nanos> =
        (0..COUNT).map(|_| (random.next() % 1_000_000_000) as Nanos).collect();
    let delays = [1_000_000, 50_000_000, 5_000_000_000];
    compare(
        "timers: 50,000 in a round",
        &mut [
            Arm::new("insert and pop, increasing", COUNT, |clock| {
                fill_and_drain(clock, &increasing)
            }),
            Arm::new("insert and pop, random", COUNT, |clock| fill_and_drain(clock, &scattered)),
            Arm::new("steady 1,000, equal delays", COUNT, |clock| steady(clock, 1000, |_| 1000)),
            Arm::new("steady 1,000, three delays", COUNT, |clock| {
                steady(clock, 1000, |index| delays[index as usize % 3])
            }),
            Arm::new("steady 1,000, random delays", COUNT, |clock| {
                let mut random = Random(7);
                steady(clock, 1000, move |_| (random.next() % 1_000_000) as Nanos)
            }),
            Arm::new("insert and cancel, one by one", COUNT, |clock| cancelled(clock, 0)),
            Arm::new("insert and cancel, 1,000 pending", COUNT, |clock| cancelled(clock, 1000)),
            Arm::new("not due yet", COUNT, not_due),
        ],
    );
}
