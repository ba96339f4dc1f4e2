//! Any bytes as a multipart body: no panic, and the same parts whatever the pieces.
#![no_main]

use aioxide_http::multipart::{Event, Kind, Limits, MultipartType, ReadError, Reader};
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
struct Input {
    content_type: Option<Vec<u8>>,
    form: bool,
    piece: u8,
    body: Vec<u8>,
}

#[derive(Debug, Default, PartialEq)]
struct Part {
    headers: Vec<u8>,
    content: Vec<u8>,
    ended: bool,
}

fn read(mut reader: Reader, body: &[u8], piece: usize) -> (Vec<Part>, Result<(), ReadError>) {
    let mut parts: Vec<Part> = Vec::new();
    for mut input in body.chunks(piece) {
        loop {
            let (consumed, event) = match reader.next(input) {
                Ok(found) => found,
                Err(error) => return (parts, Err(error)),
            };
            input = &input[consumed..];
            match event {
                Event::NeedInput => break,
                Event::PartBegin(headers) => {
                    parts.push(Part { headers: headers.as_bytes().to_vec(), ..Part::default() });
                }
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    parts.last_mut().expect("a part").content.extend_from_slice(data);
                }
                Event::PartEnd => parts.last_mut().expect("a part").ended = true,
                Event::End => {}
            }
        }
        assert!(input.is_empty());
    }
    let end = reader.end_of_input();
    (parts, end)
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let kind = if input.form { Kind::FormData } else { Kind::Other };
    let parsed = input.content_type.and_then(|value| MultipartType::parse(&value).ok());
    let boundary = match parsed {
        Some(parsed) => parsed.boundary,
        None => aioxide_http::multipart::Boundary::new(b"b").expect("boundary"),
    };
    let limits =
        Limits { max_headers: 5, max_field_size: 100, max_preamble: 200, ..Limits::default() };
    let make = || Reader::new(&boundary, kind, limits);
    let whole = read(make(), &input.body, usize::MAX);
    let parts = read(make(), &input.body, 1 + usize::from(input.piece));
    assert_eq!(whole, parts);
    let total: usize = whole.0.iter().map(|part| part.content.len()).sum();
    assert!(total <= input.body.len());
});
