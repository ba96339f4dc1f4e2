#![no_main]
//! Any Location: an error, or an HTTP URL of the origin that was compared, which is read again as
//! itself.

use aioxide_http::redirect::{
    Answer, Body, Decision, Origin, Reference, Request, classify_location, decide,
};

const BASES: [&str; 4] =
    ["http://host:8080/a/b/c?q=1#frag", "https://[::1]", "wss://u:p@h/x/", "no url at all"];

fn follow(url: &str, location: &[u8]) -> Option<(String, bool)> {
    let request = Request { method: "GET", url, body: Body::None, followed: 0, max_redirects: 10 };
    let answer = Answer { status: 302, location: Some(location), uri: Some(location) };
    match decide(&request, &answer) {
        Ok(Decision::Follow(follow)) => Some((follow.url, follow.same_origin)),
        Ok(Decision::Final) => panic!("a place is named"),
        Err(_) => None,
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = classify_location(data);
    for base in BASES {
        let Some((url, same_origin)) = follow(base, data) else { continue };
        let origin = Origin::of(&Reference::split(url.as_bytes())).expect("it has one");
        assert!(matches!(origin.scheme(), "http" | "https" | "wss"));
        // One of the bases has none.
        let own = Origin::of(&Reference::split(base.as_bytes())).ok();
        assert_eq!(same_origin, own.as_ref() == Some(&origin));
        assert!(!url.bytes().any(|byte| byte <= b' ' || byte == b'\\'));
        if origin.scheme() != "wss" {
            assert_eq!(follow(base, url.as_bytes()), Some((url, same_origin)));
        }
    }
});
