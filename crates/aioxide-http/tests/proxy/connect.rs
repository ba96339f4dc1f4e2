use aioxide_http::proxy::{
    Connect, ConnectError, Credentials, HeadError, HeadLimits, InvalidTarget, Progress, Target,
};
use proptest::prelude::*;

fn target(host: &str, port: u16) -> Target {
    Target::new(host, port).expect("a host")
}

fn connect() -> Connect {
    Connect::new(&target("example.com", 443), &[], None, HeadLimits::default()).expect("no header")
}

fn request(headers: &[(&str, &[u8])], credentials: Option<Credentials<'_>>) -> String {
    let target = target("example.com", 443);
    let mut connect =
        Connect::new(&target, headers, credentials, HeadLimits::default()).expect("good headers");
    let request = connect.poll_output().expect("a request");
    assert_eq!(connect.poll_output(), None, "it is sent once");
    String::from_utf8(request).expect("text")
}

/// Feeds the pieces of `bytes` between `cuts`: what was taken of all, and how it ended.
fn feed(
    connect: &mut Connect,
    bytes: &[u8],
    cut: usize,
) -> (usize, Result<Progress, ConnectError>) {
    let mut taken = 0;
    for piece in [&bytes[..cut], &bytes[cut..]] {
        match connect.handle_bytes(piece) {
            Ok((read, Progress::More)) => {
                assert_eq!(read, piece.len());
                taken += read;
            }
            Ok((read, Progress::Open)) => return (taken + read, Ok(Progress::Open)),
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(Progress::More))
}

#[test]
fn the_request_names_the_target_twice() {
    let expected = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
    assert_eq!(request(&[], None), expected);
}

#[test]
fn credentials_are_written_as_basic() {
    let credentials = Credentials { user: b"Aladdin", password: b"open:sesame" };
    let expected = "CONNECT example.com:443 HTTP/1.1\r\n\
                    Host: example.com:443\r\n\
                    X-A: 1\r\n\
                    Proxy-Authorization: Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==\r\n\r\n";
    assert_eq!(request(&[("X-A", b"1")], Some(credentials)), expected);
    assert_eq!(format!("{credentials:?}"), "Credentials { .. }");
}

#[test]
fn headers_that_are_given_take_the_place_of_those_that_are_made() {
    let credentials = Credentials { user: b"u", password: b"p" };
    let given: [(&str, &[u8]); 2] = [("host", b"other"), ("PROXY-authorization", b"Bearer x")];
    let expected =
        "CONNECT example.com:443 HTTP/1.1\r\nhost: other\r\nPROXY-authorization: Bearer x\r\n\r\n";
    assert_eq!(request(&given, Some(credentials)), expected);
}

#[test]
fn a_header_cannot_end_its_line() {
    let given: [(&str, &[u8]); 7] = [
        ("A", b"x\r\nB: y"),
        ("A", b"x\ny"),
        ("A", b"x\0"),
        ("A", b"\x7f"),
        ("A\r\nB", b"x"),
        ("A:", b"x"),
        ("", b"x"),
    ];
    for (name, value) in given {
        let made = Connect::new(&target("h", 1), &[(name, value)], None, HeadLimits::default());
        assert_eq!(made.map(drop), Err(ConnectError::Header { name: name.to_owned() }));
    }
    let user = Credentials { user: b"a:b", password: b"" };
    let made = Connect::new(&target("h", 1), &[], Some(user), HeadLimits::default());
    assert_eq!(made.map(drop), Err(ConnectError::User));
}

#[test]
fn a_target_is_a_name_or_an_address() {
    for (host, expected) in [
        ("Example.com", "Example.com:80"),
        ("a_b-c.", "a_b-c.:80"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("[0:0::1]", "[::1]:80"),
    ] {
        assert_eq!(target(host, 80).to_string(), expected);
    }
    for (host, character) in [
        ("a b", ' '),
        ("a\r\nb", '\r'),
        ("a\0", '\0'),
        ("a/b", '/'),
        ("a:1", ':'),
        ("u@a", '@'),
        ("é.com", 'é'),
        ("a%00", '%'),
        ("fe80::1%eth0", ':'),
        ("[127.0.0.1]", '['),
    ] {
        assert_eq!(Target::new(host, 80), Err(InvalidTarget::Character { character }), "{host:?}");
    }
    assert_eq!(Target::new("", 80), Err(InvalidTarget::Empty));
    assert!(Target::new(&"a".repeat(255), 80).is_ok());
    let long = Target::new(&"a".repeat(256), 80);
    assert_eq!(long, Err(InvalidTarget::TooLong { length: 256 }));
}

#[test]
fn any_success_opens_the_way_and_what_follows_is_the_targets() {
    for head in [
        &b"HTTP/1.1 200 Connection established\r\n\r\n"[..],
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 299 \r\n\r\n",
        b"HTTP/1.1 200 OK\nA: b\n\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let script = [head, b"SSH-2.0-x\r\n\r\n"].concat();
        for cut in 0..script.len() {
            let mut connect = connect();
            let (taken, end) = feed(&mut connect, &script, cut);
            assert_eq!((taken, end), (head.len(), Ok(Progress::Open)), "cut at {cut}");
            assert!(connect.head().is_some_and(|head| (200..300).contains(&head.status)));
            assert_eq!(connect.handle_bytes(b"").map(drop), Err(ConnectError::Over));
            assert_eq!(connect.handle_status(200), Err(ConnectError::Over));
        }
    }
}

#[test]
fn any_other_status_refuses() {
    for status in [101, 301, 403, 407, 500, 600, 999] {
        let script = format!("HTTP/1.1 {status} No way\r\nProxy-Authenticate: Basic\r\n\r\nbody");
        for cut in 0..script.len() {
            let mut connect = connect();
            let (_, end) = feed(&mut connect, script.as_bytes(), cut);
            assert_eq!(end, Err(ConnectError::Refused { status }));
            let head = connect.head().expect("one was read");
            assert_eq!((head.status, head.reason.as_str()), (status, "No way"));
            let header = ("Proxy-Authenticate".to_owned(), b"Basic".to_vec());
            assert_eq!(head.headers, [header]);
            assert_eq!(connect.handle_bytes(b"x").map(drop), Err(ConnectError::Over));
        }
    }
}

#[test]
fn another_reader_of_heads_can_drive_it() {
    let mut machine = connect();
    assert_eq!(machine.handle_status(100), Ok(Progress::More));
    assert_eq!(machine.handle_status(200), Ok(Progress::Open));
    assert_eq!(machine.handle_status(200), Err(ConnectError::Over));
    let mut machine = connect();
    assert_eq!(machine.handle_status(407), Err(ConnectError::Refused { status: 407 }));
    assert_eq!(machine.head(), None);
}

#[test]
fn what_is_no_http_is_noticed_at_its_first_byte() {
    for script in [&b"\x15\x03\x01\x00\x02\x02\x46"[..], b"HTTQ", b"\r\nHTTP/1.1 200 OK", b"HTTP/2"]
    {
        for cut in 0..script.len() {
            let (_, end) = feed(&mut connect(), script, cut);
            assert_eq!(end, Err(ConnectError::Head(HeadError::NotHttp)), "{script:?}");
        }
    }
    let long = [b'x'; 1 << 17];
    assert_eq!(feed(&mut connect(), &long, 0).1, Err(ConnectError::Head(HeadError::NotHttp)));
    let mut waiting = connect();
    assert_eq!(waiting.handle_bytes(b"HTTP/1"), Ok((6, Progress::More)));
}

#[test]
fn a_malformed_head_is_refused() {
    for script in [
        &b"HTTP/1.1 2000 OK\r\n\r\n"[..],
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
    ] {
        for cut in 0..script.len() {
            let mut machine = connect();
            let (_, end) = feed(&mut machine, script, cut);
            assert!(matches!(end, Err(ConnectError::Head(HeadError::Malformed(_)))), "{script:?}");
            assert_eq!(machine.handle_bytes(b"x").map(drop), Err(ConnectError::Over));
        }
    }
}

#[test]
fn heads_are_bounded_together() {
    let limits = HeadLimits { max_bytes: 60, max_headers: 2 };
    let connect = || Connect::new(&target("h", 1), &[], None, limits).expect("no header");
    let fits = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(36));
    assert_eq!(fits.len(), 60);
    let longer = fits.replace("A:", "AA:");
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(3);
    for cut in 0..60 {
        assert_eq!(feed(&mut connect(), fits.as_bytes(), cut).1, Ok(Progress::Open));
        let too_long = Err(ConnectError::Head(HeadError::TooLong { limit: 60 }));
        assert_eq!(feed(&mut connect(), longer.as_bytes(), cut).1, too_long);
        assert_eq!(feed(&mut connect(), interim.as_bytes(), cut).1, too_long);
    }
    let two = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    assert_eq!(feed(&mut connect(), two, 3).1, Ok(Progress::Open));
    let three = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nE: f\r\n\r\n";
    let too_many = Err(ConnectError::Head(HeadError::TooManyHeaders { limit: 2 }));
    assert_eq!(feed(&mut connect(), three, 3).1, too_many);
}

proptest! {
    #[test]
    fn any_bytes_end_the_same_however_they_are_split(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "HTTP/1\\.1 [12345]0[0-9] (OK)?\r?\n([A-C:]{0,3}: ?x?\r?\n){0,4}\r?\n.{0,5}"
                .prop_map(String::into_bytes),
        ],
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = feed(&mut connect(), &bytes, 0);
        let (taken, end) = feed(&mut connect(), &bytes, cut.index(bytes.len() + 1));
        prop_assert_eq!(&end, &whole.1);
        if end.is_ok() {
            prop_assert_eq!(taken, whole.0);
        }
    }
}
