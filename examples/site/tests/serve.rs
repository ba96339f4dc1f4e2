//! The program as its clients see it: started, asked over sockets, stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running site; dropped, it is stopped.
struct Site {
    child: Child,
    address: String,
}

impl Site {
    fn start(options: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_aioxide-site"))
            .args(options.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the site starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line of text");
        let address = line.trim_end().strip_prefix("listening on http://");
        let address = address.unwrap_or_else(|| panic!("unexpected line {line:?}")).to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the site listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a valid time");
        stream
    }

    /// Sends `input` and reads until the site closes the connection.
    fn exchange(&self, input: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(input).expect("the site reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an orderly close");
        answer
    }

    fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.exchange(request.as_bytes())
    }

    fn stat(&self, name: &str) -> u64 {
        let answer = self.get("/stats");
        let value = answer.split(&format!("\"{name}\": ")).nth(1).expect("a counter");
        let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or(answer)
}

#[test]
fn pages_are_served_and_counted() {
    let site = Site::start("--notices 3 --latency 0");
    let index = site.get("/");
    assert_eq!(status(&index), "200");
    assert!(index.contains("<a href=\"/notices/3\">FN-00003: "), "{index}");
    let notice = site.get("/notices/3");
    let (head, body) = notice.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert!(body.ends_with("</html>\n"));
    for missing in ["/notices/0", "/notices/4", "/notices/03", "/notices/+1", "/else"] {
        assert_eq!(status(&site.get(missing)), "404", "{missing}");
    }
    assert_eq!(site.stat("served"), 2);
    assert_eq!(site.stat("notices"), 1);
    assert_eq!(site.stat("not_found"), 5);
}

#[test]
fn a_connection_is_kept_and_takes_requests_ahead() {
    let site = Site::start("--notices 2 --latency 1");
    let answer = site.exchange(
        b"HEAD /notices/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /else HTTP/1.1\r\nHost: x\r\n\r\n\
          GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    let answers: Vec<_> = answer.split("HTTP/1.1 ").filter(|part| !part.is_empty()).collect();
    assert_eq!(answers.len(), 3, "{answer}");
    assert!(answers[0].starts_with("200") && answers[0].ends_with("\r\n\r\n"), "no body");
    assert!(answers[1].starts_with("404") && answers[1].contains("keep-alive"));
    assert!(answers[2].contains("\"served\": 1") && answers[2].contains("\"accepted\": 1"));
}

#[test]
fn a_half_closed_client_gets_its_answer() {
    let site = Site::start("--notices 1 --latency 5");
    let mut stream = site.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("the site reads");
    stream.shutdown(Shutdown::Write).expect("open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly close");
    assert_eq!(status(&answer), "200");
}

#[test]
fn bad_requests_are_answered_and_the_site_goes_on() {
    let site = Site::start("--notices 1");
    assert_eq!(status(&site.exchange(b"nonsense\r\n\r\n")), "400");
    assert_eq!(status(&site.exchange(b"\x16\x03\x01\x02\x00\x01\x00\x01")), "400");
    assert_eq!(status(&site.exchange(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")), "405");
    let mut large = b"GET / HTTP/1.1\r\nHost: x\r\nX: ".to_vec();
    large.resize(200_000, b'x');
    assert_eq!(status(&site.exchange(&large)), "431");
    assert_eq!(site.stat("malformed"), 4);
    assert_eq!(status(&site.get("/")), "200");
}

#[test]
fn connections_beyond_the_limit_are_reset() {
    let site = Site::start("--notices 1 --max-connections 2");
    let ask = b"GET /else HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut kept = [site.connect(), site.connect()];
    for stream in &mut kept {
        stream.write_all(ask).expect("the site reads");
        stream.read_exact(&mut [0; 12]).expect("an answer");
    }
    let mut third = site.connect();
    // The reset may come before the request is written, or after.
    let result = third.write_all(ask).and_then(|()| third.read(&mut [0; 1]));
    assert!(result.is_err(), "{result:?}");
    let [first, _second] = kept;
    drop(first);
    // The place is free again when the site has seen the close, which a refusal may precede.
    let refused = loop {
        let mut stream = site.connect();
        let ask = b"GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut answer = String::new();
        if stream.write_all(ask).and_then(|()| stream.read_to_string(&mut answer)).is_ok() {
            break answer;
        }
    };
    assert!(!refused.contains("\"refused\": 0"), "{refused}");
    assert!(refused.contains("\"open\": 2, \"peak\": 2"), "{refused}");
}

#[test]
fn a_burst_waits_to_be_accepted() {
    let site = Site::start("--notices 1");
    let pid = rustix::process::Pid::from_child(&site.child);
    // While it stands still, whatever the kernel does not keep is dropped.
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("our child");
    let address = site.address.parse().expect("an address");
    let connected = (0..400)
        .map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok())
        .collect::<Vec<_>>();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).expect("our child");
    assert_eq!(connected.len(), 400);
}

#[test]
fn requests_that_no_worker_takes_in_time_are_given_up() {
    let site = Site::start("--notices 1 --latency 80 --workers 1 --request-timeout 100");
    let mut streams: Vec<_> = (0..4).map(|_| site.connect()).collect();
    for stream in &mut streams {
        stream.write_all(b"GET /notices/1 HTTP/1.0\r\n\r\n").expect("the site reads");
    }
    let mut statuses = Vec::new();
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an orderly close");
        statuses.push(status(&answer).to_owned());
    }
    assert_eq!(statuses.iter().filter(|status| *status == "200").count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| *status == "504").count(), 3, "{statuses:?}");
    assert_eq!(site.stat("timed_out"), 3);
}

#[test]
fn a_client_that_goes_away_is_counted_and_forgotten() {
    let site = Site::start("--notices 1 --latency 40");
    let mut stream = site.connect();
    // The site has both requests when it answers the first, and then works on the second.
    let both = b"HEAD /stats HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(both).expect("the site reads");
    stream.read_exact(&mut [0; 12]).expect("an answer");
    reset(stream);
    // The answer to this one comes later than the first one's would have.
    assert_eq!(status(&site.get("/")), "200");
    assert_eq!(site.stat("abandoned"), 1);
    assert_eq!(site.stat("served"), 1);
}

#[test]
fn the_site_ends_with_its_input() {
    let mut site = Site::start("--notices 1");
    drop(site.child.stdin.take());
    assert!(site.child.wait().expect("a child").success());
}

#[test]
fn a_port_in_use_is_explained() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let output = Command::new(env!("CARGO_BIN_EXE_aioxide-site"))
        .args(["--port", &port.to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("the site starts");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        message,
        format!("aioxide-site: port {port} is in use; --port 0 takes a free one\n")
    );
}

#[test]
fn a_bad_option_is_a_usage_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_aioxide-site"))
        .args(["--latecy", "5"])
        .output()
        .expect("the site starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--help lists the options"));
}

/// Closes a connection with a reset instead of an ordinary end.
fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(Duration::ZERO)).expect("an open socket");
}
