//! The HTTP server as clients see it, and the client that is its limit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_aioxide-load");

/// The server. It ends when `stdin` is dropped with it.
struct Serve {
    child: Child,
    port: u16,
}

impl Serve {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("serve")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        Self { child, port: digits.parse().unwrap() }
    }

    fn connect(&self, host: u8) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::new(127, 0, 0, host), self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn fetch(&self, target: &str, options: &[&str]) -> Output {
        let port = self.port.to_string();
        Command::new(PROGRAM)
            .args(["fetch", "--port", &port, "--warmup", "0", "--target", target])
            .args(options)
            .output()
            .unwrap()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        // A failed test is already on its way out.
        assert!(status.success() || std::thread::panicking(), "serve ended with {status}");
    }
}

/// The head of a response and its body, read by its length.
fn response(reader: &mut impl std::io::BufRead) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "it closed after {head:?}");
    }
    let length = head.split("Content-Length: ").nth(1).map(|rest| rest.lines().next().unwrap());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

fn exchange(stream: &TcpStream, request: &[u8]) -> (String, Vec<u8>) {
    (&*stream).write_all(request).unwrap();
    response(&mut BufReader::new(stream))
}

fn get(stream: &TcpStream, target: &str) -> (String, Vec<u8>) {
    exchange(stream, format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
}

#[track_caller]
fn messages(output: &Output) -> f64 {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    number(&text, "messages")
}

fn number(json: &str, key: &str) -> f64 {
    let (_, rest) = json.split_once(&format!("\"{key}\": ")).unwrap();
    rest.split([',', '}']).next().unwrap().trim().parse().unwrap()
}

#[test]
fn a_connection_is_kept_from_one_request_to_the_next() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    let (head, short) = get(&stream, "/bytes/1000");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(short.len(), 1000);
    let (_, long) = get(&stream, "/bytes/5000000");
    assert_eq!(long.len(), 5_000_000);
    assert!(long.starts_with(&short) && short.starts_with(b"[{\"id\": 0, \"name\""));
    assert!(get(&stream, "/nothing").0.starts_with("HTTP/1.1 404 "));
    assert_eq!(get(&stream, "/bytes/1").1, b"[");
}

#[test]
fn requests_in_one_piece_and_a_request_in_many_are_answered() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    let request = b"GET /bytes/3 HTTP/1.1\r\n\r\n";
    (&stream).write_all(&request.repeat(3)).unwrap();
    let mut reader = BufReader::new(&stream);
    for _ in 0..3 {
        assert_eq!(response(&mut reader).1, b"[{\"");
    }
    for byte in request {
        (&stream).write_all(&[*byte]).unwrap();
    }
    assert_eq!(response(&mut reader).1, b"[{\"");
}

#[test]
fn bodies_are_measured_however_they_are_framed() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    let fixed = b"POST /json HTTP/1.1\r\nContent-Length: 4\r\n\r\n{12}";
    let chunked =
        b"POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{1\r\n2\r\n2}\r\n0\r\n\r\n";
    for request in [fixed.as_slice(), chunked] {
        let (_, body) = exchange(&stream, request);
        assert_eq!(body, b"{\"received\": 4, \"first\": 123, \"last\": 125}");
    }
    let mut long = b"POST /upload HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n<".to_vec();
    long.resize(long.len() + 4_999_998, b'-');
    long.push(b'>');
    for _ in 0..2 {
        let (_, body) = exchange(&stream, &long);
        assert_eq!(body, b"{\"received\": 5000000, \"first\": 60, \"last\": 62}");
    }
    let (head, _) =
        exchange(&stream, b"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 100 "));
    let (_, body) = exchange(&stream, b"x");
    assert_eq!(body, b"{\"received\": 1, \"first\": 120, \"last\": 120}");
}

#[test]
fn a_compressed_body_and_a_chunked_one_hold_the_same_text() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    let (_, plain) = get(&stream, "/bytes/40000");
    let (head, packed) = get(&stream, "/gzip/40000");
    assert!(head.contains("Content-Encoding: gzip\r\n"));
    assert!(packed.len() < plain.len() / 3);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);

    let mut chunked = Vec::new();
    (&stream).write_all(b"GET /chunked/40000 HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    (&stream).read_to_end(&mut chunked).unwrap();
    let start = chunked.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(chunked[start..].starts_with(b"4000\r\n[{"));
    assert!(chunked.ends_with(b"\r\n0\r\n\r\n"));
    // Three chunks, each with its size in four digits and two ends of lines, and the last.
    assert_eq!(chunked.len() - start, 40_000 + 3 * 8 + 5);
}

#[test]
fn a_connection_is_closed_behind_what_says_so() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    let (head, body) = get(&stream, "/close/10");
    assert!(head.contains("Connection: close\r\n"));
    assert_eq!((body.len(), (&stream).read(&mut [0]).unwrap()), (10, 0));
}

#[test]
fn what_is_no_request_ends_the_connection() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    (&stream).write_all(b"\x16\x03\x01\x02\x00").unwrap();
    assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
}

