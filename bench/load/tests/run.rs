//! The binary as the benchmarks start it: against its own bare server, and against bad peers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

const PROGRAM: &str = env!("CARGO_BIN_EXE_aioxide-load");

/// The bare server. It ends when `stdin` is dropped with it.
struct Limit {
    child: Child,
    port: String,
}

impl Limit {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("limit")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.chars().filter(char::is_ascii_digit).collect();
        Self { child, port }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        // A failed test is already on its way out.
        assert!(status.success() || std::thread::panicking(), "limit ended with {status}");
    }
}

fn load(command: &str, port: &str, options: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args([command, "--port", port, "--warmup", "0"])
        .args(options)
        .output()
        .unwrap()
}

fn number(json: &str, key: &str) -> f64 {
    let (_, rest) = json.split_once(&format!("\"{key}\": ")).unwrap();
    rest.split([',', '}']).next().unwrap().trim().parse().unwrap()
}

#[track_caller]
fn messages(output: &Output) -> f64 {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(number(&text, "p50") <= number(&text, "p99"));
    assert!(number(&text, "p99") <= number(&text, "max"));
    assert!(number(&text, "seconds") > 0.0);
    number(&text, "messages")
}

/// Serves one connection and gives its port.
fn peer(serve: impl FnOnce(TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (port, std::thread::spawn(move || serve(listener.accept().unwrap().0)))
}

#[track_caller]
fn fails_with(output: &Output, code: i32, reason: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(reason), "{text}");
}

#[test]
fn echo_counts_exactly() {
    let limit = Limit::start(&[]);
    for size in ["1", "100", "100000"] {
        let options = ["--messages", "200", "--connections", "7", "--size", size];
        assert_eq!(messages(&load("echo", &limit.port, &options)), 200.0);
    }
}

#[test]
fn messages_larger_than_every_buffer_come_back_whole() {
    let limit = Limit::start(&[]);
    let options = ["--messages", "3", "--connections", "2", "--size", "20000000"];
    assert_eq!(messages(&load("echo", &limit.port, &options)), 3.0);
}

#[test]
fn responses_have_their_own_size() {
    let limit = Limit::start(&["--request", "50", "--response", "300000"]);
    let options = ["--messages", "20", "--size", "50", "--response", "300000"];
    assert_eq!(messages(&load("twowrite", &limit.port, &options)), 20.0);
}

#[test]
fn short_connections_are_counted() {
    let limit = Limit::start(&[]);
    let options = ["--messages", "300", "--connections", "5"];
    assert_eq!(messages(&load("connect", &limit.port, &options)), 300.0);
}

/// Answers each datagram that ends a group by what `reply` makes of it, until one of two bytes.
fn udp_peer(reply: impl Fn(&dyn Fn(&[u8]), &[u8]) + Send + 'static) -> (String, JoinHandle<()>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let serving = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        loop {
            let (count, from) = socket.recv_from(&mut buffer).unwrap();
            if count == 2 {
                return;
            }
            if buffer[0] == 1 {
                let send = |data: &[u8]| {
                    socket.send_to(data, from).unwrap();
                };
                reply(&send, &buffer[..count]);
            }
        }
    });
    (port, serving)
}

