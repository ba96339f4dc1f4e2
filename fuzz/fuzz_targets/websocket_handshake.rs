//! A server's answer to the handshake: an agreement within the offer, or an error that quotes
//! little.
#![no_main]

use aioxide_http::websocket::{HandshakeError, Key, Offer, Request, check};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

/// What a byte of this number stands for: no fuzzer guesses such words.
const WORDS: [&str; 16] = [
    "permessage-deflate",
    "server_max_window_bits",
    "client_max_window_bits",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "; ",
    ", ",
    "=",
    "=15",
    "=8",
    "Upgrade",
    "Connection",
    "websocket",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
];

fn spelled(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        match WORDS.get(usize::from(*byte)) {
            Some(word) => out.extend_from_slice(word.as_bytes()),
            None => out.push(*byte),
        }
    }
    out
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    random: [u8; 16],
    bits: u8,
    protocols: Vec<&'a str>,
    status: Option<u16>,
    /// The headers that matter are there, and right.
    complete: bool,
    extensions: Vec<&'a [u8]>,
    headers: Vec<(&'a [u8], &'a [u8])>,
}

fuzz_target!(|input: Input<'_>| {
    let key = Key::new(input.random);
    assert_eq!(key.as_str().len(), 24);
    let accept = key.accept();
    let offer = Offer::new(input.bits % 17).unwrap_or_default();
    let request = Request { key: &key, protocols: &input.protocols, offer: offer.as_ref() };

    let mut headers = Vec::new();
    for (name, value) in input.headers {
        headers.push((spelled(name), spelled(value)));
    }
    for value in input.extensions {
        headers.push((b"Sec-WebSocket-Extensions".to_vec(), spelled(value)));
    }
    if input.complete {
        headers.push((b"Upgrade".to_vec(), b"websocket".to_vec()));
        headers.push((b"Connection".to_vec(), b"Upgrade".to_vec()));
        headers.push((b"Sec-WebSocket-Accept".to_vec(), accept.into_bytes()));
    }
    let status = input.status.unwrap_or(101);
    match check(&request, status, headers.iter().map(|(name, value)| (&name[..], &value[..]))) {
        Ok(agreement) => {
            assert_eq!(status, 101);
            if let Some(protocol) = agreement.protocol {
                assert!(input.protocols.contains(&protocol));
            }
            if let Some(deflate) = agreement.deflate {
                assert!(offer.is_some());
                assert!((8..=15).contains(&deflate.server_window_bits));
                assert!((8..=input.bits % 17).contains(&deflate.client_window_bits));
            }
        }
        Err(error) => {
            assert!(error.to_string().len() < 1000);
            assert!(!matches!(error, HandshakeError::Status(101)));
        }
    }
});
