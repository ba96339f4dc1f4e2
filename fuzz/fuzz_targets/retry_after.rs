#![no_main]
//! Any Retry-After is a time, within the limit of the policy, or none.

use std::time::Duration;

use aioxide_http::retry::{Attempt, Outcome, Policy, Retry, parse_retry_after};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (unix, value) = data.split_first_chunk::<8>().unwrap_or((&[0; 8], data));
    let unix = Duration::from_secs(u64::from_le_bytes(*unix));
    let wish = parse_retry_after(value, unix);
    let attempt =
        Attempt { number: 1, method: "GET", replayable: true, started_at: Duration::ZERO };
    let outcome = Outcome::Status { status: 503, retry_after: Some(value) };
    let policy = Policy { base: Duration::ZERO, ..Policy::default() };
    let decided = policy.decide(&attempt, &outcome, Duration::ZERO, unix, 0);
    let most = policy.max_retry_after.expect("a limit");
    assert_eq!(decided, Retry::After(wish.unwrap_or_default().min(most)));
});
