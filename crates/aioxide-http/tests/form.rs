//! URL-encoded forms, against what CPython's urllib.parse answers.

use aioxide_http::form::{Limits, ParseError, append, encode, parse};
use proptest::prelude::*;

fn encoded(name: &[u8], value: &[u8]) -> String {
    String::from_utf8(encode([(name, value)])).expect("ASCII")
}

fn parsed(form: &str, keep_blank_values: bool) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    parse(form.as_bytes(), keep_blank_values, Limits::default())
        .expect("within the limits")
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn unreserved_characters_stay_and_spaces_become_plus() {
    assert_eq!(encoded(b"aZ09_.-~", b"a b"), "aZ09_.-~=a+b");
    assert_eq!(encoded(b"a&b=c", b"+%/?*"), "a%26b%3Dc=%2B%25%2F%3F%2A");
    assert_eq!(encoded("\u{e4}".as_bytes(), b"\r\n\0"), "%C3%A4=%0D%0A%00");
    assert_eq!(encoded(b"", b""), "=");
}

#[test]
fn fields_follow_each_other() {
    let mut form = Vec::new();
    append(b"a", b"1", &mut form);
    append(b"a", b"2", &mut form);
    append(b"b", b"", &mut form);
    assert_eq!(form, b"a=1&a=2&b=");
    assert_eq!(encode([]), b"");
}

#[test]
fn fields_are_parsed_as_parse_qsl_does() {
    assert_eq!(
        parsed("a=1&a=2&b=x%20y+z", false),
        pairs(&[("a", "1"), ("a", "2"), ("b", "x y z")])
    );
    assert_eq!(parsed("a=b=c", false), pairs(&[("a", "b=c")]));
    assert_eq!(parsed("&&a=1&", true), pairs(&[("a", "1")]));
    assert_eq!(parsed("=1", true), pairs(&[("", "1")]));
    assert_eq!(parsed("a;b=1", true), pairs(&[("a;b", "1")]));
    assert_eq!(parsed("", true), pairs(&[]));
    assert_eq!(parsed("a+b%3d=%e4", true), pairs(&[("a b=", "\\xe4")]));
}

#[test]
fn blank_values_are_left_out_unless_they_are_wanted() {
    assert_eq!(parsed("a&b=&c=1", false), pairs(&[("c", "1")]));
    assert_eq!(parsed("a&b=&c=1", true), pairs(&[("a", ""), ("b", ""), ("c", "1")]));
}

#[test]
fn percent_that_means_nothing_stays() {
    assert_eq!(
        parsed("a=%&b=%4&c=%4g&d=%%41&e=100%25%", true),
        pairs(&[("a", "%"), ("b", "%4"), ("c", "%4g"), ("d", "%A"), ("e", "100%%")])
    );
}

#[test]
fn size_and_number_of_fields_are_capped() {
    let limits = Limits { max_size: 7, max_fields: 2 };
    assert!(parse(b"a=1&b=2", true, limits).is_ok());
    let error = parse(b"a=1&b=22", true, limits);
    assert_eq!(error, Err(ParseError::Size { size: 8, limit: 7 }));
    assert_eq!(parse(b"a&b&c", true, limits), Err(ParseError::Fields { limit: 2 }));
    // What is left out does not count.
    assert!(parse(b"a&b&c=1", false, limits).is_ok());
}

#[test]
fn plain_text_is_not_copied() {
    let form = b"name=value".as_slice();
    let fields = parse(form, false, Limits::default()).expect("within the limits");
    assert_eq!(fields[0].0.as_ptr(), form.as_ptr());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_gives_what_was_encoded(
        fields in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..20),
             proptest::collection::vec(any::<u8>(), 0..20)), 0..10),
    ) {
        let form = encode(fields.iter().map(|(name, value)| (&name[..], &value[..])));
        prop_assert!(form.is_ascii());
        let parsed = parse(&form, true, Limits::default()).expect("within the limits");
        let parsed: Vec<(Vec<u8>, Vec<u8>)> = parsed
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        prop_assert_eq!(parsed, fields);
    }
}
