//! Requests: what stands at the start of a connection's input.

/// One request that is complete and proper.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct Request {
    /// The path, without the query.
    pub(crate) path: String,
    pub(crate) head_only: bool,
    pub(crate) keep_alive: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// More input may complete it.
    Partial,
    /// A request and how many bytes of the input it took.
    Complete(Request, usize),
    /// The connection cannot be used any more; `Fault` says what to answer.
    Faulty(Fault),
}

/// Why a request is not taken.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Fault {
    Malformed,
    HeadTooLarge,
    MethodNotAllowed,
    /// No page takes a body, and one that is not read would be taken for the next request.
    BodyNotAllowed,
}

/// Reads one request from the start of `input`.
pub(crate) fn parse(input: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(input) {
        Ok(httparse::Status::Complete(length)) if length <= MOST_HEAD => length,
        Ok(httparse::Status::Partial) if input.len() < MOST_HEAD => return Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Parsed::Faulty(Fault::HeadTooLarge);
        }
        Err(_) => return Parsed::Faulty(Fault::Malformed),
    };
    let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
        return Parsed::Faulty(Fault::Malformed);
    };
    let fields = match Fields::read(head.headers) {
        Ok(fields) if fields.hosts == 1 || (fields.hosts == 0 && version == 0) => fields,
        _ => return Parsed::Faulty(Fault::Malformed),
    };
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Parsed::Faulty(Fault::MethodNotAllowed),
    };
    if fields.body {
        return Parsed::Faulty(Fault::BodyNotAllowed);
    }
    let Some(path) = path_of(target) else { return Parsed::Faulty(Fault::Malformed) };
    let keep_alive = if version == 0 { fields.keep_alive } else { !fields.close };
    Parsed::Complete(Request { path: path.to_owned(), head_only, keep_alive }, length)
}

/// What the header fields say about the connection.
#[derive(Default)]
struct Fields {
    hosts: usize,
    close: bool,
    keep_alive: bool,
    body: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, Fault> {
        let mut fields = Self::default();
        for header in headers {
            let value = std::str::from_utf8(header.value).map(str::trim).unwrap_or_default();
            if header.name.eq_ignore_ascii_case("host") {
                fields.hosts += 1;
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                fields.body = true;
            } else if header.name.eq_ignore_ascii_case("content-length") {
                if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Fault::Malformed);
                }
                fields.body |= value.bytes().any(|byte| byte != b'0');
            } else if header.name.eq_ignore_ascii_case("connection") {
                for option in value.split(',').map(str::trim) {
                    fields.close |= option.eq_ignore_ascii_case("close");
                    fields.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
                }
            }
        }
        Ok(fields)
    }
}

/// The path of a request target, which is either a path or, from a proxy's client, a URL.
fn path_of(target: &str) -> Option<&str> {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    let path = path.split(['?', '#']).next()?;
    path.starts_with('/').then_some(path)
}

/// A head beyond this is answered with 431.
pub(crate) const MOST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(input: &str) -> Request {
        match parse(input.as_bytes()) {
            Parsed::Complete(request, length) => {
                assert_eq!(length, input.len());
                request
            }
            other => panic!("{input:?} gave {other:?}"),
        }
    }

    fn fault(input: &str) -> Fault {
        match parse(input.as_bytes()) {
            Parsed::Faulty(fault) => fault,
            other => panic!("{input:?} gave {other:?}"),
        }
    }

    #[test]
    fn a_request_is_read_up_to_its_end() {
        let input = b"GET /notices/7?x=1 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP";
        let Parsed::Complete(request, length) = parse(input) else { panic!("not complete") };
        assert_eq!(request.path, "/notices/7");
        assert!(request.keep_alive && !request.head_only);
        assert_eq!(&input[length..], b"GET / HTTP");
    }

    #[test]
    fn every_proper_start_of_a_request_is_partial() {
        let input = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        for length in 0..input.len() {
            assert_eq!(parse(&input.as_bytes()[..length]), Parsed::Partial, "{length} bytes");
        }
        let request = complete(input);
        assert!(request.head_only && !request.keep_alive);
    }

    #[test]
    fn the_version_decides_about_keep_alive_unless_the_client_does() {
        assert!(!complete("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(complete("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
        let closing = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n";
        assert!(!complete(closing).keep_alive);
    }

    #[test]
    fn malformed_requests_are_told_apart() {
        assert_eq!(fault("\u{16}\u{3}\u{1}hello"), Fault::Malformed);
        assert_eq!(fault("GET / HTTP/1.1\r\n\r\n"), Fault::Malformed, "no host");
        assert_eq!(fault("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), Fault::Malformed);
        assert_eq!(fault("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), Fault::Malformed);
        assert_eq!(
            fault("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
            Fault::Malformed
        );
        assert_eq!(fault("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), Fault::MethodNotAllowed);
        assert_eq!(
            fault("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
            Fault::BodyNotAllowed
        );
        assert_eq!(
            fault("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Fault::BodyNotAllowed
        );
    }

    #[test]
    fn a_head_has_a_limit_whether_or_not_it_ends() {
        let start = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(MOST_HEAD));
        assert_eq!(fault(&start), Fault::HeadTooLarge);
        assert_eq!(fault(&format!("{start}\r\n\r\n")), Fault::HeadTooLarge);
        let many = "X: y\r\n".repeat(MOST_HEADERS + 1);
        assert_eq!(fault(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Fault::HeadTooLarge);
    }

    #[test]
    fn a_url_as_target_is_its_path() {
        assert_eq!(complete("GET http://a:80/x HTTP/1.1\r\nHost: a\r\n\r\n").path, "/x");
        assert_eq!(complete("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
    }
}
