//! For how long work that is ready puts off the poll.

use aioxide_core::{POLL_BUDGET, POLL_LEAST, POLLED_TURNS};
use proptest::prelude::*;

use crate::world::{Action, World};

const BUDGET: u64 = POLL_BUDGET as u64;
const LEAST: u64 = POLL_LEAST as u64;
/// How long a step of the chain takes.
const STEP: u64 = 100;

/// A chain of `call_soon` that never ends, beside a descriptor that is not ready.
fn chain() -> World {
    let world = World::with_budget();
    world.script(1, [Action::Tick(STEP), Action::Soon(1)]);
    world.perform(&Action::Soon(1));
    world.perform(&Action::Watch(3, 2));
    world
}

/// Runs turns until one polls, and tells how many ticks that took.
fn ticks_to_poll(world: &World) -> u64 {
    let before = world.ticks.get();
    for _ in 0..=BUDGET / STEP {
        let begun = world.ticks.get();
        if world.polled().is_some() {
            return begun - before;
        }
    }
    panic!("no poll within the budget");
}

/// The next turns poll, so many of them.
fn poll_eagerly(world: &World, turns: u32) {
    for _ in 0..turns {
        assert_eq!(ticks_to_poll(world), 0);
    }
}

#[test]
fn the_first_turn_polls_and_quiet_descriptors_are_polled_once_a_budget() {
    let world = chain();
    assert_eq!(ticks_to_poll(&world), 0);
    for _ in 0..100 {
        // The turn that polled has taken a step of its own.
        assert_eq!(ticks_to_poll(&world), BUDGET - STEP);
    }
}

#[test]
fn after_an_event_polls_come_often_and_then_ever_less() {
    let world = chain();
    ticks_to_poll(&world);
    world.script(2, [Action::Readable(3, false)]);
    world.perform(&Action::Readable(3, true));
    ticks_to_poll(&world);
    let event = world.ticks.get();
    let mut last = 0;
    let mut polls = 0;
    while last < BUDGET - STEP {
        let gap = ticks_to_poll(&world);
        assert!(gap >= last, "{gap} ticks after {last}");
        if last == 0 {
            assert!((LEAST - STEP..LEAST + STEP).contains(&gap), "{gap}");
        }
        last = gap;
        polls += 1;
    }
    assert!(world.ticks.get() - event < 20 * BUDGET, "back at the full budget soon");
    assert!((40..120).contains(&polls), "{polls}");
}

#[test]
fn a_descriptor_that_is_always_ready_is_polled_at_the_shortest_gap() {
    let world = chain();
    world.perform(&Action::Readable(3, true));
    ticks_to_poll(&world);
    for _ in 0..100 {
        let gap = ticks_to_poll(&world);
        assert!((LEAST - STEP..LEAST + STEP).contains(&gap), "{gap}");
    }
}

#[test]
fn a_wake_up_by_another_thread_is_no_event() {
    let world = World::with_budget();
    world.script(1, [Action::Tick(STEP), Action::Soon(1)]);
    world.arrivals.borrow_mut().push_back(1);
    assert_eq!(world.polled(), Some(aioxide_core::Timeout::Never), "woken by item 1");
    poll_eagerly(&world, POLLED_TURNS);
    assert_eq!(ticks_to_poll(&world), BUDGET - STEP);
}

#[test]
fn every_turn_polls_while_the_budget_is_not_known() {
    let world = chain();
    world.budget.set(None);
    for _ in 0..10 {
        assert_eq!(ticks_to_poll(&world), 0);
    }
    world.budget.set(Some(BUDGET));
    assert_eq!(ticks_to_poll(&world), 0, "it is learnt at the next poll");
    assert_eq!(ticks_to_poll(&world), BUDGET - STEP);
}

#[test]
fn a_poll_that_is_asked_for_is_not_put_off() {
    let world = chain();
    ticks_to_poll(&world);
    world.scheduler.borrow_mut().poll_next_turn();
    assert_eq!(ticks_to_poll(&world), 0);
    assert_eq!(ticks_to_poll(&world), BUDGET - STEP);
}

