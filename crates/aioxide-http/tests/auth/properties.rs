//! What holds for any input.

use aioxide_http::auth::{
    Challenge, DigestAuth, DigestSettings, decode_basic, encode_basic, parse_challenges,
    parse_parameters,
};
use proptest::prelude::*;

use super::world::{RANDOM, target};

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    /// Text whose backslashes are never before a quote, which aiohttp's order of unescaping takes
    /// for one.
    #[test]
    fn quoted_parameters_come_back(realm in "[ -!#-\\[\\]-~é]{0,20}", nonce in "[ -\\[\\]-~]{1,20}", scheme in "(Basic|Negotiate|x)") {
        let field = format!("{scheme} realm=\"other\", Digest realm={}, nonce={},qop=auth, {scheme} nonce=no", quoted(&realm), quoted(&nonce));
        let expected = Challenge {
            realm: Some(realm),
            nonce: Some(nonce),
            qop: Some("auth".to_owned()),
            ..Challenge::default()
        };
        prop_assert_eq!(parse_challenges(&field), [expected]);
    }

    #[test]
    fn any_text_is_read_without_harm(field in any::<String>()) {
        let _ = parse_parameters(&field);
        let _ = parse_challenges(&field);
        let _ = decode_basic(&field);
    }

    /// Whatever a server asks for, the header is one line and names what the credentials are.
    #[test]
    fn answer_is_one_line(rest in "[a-z=\", \\\\é\t/:-]{0,40}", body in any::<Vec<u8>>()) {
        let mut auth = DigestAuth::new("user", "pass", DigestSettings::default()).unwrap();
        let url = target("http://x.com/a");
        if auth.challenged(401, [&*format!("Digest realm=r, nonce=n, {rest}")], &url)
            && let Ok(header) = auth.authorization("GET", &url, &body, RANDOM)
        {
            prop_assert!(header.starts_with("Digest username=\"user\", realm="));
            prop_assert!(!header.bytes().any(|byte| byte.is_ascii_control()));
            prop_assert!(!header.contains("pass\""));
        }
    }

    #[test]
    fn basic_credentials_come_back(login in "[^:]{0,20}", password in any::<String>()) {
        let header = encode_basic(login.as_bytes(), password.as_bytes()).unwrap();
        prop_assert_eq!(decode_basic(&header), Ok((login.into_bytes(), password.into_bytes())));
    }
}
