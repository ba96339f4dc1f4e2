//! The same input as aiohttp had, and the same output.

use aioxide_http::auth::{
    DigestAuth, DigestSettings, DigestTarget, decode_basic, decode_userinfo, encode_basic,
    parse_parameters,
};

use super::table::lines;

/// A dictionary: in the order of the first, with the value of the last.
fn dictionary(pairs: Vec<(&str, String)>) -> Vec<String> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for (name, value) in pairs {
        match found.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => found.push((name, value)),
        }
    }
    found.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

#[test]
fn parameters_are_read_as_aiohttp_reads_them() {
    let mut count = 0;
    for fields in lines(include_str!("parameters.txt")) {
        let (text, expected) = fields.split_first().unwrap();
        assert_eq!(dictionary(parse_parameters(text)), expected, "{text:?}");
        count += 1;
    }
    assert!(count > 100);
}

#[test]
fn challenges_are_answered_as_aiohttp_answers_them() {
    let mut count = 0;
    for fields in lines(include_str!("answers.txt")) {
        let [login, password, realm, nonce, qop, algorithm, opaque, uses, rest @ ..] = &fields[..]
        else {
            panic!("{fields:?}")
        };
        let [method, request_target, body, cnonce, expected] = rest else { panic!("{fields:?}") };
        let mut auth = DigestAuth::new(login, password, DigestSettings::default()).unwrap();
        let target = DigestTarget { origin: "http://x.com", url: "http://x.com/", request_target };
        let field = challenge(
            [("realm", realm), ("nonce", nonce)],
            [("qop", qop), ("algorithm", algorithm), ("opaque", opaque)],
        );
        assert!(auth.challenged(401, [&*field], &target), "{field:?}");
        assert_eq!(auth.needs_body(), qop.contains("auth-int"));
        let random = u64::from_str_radix(cnonce, 16).unwrap().to_be_bytes();
        for _ in 0..uses.parse().unwrap() {
            auth.authorization("GET", &target, b"", random).unwrap();
        }
        let header = auth.authorization(method, &target, body.as_bytes(), random);
        assert_eq!(header.as_ref(), Ok(expected));
        count += 1;
    }
    assert!(count > 100);
}

fn challenge(always: [(&str, &String); 2], rest: [(&str, &String); 3]) -> String {
    let given = rest.into_iter().filter(|(_, value)| !value.is_empty());
    let parts = always.into_iter().chain(given).map(|(name, value)| {
        format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    });
    format!("Digest {}", parts.collect::<Vec<_>>().join(", "))
}

#[test]
fn basic_credentials_are_read_as_aiohttp_reads_them() {
    for fields in lines(include_str!("basic.txt")) {
        let (header, expected) = fields.split_first().unwrap();
        // aiohttp decodes as Latin-1 here.
        let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect::<String>();
        let found = decode_basic(header).map(|(login, password)| vec![text(login), text(password)]);
        assert_eq!(found.as_ref().map_or(&[][..], |found| found), expected, "{header:?}");
        if let Ok(found) = found {
            let bytes = |part: &str| part.chars().map(|letter| letter as u8).collect::<Vec<_>>();
            let header = encode_basic(&bytes(&found[0]), &bytes(&found[1])).unwrap();
            assert_eq!(decode_basic(&header).map(|(login, _)| text(login)), Ok(found[0].clone()));
        }
    }
}

#[test]
fn userinfo_is_decoded_as_yarl_decodes_it() {
    for fields in lines(include_str!("userinfo.txt")) {
        let [part, expected] = &fields[..] else { panic!("{fields:?}") };
        assert_eq!(decode_userinfo(part), *expected, "{part:?}");
    }
}
