//! The only reader of the system clock; everything else takes `now`.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "this is the place that the lint asks for")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
