//! The scheduler of aioxide: what runs next, and when.
//!
//! There is no Python here, no sockets API and no protocol. What a ready item *is* (`T`) and what
//! owns a descriptor (`S`) are the host's business; this crate orders them.
//!
//! ```text
//!            other threads, signals
//!                     │ push
//!                ┌────▼────┐
//!                │  inbox  │
//!                └────┬────┘
//!                     │ 1 drain
//!   ┌────────┐ 2 poll │
//!   │ kernel ├────────┤ 3 queue events
//!   └────────┘        │           ┌───────┐ 5 run exactly  ┌──────┐
//!   ┌────────┐ 4 due  ├──────────►│ ready ├───────────────►│ host │ 6 flush
//!   │ timers ├────────┘           └───▲───┘   one batch    └──┬───┘
//!   └───▲────┘                        └───────────────────────┤ schedule
//!       └─────────────────────────────────────────────────────┘
//! ```
//!
//! [`turn()`] is the only place where these six steps stand in order. It borrows the [`Scheduler`]
//! for one step at a time and never across a call to the host, because any call to the host can
//! come back and schedule, cancel, register or stop.

pub mod alarm;
pub mod clock;
pub mod counters;
pub mod gaze;
pub mod inbox;
pub mod poller;
pub mod reactor;
pub mod ready;
pub mod scheduler;
pub mod sim;
pub mod sys;
pub mod timers;
pub mod turn;

pub use alarm::Alarm;
pub use clock::{Clock, Nanos};
pub use counters::{Counters, Look, State};
pub use gaze::{Gaze, Sight};
pub use inbox::Inbox;
pub use poller::{Event, Interest, Poller, Timeout, Token};
pub use reactor::Reactor;
pub use ready::ReadyQueue;
pub use scheduler::Scheduler;
pub use timers::{TimerKey, Timers};
pub use turn::{Host, POLL_BUDGET, POLL_LEAST, POLLED_TURNS, turn};
