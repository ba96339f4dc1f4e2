//! What went wrong elsewhere, and does not here.

use aioxide_http::cookies::{Jar, SetCookieError};

use super::world::{NOW, answer, header, parse, target};

/// CVE-2026-54279 and 3.14.4: a host's own cookies became those of all hosts below it.
#[test]
fn host_only_cookie_is_one_after_saving_and_loading() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["own=1; Max-Age=100", "wide=1; Domain=x.com"]);
    let mut loaded = Jar::default();
    loaded.load(NOW, jar.save());
    assert_eq!(loaded.save(), jar.save());
    assert_eq!(header(&mut loaded, NOW, "http://x.com/"), "own=1; wide=1");
    assert_eq!(header(&mut loaded, NOW, "http://a.x.com/"), "wide=1");
    assert_eq!(header(&mut loaded, NOW.after_secs(100), "http://x.com/"), "wide=1");
}

/// The end of another cookie forgot that one was for its host only.
#[test]
fn host_only_cookie_is_one_after_another_has_ended() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["own=1; Max-Age=10"]);
    answer(&mut jar, NOW.after_secs(10), "http://x.com/", &["own=2"]);
    assert_eq!(header(&mut jar, NOW.after_secs(10), "http://x.com/"), "own=2");
    assert_eq!(header(&mut jar, NOW.after_secs(10), "http://a.x.com/"), "");
}

/// A cookie for the host only that comes again with a Domain is no longer for the host only, and
/// the other way round.
#[test]
fn host_only_follows_the_last_that_was_set() {
    let mut jar = Jar::default();
    for (field, below) in [("a=1", ""), ("a=1; Domain=x.com", "a=1"), ("a=1", "")] {
        answer(&mut jar, NOW, "http://x.com/", &[field]);
        assert_eq!(header(&mut jar, NOW, "http://a.x.com/"), below);
    }
    assert_eq!(jar.len(), 1);
}

/// 3.14.4: Secure cookies went over connections that anyone can read.
#[test]
fn secure_cookie_goes_encrypted_only() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "https://x.com/", &["s=1; Secure", "p=1"]);
    for (url, expected) in [
        ("https://x.com/", "p=1; s=1"),
        ("wss://x.com/", "p=1; s=1"),
        ("http://x.com/", "p=1"),
        ("ws://x.com/", "p=1"),
        ("ftp://x.com/", "p=1"),
    ] {
        assert_eq!(header(&mut jar, NOW, url), expected, "{url}");
    }
}

/// The same for one that is shared by all hosts.
#[test]
fn shared_secure_cookie_goes_encrypted_only() {
    let mut jar = Jar::default();
    jar.update(NOW, [parse("s=1; Secure")], &aioxide_http::cookies::Target::NONE);
    assert_eq!(header(&mut jar, NOW, "http://x.com/"), "");
    assert_eq!(header(&mut jar, NOW, "https://x.com/"), "s=1");
}

/// 3.14.4: attributes of one field, or a value with a comma, made a second cookie.
#[test]
fn field_does_not_smuggle_a_second_cookie() {
    let mut jar = Jar::default();
    let field = "a=1; Path=/; session=evil; Domain=x.com; b=2";
    answer(&mut jar, NOW, "http://x.com/", &[field, "c=1, session=evil"]);
    let sent = jar.select(NOW, &target("http://x.com/"));
    let names: Vec<_> = sent.iter().map(|sent| sent.name).collect();
    assert_eq!(names, ["a", "c"]);
}

/// CVE-2025-69230: each bad cookie of a flood was logged. Here a field gives one reason, and what
/// is done with it is for the caller to say.
#[test]
fn bad_fields_give_one_reason_each() {
    let mut jar = Jar::default();
    let fields = ["é=1; é=2; é=3"; 100];
    let parsed = answer(&mut jar, NOW, "http://x.com/", &fields);
    assert_eq!(parsed.refused.len(), 100);
    assert!(parsed.refused.iter().all(|error| matches!(error, SetCookieError::IllegalName(_))));
}

/// CVE-2026-34993: a jar's file was code. Here it is data, and a cookie in it that its domain could
/// not have set is not taken.
#[test]
fn saved_cookie_is_taken_by_the_rules() {
    let mut jar = Jar::default();
    answer(&mut jar, NOW, "http://x.com/", &["a=1; Domain=x.com"]);
    let mut saved = jar.save();
    let mut foreign = saved[0].clone();
    foreign.domain = "y.org".into();
    let mut broken = saved[0].clone();
    broken.cookie = aioxide_http::cookies::Cookie::new("a\r\nX", "1", "1");
    let mut address = saved[0].clone();
    (address.domain, address.host_only) = ("127.0.0.1".into(), true);
    saved.splice(.., [foreign, broken, address]);
    jar.load(NOW, saved);
    assert_eq!(jar.len(), 0);
}
