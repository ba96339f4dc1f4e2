//! The timers against a list that is kept in order.

use aioxide_core::{Nanos, TimerKey, Timers};
use proptest::prelude::*;

/// What the timers should be: the pending ones in the order in which they become due.
#[derive(Debug, Default)]
struct Model {
    pending: Vec<(Nanos, u32)>,
}

impl Model {
    fn insert(&mut self, when: Nanos, item: u32) {
        let place = self.pending.partition_point(|(other, _)| *other <= when);
        self.pending.insert(place, (when, item));
    }

    fn cancel(&mut self, item: u32) -> Option<u32> {
        let place = self.pending.iter().position(|(_, other)| *other == item)?;
        Some(self.pending.remove(place).1)
    }

    fn pop_due(&mut self, now: Nanos) -> Option<u32> {
        self.pending.first().is_some_and(|(when, _)| *when <= now).then(|| self.pending.remove(0).1)
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(Nanos),
    /// The latest deadline so far, and that much: programs that use one delay do this.
    InsertAfterLast(Nanos),
    /// The key that many insertions ago, whether it is pending or not.
    Cancel(usize),
    CancelFirst,
    CancelAll,
    PopDue(Nanos),
    PopAllDue(Nanos),
    NextDeadline,
    Take,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (-40..40_i64).prop_map(Operation::Insert),
        8 => (0..4_i64).prop_map(Operation::InsertAfterLast),
        6 => (0..400_usize).prop_map(Operation::Cancel),
        2 => Just(Operation::CancelFirst),
        1 => Just(Operation::CancelAll),
        6 => (-45..80_i64).prop_map(Operation::PopDue),
        2 => (-45..80_i64).prop_map(Operation::PopAllDue),
        4 => Just(Operation::NextDeadline),
        1 => Just(Operation::Take),
    ]
}

/// The timers, the model and every key that was ever given.
#[derive(Default)]
struct Pair {
    timers: Timers<u32>,
    model: Model,
    keys: Vec<TimerKey>,
    last: Nanos,
}

impl Pair {
    fn insert(&mut self, when: Nanos) {
        let item = self.keys.len() as u32;
        self.keys.push(self.timers.insert(when, item).expect("few are pending"));
        self.model.insert(when, item);
        self.last = self.last.max(when);
    }

