//! The header Retry-After: a number of seconds, or a date.

use std::time::Duration;

/// The beginning of time of day, in the words of HTTP.
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

/// How long the server wants to be left alone, at `unix`, the time of day since 1970. A date that
/// has passed is no time at all. `None` for what is neither a number nor a date.
#[must_use]
pub fn parse_retry_after(value: &[u8], unix: Duration) -> Option<Duration> {
    let value = value.trim_ascii();
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        let seconds = value.iter().try_fold(0_u64, |seconds, digit| {
            seconds.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        return Some(Duration::from_secs(seconds.unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    let epoch = httpdate::parse_http_date(EPOCH).ok()?;
    Some(date.duration_since(epoch).ok()?.saturating_sub(unix))
}
