//! How the tests drive readers and writers.

use aioxide_http::multipart::{
    Boundary, Event, Headers, Kind, Limits, Part, ReadError, Reader, Writer,
};

/// A part as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
    pub(crate) ended: bool,
}

pub(crate) fn boundary(text: &str) -> Boundary {
    Boundary::new(text.as_bytes()).expect("boundary")
}

pub(crate) fn reader(text: &str, kind: Kind, limits: Limits) -> Reader {
    Reader::new(&boundary(text), kind, limits)
}

pub(crate) fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name.as_bytes(), value.as_bytes()).expect("header");
    }
    headers
}

pub(crate) fn part(fields: &[(&str, &str)]) -> Part {
    Part::new(Kind::Other, headers(fields), None).expect("part")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Feeds the pieces; what was read, and how it ended.
pub(crate) fn feed<'a>(
    mut reader: Reader,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Read>, Result<(), ReadError>) {
    let mut parts: Vec<Read> = Vec::new();
    let mut over = false;
    for mut piece in pieces {
        loop {
            let (consumed, event) = match reader.next(piece) {
                Ok(found) => found,
                Err(error) => {
                    assert_eq!(reader.next(piece), Err(error.clone()), "an error does not stay");
                    assert_eq!(reader.end_of_input(), Err(error.clone()));
                    return (parts, Err(error));
                }
            };
            let enough = matches!(event, Event::NeedInput);
            match event {
                Event::NeedInput => assert_eq!(consumed, piece.len()),
                Event::PartBegin(headers) => {
                    assert!(parts.last().is_none_or(|last| last.ended));
                    let headers = headers.iter().map(|(name, value)| (text(name), text(value)));
                    parts.push(Read { headers: headers.collect(), ..Read::default() });
                }
                Event::Data(data) => {
                    assert!(!data.is_empty(), "an event without data");
                    let part = parts.last_mut().expect("data of a part");
                    assert!(!part.ended);
                    part.content.extend_from_slice(data);
                }
                Event::PartEnd => parts.last_mut().expect("end of a part").ended = true,
                Event::End => {
                    assert!(!over, "two ends");
                    over = true;
                }
            }
            piece = &piece[consumed..];
            if enough {
                break;
            }
        }
    }
    let end = reader.end_of_input();
    assert_eq!(end.is_ok(), over);
    (parts, end)
}

/// Whole, with all splits into two, and byte by byte: all must come to the same.
pub(crate) fn read_all_ways(
    make: impl Fn() -> Reader,
    body: &[u8],
) -> (Vec<Read>, Result<(), ReadError>) {
    let whole = feed(make(), [body]);
    for split in 0..=body.len() {
        let (first, second) = body.split_at(split);
        assert_eq!(feed(make(), [first, second]), whole, "split at {split}");
    }
    assert_eq!(feed(make(), body.chunks(1)), whole, "byte by byte");
    whole
}

/// The parts of a good body with the boundary `b`.
pub(crate) fn read(body: &str) -> Vec<(Vec<(String, String)>, String)> {
    let make = || reader("b", Kind::Other, Limits::default());
    let (parts, end) = read_all_ways(make, body.as_bytes());
    assert_eq!(end, Ok(()));
    assert!(parts.iter().all(|part| part.ended));
    parts.into_iter().map(|part| (part.headers, text(&part.content))).collect()
}

pub(crate) fn contents(body: &str) -> Vec<String> {
    read(body).into_iter().map(|(_, content)| content).collect()
}

/// What is wrong with a body with the boundary `b`.
pub(crate) fn refused(kind: Kind, limits: Limits, body: &[u8]) -> ReadError {
    read_all_ways(|| reader("b", kind, limits), body).1.expect_err("a bad body")
}

pub(crate) fn write(boundary: &Boundary, parts: &[(&Part, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(boundary.clone());
    let mut output = Vec::new();
    for (part, content) in parts {
        writer.begin_part(part, &mut output).expect("begin");
        writer.data_to(content, &mut output).expect("content");
        writer.end_part(&mut output).expect("end");
    }
    writer.close(&mut output).expect("close");
    assert_eq!(writer.written(), output.len() as u64);
    output
}
