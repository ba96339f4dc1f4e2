//! When a loop that is watched has worked for too long, and when to look at it next.
//!
//! A loop is looked at once in `limit` at least, and at the moment at which the work that was seen
//! last will have lasted so long. That is enough to catch everything that takes as long as the limit
//! at the moment at which it does: whatever does is seen once before that moment. A turn may be told
//! of later by an eighth of the limit.
//!
//! When work began is told by the processor's counter, which may be wrong; so it counts for no more
//! than what the looks themselves have seen allows.

use crate::clock::Nanos;
use crate::counters::{Look, State};

/// A step that is so small a part of the limit short of it has taken nearly all of its turn: then it
/// is the step that takes long, and the turn is told of only if the step ends before.
const NEARLY: Nanos = 8;

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The loop waits, and did so at the last look.
    Idle,
    /// Look again then.
    Later(Nanos),
    /// A step, or the time before one, takes too long; told once.
    Step {
        /// When it began.
        began: Nanos,
    },
    /// A turn does, though none of its steps; told once.
    Turn {
        /// When it began.
        began: Nanos,
    },
}

/// What the looks at one loop have shown.
#[derive(Debug, Default)]
pub struct Gaze {
    last: Option<(Look, Nanos)>,
    work: Span,
    turn: Span,
    told_work: Option<Look>,
    told_turn: Option<u64>,
}

/// Between when and when something began, by the looks.
#[derive(Clone, Copy, Debug)]
struct Span {
    earliest: Nanos,
    latest: Nanos,
}

impl Default for Span {
    fn default() -> Self {
        Self { earliest: Nanos::MIN, latest: Nanos::MAX }
    }
}

impl Gaze {
    /// Judges a look at `now`; `age` says how long ago a count of ticks was, in nanoseconds.
    pub fn judge(
        &mut self,
        look: &Look,
        now: Nanos,
        limit: Nanos,
        age: impl Fn(u64) -> Nanos,
    ) -> Sight {
        let last = self.last.replace((*look, now));
        if !look.state.is_busy() {
            let still =
                last.is_some_and(|(last, _)| last.epoch == look.epoch && !last.state.is_busy());
            return if still { Sight::Idle } else { Sight::Later(now + limit) };
        }
        let seen_before = last.map_or(Nanos::MIN, |(_, at)| at);
        let began = |span: &mut Span, same: bool, ticks: u64| {
            if !same {
                *span = Span { earliest: seen_before.min(now), latest: now };
            }
            (now - age(ticks).max(0)).clamp(span.earliest, span.latest)
        };
        let same_work =
            last.is_some_and(|(last, _)| last.is_same_work(look) && last.state.is_busy());
        let same_turn =
            last.is_some_and(|(last, _)| last.turn == look.turn && same_start(&last, look));
        let work_began = began(&mut self.work, same_work, look.started);
        let turn_began = began(&mut self.turn, same_turn, look.turn_started);
        if self.told_work.is_some_and(|told| told.is_same_work(look)) {
            return Sight::Later(now + limit);
        }
        if now - work_began >= limit {
            self.told_work = Some(*look);
            self.told_turn = Some(look.turn);
            return Sight::Step { began: work_began };
        }
        let mut next = work_began + limit;
        // Before a turn has begun, its number is that of the one before.
        if look.state == State::Running && self.told_turn != Some(look.turn) {
            let due = turn_began + limit;
            if now < due {
                next = next.min(due);
            } else if next - now > limit / NEARLY {
                self.told_turn = Some(look.turn);
                return Sight::Turn { began: turn_began };
            }
        }
        Sight::Later(next)
    }
}

