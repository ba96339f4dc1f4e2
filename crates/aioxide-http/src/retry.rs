//! When a request is made again.
//!
//! Two things, apart. [`reconnects`] is aiohttp's silent repetition of a request whose connection
//! was an old one that the server had closed already: at once, once, and never seen by anybody. A
//! [`Policy`] is what a caller asks for: after some errors and some answers, some time later.

mod after;

use std::time::Duration;

use thiserror::Error;

pub use after::parse_retry_after;

/// Methods that mean the same when they are sent twice (RFC 9110, section 9.2.2).
#[must_use]
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorKind {
    /// No connection was free in time.
    PoolTimeout,
    /// The name has no address.
    Dns,
    /// No connection could be made.
    Connect,
    /// No connection was made in time.
    ConnectTimeout,
    /// The server's certificate or its handshake.
    Tls,
    /// The proxy's refusal.
    Proxy,
    /// The connection ended before the head of an answer.
    Disconnected,
    /// The connection broke while the request was written.
    Write,
    /// No answer in time, or no more of it.
    ReadTimeout,
    /// The body ended too early.
    Payload,
    /// What came is no HTTP.
    Protocol,
}

impl ErrorKind {
    /// All that there are.
    pub const ALL: [Self; 11] = [
        Self::PoolTimeout,
        Self::Dns,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Proxy,
        Self::Disconnected,
        Self::Write,
        Self::ReadTimeout,
        Self::Payload,
        Self::Protocol,
    ];

    /// What settings call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PoolTimeout => "pool_timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Disconnected => "disconnected",
            Self::Write => "write",
            Self::ReadTimeout => "read_timeout",
            Self::Payload => "payload",
            Self::Protocol => "protocol",
        }
    }

    /// The one that is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The server has seen nothing of the request, so repeating it is making it.
    #[must_use]
    pub const fn is_before_sending(self) -> bool {
        matches!(
            self,
            Self::PoolTimeout
                | Self::Dns
                | Self::Connect
                | Self::ConnectTimeout
                | Self::Tls
                | Self::Proxy
        )
    }
}

/// A set of errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorKinds(u16);

impl ErrorKinds {
    /// Those in the list.
    #[must_use]
    pub fn of(kinds: &[ErrorKind]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | 1 << *kind as u8))
    }

    /// It is one of them.
    #[must_use]
    pub const fn contains(self, kind: ErrorKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// When a request is made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How often it is made at most, the first time included.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub base: Duration,
    /// How much longer each wait is than the one before.
    pub factor: f64,
    /// No wait is longer, but for a server's wish.
    pub cap: Duration,
    /// A wait is anything between nothing and what it would be, so that clients that failed
    /// together do not come back together.
    pub full_jitter: bool,
    /// After which errors.
    pub errors: ErrorKinds,
    /// After which statuses.
    pub statuses: Vec<u16>,
    /// How long a Retry-After is obeyed, a longer one for no longer; `None` for not at all.
    pub max_retry_after: Option<Duration>,
    /// A request whose method is not idempotent is repeated, too, though the server may have acted
    /// on it.
    pub any_method: bool,
    /// No attempt begins later than this after the beginning of the first.
    pub budget: Option<Duration>,
}

impl Default for Policy {
    /// Three attempts, after what usually passes.
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(10),
            full_jitter: true,
            errors: ErrorKinds::of(&[
                ErrorKind::Connect,
                ErrorKind::ConnectTimeout,
                ErrorKind::Dns,
                ErrorKind::Disconnected,
                ErrorKind::Write,
                ErrorKind::ReadTimeout,
            ]),
            statuses: vec![429, 502, 503, 504],
            max_retry_after: Some(Duration::from_secs(60)),
            any_method: false,
            budget: None,
        }
    }
}

/// What was tried.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// 1 for the first.
    pub number: u32,
    /// In capitals.
    pub method: &'a str,
    /// There is no body, or it can be sent once more.
    pub replayable: bool,
    /// When the first attempt began.
    pub started_at: Duration,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// With an answer.
    Status {
        /// Its status.
        status: u16,
        /// Its header Retry-After.
        retry_after: Option<&'a [u8]>,
    },
    /// With an error.
    Error(ErrorKind),
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Retry {
    /// Make it again when so much time has passed.
    After(Duration),
    /// Leave it at that.
    Stop(Reason),
}

