//! Any headers and content: what is written is read back, and no header is more than one.
#![no_main]

use aioxide_http::multipart::{
    Boundary, Event, Headers, Kind, Limits, Part, Reader, TransferDecoder, TransferEncoding,
    Writer, content_disposition, content_length,
};
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
struct Input {
    boundary: Vec<u8>,
    transfer: Option<bool>,
    quote_fields: bool,
    parts: Vec<InputPart>,
}

#[derive(Arbitrary, Debug)]
struct InputPart {
    name: Vec<u8>,
    file_name: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    content: Vec<Vec<u8>>,
}

/// The headers that are allowed among these.
fn headers(part: &InputPart, quote_fields: bool) -> Headers {
    let mut headers = Headers::new();
    let mut parameters = vec![(&b"name"[..], &part.name[..])];
    parameters.extend(part.file_name.as_ref().map(|name| (&b"filename"[..], &name[..])));
    if let Ok(value) = content_disposition(b"form-data", &parameters, "utf-8", quote_fields) {
        headers.append(b"Content-Disposition", &value).expect("fit for a header");
    }
    for (name, value) in &part.headers {
        if !name.to_ascii_lowercase().starts_with(b"content-") {
            let _ = headers.append(name, value);
        }
    }
    headers
}

fn read(boundary: &Boundary, body: &[u8]) -> Vec<(Headers, Vec<u8>)> {
    let limits = Limits {
        max_headers: usize::MAX,
        max_field_size: usize::MAX,
        max_header_size: usize::MAX,
        ..Limits::default()
    };
    let mut reader = Reader::new(boundary, Kind::Other, limits);
    let mut parts: Vec<(Headers, Vec<u8>)> = Vec::new();
    let mut rest = body;
    loop {
        let (consumed, event) = reader.next(rest).expect("a good body");
        rest = &rest[consumed..];
        match event {
            Event::PartBegin(headers) => parts.push((headers, Vec::new())),
            Event::Data(data) => parts.last_mut().expect("a part").1.extend_from_slice(data),
            Event::PartEnd => {}
            Event::End => return parts,
            Event::NeedInput => panic!("the end is missing"),
        }
    }
}

/// How many places in the body look like the end of a part.
fn delimiters(boundary: &Boundary, body: &[u8]) -> usize {
    let delimiter = [b"--", boundary.as_bytes()].concat();
    body.windows(delimiter.len()).filter(|window| *window == delimiter).count()
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let Ok(boundary) = Boundary::new(&input.boundary) else { return };
    let encoding = match input.transfer {
        None => TransferEncoding::Identity,
        Some(true) => TransferEncoding::Base64,
        Some(false) => TransferEncoding::QuotedPrintable,
    };
    let mut writer = Writer::new(boundary.clone());
    let mut body = Vec::new();
    let mut parts = Vec::new();
    for part in &input.parts {
        let mut headers = headers(part, input.quote_fields);
        let content = part.content.concat();
        let length = match encoding {
            TransferEncoding::Identity => Some(content.len() as u64),
            TransferEncoding::Base64 => None,
            TransferEncoding::QuotedPrintable => None,
        };
        let name: &[u8] = match encoding {
            TransferEncoding::Identity => b"binary",
            TransferEncoding::Base64 => b"base64",
            TransferEncoding::QuotedPrintable => b"quoted-printable",
        };
        headers.append(b"Content-Transfer-Encoding", name).expect("a header");
        let made = Part::new(Kind::Other, headers, length).expect("a part");
        writer.begin_part(&made, &mut body).expect("begin");
        for piece in &part.content {
            writer.data_to(piece, &mut body).expect("content");
        }
        writer.end_part(&mut body).expect("end");
        parts.push((made, content));
    }
    writer.close(&mut body).expect("close");
    if encoding == TransferEncoding::Identity {
        let length = content_length(&boundary, parts.iter().map(|(part, _)| part));
        assert_eq!(length, Some(body.len() as u64));
    } else if delimiters(&boundary, &body) != parts.len() + 1 {
        // Encoded content, which has no length, may hold the boundary: whoever chooses one sees to it
        // that it does not.
        return;
    }
    let read = read(&boundary, &body);
    assert_eq!(read.len(), parts.len());
    for ((headers, text), (part, content)) in read.iter().zip(&parts) {
        assert_eq!(headers.len(), part.headers().len());
        let mut decoder = TransferDecoder::new(part.transfer_encoding());
        let mut decoded = Vec::new();
        decoder.decode(text, &mut decoded);
        decoder.finish(&mut decoded).expect("whole");
        assert_eq!(&decoded, content);
    }
});
