//! How long a body is (RFC 9112, section 6.3), and what heads say.

use aioxide_http::http1::Version;

use crate::script::{Script, Step, data, first_head, head, owned};

#[test]
fn content_length_ends_the_body() {
    let script = Script::new(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello");
    let fields = [("Content-Length", "5"), ("Server", "x")];
    let outcome = script.run();
    assert_eq!(outcome.steps, [head(200, "OK", &fields), data(b"hello"), Step::End]);
    assert!(outcome.reusable);
}

#[test]
fn empty_body_has_no_data() {
    let steps = Script::new(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").steps();
    assert_eq!(steps, [head(200, "OK", &[("Content-Length", "0")]), Step::End]);
}

#[test]
fn body_of_which_nothing_tells_the_length_ends_with_the_connection() {
    let script = Script { eof: true, ..Script::new(b"HTTP/1.1 200 OK\r\n\r\nhello") };
    let outcome = script.run();
    assert_eq!(outcome.steps, [head(200, "OK", &[]), data(b"hello"), Step::End]);
    assert!(!outcome.reusable);
}

#[test]
fn body_without_length_is_left_out_when_the_caller_says_so() {
    let script = Script { read_until_eof: false, ..Script::new(b"HTTP/1.1 200 OK\r\n\r\nhello") };
    let outcome = script.run();
    assert_eq!(outcome.steps, [head(200, "OK", &[]), Step::End]);
    assert_eq!(outcome.rest, b"hello");
    assert!(!Script { bytes: b"HTTP/1.1 200 OK\r\n\r\n", ..script }.run().reusable);
}

#[test]
fn response_to_head_has_no_body() {
    for fields in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let script = Script { method: "HEAD", ..Script::new(bytes.as_bytes()) };
        let outcome = script.run();
        assert_eq!(outcome.steps.len(), 2);
        assert_eq!(outcome.steps[1], Step::End);
        assert!(outcome.reusable);
    }
}

#[test]
fn statuses_204_and_304_have_no_body() {
    for status in [204, 304] {
        for fields in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
            let bytes = format!("HTTP/1.1 {status} x\r\n{fields}\r\nleft");
            let outcome = Script::new(bytes.as_bytes()).run();
            assert_eq!(outcome.steps.len(), 2);
            assert_eq!(outcome.steps[1], Step::End);
            assert_eq!(outcome.rest, b"left");
        }
    }
}

#[test]
fn informational_heads_come_before_the_response() {
    let script = Script::new(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\nLink: b\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    );
    let links = owned(&[("Link", "a"), ("Link", "b")]);
    assert_eq!(
        script.steps(),
        [
            Step::Informational(100, vec![]),
            Step::Informational(103, links),
            head(200, "OK", &[("Content-Length", "2")]),
            data(b"hi"),
            Step::End,
        ]
    );
}

#[test]
fn informational_heads_have_no_body() {
    for fields in ["Content-Length: 5", "Content-Length: x", "Transfer-Encoding: gzip"] {
        let bytes = format!("HTTP/1.1 102 x\r\n{fields}\r\n\r\nHTTP/1.1 204 x\r\n\r\n");
        assert_eq!(Script::new(bytes.as_bytes()).steps().len(), 3, "{fields}");
    }
}

#[test]
fn switched_protocols_own_what_follows() {
    let script = Script::new(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n\
          \x81\x02hi",
    );
    let outcome = script.run();
    let fields = [("Upgrade", "websocket"), ("Content-Length", "2")];
    assert_eq!(outcome.steps, [head(101, "Switching Protocols", &fields), Step::Upgrade]);
    assert_eq!(outcome.rest, b"\x81\x02hi");
    assert!(!outcome.reusable);
}

#[test]
fn accepted_connect_is_a_tunnel_whatever_its_fields_say() {
    for fields in ["", "Content-Length: 5\r\n", "Transfer-Encoding: x\r\nContent-Length: y\r\n"] {
        let bytes = format!("HTTP/1.1 200 Connection established\r\n{fields}\r\n\x16\x03\x01");
        let script = Script { method: "CONNECT", ..Script::new(bytes.as_bytes()) };
        let outcome = script.run();
        assert_eq!(outcome.steps.len(), 2);
        assert_eq!(outcome.steps[1], Step::Upgrade);
        assert_eq!(outcome.rest, b"\x16\x03\x01");
    }
}

