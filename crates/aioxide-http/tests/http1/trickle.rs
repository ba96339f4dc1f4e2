//! Peers that send little at a time, and much of it. Were all that has come looked at again each
//! time, these would take from minutes to hours.

use aioxide_http::http1::response::{Decoder, Event, Exchange, Leniency, Limits};

const MIB: usize = 1024 * 1024;
const CHUNKS: usize = MIB / 6;

fn decoder() -> Decoder {
    let limits = Limits::with_sizes(8 * MIB, 8 * MIB, 8 * MIB);
    let mut decoder = Decoder::new(limits, Leniency::LENIENT);
    decoder.begin(Exchange::new("GET")).expect("a new connection");
    decoder
}

/// Gives all bytes one by one and counts the events.
fn trickle(decoder: &mut Decoder, bytes: &[u8]) -> usize {
    let mut events = 0;
    for piece in bytes.chunks(1) {
        let mut input = piece;
        while decoder.next(&mut input).expect("valid").is_some() {
            events += 1;
        }
    }
    events
}

#[test]
fn long_line_that_trickles_in_is_read_once() {
    let bytes = format!("HTTP/1.1 200 {}\r\n", "x".repeat(2 * MIB));
    assert_eq!(trickle(&mut decoder(), bytes.as_bytes()), 0);
}

#[test]
fn many_fields_that_trickle_in_are_read_once() {
    let bytes = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:\r\n".repeat(MIB / 4));
    assert_eq!(trickle(&mut decoder(), bytes.as_bytes()), 1);
}

#[test]
fn many_folds_that_trickle_in_are_read_once() {
    let bytes = format!("HTTP/1.1 200 OK\r\na:b\r\n{}\r\n", " \r\n".repeat(MIB / 3));
    assert_eq!(trickle(&mut decoder(), bytes.as_bytes()), 1);
}

#[test]
fn many_tiny_chunks_cost_as_much_as_their_bytes() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bytes = format!("{head}{}0\r\n\r\n", "1\r\nx\r\n".repeat(CHUNKS));
    assert_eq!(trickle(&mut decoder(), bytes.as_bytes()), 2 * CHUNKS + 2);

    // In one input of which each chunk takes its part only.
    let mut decoder = decoder();
    let mut input = bytes.as_bytes();
    let mut data = 0;
    while let Some(event) = decoder.next(&mut input).unwrap() {
        data += usize::from(matches!(event, Event::Data(b"x")));
    }
    assert_eq!(data, CHUNKS);
}

#[test]
fn trailers_that_trickle_in_are_read_once() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bytes = format!("{head}0\r\n{}\r\n", "a:\r\n".repeat(MIB / 4));
    assert_eq!(trickle(&mut decoder(), bytes.as_bytes()), 3);
}
