//! Dates and lengths of time.

use aioxide_http::cookies::{UnixTime, parse_date};

use super::world::{NOW, answer, header};
use aioxide_http::cookies::Jar;

#[test]
fn every_day_of_four_centuries_is_counted() {
    let mut days = -134_774; // 1 January 1601
    for year in 1601..2001 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let months = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let names =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        for (name, length) in names.into_iter().zip(months) {
            for day in 1..=length {
                let date = format!("{day} {name} {year} 00:00:00");
                assert_eq!(parse_date(&date), Some(UnixTime::from_secs(days * 86_400)), "{date}");
                days += 1;
            }
        }
    }
}

#[test]
fn cookie_that_ended_with_1970_is_deleted() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["sid=1"]);
    answer(&mut jar, NOW, "http://x.com/", &["sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert_eq!(jar.len(), 0);
}

#[test]
fn max_age_comes_before_expires_even_if_it_means_nothing() {
    let mut jar = Jar::default();
    let past = "Expires=Thu, 01 Jan 1980 00:00:00 GMT";
    answer(&mut jar, NOW, "http://x.com/", &[&format!("a=1; Max-Age=10; {past}")]);
    answer(&mut jar, NOW, "http://x.com/", &[&format!("b=1; Max-Age=soon; {past}")]);
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), "a=1; b=1");
    assert_eq!(header(&mut jar, NOW.after_secs(10), "http://x.com/"), "b=1");
}

#[test]
fn cookie_ends_at_its_second_and_not_before() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Max-Age=10"]);
    let end = NOW.after_secs(10);
    assert_eq!(
        header(&mut jar, UnixTime::from_micros(end.as_micros() - 1), "http://x.com/"),
        "a=1"
    );
    assert_eq!(header(&mut jar, end, "http://x.com/"), "");
    assert_eq!(jar.len(), 0);
}

#[test]
fn ends_beyond_all_numbers_are_the_last_second_of_9999() {
    let mut jar = Jar::default();
    let age = "9".repeat(500);
    answer(
        &mut jar,
        NOW,
        "http://x.com/",
        &[&format!("a=1; Max-Age={age}"), &format!("b=1; Max-Age=-{age}")],
    );
    let ends: Vec<_> = jar.entries().iter().map(|entry| entry.expires_at).collect();
    assert_eq!(ends, [Some(UnixTime::from_secs(253_402_300_799))]);
}

#[test]
fn time_as_a_float_comes_back() {
    for seconds in [0.0, -0.5, 1_700_000_000.25, 1_700_000_000.123_456, 253_402_300_799.0] {
        assert_eq!(UnixTime::from_secs_f64(seconds).unwrap().as_secs_f64(), seconds);
    }
    assert_eq!(UnixTime::from_secs_f64(f64::NAN), None);
    assert_eq!(UnixTime::from_secs_f64(f64::INFINITY), None);
    assert_eq!(UnixTime::from_secs_f64(1e300), Some(UnixTime::from_micros(i64::MAX)));
}