#[test]
fn each_run_begins_with_turns_that_poll() {
    let world = chain();
    ticks_to_poll(&world);
    world.scheduler.borrow_mut().poll_next_turns();
    poll_eagerly(&world, 1 + POLLED_TURNS);
    assert_eq!(ticks_to_poll(&world), BUDGET - STEP);
}

#[test]
fn an_event_does_not_use_up_the_turns_that_poll() {
    let world = chain();
    world.scheduler.borrow_mut().poll_next_turns();
    world.script(2, [Action::Readable(3, false)]);
    world.perform(&Action::Readable(3, true));
    ticks_to_poll(&world);
    let gap = ticks_to_poll(&world);
    assert!((LEAST - STEP..LEAST + STEP).contains(&gap), "{gap}");
    poll_eagerly(&world, POLLED_TURNS);
    assert!(ticks_to_poll(&world) > 0);
}

/// A chain whose steps take so many ticks, beside a descriptor that is always ready. It has polled.
fn busy(step: u64) -> World {
    let world = World::with_budget();
    world.script(1, [Action::Tick(step), Action::Soon(1)]);
    world.perform(&Action::Soon(1));
    world.perform(&Action::Watch(3, 2));
    world.perform(&Action::Readable(3, true));
    assert!(world.polled().is_some());
    world
}

#[test]
fn what_an_event_has_woken_runs_before_the_next_poll() {
    let world = busy(2 * LEAST);
    assert!(world.polled().is_some(), "a step takes longer than the poll is put off");
    world.scheduler.borrow_mut().answer_next_turn();
    assert_eq!(world.polled(), None);
    assert!(world.polled().is_some(), "it is put off for one turn");
}

#[test]
fn what_an_event_has_woken_puts_off_no_poll_beyond_the_budget() {
    let world = busy(BUDGET);
    world.scheduler.borrow_mut().answer_next_turn();
    assert!(world.polled().is_some());
}

#[test]
fn what_an_event_has_woken_puts_off_no_poll_that_was_asked_for() {
    let world = busy(2 * LEAST);
    for _ in 0..2 {
        world.scheduler.borrow_mut().poll_next_turn();
        world.scheduler.borrow_mut().answer_next_turn();
        assert!(world.polled().is_some());
    }
}

#[test]
fn a_counter_that_goes_back_puts_off_no_poll() {
    let world = chain();
    ticks_to_poll(&world);
    world.ticks.set(world.ticks.get() - 5 * BUDGET);
    world.polled();
    assert_eq!(ticks_to_poll(&world), 0);
}

proptest! {
    /// The rule, worked out again from the times of the polls.
    #[test]
    fn the_poll_is_put_off_by_the_rule(
        steps in proptest::collection::vec((0..9_000_u64, proptest::bool::weighted(0.05)), 1..400)
    ) {
        let world = World::with_budget();
        world.script(2, [Action::Readable(3, false)]);
        world.perform(&Action::Watch(3, 2));
        let mut last_event = 0;
        let mut last_poll = None;
        for (ticks, readable) in steps {
            world.script(1, [Action::Tick(ticks), Action::Soon(1)]);
            if world.scheduler.borrow().ready.is_empty() {
                world.perform(&Action::Soon(1));
            }
            if readable {
                world.perform(&Action::Readable(3, true));
            }
            let now = world.ticks.get();
            let may_put_off = last_poll.is_some_and(|last: u64| {
                now - last < ((last - last_event) / 16).clamp(LEAST, BUDGET)
            });
            // A step that costs no less than a poll's allowance hides no bound: the bound is on
            // when the turn after it begins.
            let events = world.counters.epoch();
            let polled = world.polled().is_some();
            let ran_event = world.counters.epoch() - events > 1;
            // The least put-off is rounded.
            let near_least = last_poll.is_some_and(|last| (now - last).abs_diff(LEAST) < 100);
            prop_assert!(near_least || polled != may_put_off);
            if polled {
                last_poll = Some(now);
                if ran_event {
                    last_event = now;
                }
            }
        }
    }
}