/// Why a request is not made again.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Reason {
    /// Its outcome is a good one, or none that the policy is for.
    #[error("the policy does not repeat what ends like this")]
    Outcome,
    /// It was made as often as it may be.
    #[error("it was made {attempts} times")]
    Attempts {
        /// The setting.
        attempts: u32,
    },
    /// The server may have acted on it, and would act twice.
    #[error("its method is not idempotent")]
    Method,
    /// Its body cannot be sent once more.
    #[error("its body was read while it was sent")]
    Body,
    /// The next attempt would begin too late.
    #[error("its time is over: {budget:?}")]
    Budget {
        /// The setting.
        budget: Duration,
    },
}

impl Policy {
    /// What to do after an attempt. `now` is on the clock of [`Attempt::started_at`], `unix` the
    /// time of day since 1970, for a Retry-After that is a date; `random` is anything.
    pub fn decide(
        &self,
        attempt: &Attempt<'_>,
        outcome: &Outcome<'_>,
        now: Duration,
        unix: Duration,
        random: u64,
    ) -> Retry {
        let wanted = match *outcome {
            Outcome::Status { status, .. } => self.statuses.contains(&status),
            Outcome::Error(kind) => self.errors.contains(kind),
        };
        if !wanted {
            return Retry::Stop(Reason::Outcome);
        }
        if attempt.number >= self.attempts {
            return Retry::Stop(Reason::Attempts { attempts: self.attempts });
        }
        let unseen = matches!(outcome, Outcome::Error(kind) if kind.is_before_sending());
        if !unseen && !self.any_method && !is_idempotent(attempt.method) {
            return Retry::Stop(Reason::Method);
        }
        if !attempt.replayable {
            return Retry::Stop(Reason::Body);
        }
        let wait = self.wait(attempt.number, random).max(self.wish(outcome, unix));
        if let Some(budget) = self.budget {
            let begins = now.saturating_sub(attempt.started_at).saturating_add(wait);
            if begins > budget {
                return Retry::Stop(Reason::Budget { budget });
            }
        }
        Retry::After(wait)
    }

    /// The wait after attempt `number`.
    fn wait(&self, number: u32, random: u64) -> Duration {
        let exponent = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.base.as_secs_f64() * self.factor.powi(exponent);
        // What is no length of time is too long a one: infinite, or more than there can be.
        let wait = Duration::try_from_secs_f64(seconds).map_or(self.cap, |wait| wait.min(self.cap));
        if self.full_jitter { fraction(wait, random) } else { wait }
    }

    /// The wait that the server wishes.
    fn wish(&self, outcome: &Outcome<'_>, unix: Duration) -> Duration {
        match (self.max_retry_after, outcome) {
            (Some(most), Outcome::Status { retry_after: Some(value), .. }) => {
                parse_retry_after(value, unix).unwrap_or_default().min(most)
            }
            _ => Duration::ZERO,
        }
    }
}

/// `random` of 2^64 of it.
fn fraction(whole: Duration, random: u64) -> Duration {
    // Below 2^30 times 2^64, and so is the product of the seconds before its shift.
    let nanos = u64::from(whole.subsec_nanos());
    let product = u128::from(whole.as_secs()) * u128::from(random);
    let seconds = (product >> 64) as u64;
    let rest = (product & u128::from(u64::MAX)) * 1_000_000_000;
    let nanos = (rest + u128::from(nanos) * u128::from(random)) >> 64;
    Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos as u64))
}

/// A request whose connection ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// In capitals.
    pub method: &'a str,
    /// The connection had served another request before.
    pub reused: bool,
    /// Something of an answer had come.
    pub answered: bool,
    /// There is no body, or it can be sent once more.
    pub replayable: bool,
    /// The request has been repeated like this already.
    pub repeated: bool,
}

/// The request is to be made again at once, on another connection: the server had closed this one
/// for its age before it saw the request. aiohttp does so for a new connection, too, which nobody
/// had reason to close; and so it may send a request twice to a server that fails on it.
#[must_use]
pub fn reconnects(ended: &Ended<'_>) -> bool {
    let Ended { method, reused, answered, replayable, repeated } = *ended;
    reused && !answered && replayable && !repeated && is_idempotent(method)
}
