//! What aiohttp had to fix in its multipart bodies.

use aioxide_http::multipart::{
    Event, HeaderError, Headers, Kind, Limits, ReadError, content_disposition,
};

use super::support::{feed, reader, refused};

/// All but the tab: each could end a header for somebody.
fn controls() -> impl Iterator<Item = u8> {
    (0..0x20).chain([0x7f]).filter(|byte| *byte != b'\t')
}

/// CVE-2026-34514: a CR LF in the content type of a part began another header.
#[test]
fn control_characters_in_header_values_are_refused() {
    for byte in controls() {
        let value = [b"text/plain", &[byte][..], b"X-Injected: yes"].concat();
        let mut headers = Headers::new();
        let what = "Content-Type".to_owned();
        assert_eq!(
            headers.append(b"Content-Type", &value),
            Err(HeaderError::Control { what, byte })
        );
        assert!(headers.is_empty());
        assert!(headers.as_bytes().is_empty());
    }
    let mut headers = Headers::new();
    headers.append(b"X", b"a\tb\x80\xff").expect("tabs and other bytes are fine");
    assert_eq!(headers.as_bytes(), b"X: a\tb\x80\xff\r\n");
}

/// CVE-2026-50269: and so did the names of headers, and names and file names of fields.
#[test]
fn control_characters_in_names_are_refused() {
    for byte in controls() {
        let name = [b"X", &[byte][..], b"Y"].concat();
        let error = Headers::new().append(&name, b"value");
        assert!(matches!(error, Err(HeaderError::Name { .. })));
        for quote_fields in [true, false] {
            for parameter in ["name", "filename", "filename*"] {
                let parameters: [(&[u8], &[u8]); 1] = [(parameter.as_bytes(), &name)];
                let error = content_disposition(b"form-data", &parameters, "utf-8", quote_fields);
                let what = parameter.to_owned();
                assert_eq!(error, Err(HeaderError::Control { what, byte }));
            }
        }
    }
    for name in [&b""[..], b"A:", b"A B", b"A\xff", b"\"A\""] {
        assert!(matches!(Headers::new().append(name, b""), Err(HeaderError::Name { .. })));
    }
}

/// CVE-2026-34516: the headers of a part had no limits.
#[test]
fn headers_of_a_part_are_capped() {
    let limits = Limits { max_field_size: 10, max_header_size: 30, ..Limits::default() };
    let body = |headers: &str| format!("--b\r\n{headers}\r\n\r\n\r\n--b--").into_bytes();
    for end in ["\r\n", "\n"] {
        let body = body(&["A: 3456789", "B: 3", "C: 3", "D:"].join(end));
        assert_eq!(feed(reader("b", Kind::Other, limits), [&body[..]]).1, Ok(()));
    }
    let line = ReadError::HeaderSize { limit: 10 };
    assert_eq!(refused(Kind::Other, limits, &body("A: 34567890")), line);
    // Also if the line never ends.
    assert_eq!(refused(Kind::Other, limits, b"--b\r\nA: 34567890123"), line);
    let all = ReadError::HeadersSize { limit: 30 };
    assert_eq!(refused(Kind::Other, limits, &body("A: 3456789\r\nB: 3456789\r\nC: 3456789")), all);
    // The next part has all of it again.
    let parts = b"--b\r\nA: 3456789\r\nB: 3456789\r\n\r\nx\r\n".repeat(3);
    let parts = [&parts[..], b"--b--"].concat();
    assert_eq!(feed(reader("b", Kind::Other, limits), [&parts[..]]).1, Ok(()));
}

/// CVE-2025-69229: what comes in tiny pieces must not be looked through again and again. Each byte
/// is used up when it comes, so nothing is there to look through.
#[test]
fn tiny_pieces_are_used_up_at_once() {
    let mut body = b"--b\r\nX: y\r\n\r\n".to_vec();
    body.extend(b"\r\n--bx \r\n\r--b-".repeat(20_000));
    body.extend(b"\r\n--b--\r\n");
    let mut reader = reader("b", Kind::Other, Limits::default());
    let (mut calls, mut content) = (0, 0);
    for byte in body.chunks(1) {
        let mut piece = byte;
        loop {
            calls += 1;
            let (consumed, event) = reader.next(piece).expect("a good body");
            piece = &piece[consumed..];
            match event {
                Event::NeedInput => break,
                Event::Data(data) => content += data.len(),
                _ => {}
            }
        }
    }
    assert_eq!(content, 14 * 20_000);
    assert!(calls < 4 * body.len(), "{calls} calls for {} bytes", body.len());
}
