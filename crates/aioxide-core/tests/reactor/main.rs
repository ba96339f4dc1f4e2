//! The reactor over the simulated poller and over the kernel's.

mod kernel;
mod model;

use aioxide_core::poller::Poller;
use aioxide_core::sim::{SimClock, SimPoller};
use aioxide_core::{Event, Interest, Reactor, Timeout, Token};

const BOTH: Interest = Interest { readable: true, writable: true, edge: false };

fn simulated() -> (SimPoller, Reactor<&'static str>) {
    (SimPoller::new(SimClock::default()), Reactor::new())
}

fn insert<S: std::fmt::Debug>(
    reactor: &mut Reactor<S>,
    poller: &impl Poller,
    fd: i32,
    interest: Interest,
    source: S,
) -> Token {
    reactor.insert(poller, fd, interest, source).expect("a descriptor that can be watched")
}

/// What is ready now.
fn ready(poller: &impl Poller) -> Vec<Event> {
    let mut events = Vec::new();
    poller.wait(&mut events, Timeout::Zero).expect("a poll that does not wait");
    events
}

#[test]
fn a_token_names_nothing_once_its_registration_is_removed() {
    let (poller, mut reactor) = simulated();
    let mut gone = Vec::new();
    for _ in 0..1000 {
        let token = insert(&mut reactor, &poller, 3, Interest::READ, "source");
        assert!(!gone.contains(&token));
        assert_eq!(reactor.remove(&poller, token), Some("source"));
        gone.push(token);
    }
    insert(&mut reactor, &poller, 3, Interest::READ, "current");
    for token in gone {
        assert_eq!(reactor.source(token), None);
        assert_eq!(reactor.source_mut(token), None);
        assert_eq!(reactor.interest(token), None);
        assert_eq!(reactor.remove(&poller, token), None);
        assert!(reactor.set_interest(&poller, token, BOTH).is_err());
        assert!(reactor.renew(&poller, token, BOTH).is_err());
    }
    assert_eq!(reactor.len(), 1);
    assert_eq!(poller.watched(3).map(|(_, interest)| interest), Some(Interest::READ));
}

#[test]
fn tokens_below_two_to_the_thirty_second_are_left_to_the_host() {
    let (poller, mut reactor) = simulated();
    let token = insert(&mut reactor, &poller, 3, Interest::READ, "source");
    assert!(token.0 >= 1 << 32);
    for foreign in 0..4 {
        assert_eq!(reactor.source(Token(foreign)), None);
    }
}

#[test]
fn a_number_that_is_used_again_has_another_token() {
    let (poller, mut reactor) = simulated();
    let old = insert(&mut reactor, &poller, 3, Interest::READ, "old");
    poller.set_ready(3, Interest::READ);
    let fetched = ready(&poller);
    assert_eq!(fetched, [Event { token: old, ready: Interest::READ }]);
    reactor.remove(&poller, old);
    let new = insert(&mut reactor, &poller, 3, Interest::READ, "new");
    assert_eq!(reactor.source(fetched[0].token), None);
    assert_eq!(ready(&poller), [Event { token: new, ready: Interest::READ }]);
    assert_eq!(reactor.source(new), Some(&"new"));
}

#[test]
fn a_second_registration_of_a_number_is_refused_and_its_source_given_back() {
    let (poller, mut reactor) = simulated();
    let first = insert(&mut reactor, &poller, 3, Interest::READ, "first");
    let (source, error) = reactor.insert(&poller, 3, Interest::WRITE, "second").expect_err("taken");
    assert_eq!((source, error.kind()), ("second", std::io::ErrorKind::AlreadyExists));
    assert_eq!(poller.watched(3), Some((first, Interest::READ)));
    assert_eq!(reactor.lookup(3), Some(first));
}

#[test]
fn a_negative_number_is_refused() {
    let (poller, mut reactor) = simulated();
    let (source, error) =
        reactor.insert(&poller, -1, Interest::READ, "source").expect_err("no descriptor");
    assert_eq!(source, "source");
    assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    assert_eq!(reactor.lookup(-1), None);
    assert!(reactor.is_empty());
}

#[test]
fn no_interest_takes_the_descriptor_out_of_the_set_and_keeps_the_registration() {
    let (poller, mut reactor) = simulated();
    let token = insert(&mut reactor, &poller, 3, BOTH, "source");
    reactor.set_interest(&poller, token, Interest::NONE).unwrap();
    assert_eq!(poller.watched(3), None);
    assert_eq!(reactor.source(token), Some(&"source"));
    assert_eq!(reactor.interest(token), Some(Interest::NONE));
    assert_eq!(reactor.renew(&poller, token, Interest::NONE).unwrap(), token);
    assert_eq!(poller.watched(3), None);
    reactor.set_interest(&poller, token, Interest::WRITE).unwrap();
    assert_eq!(poller.watched(3), Some((token, Interest::WRITE)));
}

#[test]
fn an_interest_that_stands_already_asks_the_kernel_nothing() {
    let (poller, mut reactor) = simulated();
    let token = insert(&mut reactor, &poller, 3, Interest::READ, "source");
    poller.forget(3);
    reactor.set_interest(&poller, token, Interest::READ).unwrap();
    assert_eq!(poller.watched(3), None);
    let renewed = reactor.renew(&poller, token, Interest::READ).unwrap();
    assert_ne!(renewed, token, "the kernel may still tell of a copy under the old token");
    assert_eq!(reactor.source(token), None);
    assert_eq!(poller.watched(3), Some((renewed, Interest::READ)));
}

#[test]
fn an_entry_that_the_kernel_lost_is_added_again_and_one_that_it_kept_is_changed() {
    let (poller, mut reactor) = simulated();
    let token = insert(&mut reactor, &poller, 3, Interest::READ, "source");
    poller.forget(3);
    reactor.set_interest(&poller, token, Interest::WRITE).unwrap();
    assert_eq!(poller.watched(3), Some((token, Interest::WRITE)));

    poller.add(4, Token(1), Interest::READ).unwrap();
    let kept = insert(&mut reactor, &poller, 4, Interest::WRITE, "kept");
    assert_eq!(poller.watched(4), Some((kept, Interest::WRITE)));
}

#[test]
fn the_owner_of_a_descriptor_that_was_closed_is_given_back() {
    let (poller, mut reactor) = simulated();
    let token = insert(&mut reactor, &poller, 3, Interest::READ, "source");
    poller.forget(3);
    assert_eq!(reactor.remove(&poller, token), Some("source"));
    assert!(reactor.is_empty());
}

#[test]
fn renewing_what_the_kernel_knows_keeps_the_token() {
    let (poller, mut reactor) = simulated();
    let token = insert(&mut reactor, &poller, 3, Interest::READ, "source");
    assert_eq!(reactor.renew(&poller, token, BOTH.once()).unwrap(), token);
    assert_eq!(poller.watched(3), Some((token, BOTH.once())));
    assert_eq!(reactor.interest(token), Some(BOTH.once()));
}

#[test]
fn everything_that_is_wanted_is_added_to_another_poller() {
    let (poller, mut reactor) = simulated();
    let read = insert(&mut reactor, &poller, 3, Interest::READ, "read");
    insert(&mut reactor, &poller, 4, Interest::NONE, "nothing");
    let gone = insert(&mut reactor, &poller, 5, Interest::READ, "gone");
    reactor.remove(&poller, gone);
    let other = SimPoller::new(SimClock::default());
    reactor.add_all(&other);
    assert_eq!(other.watched(3), Some((read, Interest::READ)));
    assert_eq!((other.watched(4), other.watched(5)), (None, None));
}
