//! The decoder against the model.

use aioxide_http::http1::response::{Leniency, Limits};
use proptest::prelude::*;

use crate::model;
use crate::script::Script;

/// Parts that responses are made of, and that break them.
const PARTS: [&[u8]; 62] = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.1 304 \r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103\r\nLink: a\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 407 \xe9\r\n",
    b"HTTP/2.0 200 OK\r\n",
    b"HTTP/1.1 2000 OK\r\n",
    b"HTTP/1.1 099 OK\r\n",
    b"HTTP/1.1  200 OK\n",
    b"HTTP/1.1 200 O\x01K\r\n",
    b"Content-Length: 5\r\n",
    b"content-length:5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length:\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Content-Length: 6\n",
    b"Transfer-Encoding: chunked\r\n",
    b"TRANSFER-ENCODING: Chunked\t\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, gzip\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: \r\n",
    b"Connection: close\r\n",
    b"Connection: Upgrade, keep-alive\r\n",
    b"X: y\r\n",
    b"X-Long: a value that is somewhat longer\r\n",
    b"X: \xff\xc3\xa9\r\n",
    b"X: a\x01b\r\n",
    b"X: a\x00b\r\n",
    b"X: a\rb\r\n",
    b"X : y\r\n",
    b": y\r\n",
    b"no colon\r\n",
    b" folded \r\n",
    b"\t\r\n",
    b"\r\n",
    b"\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"hello",
    b"5\r\nhello\r\n",
    b"5;a=b\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b"A\r\n0123456789\r\n",
    b"5\nhello\n",
    b"0\r\n\r\n",
    b"0\r\n",
    b"00000000000000000\r\n",
    b"1;\r\nx\r\n",
    b"1;a\x7f\r\nx\r\n",
    b"1;a\rb\r\nx\r\n",
    b"3\r\n",
    b";",
    b"ffffffffffffffff\r\n",
    b"g\r\n",
    b"Trailer: t\r\n",
];

fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => proptest::sample::select(&PARTS[..]).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ]
}

/// Any parts in any order: mostly nonsense.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(part(), 0..12).prop_map(|parts| parts.concat())
}

/// A head that has an end, and something like a body.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let informational = proptest::collection::vec(Just(PARTS[4].to_vec()), 0..3);
    let status = (0..8_usize).prop_map(|index| PARTS[index].to_vec());
    let fields = proptest::collection::vec(13..36_usize, 0..4)
        .prop_map(|indices| indices.iter().map(|index| PARTS[*index]).collect::<Vec<_>>().concat());
    let chunks = proptest::collection::vec(45..62_usize, 0..6)
        .prop_map(|indices| indices.iter().map(|index| PARTS[*index]).collect::<Vec<_>>().concat());
    let end = prop_oneof![Just(Vec::new()), Just(b"\r\n".to_vec()), Just(b"0\r\n\r\n".to_vec())];
    (informational, status, fields, chunks, end).prop_map(
        |(informational, status, fields, chunks, end)| {
            [informational.concat(), status, fields, b"\r\n".to_vec(), chunks, end].concat()
        },
    )
}

/// A response with some bytes changed, left out or doubled.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<proptest::sample::Index>(), 0..3_u8, any::<u8>());
    (response(), proptest::collection::vec(damage, 0..3)).prop_map(|(mut bytes, damages)| {
        for (index, kind, byte) in damages {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        bytes
    })
}

/// So small that random responses exceed them.
fn small_limits() -> impl Strategy<Value = Limits> {
    (14..30_usize, 8..30_usize, 0..5_usize, 20..120_u32, 0..3_u32, 20..60_u64, 0..4_u32, 0..6_u64)
        .prop_map(|(line, field, headers, head, count, size, extension, extensions)| Limits {
            max_line_size: line,
            max_field_size: field,
            max_headers: headers,
            max_head_size: head,
            max_informational: count,
            max_informational_size: size,
            max_chunk_extension: extension,
            max_chunk_extensions: extensions,
        })
}

fn leniency() -> impl Strategy<Value = Leniency> {
    let any = any::<[bool; 5]>().prop_map(|flags| Leniency {
        folds: flags[0],
        bare_line_feeds: flags[1],
        control_characters: flags[2],
        spaces_after_chunk_size: flags[3],
        foreign_transfer_codings: flags[4],
    });
    prop_oneof![Just(Leniency::STRICT), Just(Leniency::LENIENT), any]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_model_sees_the_same_however_it_is_cut(
        bytes in prop_oneof![nonsense(), response(), damaged()],
        limits in prop_oneof![2 => Just(Limits::default()), 1 => small_limits()],
        leniency in leniency(),
        method in proptest::sample::select(vec!["GET", "GET", "GET", "HEAD", "CONNECT"]),
        read_until_eof in proptest::bool::weighted(0.8),
        eof in any::<bool>(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let script = Script { method, limits, leniency, read_until_eof, eof, bytes: &bytes };
        let whole = script.run_cut(&[]);
        prop_assert_eq!(&whole.0, &model::outcome(&script));
        let mut cuts: Vec<usize> =
            cuts.iter().map(|index| index.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        script.check(&whole, &cuts);
        let all: Vec<usize> = (0..bytes.len()).collect();
        script.check(&whole, &all);
    }
}
