//! Persistent connections in a closed loop: each sends a request, awaits the whole response, and
//! sends the next.
//!
//! ```text
//!   sending --all sent--> waiting --all received--> (recorded) --window open--> sending
//!                                                              --window ended-> done
//! ```
//!
//! In an echo each connection has its own bytes, so a server that mixes up two connections or two
//! parts of a message is caught: both ends of what arrives are compared always, all of it on
//! every 64th message.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::fd::OwnedFd;

use crate::args::Load;
use crate::clock;
use crate::cpu;
use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::window::{Report, Window};
use crate::wire::{READ_SIZE, Wire, Wiring, is_nothing};

const PERIOD: usize = 251;
const FULL_COMPARE_EVERY: u64 = 64;

/// Runs the load until the window has ended and every reply has come.
pub(crate) fn run(load: &Load) -> Result<Report, Failure> {
    if let Some(core) = load.core {
        cpu::pin(core)?;
    }
    let pattern = pattern(load.size);
    let wiring = Wiring::new(load.tls)?;
    let mut buffer = vec![0; READ_SIZE];
    let mut poller = Poller::new()?;
    let mut connections = Vec::with_capacity(load.connections);
    for index in 0..load.connections {
        let mut wire = wiring.wire()?;
        let stream = connect(load, &mut wire)?;
        poller.add(&stream, index, EventFlags::IN)?;
        connections.push(Connection::new(stream, wire, index, load));
    }

    let mut window = Window::open(load, clock::now());
    for connection in &mut connections {
        connection.start(&pattern, &poller, clock::now())?;
    }
    let mut busy = connections.len();
    while busy > 0 {
        poller.spin()?;
        for event in 0..poller.len() {
            let connection = &mut connections[poller.token(event)];
            connection.send_rest(&pattern, &poller)?;
            if !connection.receive(&pattern, &mut buffer)? {
                continue;
            }
            let now = clock::now();
            window.record(now, now - connection.started_at)?;
            if window.is_open() {
                connection.start(&pattern, &poller, now)?;
            } else {
                busy -= 1;
            }
        }
        window.check(clock::now(), || waiting(&connections))?;
    }
    window.finish()
}

fn connect(load: &Load, wire: &mut Wire) -> Result<OwnedFd, Failure> {
    if let Some(path) = &load.path {
        let stream = UnixStream::connect(path)
            .map_err(|error| Failure::Peer(format!("connect to {}: {error}", path.display())))?;
        stream.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
        return Ok(stream.into());
    }
    let timeout = Duration::from_secs_f64(load.stall.max(0.001));
    let mut stream = TcpStream::connect_timeout(&load.address.into(), timeout)
        .map_err(|error| Failure::Peer(format!("connect to {}: {error}", load.address)))?;
    stream.set_nodelay(true).map_err(Failure::os("set TCP_NODELAY"))?;
    // Handshakes are done before the window opens.
    stream.set_read_timeout(Some(timeout)).map_err(Failure::os("set a time limit"))?;
    wire.handshake(&mut stream).map_err(|error| Failure::Peer(format!("handshake: {error}")))?;
    stream.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
    Ok(stream.into())
}

/// Bytes of which every window of `size`, at an offset under `PERIOD`, is different.
fn pattern(size: usize) -> Vec<u8> {
    (0_u8..=u8::MAX).take(PERIOD).cycle().take(size + PERIOD).collect()
}

fn waiting(connections: &[Connection]) -> String {
    let mut waiting = connections.iter().filter(|connection| connection.received < connection.size);
    let first = waiting.next();
    let first = first.map_or_else(String::new, |connection| {
        format!(", the first for {} of {} bytes", connection.received, connection.size)
    });
    let count = waiting.count() + usize::from(!first.is_empty());
    format!("{count} of {} connections wait{first}", connections.len())
}

/// One connection and how far its current exchange is.
#[derive(Debug)]
struct Connection {
    fd: OwnedFd,
    wire: Wire,
    token: usize,
    /// Where its bytes start in the pattern.
    offset: usize,
    request: usize,
    /// Size of a response.
    size: usize,
    compare: bool,
    sent: usize,
    received: usize,
    /// Whether the poller watches for room to write.
    wants_room: bool,
    exchanges: u64,
    started_at: u64,
}

impl Connection {
    fn new(fd: OwnedFd, wire: Wire, token: usize, load: &Load) -> Self {
        Self {
            fd,
            wire,
            token,
            offset: token % PERIOD,
            request: load.size,
            size: load.response.unwrap_or(load.size),
            compare: load.response.is_none(),
            sent: 0,
            received: 0,
            wants_room: false,
            exchanges: 0,
            started_at: 0,
        }
    }

    fn start(&mut self, pattern: &[u8], poller: &Poller, now: u64) -> Result<(), Failure> {
        self.sent = 0;
        self.received = 0;
        self.started_at = now;
        self.exchanges += 1;
        self.send_rest(pattern, poller)
    }

    fn send_rest(&mut self, pattern: &[u8], poller: &Poller) -> Result<(), Failure> {
        while self.sent < self.request {
            let rest = &pattern[self.offset + self.sent..self.offset + self.request];
            match self.wire.send(&self.fd, rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.watch_room(poller, true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&format!("send: {error}"))),
            }
        }
        if let Err(error) = self.wire.flush(&self.fd) {
            return Err(self.broken(&format!("send: {error}")));
        }
        self.watch_room(poller, self.wire.wants_room())
    }

    fn watch_room(&mut self, poller: &Poller, wanted: bool) -> Result<(), Failure> {
        if self.wants_room == wanted {
            return Ok(());
        }
        self.wants_room = wanted;
        let interest = if wanted { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        poller.modify(&self.fd, self.token, interest)
    }

    /// Reads once. True when the response is complete.
    fn receive(&mut self, pattern: &[u8], buffer: &mut [u8]) -> Result<bool, Failure> {
        let count = match self.wire.recv(&self.fd, buffer) {
            Ok(0) => return Err(self.broken("it closed the connection")),
            Ok(count) => count,
            Err(error) if is_nothing(&error) => return Ok(false),
            Err(error) => return Err(self.broken(&format!("receive: {error}"))),
        };
        let end = self.received + count;
        if end > self.size {
            return Err(self.broken(&format!("{} bytes too many came", end - self.size)));
        }
        if self.compare {
            let expected = &pattern[self.offset + self.received..self.offset + end];
            if !self.matches(expected, &buffer[..count]) {
                return Err(self.broken("the echo differs from what was sent"));
            }
        }
        self.received = end;
        Ok(end == self.size)
    }

    fn matches(&self, expected: &[u8], found: &[u8]) -> bool {
        if self.exchanges % FULL_COMPARE_EVERY == 1 {
            return expected == found;
        }
        expected.first() == found.first() && expected.last() == found.last()
    }

    fn broken(&self, what: &str) -> Failure {
        Failure::Peer(format!(
            "connection {}, exchange {}, after {} of {} bytes: {what}",
            self.token, self.exchanges, self.received, self.size
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{PERIOD, pattern};

    #[test]
    fn each_offset_has_its_own_bytes() {
        let pattern = pattern(10);
        for offset in 1..PERIOD {
            assert_ne!(pattern[offset..offset + 10], pattern[..10], "{offset}");
        }
    }
}
