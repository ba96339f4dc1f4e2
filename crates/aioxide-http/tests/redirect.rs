//! Redirects, as aiohttp and yarl follow them, but for what is said to differ.

use aioxide_http::redirect::{
    Answer, Body, Decision, Follow, InvalidUrl, LocationError, LocationKind, Origin, RedirectError,
    Reference, Request, classify_location, decide,
};
use proptest::prelude::*;

const BASE: &str = "http://host:8080/a/b/c?q=1#frag";

fn request(method: &'static str) -> Request<'static> {
    Request { method, url: BASE, body: Body::None, followed: 0, max_redirects: 10 }
}

fn found(location: &[u8]) -> Answer<'_> {
    Answer { status: 302, location: Some(location), uri: None }
}

fn follow(base: &str, location: &[u8]) -> Result<Follow, RedirectError> {
    // An empty one counts only in the header URI.
    let answer = Answer { uri: Some(location), ..found(location) };
    match decide(&Request { url: base, ..request("GET") }, &answer)? {
        Decision::Follow(follow) => Ok(follow),
        Decision::Final => panic!("a place is named"),
    }
}

fn url(base: &str, location: &str) -> String {
    follow(base, location.as_bytes()).unwrap_or_else(|error| panic!("{location:?}: {error}")).url
}

fn invalid(location: &[u8]) -> InvalidUrl {
    match follow(BASE, location) {
        Err(RedirectError::Location(LocationError::InvalidUrl(error))) => error,
        other => panic!("{other:?} of {location:?}"),
    }
}

#[test]
fn a_location_is_relative_to_the_request() {
    for (location, expected) in [
        ("", "http://host:8080/a/b/c?q=1#frag"),
        ("#x", "http://host:8080/a/b/c?q=1#x"),
        ("?y", "http://host:8080/a/b/c?y#frag"),
        ("?a?b", "http://host:8080/a/b/c?a?b#frag"),
        ("/p", "http://host:8080/p"),
        ("p", "http://host:8080/a/b/p"),
        ("p?x#y", "http://host:8080/a/b/p?x#y"),
        ("../p", "http://host:8080/a/p"),
        ("../../../p", "http://host:8080/p"),
        ("./", "http://host:8080/a/b/"),
        (".", "http://host:8080/a/b/"),
        ("..", "http://host:8080/a/"),
        (":b", "http://host:8080/a/b/:b"),
        ("foo/x:y", "http://host:8080/a/b/foo/x:y"),
        ("g;x=1/../y", "http://host:8080/a/b/y"),
        ("/a//b/../c", "http://host:8080/a//c"),
        ("///p", "http://host:8080/p"),
        ("////p", "http://host:8080//p"),
        ("//", "http://host:8080/a/b/c?q=1#frag"),
        ("/\\evil", "http://host:8080/%5Cevil"),
        ("\\\\evil/p", "http://host:8080/a/b/%5C%5Cevil/p"),
    ] {
        assert_eq!(url(BASE, location), expected, "{location:?}");
    }
}

#[test]
fn a_scheme_without_a_host_is_relative_to_a_request_of_the_same_scheme() {
    for (location, expected) in [
        ("http:/p", "http://host:8080/p"),
        ("HTTP:/p", "http://host:8080/p"),
        ("http:p", "http://host:8080/a/b/p"),
        ("http:", "http://host:8080/a/b/c?q=1#frag"),
        ("http:?q", "http://host:8080/a/b/c?q#frag"),
        ("http:#f", "http://host:8080/a/b/c?q=1#f"),
        ("http:\t/p", "http://host:8080/p"),
    ] {
        assert_eq!(url(BASE, location), expected, "{location:?}");
        assert_eq!(
            classify_location(location.as_bytes()).unwrap().kind(),
            LocationKind::SameScheme
        );
    }
    for location in ["https:/p", "https:p", "http:///p", "http:////p", "http://", "http://?x"] {
        assert_eq!(invalid(location.as_bytes()), InvalidUrl::NoHost, "{location:?}");
    }
}

