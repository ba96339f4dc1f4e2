//! What is written is read, in whatever pieces.

use aioxide_http::multipart::{Boundary, Headers, Kind, Limits, Part, Reader, Writer};
use proptest::prelude::*;

use super::support::{feed, read_all_ways};

/// Content that has much in common with a delimiter of the boundary `b`.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n--b".to_vec()),
        Just(b"\r\n--".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"--b".to_vec()),
        Just(b"-".to_vec()),
        Just(b" ".to_vec()),
        Just(b"x".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![b' '..=b'~', Just(b'\t'), 0x80..=0xff_u8];
    proptest::collection::vec(byte, 0..30).prop_map(|bytes| bytes.trim_ascii().to_vec())
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![b'a'..=b'z', b'A'..=b'Z', Just(b'-')], 1..20)
        .prop_map(|name| [b"x", &name[..]].concat())
}

/// Where content would be a delimiter with its line: nobody can tell, so writers must not have it.
fn has_delimiter(content: &[u8]) -> bool {
    let text: Vec<u8> = [b"\r\n", content, b"\r\n"].concat();
    let mut rest = &text[..];
    while let Some(place) = rest.windows(5).position(|window| window == b"\r\n--b") {
        rest = &rest[place + 5..];
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line = &rest[padding..];
        if line.starts_with(b"\r\n") || line.starts_with(b"\n") || rest.starts_with(b"--") {
            return true;
        }
    }
    false
}

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn reading_gives_what_was_written(
        parts in proptest::collection::vec(
            (proptest::collection::vec((name(), value()), 0..4), tricky()), 0..5),
        with_length in any::<bool>(),
        pieces in 1..50_usize,
    ) {
        let boundary = Boundary::new(b"b").expect("boundary");
        let mut writer = Writer::new(boundary.clone());
        let mut body = Vec::new();
        let mut written: Vec<(Fields, Vec<u8>)> = Vec::new();
        for (fields, content) in parts {
            if !with_length && has_delimiter(&content) {
                continue;
            }
            let mut headers = Headers::new();
            for (name, value) in &fields {
                headers.append(name, value).expect("header");
            }
            let length = with_length.then_some(content.len() as u64);
            let part = Part::new(Kind::Other, headers, length).expect("part");
            writer.begin_part(&part, &mut body).expect("begin");
            for piece in content.chunks(pieces) {
                writer.data_to(piece, &mut body).expect("content");
            }
            writer.end_part(&mut body).expect("end");
            written.push((fields, content));
        }
        writer.close(&mut body).expect("close");
        let make = || Reader::new(&boundary, Kind::Other, Limits::default());
        let (read, end) = read_all_ways(make, &body);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(&feed(make(), body.chunks(pieces)).0, &read);
        prop_assert_eq!(read.len(), written.len());
        for (read, (fields, content)) in read.iter().zip(&written) {
            prop_assert!(read.ended);
            prop_assert_eq!(&read.content, content);
            let names = read.headers.iter().map(|(name, _)| name.as_bytes());
            let expected = fields.iter().map(|(name, _)| &name[..]);
            prop_assert!(names.take(fields.len()).eq(expected));
        }
    }

    #[test]
    fn pieces_do_not_change_what_is_read(
        body in proptest::collection::vec(tricky(), 0..6),
        form in any::<bool>(),
    ) {
        let kind = if form { Kind::FormData } else { Kind::Other };
        let boundary = Boundary::new(b"b").expect("boundary");
        let body = [b"--b\r\n", &body.join(&b"\n"[..])[..]].concat();
        // The comparison of all ways is in there.
        let _ = read_all_ways(|| Reader::new(&boundary, kind, Limits::default()), &body);
    }
}