const fn same_start(one: &Look, other: &Look) -> bool {
    one.turn_started == other.turn_started
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Nanos = 100;

    fn look(state: State, epoch: u64, started: u64) -> Look {
        Look {
            state,
            epoch,
            current: 0,
            started,
            turn: epoch,
            turn_started: started,
            turn_epoch: epoch.saturating_sub(1),
            ready: 1,
            queue: [(0, 0); 2],
        }
    }

    /// Ticks are nanoseconds here.
    fn judge(gaze: &mut Gaze, look: &Look, now: Nanos) -> Sight {
        gaze.judge(look, now, LIMIT, |ticks| now - ticks as Nanos)
    }

    #[test]
    fn a_loop_that_waits_is_idle_at_the_second_look() {
        let mut gaze = Gaze::default();
        let waiting = look(State::Polling, 7, 0);
        assert_eq!(judge(&mut gaze, &waiting, 1000), Sight::Later(1100));
        assert_eq!(judge(&mut gaze, &waiting, 1100), Sight::Idle);
        let worked = look(State::Polling, 8, 0);
        assert_eq!(judge(&mut gaze, &worked, 1200), Sight::Later(1300), "it has worked meanwhile");
    }

    #[test]
    fn long_work_is_told_at_the_limit_and_once() {
        let mut gaze = Gaze::default();
        let working = look(State::Running, 1, 1000);
        assert_eq!(judge(&mut gaze, &working, 1030), Sight::Later(1100));
        assert_eq!(judge(&mut gaze, &working, 1100), Sight::Step { began: 1000 });
        assert_eq!(judge(&mut gaze, &working, 1200), Sight::Later(1300));
        let next = look(State::Running, 2, 1250);
        assert_eq!(judge(&mut gaze, &next, 1300), Sight::Later(1350));
    }

    #[test]
    fn everything_as_long_as_the_limit_is_caught_at_the_limit() {
        // A loop of steps of many lengths, seen only when the gaze asks for it.
        let lengths = [3, 250, 40, 100, 99, 1, 101, 700, 20];
        let mut gaze = Gaze::default();
        let (mut now, mut begins, mut told) = (0, 0, Vec::new());
        for (index, length) in lengths.iter().enumerate() {
            let ends = begins + length;
            while now < ends {
                let working = look(State::Running, index as u64 + 1, begins as u64);
                match judge(&mut gaze, &working, now) {
                    Sight::Later(next) => now = next.max(now + 1),
                    Sight::Step { began } => told.push((began, now - began)),
                    other => panic!("{other:?}"),
                }
            }
            begins = ends;
        }
        assert_eq!(told, [(3, 100), (493, 100), (594, 100)]);
    }

    #[test]
    fn a_turn_of_short_steps_is_told() {
        let mut gaze = Gaze::default();
        let mut seen = look(State::Running, 1, 1000);
        assert_eq!(judge(&mut gaze, &seen, 1001), Sight::Later(1100));
        seen.epoch = 20;
        seen.started = 1090;
        assert_eq!(judge(&mut gaze, &seen, 1100), Sight::Turn { began: 1000 });
        seen.epoch = 21;
        seen.started = 1195;
        assert_eq!(judge(&mut gaze, &seen, 1200), Sight::Later(1295), "told once");
    }

    #[test]
    fn a_step_that_takes_nearly_all_of_its_turn_is_what_takes_long() {
        let mut gaze = Gaze::default();
        let mut seen = look(State::Running, 1, 1000);
        seen.started = 1003;
        assert_eq!(judge(&mut gaze, &seen, 1010), Sight::Later(1100));
        assert_eq!(judge(&mut gaze, &seen, 1100), Sight::Later(1103));
        assert_eq!(judge(&mut gaze, &seen, 1103), Sight::Step { began: 1003 });
    }

    #[test]
    fn a_turn_is_told_when_the_step_that_took_nearly_all_of_it_has_ended() {
        let mut gaze = Gaze::default();
        let mut seen = look(State::Running, 1, 1000);
        seen.started = 1003;
        assert_eq!(judge(&mut gaze, &seen, 1010), Sight::Later(1100));
        assert_eq!(judge(&mut gaze, &seen, 1100), Sight::Later(1103));
        seen.epoch = 2;
        seen.started = 1102;
        assert_eq!(judge(&mut gaze, &seen, 1103), Sight::Turn { began: 1000 });
    }

    #[test]
    fn a_counter_that_is_wrong_makes_no_work_long() {
        let mut gaze = Gaze::default();
        assert_eq!(judge(&mut gaze, &look(State::Polling, 1, 0), 1000), Sight::Later(1100));
        // Seemingly a century ago.
        let working = look(State::Running, 2, 0);
        let judged = gaze.judge(&working, 1050, LIMIT, |_| 1 << 60);
        assert_eq!(judged, Sight::Later(1100), "not before the look that saw it waiting");
        // Seemingly in the future.
        let judged = gaze.judge(&working, 1200, LIMIT, |_| -(1 << 60));
        assert_eq!(judged, Sight::Step { began: 1050 }, "not after the look that saw it first");
    }
}