    fn cancel(&mut self, item: u32) {
        assert_eq!(self.timers.cancel(self.keys[item as usize]), self.model.cancel(item));
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Insert(when) => self.insert(when),
            Operation::InsertAfterLast(more) => self.insert(self.last + more),
            Operation::Cancel(back) => {
                if let Some(item) = self.keys.len().checked_sub(back + 1) {
                    self.cancel(item as u32);
                }
            }
            Operation::CancelFirst => {
                if let Some((_, item)) = self.model.pending.first() {
                    self.cancel(*item);
                }
            }
            Operation::CancelAll => {
                for item in 0..self.keys.len() {
                    self.cancel(item as u32);
                }
            }
            Operation::PopDue(now) => {
                assert_eq!(self.timers.pop_due(now), self.model.pop_due(now));
            }
            Operation::PopAllDue(now) => loop {
                let item = self.timers.pop_due(now);
                assert_eq!(item, self.model.pop_due(now));
                if item.is_none() {
                    break;
                }
            },
            Operation::NextDeadline => {
                let next = self.model.pending.first().map(|(when, _)| *when);
                assert_eq!(self.timers.next_deadline(), next);
            }
            Operation::Take => {
                let mut taken = self.timers.take();
                taken.sort_unstable();
                let mut expected: Vec<u32> =
                    self.model.pending.drain(..).map(|(_, item)| item).collect();
                expected.sort_unstable();
                assert_eq!(taken, expected);
            }
        }
        self.check();
    }

    fn check(&self) {
        let pending = self.model.pending.len();
        assert_eq!(self.timers.len(), pending);
        assert_eq!(self.timers.is_empty(), pending == 0);
        assert!(self.timers.entries() <= 2 * pending + 64, "stale entries pile up");
        let mut items: Vec<u32> = self.timers.iter().copied().collect();
        items.sort_unstable();
        let mut expected: Vec<u32> = self.model.pending.iter().map(|(_, item)| *item).collect();
        let in_order: Vec<u32> = self.timers.in_order().into_iter().copied().collect();
        assert_eq!(in_order, expected);
        expected.sort_unstable();
        assert_eq!(items, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_is_as_the_model(
        operations in proptest::collection::vec(operation(), 0..300)
    ) {
        let mut pair = Pair::default();
        for operation in &operations {
            pair.apply(operation);
        }
        pair.apply(&Operation::PopAllDue(Nanos::MAX));
        assert!(pair.timers.is_empty());
    }
}

fn insert<T: std::fmt::Debug>(timers: &mut Timers<T>, when: Nanos, item: T) -> TimerKey {
    timers.insert(when, item).expect("few are pending")
}

fn drain<T>(timers: &mut Timers<T>, now: Nanos) -> Vec<T> {
    std::iter::from_fn(|| timers.pop_due(now)).collect()
}

#[test]
fn equal_deadlines_keep_the_order_of_insertion() {
    let mut timers = Timers::new();
    // A falling sequence in between keeps the equal ones from lying side by side.
    for item in 0..1000 {
        insert(&mut timers, 5, item);
        insert(&mut timers, 2000 - i64::from(item), 10_000 + item);
    }
    assert_eq!(drain(&mut timers, 5), (0..1000).collect::<Vec<_>>());
}

#[test]
fn a_timer_is_due_at_its_deadline_and_not_before() {
    let mut timers = Timers::new();
    insert(&mut timers, 7, "item");
    assert_eq!(timers.pop_due(6), None);
    assert_eq!(timers.next_deadline(), Some(7));
    assert_eq!(timers.pop_due(7), Some("item"));
    assert_eq!(timers.next_deadline(), None);
}

#[test]
fn the_ends_of_time_are_deadlines() {
    let mut timers = Timers::new();
    insert(&mut timers, Nanos::MAX, "last");
    insert(&mut timers, Nanos::MIN, "first");
    assert_eq!(timers.next_deadline(), Some(Nanos::MIN));
    assert_eq!(timers.pop_due(Nanos::MIN), Some("first"));
    assert_eq!(timers.pop_due(Nanos::MAX - 1), None);
    assert_eq!(timers.pop_due(Nanos::MAX), Some("last"));
}

#[test]
fn a_timer_inserted_after_a_look_may_be_due_earlier() {
    let mut timers = Timers::new();
    insert(&mut timers, 100, "late");
    assert_eq!(timers.pop_due(50), None);
    insert(&mut timers, 40, "early");
    assert_eq!(timers.pop_due(50), Some("early"));
    assert_eq!(timers.pop_due(50), None);
}

#[test]
fn a_key_names_nothing_once_its_timer_ended() {
    let mut timers = Timers::new();
    let cancelled = insert(&mut timers, 1, "cancelled");
    assert_eq!(timers.cancel(cancelled), Some("cancelled"));
    assert_eq!(timers.cancel(cancelled), None);
    let fired = insert(&mut timers, 1, "fired");
    assert_eq!(timers.cancel(cancelled), None, "the slot is used again, the key is not");
    assert_eq!(timers.pop_due(1), Some("fired"));
    assert_eq!(timers.cancel(fired), None);
    let taken = insert(&mut timers, 1, "taken");
    assert_eq!(timers.take(), ["taken"]);
    assert_eq!(timers.cancel(taken), None);
    insert(&mut timers, 1, "another");
    assert_eq!(timers.cancel(taken), None);
    assert_eq!(timers.len(), 1);
}

#[test]
fn what_a_cancelled_timer_held_is_given_back_at_once() {
    let mut timers = Timers::new();
    let held = std::rc::Rc::new(());
    let keys: Vec<_> =
        (0..10).map(|when| insert(&mut timers, when, std::rc::Rc::clone(&held))).collect();
    for (gone, key) in keys.into_iter().enumerate() {
        drop(timers.cancel(key));
        assert_eq!(std::rc::Rc::strong_count(&held), 10 - gone);
    }
}

const MILLION: i64 = 1_000_000;
/// Less than what a thousand timers need.
const LITTLE: usize = 100_000;

#[test]
fn a_million_cancelled_one_by_one_hold_no_memory() {
    let mut timers = Timers::new();
    for when in 0..MILLION {
        let key = insert(&mut timers, when, when);
        timers.cancel(key);
    }
    assert_eq!(timers.entries(), 0);
    assert!(timers.bytes() < LITTLE, "{} bytes", timers.bytes());
}

#[test]
fn a_million_pending_at_once_hold_no_memory_once_cancelled() {
    for falling in [false, true] {
        let mut timers = Timers::new();
        let keys: Vec<_> = (0..MILLION)
            .map(|when| insert(&mut timers, if falling { -when } else { when }, when))
            .collect();
        assert!(timers.bytes() > 20_000_000, "the test knows how to see memory");
        for key in keys {
            assert!(timers.cancel(key).is_some());
        }
        assert_eq!(timers.entries(), 0);
        assert!(timers.bytes() < LITTLE, "{} bytes", timers.bytes());
    }
}

#[test]
fn a_million_cancelled_beside_one_that_stays_hold_no_memory() {
    let mut timers = Timers::new();
    insert(&mut timers, 2 * MILLION, -1);
    let keys: Vec<_> = (0..MILLION).map(|when| insert(&mut timers, when, when)).collect();
    for key in keys {
        assert!(timers.cancel(key).is_some());
    }
    assert_eq!(timers.len(), 1);
    assert!(timers.entries() <= 66, "{} entries", timers.entries());
    assert!(timers.bytes() < LITTLE, "{} bytes", timers.bytes());
    assert_eq!(timers.pop_due(2 * MILLION), Some(-1));
}

#[test]
fn a_million_that_fired_hold_no_memory() {
    let mut timers = Timers::new();
    for when in 0..MILLION {
        insert(&mut timers, when, when);
    }
    assert_eq!(drain(&mut timers, MILLION).len(), MILLION as usize);
    assert_eq!(timers.entries(), 0);
    assert!(timers.bytes() < LITTLE, "{} bytes", timers.bytes());
}
