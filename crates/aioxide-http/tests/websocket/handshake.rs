//! The handshake: the key, the offer and the server's answer.

use aioxide_http::websocket::{
    Agreement, Deflate, ExtensionError, HandshakeError, Key, Offer, OfferError, Request, check,
};
use proptest::prelude::*;

use super::server::DEFLATE;

/// The key of RFC 6455, section 1.3.
fn key() -> Key {
    Key::new(*b"the sample nonce")
}

const ACCEPT: (&str, &str) = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
const UPGRADE: (&str, &str) = ("Upgrade", "websocket");
const CONNECTION: (&str, &str) = ("Connection", "Upgrade");

fn checked<'a>(
    protocols: &'a [&'a str],
    offer: Option<&'a Offer>,
    status: u16,
    headers: &[(&str, &str)],
) -> Result<Agreement<'a>, HandshakeError> {
    let key = key();
    let request = Request { key: &key, protocols, offer };
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    // The agreement borrows from what was offered, not from the answer.
    let Agreement { protocol, deflate } = check(&request, status, headers)?;
    let protocol = protocol.and_then(|name| protocols.iter().find(|other| **other == name));
    Ok(Agreement { protocol: protocol.copied(), deflate })
}

fn answered(headers: &[(&str, &str)]) -> Result<(), HandshakeError> {
    checked(&[], None, 101, headers).map(|_| ())
}

fn offer(window_bits: u8) -> Offer {
    Offer::new(window_bits).ok().flatten().expect("an offer")
}

