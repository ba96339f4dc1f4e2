//! Digest: the examples of the RFCs, and what happens in which order.

use aioxide_http::auth::{
    Challenge, DigestAuth, DigestError, DigestSettings, parse_challenges, parse_parameters,
};

use super::world::{CHALLENGE, RANDOM, authorize, challenge, parameter, target, user};

/// RFC 7616, 3.9.1, but for the cnonce, which is ours: the hash is of `cnonce` as it was sent.
#[test]
fn answer_to_the_rfcs_challenge_names_what_the_rfc_names() {
    let url = "http://www.example.org/dir/index.html";
    let field = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    let mut auth = DigestAuth::new("Mufasa", "Circle of Life", DigestSettings::default()).unwrap();
    assert!(challenge(&mut auth, url, field));
    let header = authorize(&mut auth, url).unwrap();
    for (name, value) in [
        ("username", "Mufasa"),
        ("realm", "http-auth@example.org"),
        ("uri", "/dir/index.html"),
        ("algorithm", "SHA-256"),
        ("nc", "00000001"),
        ("qop", "auth-int"),
        ("cnonce", "00010203fcfdfeff"),
        ("opaque", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"),
    ] {
        assert_eq!(parameter(&header, name), Some(value));
    }
}

/// RFC 2069, 2.4, with the response of its erratum.
#[test]
fn example_of_rfc_2069() {
    let url = "http://www.nowhere.org/dir/index.html";
    let mut auth = DigestAuth::new("Mufasa", "CircleOfLife", DigestSettings::default()).unwrap();
    let field = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                 opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    assert!(challenge(&mut auth, url, field));
    let header = authorize(&mut auth, url).unwrap();
    assert_eq!(parameter(&header, "response"), Some("1949323746fe6a43ef61f9606e7febea"));
    assert_eq!(parameter(&header, "qop"), None);
    assert_eq!(parameter(&header, "cnonce"), None);
}

#[test]
fn nonce_is_counted_and_a_new_one_begins_again() {
    let mut auth = user();
    let url = "http://x.com/";
    assert!(challenge(&mut auth, url, CHALLENGE));
    let mut count = || parameter(&authorize(&mut auth, url).unwrap(), "nc").map(str::to_owned);
    assert_eq!([count(), count()], ["00000001", "00000002"].map(|nc| Some(nc.to_owned())));
    assert!(challenge(&mut auth, url, &CHALLENGE.replace("n1", "n2")));
    assert_eq!(parameter(&authorize(&mut auth, url).unwrap(), "nc"), Some("00000001"));
}

#[test]
fn stale_nonce_is_replaced() {
    let mut auth = user();
    let url = "http://x.com/";
    assert!(challenge(&mut auth, url, CHALLENGE));
    assert!(auth.is_preemptive(&target(url)));
    authorize(&mut auth, url).unwrap();
    assert!(challenge(&mut auth, url, &format!("{}, stale=TRUE", CHALLENGE.replace("n1", "n2"))));
    assert!(auth.challenge().is_some_and(Challenge::is_stale));
    assert_eq!(parameter(&authorize(&mut auth, url).unwrap(), "nonce"), Some("n2"));
}

#[test]
fn only_a_401_with_a_challenge_of_digest_is_one() {
    let mut auth = user();
    let url = "http://x.com/";
    assert!(!auth.challenged(407, [CHALLENGE], &target(url)));
    assert!(!auth.challenged(401, [], &target(url)));
    for field in [
        "",
        "DigestWithoutSpace",
        "Basic realm=test",
        "Digest ",
        "Digest =invalid, format",
        "Digest x=1",
    ] {
        assert!(!challenge(&mut auth, url, field), "{field:?}");
    }
    assert_eq!(auth.challenge(), None);
    assert!(!auth.is_preemptive(&target(url)));
}

#[test]
fn challenge_of_digest_is_found_among_others() {
    for fields in [
        vec!["Basic realm=\"b\"", CHALLENGE],
        vec!["Negotiate, Basic realm=\"digest\", Digest realm=\"r\", nonce=\"n1\", Bearer"],
        vec!["Digest realm=\"r\", nonce=\"n0\", algorithm=NEW, Digest realm=\"r\", nonce=\"n1\""],
        vec!["Digest realm=\"r\", nonce=\"n0\", qop=new", CHALLENGE],
        vec!["Digest nonce=\"n0\"", "digest REALM=\"r\", Nonce=n1"],
    ] {
        let mut auth = user();
        assert!(auth.challenged(401, fields.iter().copied(), &target("http://x.com/")));
        let header = authorize(&mut auth, "http://x.com/").unwrap();
        assert_eq!(parameter(&header, "nonce"), Some("n1"), "{fields:?}");
    }
}

#[test]
fn later_challenge_does_not_change_the_first() {
    let field = "Digest realm=\"protected\", nonce=\"n1\", Basic realm=\"other\", nonce=\"n2\"";
    let challenges = parse_challenges(field);
    assert_eq!(challenges.len(), 1);
    assert_eq!(challenges[0].realm.as_deref(), Some("protected"));
    assert_eq!(challenges[0].nonce.as_deref(), Some("n1"));
}

#[test]
fn challenge_that_cannot_be_answered_says_why() {
    for (field, error) in [
        ("Digest nonce=n", DigestError::NoRealm),
        ("Digest realm=r", DigestError::NoNonce),
        ("Digest realm=r, nonce=\"\"", DigestError::EmptyNonce),
        ("Digest realm=r, nonce=n, qop=new", DigestError::UnknownQop("new".into())),
        ("Digest realm=r, nonce=n, algorithm=NEW", DigestError::UnknownAlgorithm("NEW".into())),
        ("Digest realm=\"r\u{1}\", nonce=n", DigestError::ControlCharacter),
    ] {
        let mut auth = user();
        assert!(challenge(&mut auth, "http://x.com/", field), "{field}");
        assert_eq!(authorize(&mut auth, "http://x.com/"), Err(error));
    }
    assert_eq!(authorize(&mut user(), "http://x.com/"), Err(DigestError::NoRealm));
    let error = DigestAuth::new("a:b", "c", DigestSettings::default()).map(|_| ());
    assert_eq!(error, Err(DigestError::ColonInLogin));
}

#[test]
fn body_counts_for_auth_int_only() {
    for (qop, counts) in [("auth", false), ("auth-int", true), ("auth, auth-int", true)] {
        let header = |body: &[u8]| {
            let mut auth = user();
            let field = format!("Digest realm=r, nonce=n, qop=\"{qop}\"");
            assert!(challenge(&mut auth, "http://x.com/", &field));
            assert_eq!(auth.needs_body(), counts);
            auth.authorization("PUT", &target("http://x.com/"), body, RANDOM).unwrap()
        };
        assert_eq!(header(b"one") != header(b"other"), counts, "{qop}");
    }
}

#[test]
fn session_without_qop_names_its_cnonce() {
    let mut auth = user();
    challenge(&mut auth, "http://x.com/", "Digest realm=r, nonce=n, algorithm=MD5-sess");
    let header = authorize(&mut auth, "http://x.com/").unwrap();
    assert_eq!(parameter(&header, "cnonce"), Some("00010203fcfdfeff"));
    assert_eq!(parameter(&header, "algorithm"), Some("MD5-sess"));
}

#[test]
fn login_goes_hashed_if_both_sides_say_so() {
    let field = "Digest realm=r, nonce=n, qop=auth, userhash=true";
    let settings = DigestSettings { userhash: true, ..DigestSettings::default() };
    let mut auth = DigestAuth::new("user", "pass", settings).unwrap();
    challenge(&mut auth, "http://x.com/", field);
    let header = authorize(&mut auth, "http://x.com/").unwrap();
    // md5("user:r")
    assert_eq!(parameter(&header, "username"), Some("f2014bc543adfc117d6000879437967d"));
    assert_eq!(parameter(&header, "userhash"), Some("true"));
    let mut auth = user();
    challenge(&mut auth, "http://x.com/", field);
    let header = authorize(&mut auth, "http://x.com/").unwrap();
    assert_eq!(
        (parameter(&header, "username"), parameter(&header, "userhash")),
        (Some("user"), None)
    );
}

#[test]
fn domain_says_what_preemptive_credentials_are_for() {
    let cases: [(&str, &[&str], &[&str]); 7] = [
        ("", &["http://x.com", "http://x.com/any"], &["http://x.com.evil/", "https://x.com/"]),
        (
            "/a",
            &["http://x.com/a", "http://x.com/a/b"],
            &["http://x.com/ab", "http://x.com/", "http://x.com/a?b"],
        ),
        ("/a/", &["http://x.com/a/", "http://x.com/a/b"], &["http://x.com/a"]),
        (
            "/a HTTP://Y.org:80/b",
            &["http://x.com/a", "http://y.org/b/c"],
            &["http://y.org/", "http://x.com/"],
        ),
        ("//y.org/", &["http://y.org/b"], &["https://y.org/b", "http://x.com/"]),
        ("\"", &["http://x.com/other"], &["http://other.com/x"]),
        ("relative ftp://y.org/", &["http://x.com/other"], &["http://y.org/"]),
    ];
    for (domain, inside, outside) in cases {
        let mut auth = user();
        let escaped = domain.replace('"', "\\\"");
        challenge(&mut auth, "http://x.com/", &format!("{CHALLENGE}, domain=\"{escaped}\""));
        for url in inside {
            assert!(auth.is_preemptive(&target(url)), "{domain:?}: {url}");
        }
        for url in outside {
            assert!(!auth.is_preemptive(&target(url)), "{domain:?}: {url}");
        }
    }
}

#[test]
fn credentials_wait_to_be_asked_if_that_is_wanted() {
    let settings = DigestSettings { preemptive: false, ..DigestSettings::default() };
    let mut auth = DigestAuth::new("user", "pass", settings).unwrap();
    assert!(challenge(&mut auth, "http://x.com/", CHALLENGE));
    assert!(!auth.is_preemptive(&target("http://x.com/")));
    assert!(authorize(&mut auth, "http://x.com/").is_ok());
}

#[test]
fn lengths_are_limited() {
    let settings =
        DigestSettings { field_length: CHALLENGE.len(), space: 1, ..DigestSettings::default() };
    let mut auth = DigestAuth::new("user", "pass", settings).unwrap();
    assert!(!challenge(&mut auth, "http://x.com/", &format!("{CHALLENGE} ")));
    assert!(challenge(&mut auth, "http://x.com/", CHALLENGE));
    let settings = DigestSettings { space: 1, ..DigestSettings::default() };
    let mut auth = DigestAuth::new("user", "pass", settings).unwrap();
    assert!(challenge(&mut auth, "http://x.com/", &format!("{CHALLENGE}, domain=\"/a /b\"")));
    assert!(auth.is_preemptive(&target("http://x.com/a")));
    assert!(!auth.is_preemptive(&target("http://x.com/b")));
}

#[test]
fn quotes_and_backslashes_cannot_end_a_value() {
    let mut auth = DigestAuth::new("a\"b\\", "pass", DigestSettings::default()).unwrap();
    challenge(
        &mut auth,
        "http://x.com/",
        "Digest realm=\"r\\\\\", nonce=\"n\\\"\", opaque=\"o\\\\\"",
    );
    let header = authorize(&mut auth, "http://x.com/").unwrap();
    let found = parse_parameters(&header);
    let value =
        |name: &str| found.iter().find(|(other, _)| *other == name).map(|(_, value)| &**value);
    assert_eq!(value("username"), Some("a\"b\\"));
    assert_eq!(value("realm"), Some("r\\"));
    assert_eq!(value("nonce"), Some("n\""));
    assert_eq!(value("opaque"), Some("o\\"));
}

#[test]
fn debug_shows_no_secrets() {
    let auth = DigestAuth::new("alice", "hunter2", DigestSettings::default()).unwrap();
    assert!(!format!("{auth:?}").contains("hunter2"));
}