#[test]
fn two_slashes_of_either_kind_behind_a_scheme_are_no_path() {
    for location in [r"http:\\evil/p", r"http:/\evil/p", r"http:\/evil/p"] {
        assert_eq!(invalid(location.as_bytes()), InvalidUrl::NoHost, "{location:?}");
    }
}

#[test]
fn a_location_with_a_host_stands_for_itself() {
    for (location, expected) in [
        ("//other", "http://other"),
        ("//other/p?x#y", "http://other/p?x#y"),
        ("https://other/a/../p", "https://other/p"),
        ("http://u:p@h/", "http://u:p@h/"),
        ("http://h:80@x/", "http://h:80@x/"),
        ("http://[::1]/", "http://[::1]/"),
        ("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/"),
        ("http://[v1.a]/", "http://[v1.a]/"),
        ("ht\ntp://x/\r\n", "http://x/"),
        ("\x00 http://x/", "http://x/"),
    ] {
        assert_eq!(url(BASE, location), expected, "{location:?}");
    }
}

#[test]
fn what_cannot_stand_in_a_url_is_encoded() {
    assert_eq!(url(BASE, "/a b"), "http://host:8080/a%20b");
    assert_eq!(url(BASE, "/p  "), "http://host:8080/p%20%20");
    assert_eq!(url(BASE, "?a b#c d"), "http://host:8080/a/b/c?a+b#c%20d", "as yarl");
    assert_eq!(url(BASE, "/é?ü#ß"), "http://host:8080/%C3%A9?%C3%BC#%C3%9F");
    let latin = follow(BASE, b"/caf\xe9").unwrap().url;
    assert_eq!(latin, "http://host:8080/caf%E9", "yarl drops what is not UTF-8");
}

#[test]
fn a_base_without_a_path_has_a_root() {
    for (base, location, expected) in [
        ("http://h", "x", "http://h/x"),
        ("http://h", "../x", "http://h/x"),
        ("http://h?q", "x", "http://h/x"),
        ("http://h/a;p?q", "?z", "http://h/a;p?z"),
        ("http://h/a/", "x", "http://h/a/x"),
        ("http://h/a/", "", "http://h/a/"),
    ] {
        assert_eq!(url(base, location), expected, "{base} {location:?}");
    }
}

#[test]
fn another_scheme_is_not_followed() {
    for (location, scheme) in [
        ("ftp://x/", "ftp"),
        ("mailto:a", "mailto"),
        ("JavaScript:alert(1)", "javascript"),
        ("file:///etc/passwd", "file"),
        ("ws://x/", "ws"),
        ("a:b", "a"),
        ("1a:b", "1a"),
    ] {
        let error = follow(BASE, location.as_bytes()).unwrap_err();
        let expected = LocationError::NonHttp { scheme: scheme.to_owned() };
        assert_eq!(error, RedirectError::Location(expected), "{location:?}");
    }
}

#[test]
fn an_authority_that_can_be_read_in_two_ways_is_refused() {
    for (location, expected) in [
        (&br"http://h\@x/"[..], InvalidUrl::Backslash),
        (br"//a:80\@b/", InvalidUrl::Backslash),
        (b"http://[::1", InvalidUrl::Brackets),
        (b"http://::1]/", InvalidUrl::Brackets),
        (b"http://127.0.0.1[::1]/", InvalidUrl::Brackets),
        (b"http://[::1]x:1/", InvalidUrl::Brackets),
        (b"http://[:localhost[]].google:80", InvalidUrl::Brackets),
        (b"http://[host]/", InvalidUrl::Brackets),
        (b"http://[v.x]/", InvalidUrl::Brackets),
        (b"http://[::1]@h/", InvalidUrl::Brackets),
        (b"http://h:99999/", InvalidUrl::Port),
        (b"http://h:x/", InvalidUrl::Port),
        (b"http://h:-1/", InvalidUrl::Port),
        // What Python's int takes, and no other program.
        (b"http://h:+80/", InvalidUrl::Port),
        (b"http://h:8_0/", InvalidUrl::Port),
        ("http://h:٣/".as_bytes(), InvalidUrl::Port),
        (b"http://\x80/", InvalidUrl::Host),
        (b"http://a b/", InvalidUrl::Host),
        (b"http://u v@h/", InvalidUrl::Host),
        (b"http://h: 80/", InvalidUrl::Host),
        (b"http://a\x00b/", InvalidUrl::Host),
        (b"http://u:p@/", InvalidUrl::NoHost),
        (b"http://:80/", InvalidUrl::NoHost),
    ] {
        assert_eq!(invalid(location), expected, "{:?}", String::from_utf8_lossy(location));
    }
}

