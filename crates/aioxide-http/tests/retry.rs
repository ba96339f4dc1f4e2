//! When a request is made again.

use std::time::Duration;

use aioxide_http::retry::{
    Attempt, Ended, ErrorKind, ErrorKinds, Outcome, Policy, Reason, Retry, is_idempotent,
    parse_retry_after, reconnects,
};
use proptest::prelude::*;

const START: Duration = Duration::from_secs(5000);
/// Sun, 06 Nov 1994 08:49:37 GMT
const UNIX: Duration = Duration::from_secs(784_111_777);
const REFUSED: Outcome<'static> = Outcome::Error(ErrorKind::Connect);
const LOST: Outcome<'static> = Outcome::Error(ErrorKind::Disconnected);

fn plain() -> Policy {
    Policy { full_jitter: false, ..Policy::default() }
}

fn attempt(number: u32, method: &'static str) -> Attempt<'static> {
    Attempt { number, method, replayable: true, started_at: START }
}

fn unavailable(retry_after: &str) -> Outcome<'_> {
    Outcome::Status { status: 503, retry_after: Some(retry_after.as_bytes()) }
}

fn decide(policy: &Policy, attempt: &Attempt<'_>, outcome: &Outcome<'_>) -> Retry {
    policy.decide(attempt, outcome, START, UNIX, 0)
}

fn after(millis: u64) -> Retry {
    Retry::After(Duration::from_millis(millis))
}

#[test]
fn each_wait_is_longer_up_to_the_cap() {
    let policy = Policy { attempts: 100, cap: Duration::from_secs(1), ..plain() };
    let waits: Vec<Retry> =
        (1..7).map(|number| decide(&policy, &attempt(number, "GET"), &LOST)).collect();
    assert_eq!(waits, [after(100), after(200), after(400), after(800), after(1000), after(1000)]);
    assert_eq!(decide(&policy, &attempt(99, "GET"), &LOST), after(1000));
}

#[test]
fn every_kind_of_error_has_a_name_of_its_own() {
    let mut names: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
    for kind in ErrorKind::ALL {
        assert_eq!(ErrorKind::named(kind.name()), Some(kind));
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ErrorKind::ALL.len());
    assert_eq!(ErrorKind::named("dns "), None);
}

#[test]
fn a_factor_that_makes_no_time_makes_the_cap() {
    for factor in [f64::NAN, f64::INFINITY, -3.0, 1e300] {
        let policy = Policy { attempts: u32::MAX, factor, ..plain() };
        for number in [2, u32::MAX - 1] {
            let Retry::After(wait) = decide(&policy, &attempt(number, "GET"), &LOST) else {
                panic!("attempts are left");
            };
            assert!(wait <= policy.cap);
        }
    }
    let policy = Policy { factor: -3.0, ..plain() };
    assert_eq!(decide(&policy, &attempt(2, "GET"), &LOST), after(10_000));
}

#[test]
fn jitter_takes_any_part_of_the_wait() {
    let policy = Policy { base: Duration::from_secs(4), factor: 1.0, ..Policy::default() };
    let wait = |random| policy.decide(&attempt(1, "GET"), &LOST, START, UNIX, random);
    assert_eq!(wait(0), after(0));
    assert_eq!(wait(1 << 63), after(2000));
    assert_eq!(wait(3 << 62), after(3000));
    let Retry::After(longest) = wait(u64::MAX) else { panic!("attempts are left") };
    assert_eq!(longest, Duration::from_secs(4) - Duration::from_nanos(1));
}

#[test]
fn no_more_attempts_than_allowed() {
    let policy = plain();
    assert_eq!(decide(&policy, &attempt(2, "GET"), &LOST), after(200));
    let stop = Retry::Stop(Reason::Attempts { attempts: 3 });
    assert_eq!(decide(&policy, &attempt(3, "GET"), &LOST), stop);
    for attempts in [0, 1] {
        let once = Policy { attempts, ..plain() };
        let stop = Retry::Stop(Reason::Attempts { attempts });
        assert_eq!(decide(&once, &attempt(1, "GET"), &LOST), stop);
    }
}

#[test]
fn only_what_the_policy_is_for_is_repeated() {
    let policy = Policy {
        errors: ErrorKinds::of(&[ErrorKind::Payload, ErrorKind::PoolTimeout]),
        statuses: vec![500],
        ..plain()
    };
    let get = attempt(1, "GET");
    for (outcome, repeated) in [
        (Outcome::Error(ErrorKind::Payload), true),
        (Outcome::Error(ErrorKind::PoolTimeout), true),
        (LOST, false),
        (REFUSED, false),
        (Outcome::Status { status: 500, retry_after: None }, true),
        (Outcome::Status { status: 503, retry_after: Some(b"1") }, false),
        (Outcome::Status { status: 200, retry_after: None }, false),
    ] {
        let expected = if repeated { after(100) } else { Retry::Stop(Reason::Outcome) };
        assert_eq!(decide(&policy, &get, &outcome), expected, "{outcome:?}");
    }
}

