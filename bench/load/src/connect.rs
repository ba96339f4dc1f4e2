//! Short connections: connect, send one message, await its echo, close, and again.
//!
//! ```text
//!   opening --room to write--> sending --all sent--> waiting --all received--> closed, recorded
//! ```
//!
//! With TLS there is a full handshake before, and a `close_notify` behind. The messages are so
//! small that the kernel takes each at once.
//!
//! A closed connection keeps its port for a minute (TIME_WAIT), and one address has 28,000 ports:
//! a second or two of this load. So each connection comes from the next of the 253 addresses
//! 127.0.0.2 to 127.0.0.254, when the server is on loopback. They are bound with SO_REUSEADDR: a
//! server for all addresses may then have their ports, else few were left to it in that minute.

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use crate::args::Load;
use crate::clock;
use crate::cpu;
use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::window::{Report, Window};
use crate::wire::{READ_SIZE, Wire, Wiring, is_nothing};

/// Runs the load until the window has ended and every connection is closed.
pub(crate) fn run(load: &Load) -> Result<Report, Failure> {
    if let Some(core) = load.core {
        cpu::pin(core)?;
    }
    let message = vec![b'm'; load.size];
    let mut buffer = vec![0; (load.size + 1).max(READ_SIZE)];
    let wiring = Wiring::new(load.tls)?;
    let mut poller = Poller::new()?;
    let mut sources = Sources { address: load.address, last: 1 };
    let mut window = Window::open(load, clock::now());
    let mut slots = Vec::with_capacity(load.connections);
    for token in 0..load.connections {
        slots.push(Some(Short::open(&mut sources, wiring.wire()?, token, &poller)?));
    }

    let mut busy = slots.len();
    while busy > 0 {
        poller.spin()?;
        for event in 0..poller.len() {
            let token = poller.token(event);
            let Some(short) = &mut slots[token] else { continue };
            if !short.advance(&message, &mut buffer, &poller)? {
                continue;
            }
            let started_at = short.started_at;
            // Dropped here, so that the close is inside the time of the connection.
            slots[token] = None;
            let now = clock::now();
            window.record(now, now - started_at)?;
            if window.is_open() {
                slots[token] = Some(Short::open(&mut sources, wiring.wire()?, token, &poller)?);
            } else {
                busy -= 1;
            }
        }
        window.check(clock::now(), || format!("{busy} connections wait"))?;
    }
    window.finish()
}

/// Source addresses in turn.
#[derive(Debug)]
struct Sources {
    address: SocketAddrV4,
    last: u8,
}

impl Sources {
    fn next(&mut self) -> Option<SocketAddrV4> {
        if !self.address.ip().is_loopback() {
            return None;
        }
        self.last = if self.last == 254 { 2 } else { self.last + 1 };
        Some(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, self.last), 0))
    }
}

/// One short connection. Dropping it closes it, which takes it off the poller, too.
#[derive(Debug)]
struct Short {
    fd: OwnedFd,
    wire: Wire,
    token: usize,
    sent: usize,
    received: usize,
    is_open: bool,
    started_at: u64,
}

impl Short {
    fn open(
        sources: &mut Sources,
        wire: Wire,
        token: usize,
        poller: &Poller,
    ) -> Result<Self, Failure> {
        let started_at = clock::now();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .map_err(Failure::os("socket"))?;
        sockopt::set_tcp_nodelay(&fd, true).map_err(Failure::os("set TCP_NODELAY"))?;
        if let Some(source) = sources.next() {
            sockopt::set_socket_reuseaddr(&fd, true).map_err(Failure::os("set SO_REUSEADDR"))?;
            bind(&fd, &source).map_err(Failure::os("bind a source address"))?;
        }
        match connect(&fd, &sources.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(Failure::Peer(format!("connect: {error}"))),
        }
        poller.add(&fd, token, EventFlags::OUT)?;
        Ok(Self { fd, wire, token, sent: 0, received: 0, is_open: false, started_at })
    }

    /// Goes as far as it can without waiting. True when the echo is complete.
    fn advance(
        &mut self,
        message: &[u8],
        buffer: &mut [u8],
        poller: &Poller,
    ) -> Result<bool, Failure> {
        if !self.is_open {
            match sockopt::socket_error(&self.fd) {
                Ok(Ok(())) => self.is_open = true,
                Ok(Err(error)) | Err(error) => {
                    return Err(Failure::Peer(format!("connect: {error}")));
                }
            }
        }
        if self.sent < message.len() {
            return self.send_rest(message, poller).map(|()| false);
        }
        self.receive(message, buffer)
    }

    fn send_rest(&mut self, message: &[u8], poller: &Poller) -> Result<(), Failure> {
        match self.wire.send(&self.fd, &message[self.sent..]) {
            Ok(count) => self.sent += count,
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(Failure::Peer(format!("send: {error}"))),
        }
        if self.sent == message.len() {
            poller.modify(&self.fd, self.token, EventFlags::IN)?;
        }
        Ok(())
    }

    fn receive(&mut self, message: &[u8], buffer: &mut [u8]) -> Result<bool, Failure> {
        let count = match self.wire.recv(&self.fd, buffer) {
            Ok(0) => {
                return Err(Failure::Peer(format!(
                    "it closed a connection after {} of {} bytes",
                    self.received,
                    message.len()
                )));
            }
            Ok(count) => count,
            Err(error) if is_nothing(&error) => return Ok(false),
            Err(error) => return Err(Failure::Peer(format!("receive: {error}"))),
        };
        let end = self.received + count;
        if message.get(self.received..end) != Some(&buffer[..count]) {
            return Err(Failure::Peer("the echo differs from what was sent".to_owned()));
        }
        self.received = end;
        if end < message.len() {
            return Ok(false);
        }
        self.wire
            .finish(&self.fd)
            .map(|()| true)
            .map_err(|error| Failure::Peer(format!("send: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};

    use super::{Short, Sources, Wiring};
    use crate::poller::Poller;

    #[test]
    fn sources_go_round_and_leave_out_the_servers_address() {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        let mut sources = Sources { address, last: 1 };
        let mut last = || sources.next().map(|source| source.ip().octets()[3]);
        let round: Vec<_> = (0..253).map_while(|_| last()).collect();
        assert_eq!((round[0], round[252], last()), (2, 254, Some(2)));
        assert!(!round.contains(&1));
    }

    #[test]
    fn a_connection_leaves_its_port_to_a_server_for_all_addresses() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(address) = server.local_addr().unwrap() else { unreachable!() };
        let mut sources = Sources { address, last: 1 };
        let poller = Poller::new().unwrap();
        let wire = Wiring::new(false).unwrap().wire().unwrap();
        let short = Short::open(&mut sources, wire, 0, &poller).unwrap();
        let open = TcpStream::from(short.fd);
        let source = open.local_addr().unwrap();
        assert_eq!(source.ip(), Ipv4Addr::new(127, 0, 0, 2));
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, source.port())).unwrap();
    }

    #[test]
    fn another_host_is_reached_from_the_systems_choice() {
        let mut sources =
            Sources { address: SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 80), last: 1 };
        assert!(sources.next().is_none());
    }
}
