//! WWW-Authenticate: whatever a server asks for, the answer is one line, for its own origin.
#![no_main]

use aioxide_http::auth::{
    DigestAuth, DigestSettings, DigestTarget, decode_basic, decode_userinfo, encode_basic,
    parse_parameters,
};

const OURS: DigestTarget<'_> =
    DigestTarget { origin: "http://x.com", url: "http://x.com/a?b", request_target: "/a?b" };
const FOREIGN: DigestTarget<'_> =
    DigestTarget { origin: "http://evil.org", url: "http://evil.org/", request_target: "/" };

libfuzzer_sys::fuzz_target!(|data: &str| {
    let mut auth = DigestAuth::new("us\"er", "pass", DigestSettings::default()).expect("no colon");
    assert!(!auth.is_preemptive(&OURS) && auth.admits(&OURS));
    // Two responses, each with the fields that the lines are.
    for fields in data.split("\n\n") {
        if auth.challenged(401, fields.lines(), &OURS)
            && let Ok(header) = auth.authorization("GET", &OURS, b"body", [7; 8])
        {
            assert!(!header.bytes().any(|byte| byte.is_ascii_control()));
            let parameters = parse_parameters(&header);
            assert_eq!(parameters.first(), Some(&("username", "us\"er".to_owned())));
        }
        if !data.contains("evil.org") {
            assert!(!auth.admits(&FOREIGN) && !auth.is_preemptive(&FOREIGN));
            assert!(!auth.challenged(401, ["Digest realm=r, nonce=n"], &FOREIGN));
        }
    }
    let _ = decode_userinfo(data);
    if let Ok((login, password)) = decode_basic(data) {
        let header = encode_basic(&login, &password).expect("no colon");
        assert_eq!(decode_basic(&header), Ok((login, password)));
    }
});