fn agreed(offer: &Offer, values: &[&str]) -> Result<Option<Deflate>, ExtensionError> {
    let mut headers = vec![UPGRADE, CONNECTION, ACCEPT];
    headers.extend(values.iter().map(|value| ("sec-websocket-extensions", *value)));
    match checked(&[], Some(offer), 101, &headers) {
        Ok(agreement) => Ok(agreement.deflate),
        Err(HandshakeError::Extension(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn key_and_its_answer_are_those_of_the_rfc() {
    assert_eq!(key().as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(key().accept(), ACCEPT.1);
}

#[test]
fn right_answer_is_an_agreement() {
    assert_eq!(answered(&[UPGRADE, CONNECTION, ACCEPT]), Ok(()));
    let other = [("UPGRADE", "WebSocket"), ("connection", "keep-alive, upgrade"), ACCEPT];
    assert_eq!(answered(&other), Ok(()));
}

#[test]
fn wrong_answers_are_named() {
    let right = [UPGRADE, CONNECTION, ACCEPT];
    for status in [100, 200, 301, 403, 500] {
        let result = checked(&[], None, status, &right);
        assert_eq!(result, Err(HandshakeError::Status(status)));
    }
    assert_eq!(answered(&[CONNECTION, ACCEPT]), Err(HandshakeError::Upgrade));
    let other = ("Upgrade", "websockets");
    assert_eq!(answered(&[other, CONNECTION, ACCEPT]), Err(HandshakeError::Upgrade));
    assert_eq!(answered(&[UPGRADE, ACCEPT]), Err(HandshakeError::Connection));
    let other = ("Connection", "close");
    assert_eq!(answered(&[UPGRADE, other, ACCEPT]), Err(HandshakeError::Connection));
    assert_eq!(answered(&[UPGRADE, CONNECTION]), Err(HandshakeError::Accept));
    for accept in ["", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=", "S3PPLMBITXAQ9KYGZZHZRBK+XOO="] {
        let other = ("Sec-WebSocket-Accept", accept);
        assert_eq!(answered(&[UPGRADE, CONNECTION, other]), Err(HandshakeError::Accept));
    }
    assert_eq!(answered(&[UPGRADE, CONNECTION, ACCEPT, ACCEPT]), Err(HandshakeError::Accept));
}

#[test]
fn subprotocol_is_the_servers_first_that_was_offered() {
    let chosen = |protocols: &[&str], answers: &[&str]| {
        let mut headers = vec![UPGRADE, CONNECTION, ACCEPT];
        headers.extend(answers.iter().map(|answer| ("Sec-WebSocket-Protocol", *answer)));
        checked(protocols, None, 101, &headers).unwrap().protocol.map(str::to_owned)
    };
    assert_eq!(chosen(&["chat", "superchat"], &["superchat"]).as_deref(), Some("superchat"));
    assert_eq!(chosen(&["chat", "superchat"], &["other, superchat"]).as_deref(), Some("superchat"));
    assert_eq!(chosen(&["chat"], &[]), None);
    assert_eq!(chosen(&["chat"], &["other"]), None);
    assert_eq!(chosen(&["chat"], &["CHAT"]), None);
    assert_eq!(chosen(&[], &["chat"]), None);
}

#[test]
fn offer_is_written_as_aiohttp_writes_it() {
    assert_eq!(Offer::new(0), Ok(None));
    assert_eq!(offer(15).header(), "permessage-deflate; client_max_window_bits");
    assert_eq!(
        offer(9).header(),
        "permessage-deflate; client_max_window_bits; server_max_window_bits=9"
    );
    let mut anew = offer(15);
    anew.client_no_context_takeover = true;
    anew.server_no_context_takeover = true;
    assert_eq!(
        anew.header(),
        "permessage-deflate; client_max_window_bits; server_no_context_takeover; \
         client_no_context_takeover"
    );
    for bits in [1, 8, 16, 255] {
        assert_eq!(Offer::new(bits), Err(OfferError(bits)));
    }
}

#[test]
fn answers_that_fit_the_offer_are_agreed() {
    let cases: [(&[&str], Option<Deflate>); 10] = [
        (&[], None),
        (&[""], None),
        (&["permessage-deflate"], Some(DEFLATE)),
        (&[" , permessage-deflate , "], Some(DEFLATE)),
        (&["", "permessage-deflate"], Some(DEFLATE)),
        (
            &["permessage-deflate; server_max_window_bits=10"],
            Some(Deflate { server_window_bits: 10, ..DEFLATE }),
        ),
        (
            &["permessage-deflate;client_max_window_bits=\"12\"\t; server_no_context_takeover"],
            Some(Deflate { client_window_bits: 12, server_no_context_takeover: true, ..DEFLATE }),
        ),
        (
            &["permessage-deflate; client_no_context_takeover"],
            Some(Deflate { client_no_context_takeover: true, ..DEFLATE }),
        ),
        (
            &["permessage-deflate; client_max_window_bits = 8; server_max_window_bits=8"],
            Some(Deflate { client_window_bits: 8, server_window_bits: 8, ..DEFLATE }),
        ),
        (
            &["permessage-deflate; client_max_window_bits=15; server_max_window_bits=15"],
            Some(DEFLATE),
        ),
    ];
    for (values, expected) in cases {
        assert_eq!(agreed(&offer(15), values), Ok(expected), "{values:?}");
    }
}

#[test]
fn smaller_window_is_for_both_sides_and_a_server_that_ignores_it_is_read_all_the_same() {
    let plain = agreed(&offer(9), &["permessage-deflate"]).unwrap().unwrap();
    assert_eq!((plain.server_window_bits, plain.client_window_bits), (15, 9));
    let both = "permessage-deflate; server_max_window_bits=9; client_max_window_bits=15";
    let both = agreed(&offer(9), &[both]).unwrap().unwrap();
    assert_eq!((both.server_window_bits, both.client_window_bits), (9, 9));
    let mut anew = offer(15);
    anew.client_no_context_takeover = true;
    let agreed = agreed(&anew, &["permessage-deflate"]).unwrap().unwrap();
    assert!(agreed.client_no_context_takeover);
}

#[test]
fn answers_that_do_not_fit_the_offer_are_named() {
    use ExtensionError::*;
    let name = |name: &str| name.to_owned();
    let bits = |parameter, value: &str, most| WindowBits { parameter, value: name(value), most };
    let cases = [
        ("x-webkit-deflate-frame", NotOffered(name("x-webkit-deflate-frame"))),
        ("Permessage-Deflate", NotOffered(name("Permessage-Deflate"))),
        ("permessage-deflate, other", NotOffered(name("other"))),
        ("permessage-deflate, permessage-deflate", Repeated(name("permessage-deflate"))),
        ("permessage-deflate; mystery", UnknownParameter(name("mystery"))),
        ("permessage-deflate; mystery=1", UnknownParameter(name("mystery"))),
        (
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            Repeated(name("server_no_context_takeover")),
        ),
        (
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
            Repeated(name("server_max_window_bits")),
        ),
        (
            "permessage-deflate; client_no_context_takeover=1",
            WrongValue(name("client_no_context_takeover")),
        ),
        ("permessage-deflate; client_max_window_bits", WrongValue(name("client_max_window_bits"))),
        ("permessage-deflate; server_max_window_bits", WrongValue(name("server_max_window_bits"))),
        ("permessage-deflate; client_max_window_bits=7", bits("client_max_window_bits", "7", 15)),
        ("permessage-deflate; client_max_window_bits=16", bits("client_max_window_bits", "16", 15)),
        ("permessage-deflate; server_max_window_bits=13", bits("server_max_window_bits", "13", 12)),
        ("permessage-deflate; server_max_window_bits=09", bits("server_max_window_bits", "09", 12)),
        ("permessage-deflate; server_max_window_bits=+9", bits("server_max_window_bits", "+9", 12)),
        (
            "permessage-deflate; server_max_window_bits=1000",
            bits("server_max_window_bits", "1000", 12),
        ),
        ("permessage-deflate;", Malformed(name(""))),
        ("permessage-deflate; ; x", Malformed(name("; x"))),
        ("permessage-deflate; server_max_window_bits=", Malformed(name(""))),
        ("permessage-deflate; server_max_window_bits=\"9", Malformed(name(""))),
        ("permessage-deflate server_max_window_bits", Malformed(name("server_max_window_bits"))),
        ("\u{e9}", Malformed(name("\u{e9}"))),
        ("=", Malformed(name("="))),
    ];
    for (value, expected) in cases {
        assert_eq!(agreed(&offer(12), &[value]), Err(expected), "{value}");
    }
    let twice = agreed(&offer(12), &["permessage-deflate", "permessage-deflate"]);
    assert_eq!(twice, Err(Repeated(name("permessage-deflate"))));
}

#[test]
fn extension_without_an_offer_is_an_error() {
    let headers = [UPGRADE, CONNECTION, ACCEPT, ("Sec-WebSocket-Extensions", "permessage-deflate")];
    let expected = ExtensionError::NotOffered("permessage-deflate".to_owned());
    assert_eq!(answered(&headers), Err(HandshakeError::Extension(expected)));
}

#[test]
fn error_quotes_no_more_than_a_line() {
    let error = agreed(&offer(15), &["x".repeat(10_000).as_str()]).unwrap_err();
    assert_eq!(error, ExtensionError::NotOffered("x".repeat(64)));
}

proptest! {
    #[test]
    fn any_answer_is_agreed_or_refused(
        bits in 9..16_u8,
        answer in "[ ,;=\"\t]{0,3}(permessage-deflate|x)?([ ;,]{1,3}(server|client)_(max_window_bits|no_context_takeover)(=\"?[0-9]{0,2}\"?)?){0,4}",
        noise in ".{0,20}",
    ) {
        for value in [&answer, &noise, &format!("{answer}{noise}")] {
            if let Ok(Some(deflate)) = agreed(&offer(bits), &[value]) {
                prop_assert!((8..=15).contains(&deflate.server_window_bits));
                prop_assert!((8..=bits).contains(&deflate.client_window_bits));
                prop_assert!(value.contains("permessage-deflate"));
            }
        }
    }
}
