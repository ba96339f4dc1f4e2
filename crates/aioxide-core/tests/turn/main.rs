//! The turn, driven by a simulated clock and poller.

mod model;
mod poll;
mod strays;
mod world;

use aioxide_core::{State, Timeout};

use world::{Action, Failure, Id, Ran, World};

fn items(ids: impl IntoIterator<Item = Id>) -> Vec<Ran> {
    ids.into_iter().map(Ran::Item).collect()
}

#[test]
fn what_was_scheduled_runs_before_io_and_io_before_timers() {
    let world = World::new();
    world.perform(&Action::Later(0, 4));
    world.perform(&Action::Watch(3, 3));
    world.perform(&Action::Readable(3, true));
    world.perform(&Action::Send(2));
    world.perform(&Action::Soon(1));
    let (trace, result) = world.turn();
    assert_eq!(result, Ok(()));
    assert_eq!(
        trace,
        [
            Ran::Poll(Timeout::Zero),
            Ran::Item(1),
            Ran::Item(2),
            Ran::Event(3),
            Ran::Item(4),
            Ran::Flush
        ]
    );
}

#[test]
fn what_is_scheduled_while_running_waits_for_the_next_turn() {
    let world = World::new();
    world.script(1, [Action::Soon(3), Action::Later(0, 6), Action::Send(4), Action::Soon(5)]);
    world.perform(&Action::Soon(1));
    world.perform(&Action::Soon(2));
    assert_eq!(world.ran(), items([1, 2]));
    assert_eq!(world.ran(), items([3, 5, 4, 6]));
}

#[test]
fn a_turn_runs_one_batch_however_much_that_schedules() {
    let world = World::new();
    world.script(1, [Action::Soon(1), Action::Soon(1)]);
    world.perform(&Action::Soon(1));
    for turn in 0..10 {
        assert_eq!(world.ran().len(), 1 << turn);
    }
}

#[test]
fn a_turn_that_stops_ends_its_batch_and_the_rest_stays() {
    let world = World::new();
    world.script(1, [Action::Stop, Action::Soon(3)]);
    world.perform(&Action::Soon(1));
    world.perform(&Action::Soon(2));
    assert_eq!(world.ran(), items([1, 2]));
    assert!(world.scheduler.borrow().stopping);
    assert_eq!(world.scheduler.borrow().ready.len(), 1);
    assert_eq!(world.ran(), items([3]));
}

#[test]
fn a_loop_that_is_to_stop_does_not_wait() {
    let world = World::new();
    world.perform(&Action::Stop);
    assert_eq!(world.polled(), Some(Timeout::Zero));
}

#[test]
fn an_error_leaves_the_rest_queued_in_order() {
    let world = World::new();
    world.script(2, [Action::Soon(5), Action::Fail]);
    for id in 1..=4 {
        world.perform(&Action::Soon(id));
    }
    let (trace, result) = world.turn();
    assert_eq!(result, Err(Failure::Item(2)));
    assert_eq!(
        trace,
        [Ran::Poll(Timeout::Zero), Ran::Item(1), Ran::Item(2), Ran::Flush],
        "what was written is sent all the same"
    );
    assert_eq!(world.ran(), items([3, 4, 5]));
}

#[test]
fn an_error_in_dispatch_leaves_the_other_events_queued() {
    let world = World::new();
    world.script(1, [Action::Readable(3, false), Action::Readable(4, false), Action::Fail]);
    world.perform(&Action::Watch(3, 1));
    world.perform(&Action::Watch(4, 2));
    world.perform(&Action::Readable(3, true));
    world.perform(&Action::Readable(4, true));
    let (_, result) = world.turn();
    assert_eq!(result, Err(Failure::Item(1)));
    assert_eq!(world.ran(), [Ran::Event(2)], "fetched before the error, told after it");
}

#[test]
fn a_clock_that_raises_ends_the_turn_and_nothing_is_lost() {
    let world = World::new();
    world.perform(&Action::Soon(1));
    world.perform(&Action::Later(5, 2));
    world.clock_raises.set(true);
    assert_eq!(world.turn().1, Err(Failure::Clock));
    world.clock_raises.set(false);
    assert_eq!(world.ran(), items([1]));
    assert_eq!(world.ran(), items([2]));
}

#[test]
fn the_poller_is_given_the_time_to_the_next_timer() {
    let world = World::new();
    world.perform(&Action::Later(70, 2));
    world.perform(&Action::Later(50, 1));
    assert_eq!(world.polled(), Some(Timeout::After(50)));
    assert_eq!(world.clock.now(), 50);
    world.perform(&Action::Elapse(5));
    assert_eq!(world.polled(), Some(Timeout::After(15)));
    world.perform(&Action::Later(10, 3));
    world.perform(&Action::Elapse(30));
    assert_eq!(world.polled(), Some(Timeout::Zero), "overdue");
}

#[test]
fn a_cancelled_timer_wakes_nobody() {
    let world = World::new();
    world.perform(&Action::Later(50, 1));
    world.perform(&Action::Later(70, 2));
    world.perform(&Action::Cancel(1));
    assert_eq!(world.polled(), Some(Timeout::After(70)));
}