#[test]
fn some_are_answered_when_all_are_there() {
    let server = Serve::start(&[]);
    let streams = [server.connect(1), server.connect(1), server.connect(1)];
    let gone = server.connect(1);
    for stream in streams[..2].iter().chain([&gone]) {
        (&*stream).write_all(b"GET /together/3 HTTP/1.1\r\n\r\n").unwrap();
        // The server has it when it has answered a later request of somebody else.
        get(&server.connect(1), "/bytes/1");
        if std::ptr::eq(stream, &streams[1]) {
            stream.set_nonblocking(true).unwrap();
            assert!((&*stream).read(&mut [0]).is_err());
            stream.set_nonblocking(false).unwrap();
        }
    }
    for stream in streams[..2].iter().chain([&gone]) {
        assert_eq!(response(&mut BufReader::new(stream)).1.len(), 1000);
    }
    drop(gone);
}

#[test]
fn every_host_is_served_on_the_same_port() {
    let server = Serve::start(&["--hosts", "100"]);
    for host in [1, 2, 50, 100] {
        assert_eq!(get(&server.connect(host), "/bytes/7").1.len(), 7);
    }
    assert!(TcpStream::connect((Ipv4Addr::new(127, 0, 0, 101), server.port)).is_err());
    let options = ["--messages", "300", "--connections", "100", "--hosts", "100"];
    assert_eq!(messages(&server.fetch("/bytes/7", &options)), 300.0);
}

#[test]
fn messages_come_back_by_websocket() {
    let server = Serve::start(&[]);
    let stream = server.connect(1);
    let (head, _) = exchange(
        &stream,
        b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    let size = 3_000_000_u64;
    let mut message = vec![0x82, 0xff];
    message.extend_from_slice(&size.to_be_bytes());
    message.extend_from_slice(&[1, 2, 3, 4]);
    message.resize(message.len() + usize::try_from(size).unwrap(), 0);
    let writer = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || (&writer).write_all(&message).unwrap());
    let mut echo = vec![0; 10 + usize::try_from(size).unwrap()];
    (&stream).read_exact(&mut echo).unwrap();
    sending.join().unwrap();
    assert_eq!(echo[..14], [0x82, 0x7f, 0, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0, 1, 2, 3, 4]);
    assert_eq!(echo[echo.len() - 4..], [1, 2, 3, 4]);
    (&stream).write_all(b"\x88\x80\0\0\0\0").unwrap();
    let mut end = Vec::new();
    (&stream).read_to_end(&mut end).unwrap();
    assert_eq!(end, b"\x88\x00");
}

#[test]
fn fetch_counts_exactly_and_reports_its_own_cpu_time() {
    let server = Serve::start(&[]);
    for (target, expect) in [("/bytes/1000", "1000"), ("/chunked/40000", "40000")] {
        let options = ["--messages", "500", "--connections", "7", "--expect", expect];
        assert_eq!(messages(&server.fetch(target, &options)), 500.0);
    }
    let output = server.fetch("/bytes/1", &["--seconds", "0.2", "--connections", "10"]);
    assert!(messages(&output) > 0.0);
    let used = number(&String::from_utf8_lossy(&output.stdout), "client_cpu_seconds");
    assert!(used > 0.0 && used < 0.4, "{used}");
}

#[test]
fn fetch_sends_a_body_and_takes_large_responses() {
    let server = Serve::start(&[]);
    let upload = ["--messages", "3", "--body", "10000000", "--connections", "2"];
    assert_eq!(messages(&server.fetch("/upload", &upload)), 3.0);
    let download = ["--messages", "5", "--expect", "5000000", "--connections", "2"];
    assert_eq!(messages(&server.fetch("/bytes/5000000", &download)), 5.0);
}

#[test]
fn fetch_opens_a_new_connection_when_the_last_was_closed() {
    let server = Serve::start(&[]);
    let options = ["--messages", "200", "--connections", "5", "--expect", "100"];
    assert_eq!(messages(&server.fetch("/close/100", &options)), 200.0);
}

/// A key on P-256 and a certificate for 127.0.0.1 that it signed itself, valid until 2126.
const CHAIN: &str = include_str!("data/chain.pem");
const KEY: &str = include_str!("data/key.pem");

#[test]
fn fetch_and_serve_speak_tls() {
    let folder = std::env::temp_dir().join(format!("aioxide-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, CHAIN).unwrap();
    std::fs::write(&key, KEY).unwrap();
    let files = ["--chain", chain.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let server = Serve::start(&files);
    for (target, expect) in [("/bytes/1000", "1000"), ("/bytes/2000000", "2000000")] {
        let options = ["--tls", "--messages", "20", "--connections", "3", "--expect", expect];
        assert_eq!(messages(&server.fetch(target, &options)), 20.0);
    }
    let new = ["--tls", "--messages", "20", "--connections", "3", "--expect", "100"];
    assert_eq!(messages(&server.fetch("/close/100", &new)), 20.0);
    let upload = ["--tls", "--messages", "3", "--body", "3000000"];
    assert_eq!(messages(&server.fetch("/upload", &upload)), 3.0);
    let wrong = server.fetch("/bytes/1", &["--messages", "1"]);
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_wrong_response_ends_the_fetch() {
    let server = Serve::start(&[]);
    let output = server.fetch("/bytes/10", &["--messages", "1", "--expect", "11"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("10 bytes came instead of 11"));
    let output = server.fetch("/nothing", &["--messages", "1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("it answers 404"));
}

#[test]
fn a_silent_server_ends_the_fetch_after_the_stall() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let output = Command::new(PROGRAM)
        .args(["fetch", "--port", &port, "--target", "/", "--messages", "1", "--stall", "0.3"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing came for 0.3 s"));
}