fn end_udp(port: &str, serving: JoinHandle<()>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.send_to(b"--", (Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    serving.join().unwrap();
}

#[test]
fn datagrams_are_counted_by_the_group_and_by_the_reply() {
    for (options, replies) in [
        (["--group", "1", "--replies", "1"], 1),
        (["--group", "8", "--replies", "1"], 1),
        (["--group", "1", "--replies", "8"], 8),
    ] {
        let (port, serving) = udp_peer(move |send, data| {
            for _ in 0..replies {
                send(data);
            }
        });
        let all = [&["--messages", "80", "--connections", "2"][..], &options].concat();
        assert_eq!(messages(&load("datagrams", &port, &all)), 80.0);
        end_udp(&port, serving);
    }
}

#[test]
fn groups_of_datagrams_come_back_in_order() {
    let limit = Limit::start(&["--datagrams"]);
    for (group, size) in [("1", "1"), ("8", "100"), ("32", "1000")] {
        let options = ["--messages", "640", "--connections", "3", "--size", size];
        let all = [&options[..], &["--group", group, "--replies", group]].concat();
        assert_eq!(messages(&load("datagrams", &limit.port, &all)), 640.0);
    }
}

#[test]
fn datagrams_that_come_back_in_another_order_end_it() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let serving = std::thread::spawn(move || {
        let (mut first, mut second) = ([0; 100], [0; 100]);
        socket.recv_from(&mut first).unwrap();
        let (_, from) = socket.recv_from(&mut second).unwrap();
        socket.send_to(&second, from).unwrap();
        socket.send_to(&first, from).unwrap();
    });
    let options = ["--messages", "2", "--group", "2", "--replies", "2"];
    let output = load("datagrams", &port, &options);
    fails_with(&output, 3, "the reply is not made of what was sent");
    serving.join().unwrap();
}

#[test]
fn a_wrong_or_missing_datagram_ends_it() {
    let (port, serving) = udp_peer(|send, data| {
        send(&[&data[..data.len() - 1], b"x"].concat());
    });
    let output = load("datagrams", &port, &["--messages", "1"]);
    fails_with(&output, 3, "the reply is not made of what was sent");
    end_udp(&port, serving);
    let (port, serving) = udp_peer(|_, _| ());
    let output = load("datagrams", &port, &["--messages", "1", "--stall", "0.3"]);
    fails_with(&output, 3, "nothing came for 0.3 s: 1 of 1 sockets wait");
    end_udp(&port, serving);
}

#[test]
fn cpu_time_of_the_server_is_reported() {
    let limit = Limit::start(&[]);
    let pid = limit.child.id().to_string();
    let output = load("echo", &limit.port, &["--seconds", "0.2", "--pid", &pid]);
    assert!(messages(&output) > 0.0);
    let used = number(&String::from_utf8_lossy(&output.stdout), "server_cpu_seconds");
    assert!(used > 0.0 && used < 0.4, "{used}");
}

#[test]
fn no_server_is_the_peers_fault() {
    let (port, serving) = peer(drop);
    TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    serving.join().unwrap();
    for command in ["echo", "connect"] {
        fails_with(&load(command, &port, &["--messages", "1"]), 3, "connect");
    }
}

#[test]
fn a_silent_server_ends_it_after_the_stall() {
    for command in ["echo", "connect"] {
        let (port, serving) = peer(|mut stream| {
            // Reads until the generator gives up and closes.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let output = load(command, &port, &["--messages", "1", "--stall", "0.3"]);
        fails_with(&output, 3, "nothing came for 0.3 s");
        serving.join().unwrap();
    }
}

#[test]
fn a_server_that_closes_ends_it() {
    for command in ["echo", "connect"] {
        let (port, serving) = peer(|mut stream| {
            stream.read_exact(&mut [0; 100]).unwrap();
            stream.write_all(&[b'm'; 40]).unwrap();
        });
        let output = load(command, &port, &["--messages", "1"]);
        assert_eq!(output.status.code(), Some(3));
        serving.join().unwrap();
    }
}

#[test]
fn a_wrong_echo_ends_it() {
    for (command, reply) in [("echo", 100), ("connect", 100)] {
        let (port, serving) = peer(move |mut stream| {
            let mut message = [0; 100];
            stream.read_exact(&mut message).unwrap();
            message[reply - 1] ^= 1;
            stream.write_all(&message).unwrap();
        });
        let output = load(command, &port, &["--messages", "1"]);
        fails_with(&output, 3, "the echo differs");
        serving.join().unwrap();
    }
}

#[test]
fn a_server_without_tls_ends_it() {
    let limit = Limit::start(&[]);
    for command in ["echo", "connect"] {
        let output = load(command, &limit.port, &["--tls", "--messages", "1"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
}

#[test]
fn too_long_a_response_ends_it() {
    let limit = Limit::start(&["--request", "100", "--response", "300"]);
    let output = load("twowrite", &limit.port, &["--messages", "1", "--response", "200"]);
    fails_with(&output, 3, "100 bytes too many");
}

#[test]
fn a_bad_command_line_is_usage() {
    fails_with(&load("echo", "1", &["--messages", "x"]), 2, "--messages cannot be \"x\"");
}