#[test]
fn timers_that_are_due_together_run_by_deadline_then_by_age() {
    let world = World::new();
    for (delay, id) in [(9, 1), (3, 2), (9, 3), (3, 4), (6, 5)] {
        world.perform(&Action::Later(delay, id));
    }
    world.perform(&Action::Elapse(10));
    assert_eq!(world.ran(), items([2, 4, 5, 1, 3]));
}

#[test]
fn what_another_thread_sends_ends_the_wait_and_runs_in_the_same_turn() {
    let world = World::new();
    world.arrivals.borrow_mut().extend([1, 2]);
    let (trace, result) = world.turn();
    assert_eq!(result, Ok(()));
    assert_eq!(trace, [Ran::Poll(Timeout::Never), Ran::Item(1), Ran::Item(2), Ran::Flush]);
    world.perform(&Action::Send(3));
    assert_eq!(world.polled(), Some(Timeout::Zero), "something is queued: no wait");
}

#[test]
fn a_wait_for_nothing_is_a_deadlock() {
    let world = World::new();
    assert_eq!(world.turn().1, Err(Failure::Poll(aioxide_core::sim::DEADLOCK.raw_os_error())));
    world.perform(&Action::Watch(3, 1));
    assert_eq!(
        world.turn().1,
        Err(Failure::Poll(aioxide_core::sim::DEADLOCK.raw_os_error())),
        "a descriptor that never becomes ready"
    );
    world.perform(&Action::Readable(3, true));
    assert_eq!(world.ran(), [Ran::Event(1)]);
}

#[test]
fn an_event_for_a_descriptor_that_was_removed_or_replaced_is_not_told() {
    let world = World::new();
    world.script(1, [Action::Unwatch(3), Action::Watch(4, 9)]);
    for (fd, id) in [(3, 10), (4, 11), (5, 12)] {
        world.perform(&Action::Watch(fd, id));
        world.perform(&Action::Readable(fd, true));
    }
    world.perform(&Action::Soon(1));
    assert_eq!(world.ran(), [Ran::Item(1), Ran::Event(12)]);
    assert_eq!(world.ran(), [Ran::Event(9), Ran::Event(12)], "the new owner hears by a new poll");
}

#[test]
fn anything_may_be_asked_of_the_scheduler_while_an_item_runs() {
    let world = World::new();
    world.script(
        1,
        [
            Action::Watch(3, 2),
            Action::Readable(3, true),
            Action::Later(0, 3),
            Action::Later(0, 4),
            Action::Cancel(3),
            Action::Soon(5),
            Action::Unwatch(7),
        ],
    );
    world.perform(&Action::Watch(7, 6));
    world.perform(&Action::Readable(7, true));
    world.perform(&Action::Soon(1));
    assert_eq!(world.ran(), items([1]));
    assert_eq!(world.ran(), [Ran::Item(5), Ran::Event(2), Ran::Item(4)]);
}

#[test]
fn the_counters_tell_what_runs_and_how_much_ran() {
    let world = World::new();
    world.script(7, [Action::Tick(100)]);
    world.perform(&Action::Soon(7));
    world.perform(&Action::Soon(8));
    world.ran();
    assert_eq!(world.seen_running.get(), Some((8, State::Running)));
    let counters = &world.counters;
    assert_eq!((counters.turns(), counters.polls(), counters.ready()), (1, 1, 2));
    assert_eq!((counters.epoch(), counters.current()), (2, 0));
    assert_eq!(counters.busy_ticks(), 100);
    let steps = counters.steps();
    assert_eq!((steps[6], steps[0]), (1, 1), "100 ticks lie between 2^6 and 2^7");
    assert_eq!(steps.iter().sum::<u64>(), 2);
}

#[test]
fn noticed_work_is_told_of_when_it_has_ended() {
    let world = World::new();
    world.script(7, [Action::Tick(100), Action::Notice]);
    world.script(8, [Action::Tick(10)]);
    world.perform(&Action::Soon(7));
    world.perform(&Action::Soon(8));
    world.ran();
    assert_eq!(*world.freed.borrow(), [(100, false)], "the step, before the next one runs");
}

#[test]
fn noticed_work_is_told_of_even_if_it_fails() {
    let world = World::new();
    world.script(7, [Action::Tick(100), Action::Notice, Action::Fail]);
    world.perform(&Action::Soon(7));
    assert_eq!(world.turn().1, Err(Failure::Item(7)));
    assert_eq!(*world.freed.borrow(), [(100, false)]);
}

#[test]
fn a_look_tells_one_stretch_of_work_from_the_next() {
    let world = World::new();
    world.perform(&Action::Soon(7));
    world.perform(&Action::Tick(5));
    let idle = world.counters.look().expect("nothing runs");
    world.ran();
    let first = world.counters.look().expect("nothing runs");
    assert_eq!((first.epoch, first.turn, first.turn_epoch, first.ready), (1, 1, 0, 1));
    assert_eq!((first.started, first.turn_started), (5, 5));
    assert_eq!(first.queue.iter().map(|part| part.1).sum::<usize>(), 1);
    assert!(!first.is_same_work(&idle));
    assert!(first.is_same_work(&world.counters.look().expect("nothing runs")));
    world.counters.resume(State::Waking, 9);
    let woken = world.counters.look().expect("nothing runs");
    assert!(!first.is_same_work(&woken) && woken.state.is_busy());
}
