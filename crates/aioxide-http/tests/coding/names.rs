//! Names of codings and lists of them.

use aioxide_http::coding::{Coding, Codings, CodingsError, MAX_CODINGS};

fn parse(values: &[&str]) -> Result<Codings, CodingsError> {
    Codings::parse(values.iter().map(|value| value.as_bytes()))
}

#[test]
fn names_are_found_in_any_case() {
    for (name, coding) in [
        ("gzip", Coding::Gzip),
        ("GZip", Coding::Gzip),
        ("X-GZIP", Coding::Gzip),
        ("deflate", Coding::Deflate),
        ("BR", Coding::Brotli),
        ("Zstd", Coding::Zstd),
        ("identity", Coding::Identity),
    ] {
        assert_eq!(Coding::from_name(name.as_bytes()), Some(coding));
    }
    assert_eq!(Coding::from_name(b"compress"), None);
    // The Kelvin sign and the long s are not the letters that they look like.
    assert_eq!(Coding::from_name("z\u{17f}td".as_bytes()), None);
}

#[test]
fn codings_of_several_headers_are_one_list() {
    let codings = parse(&["gzip, identity", " , BR ,", "zstd"]).expect("known");
    assert_eq!(codings.as_slice(), [Coding::Gzip, Coding::Brotli, Coding::Zstd]);
    assert!(!codings.is_identity());
}

#[test]
fn no_header_and_identity_are_the_same() {
    assert!(parse(&[]).expect("none").is_identity());
    assert!(parse(&["identity", ""]).expect("identity").is_identity());
    assert!(Codings::from(Coding::Identity).is_identity());
}

#[test]
fn unknown_coding_refuses_the_list_and_is_shown_safely() {
    let error = parse(&["gzip, \u{1b}[31m"]).expect_err("unknown");
    assert_eq!(error, CodingsError::Unknown { name: "\\x1b[31m".to_owned() });
    let error = parse(&[&"x".repeat(1000)]).expect_err("unknown");
    assert_eq!(error, CodingsError::Unknown { name: "x".repeat(40) });
}

#[test]
fn more_codings_than_the_cap_are_refused() {
    let list = vec!["gzip"; MAX_CODINGS];
    assert!(parse(&list).is_ok());
    let list = vec!["gzip"; MAX_CODINGS + 1];
    assert_eq!(parse(&list), Err(CodingsError::TooMany { limit: MAX_CODINGS }));
}