#[test]
fn refused_connect_has_a_body() {
    let bytes = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno";
    let outcome = Script { method: "CONNECT", ..Script::new(bytes) }.run();
    assert_eq!(outcome.steps[1..], [data(b"no"), Step::End]);
    assert!(outcome.reusable);
}

#[test]
fn connect_in_small_letters_is_another_method() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(Script { method: "connect", ..Script::new(bytes) }.steps()[1], Step::End);
}

#[test]
fn identity_says_nothing_of_the_length() {
    let script = Script {
        eof: true,
        ..Script::new(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\n\r\n5\r\n")
    };
    let outcome = script.run();
    assert_eq!(outcome.steps[1..], [data(b"5\r\n"), Step::End]);
    assert!(!outcome.reusable);
}

#[test]
fn equal_copies_of_content_length_are_one() {
    let script =
        Script::new(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 02\r\n\r\nhi");
    assert_eq!(script.steps()[1..], [data(b"hi"), Step::End]);
}

#[test]
fn head_keeps_case_order_and_copies() {
    let head = first_head(
        "GET",
        b"HTTP/1.1 200 OK\r\nsEt-CooKie: a=1\r\nX:\t \r\nSet-Cookie:\tb=2 \t\r\n\
          Content-Encoding: gzip\r\n\r\n",
    );
    let fields: Vec<(&[u8], &[u8])> = head.iter().collect();
    let expected: [(&[u8], &[u8]); 4] = [
        (b"sEt-CooKie", b"a=1"),
        (b"X", b""),
        (b"Set-Cookie", b"b=2"),
        (b"Content-Encoding", b"gzip"),
    ];
    assert_eq!(fields, expected);
    assert_eq!(head.get("set-cookie"), Some(&b"a=1"[..]));
    assert_eq!(head.get_all("SET-COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
    assert_eq!(head.get("x"), Some(&b""[..]));
    assert_eq!(head.get("y"), None);
    assert_eq!(head.content_encoding(), Some(&b"gzip"[..]));
    assert_eq!(head.fields().len(), 4);
}

#[test]
fn more_fields_than_are_expected_are_all_there() {
    for count in [16, 17, 32, 33, 128] {
        let fields: String = (0..count).map(|index| format!("X-{index}: {index}\r\n")).collect();
        let head = first_head("GET", format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes());
        assert_eq!(head.fields().len(), count);
        for index in 0..count {
            let value = head.get(&format!("x-{index}")).unwrap();
            assert_eq!(value, index.to_string().as_bytes());
        }
    }
}

#[test]
fn reason_is_what_follows_the_status() {
    for (line, reason) in [
        ("HTTP/1.1 200 Not  Really: OK", &b"Not  Really: OK"[..]),
        ("HTTP/1.1 200 ", b""),
        ("HTTP/1.1 200", b""),
        ("HTTP/1.1 200  OK ", b"OK"),
        ("HTTP/1.1 200 \u{e9}", b"\xc3\xa9"),
    ] {
        let head = first_head("GET", format!("{line}\r\nX: y\r\n\r\n").as_bytes());
        assert_eq!(head.reason(), reason, "{line}");
        assert_eq!(head.get("x"), Some(&b"y"[..]));
    }
}

#[test]
fn lengths_and_codings_can_be_asked_for() {
    let of = |method, fields: &str| {
        let head = first_head(method, format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes());
        (head.content_length(), head.is_chunked())
    };
    assert_eq!(of("GET", "Content-Length: 18446744073709551615\r\n"), (Some(u64::MAX), false));
    assert_eq!(of("HEAD", "Content-Length: 7\r\n"), (Some(7), false));
    assert_eq!(of("GET", "Transfer-Encoding: chunked\r\n"), (None, true));
    assert_eq!(of("GET", ""), (None, false));
    assert_eq!(of("CONNECT", "Content-Length: 7\r\n"), (None, false));
}

#[test]
fn keep_alive_is_for_the_version_and_the_fields_to_say() {
    for (version, fields, keeps) in [
        ("1.1", "", true),
        ("1.0", "", false),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: foo, CLOSE\r\n", false),
        ("1.1", "Connection: foo\r\nconnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: Keep-Alive , Upgrade\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Keep-Alive: timeout=5\r\n", false),
    ] {
        let bytes = format!("HTTP/{version} 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
        let head = first_head("GET", bytes.as_bytes());
        assert_eq!(head.keep_alive(), keeps, "{bytes}");
        assert_eq!(head.version() == Version::Http11, version == "1.1");
        assert_eq!(Script::new(bytes.as_bytes()).run().reusable, keeps);
    }
}