#[test]
fn credentials_stay_on_their_origin() {
    let same = |base: &str, location: &str| follow(base, location.as_bytes()).unwrap().same_origin;
    for (base, location) in [
        ("http://h/", "/x"),
        ("http://h/", "http://H:80/"),
        ("http://h:80/", "//h"),
        ("https://h:443/", "https://h/"),
        ("https://h/", "https://h:0443/"),
        ("http://u:p@h/", "http://x:y@h/"),
        ("http://[::1]/", "http://[0:0:0:0:0:0:0:1]:/"),
        ("wss://h/", "/x"),
    ] {
        assert!(same(base, location), "{base} {location}");
    }
    for (base, location) in [
        ("http://h/", "https://h/"),
        ("https://h/", "http://h:443/"),
        ("http://h/", "http://h:8080/"),
        ("http://h/", "http://h./"),
        ("http://h/", "http://sub.h/"),
        ("http://h/", "http://h@evil/"),
        ("ws://h/", "http://h/"),
        ("http://[::1]/", "http://[::2]/"),
    ] {
        assert!(!same(base, location), "{base} {location}");
    }
}

#[test]
fn what_goes_along_depends_on_method_and_origin() {
    let dropped = |status, method, location: &str| {
        let answer = Answer { status, ..found(location.as_bytes()) };
        match decide(&request(method), &answer).unwrap() {
            Decision::Follow(follow) => {
                (follow.becomes_get, follow.dropped_headers().collect::<Vec<_>>())
            }
            Decision::Final => panic!("a redirect"),
        }
    };
    let credentials = ["Authorization", "Cookie", "Proxy-Authorization"];
    let framing = ["Content-Length", "Transfer-Encoding"];
    assert_eq!(dropped(307, "POST", "/x"), (false, vec![]));
    assert_eq!(dropped(308, "POST", "//other"), (false, credentials.to_vec()));
    assert_eq!(dropped(303, "PUT", "/x"), (true, framing.to_vec()));
    assert_eq!(dropped(301, "POST", "//other"), (true, [&credentials[..], &framing].concat()));
}

#[test]
fn the_method_becomes_get_where_browsers_do_so() {
    for (status, method, expected) in [
        (301, "POST", true),
        (302, "POST", true),
        (303, "POST", true),
        (307, "POST", false),
        (308, "POST", false),
        (301, "PUT", false),
        (302, "DELETE", false),
        (303, "DELETE", true),
        (303, "GET", true),
        (301, "HEAD", false),
        (303, "HEAD", false),
    ] {
        let answer = Answer { status, ..found(b"/x") };
        let Decision::Follow(follow) = decide(&request(method), &answer).unwrap() else {
            panic!("{status} is a redirect");
        };
        assert_eq!(follow.becomes_get, expected, "{status} {method}");
    }
}

#[test]
fn other_answers_are_final() {
    for status in [200, 204, 300, 304, 305, 306, 309, 400, 500] {
        let answer = Answer { status, ..found(b"/x") };
        assert_eq!(decide(&request("GET"), &answer), Ok(Decision::Final), "{status}");
    }
    let nowhere = Answer { location: None, ..found(b"") };
    assert_eq!(decide(&request("GET"), &nowhere), Ok(Decision::Final));
    let empty = Answer { location: Some(b""), ..nowhere };
    assert_eq!(decide(&request("GET"), &empty), Ok(Decision::Final));
}

#[test]
fn the_header_uri_counts_where_location_does_not() {
    let place = |location: Option<&'static [u8]>| match decide(
        &request("GET"),
        &Answer { status: 301, location, uri: Some(b"/uri") },
    ) {
        Ok(Decision::Follow(follow)) => follow.url,
        other => panic!("{other:?}"),
    };
    assert_eq!(place(None), "http://host:8080/uri");
    assert_eq!(place(Some(b"")), "http://host:8080/uri");
    assert_eq!(place(Some(b"/location")), "http://host:8080/location");
}

