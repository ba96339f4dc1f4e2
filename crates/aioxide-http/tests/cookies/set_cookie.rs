//! Set-Cookie fields that need more than a line of a table.

use aioxide_http::cookies::{
    Attribute, SetCookieError, SetCookieLimits, parse_set_cookie, parse_set_cookies,
};

use super::world::{attributes, parse};

fn error(field: &[u8]) -> SetCookieError {
    parse_set_cookie(field, &SetCookieLimits::default()).expect_err("no cookie")
}

#[test]
fn field_is_refused_with_its_reason() {
    assert_eq!(error(b"a=b\n"), SetCookieError::ControlCharacter);
    assert_eq!(error(b"a=b; Path=\x00"), SetCookieError::ControlCharacter);
    assert_eq!(error(b"a=\"\\012\""), SetCookieError::ControlCharacter);
    assert_eq!(error(b""), SetCookieError::NoName);
    assert_eq!(error(b"Secure; a=b"), SetCookieError::NoName);
    assert_eq!(error(b"=b"), SetCookieError::NoName);
    assert_eq!(error(b"a b=c"), SetCookieError::IllegalName("a b".into()));
    assert_eq!(error(b"a\xff=c"), SetCookieError::IllegalName("a\u{fffd}".into()));
    assert_eq!(error(b"a=\xff"), SetCookieError::NotUtf8);
    let long = format!("a={}", "b".repeat(4096));
    assert_eq!(error(long.as_bytes()), SetCookieError::TooLong { length: 4097, limit: 4096 });
}

#[test]
fn attribute_that_is_not_utf8_is_ignored() {
    let field = b"a=b; Path=\"/\xff\"; Comment=c; \xff=1; Secure";
    let cookie = parse_set_cookie(field, &SetCookieLimits::default()).unwrap();
    assert_eq!(attributes(&cookie), ["comment=c", "secure"]);
}

#[test]
fn one_field_is_one_cookie() {
    let cookie = parse("a=b, c=d; Path=/; e=f");
    assert_eq!((cookie.key(), cookie.value()), ("a", "b, c=d"));
    assert_eq!(attributes(&cookie), ["path=/"]);
}

#[test]
fn fields_behind_the_limit_are_counted_and_not_read() {
    let limits = SetCookieLimits { cookies: 2, ..SetCookieLimits::default() };
    let fields: [&[u8]; 5] = [b"a=1", b"nothing", b"b=2", b"c=3", b"nothing"];
    let parsed = parse_set_cookies(fields, &limits);
    let keys: Vec<_> = parsed.cookies.iter().map(|cookie| cookie.key().to_owned()).collect();
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(parsed.refused, [SetCookieError::NoName]);
    assert_eq!(parsed.over_limit, 2);
}

#[test]
fn attributes_are_named_in_any_case_and_the_last_counts() {
    let cookie = parse("a=b; PATH=/x; pAtH=/y; SECURE; MAX-AGE=1");
    assert_eq!(cookie.attributes.text(Attribute::Path), "/y");
    assert!(cookie.attributes.is_true(Attribute::Secure));
    assert!(!cookie.attributes.is_true(Attribute::HttpOnly));
    for attribute in Attribute::ALL {
        assert_eq!(Attribute::named(attribute.name()), Some(attribute));
    }
}
