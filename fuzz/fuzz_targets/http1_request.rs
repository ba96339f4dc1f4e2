//! Whatever head is encoded is one head with just these parts; whatever body, just this one.
#![no_main]

use aioxide_http::http1::Version;
use aioxide_http::http1::body::BodyEncoder;
use aioxide_http::http1::request::RequestHead;
use aioxide_http::http1::response::{Decoder, Event, Exchange, Leniency, Limits};

#[derive(arbitrary::Arbitrary, Debug)]
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a [u8], &'a [u8])>,
    pieces: Vec<&'a [u8]>,
    length: Option<u16>,
}

libfuzzer_sys::fuzz_target!(|request: Request<'_>| {
    check_head(&request);
    check_chunks(&request);
    check_length(&request);
});

fn check_head(request: &Request<'_>) {
    let &Request { method, target, .. } = request;
    let head = RequestHead { method, target, version: Version::Http10 };
    let mut out = b"before".to_vec();
    if head.encode(request.headers.iter().copied(), &mut out).is_err() {
        assert_eq!(out, b"before");
        return;
    }
    let mut lines = out[6..].split(|byte| *byte == b'\n');
    let first = format!("{method} {target} HTTP/1.0\r");
    assert_eq!(first.split(' ').count(), 3);
    assert_eq!(lines.next(), Some(first.as_bytes()));
    for (name, value) in &request.headers {
        let line = lines.next().expect("a line for each header");
        let line = line.strip_suffix(b"\r").expect("its end");
        let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
        assert_eq!((&line[..colon], &line[colon + 2..]), (*name, *value));
    }
    assert_eq!(lines.collect::<Vec<_>>(), [&b"\r"[..], b""]);
    assert!(!out[6..].windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r'));
    assert!(!out[6..].windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n'));
}

fn check_chunks(request: &Request<'_>) {
    let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut body = BodyEncoder::chunked();
    for piece in &request.pieces {
        body.write(piece, &mut out).expect("a chunk may have any size");
    }
    let before = out.len();
    let fields = request.headers.iter().copied();
    let has_trailers = body.finish(fields, &mut out).is_ok() && !request.headers.is_empty();
    if !body.is_finished() {
        assert_eq!(out.len(), before);
        body.finish([], &mut out).expect("no trailers are valid");
    }
    let limits = Limits { max_headers: usize::MAX, ..Limits::with_sizes(64, 1 << 30, 0) };
    let mut decoder = Decoder::new(limits, Leniency::STRICT);
    decoder.begin(Exchange::new("GET")).expect("a new connection");
    let mut input = &out[..];
    let mut pieces = request.pieces.iter().filter(|piece| !piece.is_empty());
    let mut chunk_ends = 0;
    while let Some(event) = decoder.next(&mut input).expect("a valid response") {
        match event {
            Event::Head(head) => assert!(head.is_chunked()),
            Event::Data(data) => assert_eq!(Some(&data), pieces.next()),
            Event::ChunkEnd => chunk_ends += 1,
            Event::Trailers(fields) => {
                assert!(has_trailers);
                assert_eq!(fields.len(), request.headers.len());
            }
            Event::End => break,
            Event::Informational(_) | Event::Upgrade => panic!("{event:?}"),
        }
    }
    assert_eq!(chunk_ends, request.pieces.iter().filter(|piece| !piece.is_empty()).count());
    assert!(decoder.reusable());
}

fn check_length(request: &Request<'_>) {
    let Some(length) = request.length else { return };
    let mut body = BodyEncoder::length(length.into());
    let mut out = Vec::new();
    for piece in &request.pieces {
        let fits = out.len() + piece.len() <= length.into();
        assert_eq!(body.write(piece, &mut out).is_ok(), fits);
    }
    assert!(out.len() <= length.into());
    assert_eq!(body.finish([], &mut Vec::new()).is_ok(), out.len() == usize::from(length));
}
