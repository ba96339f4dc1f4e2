//! What a GET is answered with: built once for each target, then only sent.
//!
//! The text is a list of small records, so that its compressed form is as long, and as much work to
//! read, as that of an API's answer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::failure::Failure;

/// The longest text that can be asked for.
const MOST: usize = 64 << 20;
/// Targets beyond so many are built anew each time: nobody can fill the memory with them.
const KEPT: usize = 64;
const CHUNK: usize = 16 * 1024;

/// A whole response, and what follows it.
#[derive(Clone, Debug)]
pub(crate) enum Page {
    Send(Rc<[u8]>),
    /// The connection is closed behind it.
    SendAndClose(Rc<[u8]>),
    /// It is sent when so many connections wait for it.
    Hold(usize, Rc<[u8]>),
}

/// The pages that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    known: HashMap<Box<str>, Page>,
}

impl Pages {
    pub(crate) fn find(&mut self, target: &str) -> Result<Page, Failure> {
        if let Some(page) = self.known.get(target) {
            return Ok(page.clone());
        }
        let page = build(target)?;
        if self.known.len() < KEPT {
            self.known.insert(target.into(), page.clone());
        }
        Ok(page)
    }
}

fn build(target: &str) -> Result<Page, Failure> {
    let mut words = target.trim_start_matches('/').splitn(2, '/');
    let kind = words.next().unwrap_or_default();
    let number = words.next().and_then(|word| word.parse().ok()).filter(|&number| number <= MOST);
    let Some(number) = number else { return Ok(missing()) };
    Ok(match kind {
        "bytes" => Page::Send(plain("", &text(number))),
        "close" => Page::SendAndClose(plain("Connection: close\r\n", &text(number))),
        "gzip" => Page::Send(plain("Content-Encoding: gzip\r\n", &compressed(number)?)),
        "chunked" => Page::Send(chunked(&text(number))),
        "together" => Page::Hold(number, plain("", &text(1000))),
        _ => missing(),
    })
}

fn missing() -> Page {
    Page::Send(Rc::from(&b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..]))
}

/// The first bytes of a list of records.
pub(crate) fn text(size: usize) -> Vec<u8> {
    let mut text = String::with_capacity(size + 128);
    text.push('[');
    let (mut index, mut random) = (0_u64, 1_u64);
    while text.len() < size {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (user, score) = (random >> 48, (random >> 32) % 1000);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{{\"id\": {index}, \"name\": \"user-{user}\", \"score\": 0.{score:03}, \
             \"active\": {}}},\n ",
            random >> 63 == 1
        );
        index += 1;
    }
    text.truncate(size);
    text.into_bytes()
}

fn plain(header: &str, body: &[u8]) -> Rc<[u8]> {
    let mut page = head(&format!("{header}Content-Length: {}\r\n", body.len()));
    page.extend_from_slice(body);
    page.into()
}

fn chunked(body: &[u8]) -> Rc<[u8]> {
    let mut page = head("Transfer-Encoding: chunked\r\n");
    for chunk in body.chunks(CHUNK) {
        page.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        page.extend_from_slice(chunk);
        page.extend_from_slice(b"\r\n");
    }
    page.extend_from_slice(b"0\r\n\r\n");
    page.into()
}

/// What a server of today sends before the body, in about as many bytes.
fn head(headers: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-Type: application/json\r\n{headers}\r\n"
    )
    .into_bytes()
}

fn compressed(size: usize) -> Result<Vec<u8>, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&text(size)).and_then(|()| encoder.finish()).map_err(Failure::os("compress"))
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Page, Pages, build, text};

    #[test]
    fn text_has_the_size_that_was_asked_for_and_begins_alike() {
        assert_eq!(text(0), b"");
        let (short, long) = (text(1000), text(100_000));
        assert_eq!((short.len(), long.len()), (1000, 100_000));
        assert!(long.starts_with(&short) && short.starts_with(b"[{\"id\": 0, \"name\""));
    }

    #[test]
    fn what_nobody_serves_is_not_found() {
        for target in ["/", "/bytes", "/bytes/x", "/bytes/99999999999", "/dance/3", "bytes//1"] {
            let Ok(Page::Send(page)) = build(target) else { panic!("{target}") };
            assert!(page.starts_with(b"HTTP/1.1 404"), "{target}");
        }
    }

    #[test]
    fn only_so_many_targets_are_kept() {
        let mut pages = Pages::default();
        for size in 0..2 * KEPT {
            pages.find(&format!("/bytes/{size}")).unwrap();
        }
        assert_eq!(pages.known.len(), KEPT);
    }
}
