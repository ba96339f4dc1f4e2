//! `RetryRules`: when a request is made again.

use std::time::Duration;

use aioxide_http::retry::{Attempt, ErrorKind, ErrorKinds, Outcome, Policy, Reason, Retry};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// When a request is made again. An attempt is (its number from 1, the method, whether its body
/// can be sent once more, seconds since the first one began).
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct RetryRules(Policy);

type AttemptParts<'a> = (u32, &'a str, bool, f64);

/// Seconds to wait, or why not.
type Decision = (Option<f64>, Option<String>);

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| PyValueError::new_err(format!("{name} must be a number of seconds from 0 on")))
}

fn kind(name: &str) -> PyResult<ErrorKind> {
    ErrorKind::named(name).ok_or_else(|| {
        let known: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        let known = known.join(", ");
        PyValueError::new_err(format!("there is no error {name:?}; there are {known}"))
    })
}

impl RetryRules {
    fn decide(
        &self,
        attempt: AttemptParts<'_>,
        outcome: &Outcome<'_>,
        unix: f64,
        random: u64,
    ) -> Decision {
        let (number, method, replayable, elapsed) = attempt;
        let attempt = Attempt { number, method, replayable, started_at: Duration::ZERO };
        let elapsed = Duration::try_from_secs_f64(elapsed).unwrap_or_default();
        let unix = Duration::try_from_secs_f64(unix).unwrap_or_default();
        match self.0.decide(&attempt, outcome, elapsed, unix, random) {
            Retry::After(wait) => (Some(wait.as_secs_f64()), None),
            // Nobody wants to be told of what the policy is not for.
            Retry::Stop(Reason::Outcome) => (None, None),
            Retry::Stop(reason) => (None, Some(reason.to_string())),
        }
    }
}

#[pymethods]
impl RetryRules {
    /// Raises ValueError for a setting that makes no sense.
    #[new]
    #[pyo3(signature = (
        *, attempts, backoff, factor, max_backoff, jitter, errors, statuses, max_retry_after,
        any_method, budget
    ))]
    #[expect(clippy::too_many_arguments, reason = "the settings, by name")]
    fn new(
        attempts: u32,
        backoff: f64,
        factor: f64,
        max_backoff: f64,
        jitter: bool,
        errors: Vec<String>,
        statuses: Vec<u16>,
        max_retry_after: Option<f64>,
        any_method: bool,
        budget: Option<f64>,
    ) -> PyResult<Self> {
        if attempts == 0 {
            return Err(PyValueError::new_err("attempts must be 1 or more"));
        }
        if !factor.is_finite() || factor < 1.0 {
            return Err(PyValueError::new_err("factor must be a number from 1 on"));
        }
        let kinds: Vec<ErrorKind> =
            errors.iter().map(|name| kind(name)).collect::<PyResult<_>>()?;
        Ok(Self(Policy {
            attempts,
            base: seconds("backoff", backoff)?,
            factor,
            cap: seconds("max_backoff", max_backoff)?,
            full_jitter: jitter,
            errors: ErrorKinds::of(&kinds),
            statuses,
            max_retry_after: max_retry_after
                .map(|value| seconds("max_retry_after", value))
                .transpose()?,
            any_method,
            budget: budget.map(|value| seconds("budget", value)).transpose()?,
        }))
    }

    /// What to do after a response: seconds to wait before the next attempt, or None and why there
    /// is none, which is None where the policy is not for the status. unix: the time of day.
    /// random: anything.
    #[pyo3(signature = (attempt, status, retry_after, unix, random))]
    fn after_response(
        &self,
        attempt: AttemptParts<'_>,
        status: u16,
        retry_after: Option<&str>,
        unix: f64,
        random: u64,
    ) -> Decision {
        let retry_after = retry_after.map(str::as_bytes);
        self.decide(attempt, &Outcome::Status { status, retry_after }, unix, random)
    }

    /// The same after an error. Raises ValueError for one that there is not.
    fn after_error(
        &self,
        attempt: AttemptParts<'_>,
        error: &str,
        random: u64,
    ) -> PyResult<Decision> {
        Ok(self.decide(attempt, &Outcome::Error(kind(error)?), 0.0, random))
    }
}
