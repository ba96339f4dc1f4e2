//! What `aioxide.fanout` decides natively: whose turn it is, and how long a server wants to be left
//! alone. The decisions are in aioxide-http; here they get numbers and times from Python.

mod rate_limiter;
mod retry_after;

pub(crate) use rate_limiter::RateLimiter;
pub(crate) use retry_after::parse_retry_after;
