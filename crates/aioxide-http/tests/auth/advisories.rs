//! What went wrong elsewhere, and does not here.

use aioxide_http::auth::DigestError;

use super::world::{CHALLENGE, authorize, challenge, target, user};

const OURS: &str = "http://x.com/";
const FOREIGN: &str = "http://evil.org/";

/// CVE-2026-54276: after a redirect to another origin its challenge was answered.
#[test]
fn challenge_of_another_origin_is_not_answered() {
    let mut auth = user();
    assert!(auth.admits(&target(OURS)));
    assert!(!auth.admits(&target(FOREIGN)));
    assert!(!challenge(&mut auth, FOREIGN, CHALLENGE));
    assert_eq!(auth.challenge(), None);
    assert!(challenge(&mut auth, OURS, CHALLENGE));
    assert!(!challenge(&mut auth, FOREIGN, &CHALLENGE.replace("n1", "theirs")));
    assert_eq!(auth.challenge().and_then(|challenge| challenge.nonce.as_deref()), Some("n1"));
    assert!(!auth.is_preemptive(&target(FOREIGN)));
    let error = DigestError::OtherOrigin {
        anchor: "http://x.com".into(),
        origin: "http://evil.org".into(),
    };
    assert_eq!(authorize(&mut auth, FOREIGN), Err(error));
}

#[test]
fn other_scheme_port_or_name_is_another_origin() {
    let mut auth = user();
    assert!(challenge(&mut auth, OURS, CHALLENGE));
    for url in ["https://x.com/", "http://x.com:8080/", "http://x.com.evil.org/", "http://a.x.com/"]
    {
        assert!(!auth.admits(&target(url)), "{url}");
    }
}

#[test]
fn origin_that_the_anchor_names_is_answered_below_the_path_it_names() {
    let mut auth = user();
    let field = format!("{CHALLENGE}, domain=\"/ http://friend.org/api\"");
    assert!(challenge(&mut auth, OURS, &field));
    assert!(challenge(&mut auth, "http://friend.org/api/x", &CHALLENGE.replace("n1", "n2")));
    assert!(authorize(&mut auth, "http://friend.org/api/x").is_ok());
    assert!(!challenge(&mut auth, "http://friend.org/", CHALLENGE));
    assert!(authorize(&mut auth, "http://friend.org/").is_err());
}

/// aiohttp lets an origin that was named name the next one.
#[test]
fn named_origin_cannot_name_others() {
    let mut auth = user();
    assert!(challenge(&mut auth, OURS, &format!("{CHALLENGE}, domain=\"http://friend.org/\"")));
    let field = format!("{CHALLENGE}, domain=\"http://evil.org/\"");
    assert!(challenge(&mut auth, "http://friend.org/x", &field));
    assert!(!auth.admits(&target(FOREIGN)));
    assert!(!auth.is_preemptive(&target(FOREIGN)));
    assert!(auth.admits(&target("http://friend.org/x")));
    assert!(auth.admits(&target(OURS)));
}

/// `https:` as a domain is, to aiohttp, the beginning of every URL.
#[test]
fn domain_without_a_host_names_nothing() {
    for domain in ["https:", "https://", "http:/", "://evil.org/", "//", "http:///"] {
        let mut auth = user();
        assert!(challenge(&mut auth, OURS, &format!("{CHALLENGE}, domain=\"{domain}\"")));
        for url in [FOREIGN, "https://evil.org/"] {
            assert!(!auth.admits(&target(url)), "{domain}: {url}");
        }
    }
}
