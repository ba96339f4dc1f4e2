//! Every limit, at it and one beyond.

use aioxide_http::http1::response::{Leniency, Limits, ResponseError};

use crate::script::Script;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn with(limits: Limits, bytes: &str) -> Option<ResponseError> {
    Script { limits, ..Script::new(bytes.as_bytes()) }.run_error().1
}

/// The same at a few cuts only: these are long.
fn by_default(bytes: &str) -> Option<ResponseError> {
    let script = Script::new(bytes.as_bytes());
    let whole = script.run_cut(&[]);
    let all: Vec<usize> = (0..bytes.len()).collect();
    script.check(&whole, &all);
    script.check(&whole, &[bytes.len() / 2]);
    whole.1
}

#[test]
fn defaults_are_those_of_aiohttp() {
    let line = |len: usize| format!("HTTP/1.1 200 {}\r\n\r\n", "O".repeat(len - 13));
    assert_eq!(by_default(&line(8190)), None);
    assert_eq!(by_default(&line(8191)), Some(ResponseError::StatusLineTooLong { limit: 8190 }));
    let field = |len: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(len - 3));
    assert_eq!(by_default(&field(8190)), None);
    assert_eq!(by_default(&field(8191)), Some(ResponseError::FieldTooLong { limit: 8190 }));
    let name = |len: usize| format!("HTTP/1.1 200 OK\r\n{}:\r\n\r\n", "a".repeat(len - 1));
    assert_eq!(by_default(&name(8191)), Some(ResponseError::FieldTooLong { limit: 8190 }));
    let fields = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert_eq!(by_default(&fields(128)), None);
    assert_eq!(by_default(&fields(129)), Some(ResponseError::TooManyFields { limit: 128 }));
}

#[test]
fn whole_head_is_limited() {
    let head = "HTTP/1.1 204 OK\r\nX: y\r\nX: y\r\n\r\n";
    let limits = |size| Limits { max_head_size: size, ..Limits::default() };
    let len = head.len() as u32;
    assert_eq!(with(limits(len), head), None);
    let error = ResponseError::HeadTooLarge { limit: len - 1 };
    assert_eq!(with(limits(len - 1), head), Some(error));
}

#[test]
fn line_without_end_is_refused_at_its_limit() {
    let limits = Limits { max_line_size: 20, max_field_size: 10, ..Limits::default() };
    let line = "HTTP/1.1 200 OKOKOKOKOK";
    assert_eq!(with(limits, &line[..21]), None);
    let error = ResponseError::StatusLineTooLong { limit: 20 };
    assert_eq!(with(limits, &line[..22]), Some(error));
    let field = "HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaa";
    assert_eq!(with(limits, &field[..17 + 11]), None);
    let error = ResponseError::FieldTooLong { limit: 10 };
    assert_eq!(with(limits, &field[..17 + 12]), Some(error));
}

#[test]
fn folded_field_counts_as_a_whole() {
    let limits = Limits { max_field_size: 12, max_headers: 3, ..Limits::default() };
    let run = |bytes: &str| {
        let script = Script {
            limits,
            leniency: Leniency { folds: true, ..Leniency::STRICT },
            ..Script::new(bytes.as_bytes())
        };
        script.run_error().1
    };
    assert_eq!(run("HTTP/1.1 204 x\r\nX: a\r\n b\r\n c\r\n\r\n"), None);
    let error = ResponseError::FieldTooLong { limit: 12 };
    assert_eq!(run("HTTP/1.1 204 x\r\nX: a\r\n b\r\n cd\r\n\r\n"), Some(error));
    let error = ResponseError::TooManyFields { limit: 3 };
    assert_eq!(run("HTTP/1.1 204 x\r\nX:\r\n b\r\n \r\n \r\n\r\n"), Some(error));
}

#[test]
fn informational_heads_are_counted() {
    let limits = |count, size| Limits {
        max_informational: count,
        max_informational_size: size,
        ..Limits::default()
    };
    let heads = "HTTP/1.1 100 x\r\n\r\n".repeat(3) + "HTTP/1.1 204 x\r\n\r\n";
    assert_eq!(with(limits(3, 54), &heads), None);
    let error = ResponseError::TooManyInformational { limit: 2 };
    assert_eq!(with(limits(2, 54), &heads), Some(error));
    let error = ResponseError::InformationalTooLarge { limit: 53 };
    assert_eq!(with(limits(3, 53), &heads), Some(error));
    let error = ResponseError::TooManyInformational { limit: 32 };
    assert_eq!(by_default(&"HTTP/1.1 100 x\r\n\r\n".repeat(33)), Some(error));
}

