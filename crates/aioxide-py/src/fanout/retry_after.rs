//! The header Retry-After, in seconds.

use std::time::Duration;

use aioxide_http::retry;
use pyo3::prelude::*;

/// The seconds that a server wishes by a Retry-After header, at `unix` seconds since 1970. None for
/// what is neither a number of seconds nor a date.
#[pyfunction]
pub(crate) fn parse_retry_after(value: &str, unix: f64) -> Option<f64> {
    let unix = Duration::try_from_secs_f64(unix).unwrap_or_default();
    retry::parse_retry_after(value.as_bytes(), unix).map(|wait| wait.as_secs_f64())
}