#[test]
fn what_a_server_may_have_acted_on_is_repeated_only_if_it_is_idempotent() {
    let post = attempt(1, "POST");
    for outcome in [LOST, unavailable("0"), Outcome::Error(ErrorKind::ReadTimeout)] {
        assert_eq!(decide(&plain(), &post, &outcome), Retry::Stop(Reason::Method));
        let any = Policy { any_method: true, ..plain() };
        assert_eq!(decide(&any, &post, &outcome), after(100));
    }
    assert_eq!(decide(&plain(), &post, &REFUSED), after(100), "no server has seen it");
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        assert!(is_idempotent(method));
        assert_eq!(decide(&plain(), &attempt(1, method), &LOST), after(100));
    }
    assert!(!is_idempotent("PATCH") && !is_idempotent("get"));
}

#[test]
fn a_body_that_was_read_is_not_sent_again() {
    let consumed = Attempt { replayable: false, ..attempt(1, "PUT") };
    assert_eq!(decide(&plain(), &consumed, &LOST), Retry::Stop(Reason::Body));
}

#[test]
fn a_servers_wish_is_obeyed_up_to_the_limit() {
    let get = attempt(1, "GET");
    for (value, expected) in [
        ("3", after(3000)),
        ("0", after(100)),
        ("600", after(60_000)),
        ("99999999999999999999999", after(60_000)),
        ("Sun, 06 Nov 1994 08:49:47 GMT", after(10_000)),
        ("Sunday, 06-Nov-94 08:49:47 GMT", after(10_000)),
        ("Sun Nov  6 08:49:47 1994", after(10_000)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", after(100)),
        ("soon", after(100)),
        ("-1", after(100)),
        ("", after(100)),
    ] {
        assert_eq!(decide(&plain(), &get, &unavailable(value)), expected, "{value:?}");
    }
    let deaf = Policy { max_retry_after: None, ..plain() };
    assert_eq!(decide(&deaf, &get, &unavailable("3")), after(100));
}

#[test]
fn no_attempt_begins_after_the_budget() {
    let budget = Duration::from_secs(2);
    let policy = Policy { budget: Some(budget), ..plain() };
    let get = attempt(1, "GET");
    let at = |millis| policy.decide(&get, &LOST, START + Duration::from_millis(millis), UNIX, 0);
    assert_eq!(at(1900), after(100));
    assert_eq!(at(1901), Retry::Stop(Reason::Budget { budget }));
    let stop = decide(&policy, &get, &unavailable("3"));
    assert_eq!(stop, Retry::Stop(Reason::Budget { budget }));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    for (value, expected) in [
        (&b"120"[..], Some(120)),
        (b" 120\t", Some(120)),
        (b"18446744073709551616", Some(u64::MAX)),
        (b"Sun, 06 Nov 1994 08:49:38 GMT", Some(1)),
        (b"Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        (b"+5", None),
        (b"1.5", None),
        (b"5 s", None),
        (b"\xd9\xa3", None),
        (b"\xff", None),
        (b"Sun, 99 Nov 1994 08:49:38 GMT", None),
    ] {
        let parsed = parse_retry_after(value, UNIX);
        assert_eq!(parsed, expected.map(Duration::from_secs), "{value:?}");
    }
}

#[test]
fn a_stale_connection_is_replaced_once_and_only_where_that_is_safe() {
    let stale =
        Ended { method: "GET", reused: true, answered: false, replayable: true, repeated: false };
    assert!(reconnects(&stale));
    for ended in [
        Ended { method: "POST", ..stale },
        Ended { reused: false, ..stale },
        Ended { answered: true, ..stale },
        Ended { replayable: false, ..stale },
        Ended { repeated: true, ..stale },
    ] {
        assert!(!reconnects(&ended), "{ended:?}");
    }
}

proptest! {
    #[test]
    fn any_retry_after_is_read_without_harm(
        value in prop::collection::vec(any::<u8>(), 0..40),
        unix in any::<u64>(),
    ) {
        let unix = Duration::from_secs(unix);
        let all_digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        prop_assert!(parse_retry_after(&value, unix).is_some() || !all_digits);
    }

    #[test]
    fn jitter_is_never_longer_than_the_wait(
        seconds in 0.0..1e9_f64,
        number in 1..50_u32,
        random in any::<u64>(),
    ) {
        let base = Duration::from_secs_f64(seconds);
        let jittered = Policy { attempts: 100, base, cap: Duration::MAX, ..Policy::default() };
        let plain = Policy { full_jitter: false, ..jittered.clone() };
        let wait = |policy: &Policy| {
            match policy.decide(&attempt(number, "GET"), &LOST, START, UNIX, random) {
                Retry::After(wait) => wait,
                stop @ Retry::Stop(_) => panic!("{stop:?}"),
            }
        };
        let (part, whole) = (wait(&jittered), wait(&plain));
        let expected = whole.as_secs_f64() * (random as f64 / 2_f64.powi(64));
        prop_assert!(part <= whole);
        prop_assert!((part.as_secs_f64() - expected).abs() <= 1e-6 * whole.as_secs_f64() + 1e-8);
    }
}
