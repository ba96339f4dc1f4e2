//! What HTTP/1.1 costs: a head out, a response in, and the framing of bodies.

#[path = "../../aioxide-core/benches/measure/mod.rs"]
mod measure;

use std::hint::black_box;

use aioxide_core::{Clock, Nanos};
use aioxide_http::http1::Version;
use aioxide_http::http1::request::RequestHead;
use aioxide_http::http1::response::{Decoder, Event, Exchange, Leniency, Limits};

use measure::{Arm, compare, wanted};

const COUNT: u64 = 10_000;

const FIVE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 13\r\n\
    Date: Sun, 22 Nov 2026 10:00:00 GMT\r\n\
    Server: Python/3.14 aiohttp/3.14\r\n\
    Connection: keep-alive\r\n\r\n{\"ok\": true}\n";

const TEN: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Sun, 22 Nov 2026 10:00:00 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 13\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: public, max-age=60, s-maxage=60\r\n\
    Vary: Accept, Authorization, Cookie, X-Requested-With\r\n\
    ETag: W/\"7dd3a9a2f1b6f0c2ce2f8f6a3a7ce1a0c1c0f9b1d5a1f5b3\"\r\n\
    X-RateLimit-Remaining: 4998\r\n\
    X-Request-Id: 8f14e45f-ceea-467f-a8d9-c8a3f1f0b7b1\r\n\
    Strict-Transport-Security: max-age=31536000; includeSubdomains; preload\r\n\r\n\
    {\"ok\": true}\n";

/// Exchanges on one connection whose responses come in pieces of `piece` bytes.
fn exchanges(clock: &Clock, response: &[u8], piece: usize, leniency: Leniency) -> Nanos {
    let mut decoder = Decoder::new(Limits::default(), leniency);
    let start = clock.now();
    for _ in 0..COUNT {
        let _ = black_box(decoder.begin(Exchange::new("GET")));
        for piece in black_box(response).chunks(piece) {
            let mut input = piece;
            while let Ok(Some(event)) = decoder.next(&mut input) {
                black_box(&event);
            }
        }
    }
    assert!(decoder.reusable());
    clock.now() - start
}

/// What the parser takes of it: heads alone, of which nothing is kept.
fn parser(clock: &Clock, response: &[u8]) -> Nanos {
    let start = clock.now();
    for _ in 0..COUNT {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Response::new(&mut headers);
        let _ = black_box(parsed.parse(black_box(response)));
        black_box(&parsed);
    }
    clock.now() - start
}

/// One chunked response that is in one piece.
fn chunks(clock: &Clock, response: &[u8]) -> Nanos {
    let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
    let _ = decoder.begin(Exchange::new("GET"));
    let mut input = black_box(response);
    let start = clock.now();
    let mut len = 0;
    while let Ok(Some(event)) = decoder.next(&mut input) {
        if let Event::Data(data) = event {
            len += black_box(data).len();
        }
    }
    assert!(len > 0 && decoder.reusable());
    clock.now() - start
}

fn requests(clock: &Clock) -> Nanos {
    let headers: [(&[u8], &[u8]); 5] = [
        (b"Host", b"api.example.org"),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
        (b"User-Agent", b"Python/3.14 aiohttp/3.14.5"),
        (b"Authorization", b"Bearer 8f14e45fceea467fa8d9c8a3f1f0b7b18f14e45fceea467f"),
    ];
    let head =
        RequestHead { method: "GET", target: "/v1/items?limit=100", version: Version::Http11 };
    let mut out = Vec::new();
    let start = clock.now();
    for _ in 0..COUNT {
        out.clear();
        let _ = black_box(black_box(head).encode(black_box(headers), &mut out));
        black_box(&out);
    }
    clock.now() - start
}

fn chunked(size: usize, count: u64) -> Vec<u8> {
    let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..count {
        response.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        response.resize(response.len() + size, b'x');
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"0\r\n\r\n");
    response
}

fn main() {
    if !wanted() {
        return;
    }
    let strict = Leniency::STRICT;
    let tiny = chunked(1, COUNT);
    let large = chunked(16 * 1024, 100);
    compare(
        "http1: an exchange",
        &mut [
            Arm::new("request, 5 headers", COUNT, requests),
            Arm::new("httparse alone, 5 headers", COUNT, |clock| parser(clock, FIVE)),
            Arm::new("response, 5 headers", COUNT, |clock| {
                exchanges(clock, FIVE, FIVE.len(), strict)
            }),
            Arm::new("httparse alone, 10 headers", COUNT, |clock| parser(clock, TEN)),
            Arm::new("response, 10 headers", COUNT, |clock| {
                exchanges(clock, TEN, TEN.len(), strict)
            }),
            Arm::new("response, 10 headers, lenient", COUNT, |clock| {
                exchanges(clock, TEN, TEN.len(), Leniency::LENIENT)
            }),
            Arm::new("response, 10 headers, in 2 pieces", COUNT, |clock| {
                exchanges(clock, TEN, TEN.len() / 2 + 1, strict)
            }),
            Arm::new("response, 10 headers, in 64 B", COUNT, |clock| {
                exchanges(clock, TEN, 64, strict)
            }),
        ],
    );
    compare(
        "http1: a chunk",
        &mut [
            Arm::new("of 1 byte", COUNT, |clock| chunks(clock, &tiny)),
            Arm::new("of 16 KiB", 100, |clock| chunks(clock, &large)),
        ],
    );
}