#[test]
fn informational_heads_are_counted_for_each_exchange() {
    use aioxide_http::http1::response::{Decoder, Exchange};
    let limits = Limits { max_informational: 1, ..Limits::default() };
    let mut decoder = Decoder::new(limits, Leniency::STRICT);
    for _ in 0..3 {
        decoder.begin(Exchange::new("GET")).unwrap();
        let mut input = &b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n"[..];
        while decoder.next(&mut input).unwrap().is_some() {}
        assert!(decoder.reusable());
    }
}

#[test]
fn trailers_are_counted_with_the_headers() {
    let limits = Limits { max_headers: 3, ..Limits::default() };
    assert_eq!(with(limits, &format!("{CHUNKED}0\r\nA: 1\r\nB: 2\r\n\r\n")), None);
    let error = ResponseError::TooManyFields { limit: 3 };
    let bytes = format!("{CHUNKED}0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
    assert_eq!(with(limits, &bytes), Some(error));
}

#[test]
fn trailers_are_limited_as_heads_are() {
    let limits = Limits { max_field_size: 26, max_head_size: 60, ..Limits::default() };
    let trailers = |len: usize| format!("{CHUNKED}0\r\nX: {}\r\n\r\n", "a".repeat(len - 3));
    assert_eq!(with(limits, &trailers(26)), None);
    let error = ResponseError::FieldTooLong { limit: 26 };
    assert_eq!(with(limits, &trailers(27)), Some(error));
    let many = format!("{CHUNKED}0\r\n{}\r\n", "X: aaaaaaaaaa\r\n".repeat(4));
    assert_eq!(with(limits, &many), Some(ResponseError::HeadTooLarge { limit: 60 }));
}

#[test]
fn extensions_are_limited() {
    let limits = Limits { max_chunk_extension: 4, max_chunk_extensions: 7, ..Limits::default() };
    assert_eq!(with(limits, &format!("{CHUNKED}1;aaa\r\nx\r\n")), None);
    let error = ResponseError::ChunkExtensionTooLong { limit: 4 };
    assert_eq!(with(limits, &format!("{CHUNKED}1;aaaa\r\nx\r\n")), Some(error));
    // Three times three bytes are seven beyond the two that the body had by then.
    let three = "1;aa\r\nx\r\n".repeat(3);
    assert_eq!(with(limits, &format!("{CHUNKED}{three}1;\r\nx\r\n")), None);
    let error = ResponseError::ChunkExtensionsTooLarge { limit: 7 };
    assert_eq!(with(limits, &format!("{CHUNKED}{three}1;a\r\nx\r\n")), Some(error));
}

#[test]
fn extensions_may_grow_with_the_body() {
    let chunk = format!("20;{}\r\n{}\r\n", "e".repeat(31), "x".repeat(32));
    let bytes = format!("{CHUNKED}{}0\r\n\r\n", chunk.repeat(2000));
    let script = Script::new(bytes.as_bytes());
    assert_eq!(script.run_cut(&[]).1, None);
    let short = format!("20;{}\r\n{}\r\n", "e".repeat(40), "x".repeat(32));
    let bytes = format!("{CHUNKED}{}0\r\n\r\n", short.repeat(2000));
    let error = ResponseError::ChunkExtensionsTooLarge { limit: 16 * 1024 };
    assert_eq!(Script::new(bytes.as_bytes()).run_cut(&[]).1, Some(error));
}

#[test]
fn head_may_be_as_large_as_the_other_limits_need() {
    let limits = Limits::with_sizes(8190, 1_000_000, 50);
    assert_eq!(limits.max_headers, 50);
    let value = "a".repeat(999_997);
    let bytes = format!("HTTP/1.1 200 OK\r\nX: {value}\r\n\r\n");
    let script = Script { limits, ..Script::new(bytes.as_bytes()) };
    assert_eq!(script.run_cut(&[]).1, None);
    assert_eq!(script.run_cut(&[100, 1000, 500_000]).1, None);
    let small = Limits::with_sizes(8190, 8190, 128);
    assert_eq!(small, Limits::default());
    assert_eq!(Limits::with_sizes(usize::MAX, 1, 1).max_head_size, u32::MAX);
}