#[test]
fn the_redirect_of_the_number_that_is_the_limit_is_an_error() {
    let at = |followed, max_redirects| {
        decide(&Request { followed, max_redirects, ..request("GET") }, &found(b"/x")).map(drop)
    };
    assert_eq!(at(8, 10), Ok(()));
    assert_eq!(at(9, 10), Err(RedirectError::TooMany { limit: 10 }));
    assert_eq!(at(0, 1), Err(RedirectError::TooMany { limit: 1 }));
    assert_eq!(at(u32::MAX, 0), Ok(()), "no limit");
    let message = RedirectError::TooMany { limit: 10 }.to_string();
    assert_eq!(message, "more than 9 redirects");
}

#[test]
fn a_body_that_was_read_is_an_error_where_it_has_to_be_sent_again() {
    let send = |status, body| {
        decide(&Request { body, ..request("POST") }, &Answer { status, ..found(b"/x") }).map(drop)
    };
    assert_eq!(send(307, Body::Consumed), Err(RedirectError::Consumed));
    assert_eq!(send(307, Body::Replayable), Ok(()));
    assert_eq!(send(303, Body::Consumed), Ok(()));
    assert_eq!(send(301, Body::Consumed), Ok(()));
}

#[test]
fn a_url_is_split_at_its_marks() {
    let parts = Reference::split(b"s://a:1/p/q?x?y#f#g");
    assert_eq!(parts.scheme, Some(&b"s"[..]));
    assert_eq!(parts.authority, Some(&b"a:1"[..]));
    assert_eq!(parts.path, b"/p/q");
    assert_eq!(parts.query, Some(&b"x?y"[..]));
    assert_eq!(parts.fragment, Some(&b"f#g"[..]));
    assert_eq!(Reference::split(b""), Reference::default());
    assert_eq!(Reference::split(b"//h?q").query, Some(&b"q"[..]));
}

#[test]
fn an_origin_has_the_port_of_its_scheme() {
    let origin = |url: &str| Origin::of(&Reference::split(url.as_bytes()));
    let of = origin("HTTPS://U@ExAmple.com/p").unwrap();
    assert_eq!((of.scheme(), of.host(), of.port()), ("https", "example.com", Some(443)));
    let other = origin("x://[::0:1]").unwrap();
    assert_eq!((other.scheme(), other.host(), other.port()), ("x", "::1", None));
    assert_eq!(origin("/p"), Err(InvalidUrl::NoHost));
    assert_eq!(origin("//h/p"), Err(InvalidUrl::NoHost));
}

proptest! {
    /// Wherever a server leads, the URL that is followed is an HTTP one, has the host that was
    /// compared, and leads to itself.
    #[test]
    fn any_location_is_an_error_or_a_url_that_means_the_same_when_it_is_read_again(
        location in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(
                prop::sample::select(b"htps:/\\?#@[].a0%:\t 1v\xc3\xa9".to_vec()), 0..40,
            ),
            "(https?:)?[/\\\\]{0,3}([a-z]{0,2}@)?[a-z\\[\\]:.]{0,6}(:[0-9]{0,6})?[/?#.a-z]{0,12}"
                .prop_map(String::into_bytes),
        ],
    ) {
        if let Ok(first) = follow(BASE, &location) {
            let parts = Reference::split(first.url.as_bytes());
            let origin = Origin::of(&parts).expect("it has one");
            prop_assert!(matches!(origin.scheme(), "http" | "https"));
            let own = Origin::of(&Reference::split(BASE.as_bytes())).expect("it has one");
            prop_assert_eq!(first.same_origin, origin == own);
            prop_assert!(!first.url.bytes().any(|byte| byte <= b' ' || byte == b'\\'));
            let again = follow(BASE, first.url.as_bytes()).expect("it was followed before");
            prop_assert_eq!(&again.url, &first.url);
            prop_assert_eq!(again.same_origin, first.same_origin);
        }
    }
}
