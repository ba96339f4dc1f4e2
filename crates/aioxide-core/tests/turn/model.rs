//! Random programs against a model of asyncio's `BaseEventLoop._run_once`.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::os::fd::RawFd;

use aioxide_core::{Nanos, Timeout};
use proptest::prelude::*;

use crate::world::{Action, Failure, Id, Ran, World};

/// A callback in the model's queue.
#[derive(Clone, Copy, Debug)]
enum Callback {
    Item(Id),
    /// Of the registration with that number.
    Reader(RawFd, u64),
}

/// asyncio, as its source reads: one deque, one sorted list, one selector.
#[derive(Debug, Default)]
struct Model {
    scripts: HashMap<Id, Vec<Action>>,
    ready: VecDeque<Callback>,
    scheduled: Vec<(Nanos, u64, Id)>,
    /// The numbers of an item's timers.
    timers: HashMap<Id, Vec<u64>>,
    readers: BTreeMap<RawFd, (u64, Id)>,
    readable: BTreeSet<RawFd>,
    /// What this thread sent to itself: asyncio appends it at once, we with the next turn.
    sent: Vec<Id>,
    now: Nanos,
    stopping: bool,
    serial: u64,
    trace: Vec<Ran>,
}

impl Model {
    fn perform(&mut self, action: &Action) {
        self.serial += 1;
        match *action {
            Action::Soon(id) => self.ready.push_back(Callback::Item(id)),
            Action::Later(delay, id) => {
                self.scheduled.push((self.now + delay, self.serial, id));
                self.scheduled.sort_unstable();
                self.timers.entry(id).or_default().push(self.serial);
            }
            Action::Cancel(id) => {
                if let Some(number) = self.timers.get_mut(&id).and_then(Vec::pop) {
                    self.scheduled.retain(|(_, serial, _)| *serial != number);
                }
            }
            Action::Send(id) => self.sent.push(id),
            Action::Watch(fd, id) => {
                self.readers.insert(fd, (self.serial, id));
            }
            Action::Unwatch(fd) => {
                self.readers.remove(&fd);
            }
            Action::Readable(fd, true) => {
                self.readable.insert(fd);
            }
            Action::Readable(fd, false) => {
                self.readable.remove(&fd);
            }
            Action::Elapse(length) => self.now += length,
            Action::Stop => self.stopping = true,
            Action::Tick(_) | Action::Notice | Action::Fail => {}
        }
    }

    fn turn(&mut self) -> Result<(), Failure> {
        self.ready.extend(self.sent.drain(..).map(Callback::Item));
        let timeout = if !self.ready.is_empty() || self.stopping {
            Timeout::Zero
        } else {
            match self.scheduled.first() {
                None => Timeout::Never,
                Some((when, ..)) if *when <= self.now => Timeout::Zero,
                Some((when, ..)) => Timeout::After(when - self.now),
            }
        };
        self.trace.push(Ran::Poll(timeout));
        let readers = self.readers.iter().filter(|(fd, _)| self.readable.contains(fd));
        let before = self.ready.len();
        self.ready.extend(readers.map(|(fd, (number, _))| Callback::Reader(*fd, *number)));
        if self.ready.len() == before {
            match timeout {
                Timeout::Zero => {}
                Timeout::After(length) => self.now += length,
                Timeout::Never => {
                    return Err(Failure::Poll(aioxide_core::sim::DEADLOCK.raw_os_error()));
                }
            }
        }
        while self.scheduled.first().is_some_and(|(when, ..)| *when <= self.now) {
            let (.., id) = self.scheduled.remove(0);
            self.ready.push_back(Callback::Item(id));
        }
        let mut result = Ok(());
        for _ in 0..self.ready.len() {
            result = self.run_first();
            if result.is_err() {
                break;
            }
        }
        self.trace.push(Ran::Flush);
        result
    }

    fn run_first(&mut self) -> Result<(), Failure> {
        let id = match self.ready.pop_front() {
            Some(Callback::Item(id)) => {
                self.trace.push(Ran::Item(id));
                id
            }
            Some(Callback::Reader(fd, number)) => match self.readers.get(&fd) {
                Some((current, id)) if *current == number => {
                    self.trace.push(Ran::Event(*id));
                    *id
                }
                // Its handle was cancelled.
                _ => return Ok(()),
            },
            None => return Ok(()),
        };
        let script = self.scripts.get(&id).cloned().unwrap_or_default();
        for action in &script {
            self.perform(action);
        }
        let fails = script.iter().any(|action| matches!(action, Action::Fail));
        if fails { Err(Failure::Item(id)) } else { Ok(()) }
    }
}

const IDS: Id = 12;

fn action() -> impl Strategy<Value = Action> {
    let id = 0..IDS;
    let fd = 3..6_i32;
    prop_oneof![
        6 => id.clone().prop_map(Action::Soon),
        6 => (0..30_i64, id.clone()).prop_map(|(delay, id)| Action::Later(delay, id)),
        3 => id.clone().prop_map(Action::Cancel),
        2 => id.clone().prop_map(Action::Send),
        3 => (fd.clone(), id).prop_map(|(fd, id)| Action::Watch(fd, id)),
        2 => fd.clone().prop_map(Action::Unwatch),
        3 => (fd, any::<bool>()).prop_map(|(fd, readable)| Action::Readable(fd, readable)),
        2 => (0..20_i64).prop_map(Action::Elapse),
        1 => Just(Action::Stop),
        1 => Just(Action::Fail),
    ]
}

/// Scripts that schedule more than one item each would grow without end; the turns are cut off
/// before that hurts.
const LONGEST: usize = 100;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_program_runs_in_the_order_of_asyncio(
        scripts in proptest::collection::vec(proptest::collection::vec(action(), 0..4), IDS as usize),
        turns in proptest::collection::vec(proptest::collection::vec(action(), 0..3), 1..40),
    ) {
        let world = World::new();
        let mut model = Model::default();
        for (id, script) in (0..).zip(scripts) {
            world.script(id, script.clone());
            model.scripts.insert(id, script);
        }
        for outside in turns {
            for action in &outside {
                world.perform(action);
                model.perform(action);
            }
            let (trace, result) = world.turn();
            let expected = model.turn();
            prop_assert_eq!(trace, std::mem::take(&mut model.trace));
            prop_assert_eq!(result, expected);
            prop_assert_eq!(world.clock.now(), model.now);
            // A run that was stopped begins anew.
            world.scheduler.borrow_mut().stopping = false;
            model.stopping = false;
            if model.ready.len() + model.scheduled.len() + model.sent.len() > LONGEST {
                break;
            }
        }
    }
}
