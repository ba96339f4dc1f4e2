//! Where a write comes from, which says when it goes out.

use crate::event_loop::Loop;
use crate::ffi::thread_id;

/// Where a write comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The protocol of this transport is being given data: its answer goes out after the reads.
    OwnData,
    /// The protocol of another one is: when it returns, the loop sends.
    Data,
    /// The loop's step of this number.
    Step(u64),
    /// Another thread, or a loop that is not running: no end of a step is to come.
    Outside,
}

impl Origin {
    /// Of a write to the transport at `address`, now.
    pub(crate) fn of(event_loop: Option<&Loop>, address: usize) -> Self {
        let Some(event_loop) = event_loop else { return Self::Outside };
        match event_loop.delivering() {
            delivering if delivering == address => Self::OwnData,
            0 if event_loop.running_thread() == thread_id() => {
                Self::Step(event_loop.counters.epoch())
            }
            0 => Self::Outside,
            _ => Self::Data,
        }
    }

    /// Whether a write to a transport with nothing queued goes out at once; notes that it did in
    /// `wrote_in`, the step of the last that did.
    pub(crate) fn goes_out(self, wrote_in: &mut Option<u64>) -> bool {
        match self {
            Self::OwnData | Self::Data => false,
            Self::Step(step) => wrote_in.replace(step) != Some(step),
            Self::Outside => true,
        }
    }
}
