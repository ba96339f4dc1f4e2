//! Responses: a head and a body that is shared with the page it is.

use std::io::{self, IoSlice, Write};
use std::rc::Rc;

use crate::request::Fault;

#[derive(Debug, Clone)]
pub(crate) struct Response {
    status: Status,
    content_type: &'static str,
    body: Rc<[u8]>,
}

/// The statuses that the site answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    ContentTooLarge,
    HeadTooLarge,
    TimedOut,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed\r\nAllow: GET, HEAD",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::TimedOut => "504 Gateway Timeout",
        }
    }
}

impl From<Fault> for Response {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::text(Status::BadRequest, "This is not an HTTP request.\n"),
            Fault::HeadTooLarge => Self::text(Status::HeadTooLarge, "The head is too large.\n"),
            Fault::MethodNotAllowed => {
                Self::text(Status::MethodNotAllowed, "Only GET and HEAD are known here.\n")
            }
            Fault::BodyNotAllowed => {
                Self::text(Status::ContentTooLarge, "No page takes a request with a body.\n")
            }
        }
    }
}

impl Response {
    pub(crate) const fn html(body: Rc<[u8]>) -> Self {
        Self { status: Status::Ok, content_type: "text/html; charset=utf-8", body }
    }

    pub(crate) fn json(text: &str) -> Self {
        let body = Rc::from(text.as_bytes());
        Self { status: Status::Ok, content_type: "application/json", body }
    }

    pub(crate) fn text(status: Status, text: &str) -> Self {
        let body = Rc::from(text.as_bytes());
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }

    pub(crate) fn encode(self, head_only: bool, keep_alive: bool) -> Output {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {connection}\
             \r\n\r\n",
            self.status.line(),
            self.content_type,
            self.body.len(),
        );
        let body = if head_only { Rc::from([]) } else { self.body };
        Output { head: head.into_bytes(), body, written: 0 }
    }
}

/// The bytes of one response, and how many of them the kernel has taken.
#[derive(Debug)]
pub(crate) struct Output {
    head: Vec<u8>,
    body: Rc<[u8]>,
    written: usize,
}

impl Output {
    /// Writes what is left; an error of kind `WouldBlock` says that some of it still is.
    pub(crate) fn write_to(&mut self, target: &mut impl Write) -> io::Result<()> {
        while self.written < self.head.len() + self.body.len() {
            let head = self.head.get(self.written..).unwrap_or_default();
            let body = &self.body[self.written.saturating_sub(self.head.len())..];
            match target.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => self.written += taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and then once none.
    struct Slow(Vec<u8>, bool);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(mut output: Output) -> String {
        let mut slow = Slow(Vec::new(), false);
        while let Err(error) = output.write_to(&mut slow) {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        String::from_utf8(slow.0).expect("text")
    }

    #[test]
    fn a_response_survives_any_split() {
        let response = Response::text(Status::NotFound, "no such page");
        assert_eq!(
            written(response.encode(false, true)),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 12\r\nConnection: keep-alive\r\n\r\nno such page"
        );
    }

    #[test]
    fn a_head_tells_the_length_and_has_no_body() {
        let text = written(Response::json("{}").encode(true, false));
        assert!(text.contains("Content-Length: 2\r\n"));
        assert!(text.ends_with("Connection: close\r\n\r\n"));
    }
}
