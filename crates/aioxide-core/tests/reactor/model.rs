//! Random operations against a map from descriptors to registrations.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use aioxide_core::sim::{SimClock, SimPoller};
use aioxide_core::{Interest, Reactor, Token};
use proptest::prelude::*;

use super::BOTH;

#[derive(Clone, Debug)]
enum Operation {
    Insert(RawFd, Interest),
    /// Of the token that was given so many insertions ago, current or not.
    SetInterest(usize, Interest),
    Renew(usize, Interest),
    Remove(usize),
    /// The kernel forgets the descriptor, because it was closed.
    Close(RawFd),
}

fn operation() -> impl Strategy<Value = Operation> {
    let fd = 0..6_i32;
    let back = 0..12_usize;
    let interest =
        prop_oneof![Just(Interest::NONE), Just(Interest::READ), Just(Interest::WRITE), Just(BOTH)];
    prop_oneof![
        4 => (fd.clone(), interest.clone()).prop_map(|(fd, what)| Operation::Insert(fd, what)),
        4 => (back.clone(), interest.clone())
            .prop_map(|(back, what)| Operation::SetInterest(back, what)),
        2 => (back.clone(), interest).prop_map(|(back, what)| Operation::Renew(back, what)),
        3 => back.prop_map(Operation::Remove),
        1 => fd.prop_map(Operation::Close),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Registration {
    token: Token,
    interest: Interest,
    number: usize,
    /// The kernel knows of it.
    watched: bool,
}

#[derive(Debug)]
struct Pair {
    poller: SimPoller,
    reactor: Reactor<usize>,
    model: BTreeMap<RawFd, Registration>,
    /// Every token that was given.
    tokens: Vec<Token>,
}

impl Pair {
    fn token(&self, back: usize) -> Option<Token> {
        self.tokens.len().checked_sub(back + 1).map(|number| self.tokens[number])
    }

    fn registration(&mut self, token: Token) -> Option<&mut Registration> {
        self.model.values_mut().find(|registration| registration.token == token)
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Insert(fd, interest) => {
                let number = self.tokens.len();
                let inserted = self.reactor.insert(&self.poller, fd, interest, number);
                if self.model.contains_key(&fd) {
                    assert_eq!(inserted.expect_err("registered already").0, number);
                    return;
                }
                let token = inserted.expect("not registered");
                assert!(!self.tokens.contains(&token), "a token was given twice");
                self.tokens.push(token);
                let watched = !interest.is_none();
                self.model.insert(fd, Registration { token, interest, number, watched });
            }
            Operation::SetInterest(back, interest) => {
                let Some(token) = self.token(back) else { return };
                let result = self.reactor.set_interest(&self.poller, token, interest);
                let registration = self.registration(token);
                assert_eq!(result.is_ok(), registration.is_some());
                if let Some(registration) = registration
                    && registration.interest != interest
                {
                    registration.interest = interest;
                    registration.watched = !interest.is_none();
                }
            }
            Operation::Renew(back, interest) => {
                let Some(token) = self.token(back) else { return };
                let result = self.reactor.renew(&self.poller, token, interest);
                let registration = self.registration(token);
                assert_eq!(result.is_ok(), registration.is_some());
                if let (Some(registration), Ok(renewed)) = (registration, result) {
                    let lost = !registration.watched && !registration.interest.is_none();
                    assert_eq!(renewed != token, lost && !interest.is_none());
                    registration.token = renewed;
                    registration.interest = interest;
                    registration.watched = !interest.is_none();
                    if renewed != token {
                        assert!(!self.tokens.contains(&renewed), "a token was given twice");
                        self.tokens.push(renewed);
                    }
                }
            }
            Operation::Remove(back) => {
                let Some(token) = self.token(back) else { return };
                let removed = self.reactor.remove(&self.poller, token);
                let expected = self.registration(token).map(|registration| registration.number);
                assert_eq!(removed, expected);
                self.model.retain(|_, registration| registration.token != token);
            }
            Operation::Close(fd) => {
                self.poller.forget(fd);
                if let Some(registration) = self.model.get_mut(&fd) {
                    registration.watched = false;
                }
            }
        }
    }

    fn check(&mut self) {
        assert_eq!(self.reactor.len(), self.model.len());
        assert_eq!(self.reactor.is_empty(), self.model.is_empty());
        for fd in -1..8 {
            let registration = self.model.get(&fd);
            assert_eq!(self.reactor.lookup(fd), registration.map(|one| one.token));
            let watched = registration.filter(|one| one.watched);
            assert_eq!(self.poller.watched(fd), watched.map(|one| (one.token, one.interest)));
        }
        for token in &self.tokens {
            let registration = self.model.values().find(|one| one.token == *token);
            let number = registration.map(|one| one.number);
            assert_eq!(self.reactor.source(*token).copied(), number);
            assert_eq!(self.reactor.source_mut(*token).copied(), number);
            assert_eq!(self.reactor.interest(*token), registration.map(|one| one.interest));
        }
        let mut all: Vec<_> = self.reactor.iter().map(|(token, number)| (*number, token)).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        let mut expected: Vec<_> = self.model.values().map(|one| (one.number, one.token)).collect();
        expected.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(all, expected);
    }
}

proptest! {
    #[test]
    fn any_sequence_of_operations_is_as_the_model(
        operations in proptest::collection::vec(operation(), 0..80)
    ) {
        let mut pair = Pair {
            poller: SimPoller::new(SimClock::default()),
            reactor: Reactor::new(),
            model: BTreeMap::new(),
            tokens: Vec::new(),
        };
        for operation in &operations {
            pair.apply(operation);
            pair.check();
        }
    }
}
