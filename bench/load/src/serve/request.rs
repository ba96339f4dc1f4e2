//! The head of a request, as much of it as matters here.

use httparse::{EMPTY_HEADER, Status};

/// A head that is longer ends the connection.
pub(crate) const LONGEST_HEAD: usize = 64 * 1024;
const HEADERS: usize = 64;

/// What a head says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) target: &'a str,
    pub(crate) method: Method,
    pub(crate) length: Length,
    /// The client wants to be told before it sends the body.
    pub(crate) waits: bool,
    /// The client wants the connection to be closed behind the response.
    pub(crate) closes: bool,
    /// The key of a client that wants to speak WebSocket.
    pub(crate) key: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// How the end of the body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Fixed(u64),
    Chunked,
}

/// The client sent what is no request, or none that is served here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRequest;

/// The request and the length of its head, or nothing while the head is not complete.
pub(crate) fn parse(data: &[u8]) -> Result<Option<(Request<'_>, usize)>, BadRequest> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let Status::Complete(end) = parsed.parse(data).map_err(|_| BadRequest)? else {
        return if data.len() > LONGEST_HEAD { Err(BadRequest) } else { Ok(None) };
    };
    let method = match parsed.method {
        Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        _ => return Err(BadRequest),
    };
    let mut request = Request {
        target: parsed.path.ok_or(BadRequest)?,
        method,
        length: Length::Fixed(0),
        waits: false,
        closes: false,
        key: None,
    };
    for header in parsed.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            6 if is("expect") => request.waits = true,
            10 if is("connection") => {
                request.closes = header.value.eq_ignore_ascii_case(b"close");
            }
            14 if is("content-length") => {
                request.length = Length::Fixed(number(header.value).ok_or(BadRequest)?);
            }
            17 if is("transfer-encoding") => request.length = Length::Chunked,
            17 if is("sec-websocket-key") => request.key = Some(header.value),
            _ => {}
        }
    }
    Ok(Some((request, end)))
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{BadRequest, Length, Method, parse};

    #[test]
    fn what_matters_is_found_in_any_case() {
        let head = b"POST /json HTTP/1.1\r\nHOST: x\r\ncontent-LENGTH: 12\r\nConnection: Close\r\n\
            Expect: 100-continue\r\n\r\nbody";
        let (request, end) = parse(head).unwrap().unwrap();
        assert_eq!((request.target, request.method), ("/json", Method::Post));
        assert_eq!((request.length, end), (Length::Fixed(12), head.len() - 4));
        assert!(request.waits && request.closes && request.key.is_none());
    }

    #[test]
    fn a_part_of_a_head_is_none_yet() {
        let head = b"GET /bytes/1 HTTP/1.1\r\nHost: x\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(parse(&head[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let long = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 70_000]].concat();
        for head in [
            b"\x16\x03\x01 hello".as_slice(),
            b"BREW /pot HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            &long,
        ] {
            assert_eq!(parse(head), Err(BadRequest));
        }
    }
}
