//! The Cookie field.

use aioxide_http::cookies::{
    Cookie, CookieError, CookieHeader, UnsendableCookie, parse_cookie_header,
};

#[test]
fn field_is_sorted_by_name_and_the_last_of_a_name_wins() {
    let mut header = CookieHeader::new();
    header.set("b", "b", "1");
    header.set("a", "a", "\"2\"");
    header.set("b", "b", "3");
    header.set("Z", "z", "4");
    assert_eq!(header.render(), Ok(Some("z=4; a=\"2\"; b=3".to_owned())));
    assert_eq!(CookieHeader::new().render(), Ok(None));
}

#[test]
fn field_has_no_whitespace_around() {
    let mut header = CookieHeader::new();
    header.set("a", "a", "1 \u{a0}");
    assert_eq!(header.render(), Ok(Some("a=1".to_owned())));
}

#[test]
fn control_character_does_not_get_into_the_field() {
    for (key, value) in [("a", "1\r\nX: y"), ("a\n", "1"), ("a", "\0")] {
        let mut header = CookieHeader::new();
        header.set("name", key, value);
        assert_eq!(header.render(), Err(UnsendableCookie("name".into())));
    }
    assert_eq!(parse_cookie_header("a=\"1\\012\"; b=\"\t\"; c=3").len(), 1);
}

#[test]
fn programs_cookie_is_checked_and_quoted() {
    let cookie = Cookie::from_value("a", "two words").unwrap();
    assert_eq!((cookie.value(), cookie.coded_value()), ("two words", "\"two words\""));
    let error = |key, value| Cookie::from_value(key, value).unwrap_err();
    assert_eq!(error("Path", "1"), CookieError::ReservedName("Path".into()));
    assert_eq!(error("a b", "1"), CookieError::IllegalName("a b".into()));
    assert_eq!(error("", "1"), CookieError::IllegalName(String::new()));
    assert_eq!(error("a", "1\n"), CookieError::ControlCharacter("a".into()));
}

#[test]
fn names_of_attributes_are_names_of_cookies_here() {
    let cookies = parse_cookie_header("path=/; secure; expires=Wed, 09 Jun 2021 10:18:14 GMT; a=1");
    let pairs: Vec<_> = cookies.iter().map(|cookie| (cookie.key(), cookie.value())).collect();
    let date = "Wed, 09 Jun 2021 10:18:14 GMT";
    assert_eq!(pairs, [("path", "/"), ("secure", ""), ("expires", date), ("a", "1")]);
}

#[test]
fn cookies_behind_a_malformed_one_are_not_lost() {
    let cookies = parse_cookie_header("a=1; {\"x\": \"y\"}; b={\"j\":\"k\"}; c=3");
    let pairs: Vec<_> = cookies.iter().map(|cookie| (cookie.key(), cookie.value())).collect();
    assert_eq!(pairs, [("a", "1"), ("b", "{\"j\":\"k\"}"), ("c", "3")]);
}
