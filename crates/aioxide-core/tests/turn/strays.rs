//! Events that no registration is behind, and the poller that tells of them.

use aioxide_core::sim::{SimClock, SimPoller};
use aioxide_core::{Event, Interest, Scheduler, Token};

const STRAY: Event = Event { token: Token(u64::MAX), ready: Interest::READ };

fn scheduler() -> Scheduler<u32, &'static str, SimPoller> {
    Scheduler::new(SimPoller::new(SimClock::default()))
}

fn poll(scheduler: &mut Scheduler<u32, &'static str, SimPoller>, events: &[Event]) {
    scheduler.events.extend_from_slice(events);
    scheduler.end_poll(0, None);
}

#[test]
fn a_stray_is_not_queued() {
    let mut scheduler = scheduler();
    let poller = scheduler.poller.clone();
    let token = scheduler.reactor.insert(&*poller, 3, Interest::READ, "source").unwrap();
    let event = Event { token, ready: Interest::READ };
    poll(&mut scheduler, &[STRAY, event, STRAY]);
    assert_eq!(scheduler.ready.len(), 1);
    assert!(!scheduler.has_strays(), "two are not worth a new poller");
}

#[test]
fn strays_are_worth_a_new_poller_once_they_outnumber_the_registrations() {
    let mut scheduler = scheduler();
    let poller = scheduler.poller.clone();
    for fd in 0..100 {
        scheduler.reactor.insert(&*poller, fd, Interest::READ, "source").unwrap();
    }
    let mut polls = 0;
    while !scheduler.has_strays() {
        poll(&mut scheduler, &[STRAY]);
        polls += 1;
    }
    assert!((100..200).contains(&polls), "{polls}");
    let old = scheduler.move_to(Some(SimPoller::new(SimClock::default()))).expect("a new one");
    assert!(!scheduler.has_strays());
    assert!(std::sync::Arc::ptr_eq(&old, &poller));
    for fd in 0..100 {
        assert_eq!(scheduler.poller.watched(fd), old.watched(fd));
        assert!(scheduler.poller.watched(fd).is_some());
    }
}

#[test]
fn without_a_new_poller_strays_are_counted_anew() {
    let mut scheduler = scheduler();
    while !scheduler.has_strays() {
        poll(&mut scheduler, &[STRAY]);
    }
    assert!(scheduler.move_to(None).is_none());
    assert!(!scheduler.has_strays());
    poll(&mut scheduler, &[STRAY]);
    assert!(!scheduler.has_strays());
}
