//! The server that the benchmarks of clients have at the other end: HTTP/1.1 and WebSocket, one
//! thread, as little work a request as there can be.
//!
//! It never sleeps (`epoll_wait` with a time-out of zero), so the time to wake it is not in what a
//! client waits. It ends when its standard input closes, so it cannot outlive the process that
//! started it.
//!
//! ```text
//!   GET  /bytes/N     N bytes             GET  /chunked/N   the same in chunks of 16 kB
//!   GET  /gzip/N      the same, packed    GET  /close/N     the same, then it closes
//!   GET  /together/N  1 kB, when N connections have asked for it
//!   POST any          how long the body was, and its first and last byte
//!   Upgrade           WebSocket: each message comes back
//! ```

mod body;
mod connection;
mod frame;
mod page;
mod request;
mod tls;

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, accept_with, bind, getsockname, listen, socket_with,
    sockopt,
};

use crate::args::Serve;
use crate::cpu;
use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::stdin;
use crate::wire::READ_SIZE;
use connection::{Connection, Step};
use page::Pages;
pub(crate) use page::text;
use tls::Certified;
pub(crate) use tls::Identity;

const BACKLOG: i32 = 4096;
const STDIN: usize = usize::MAX;
/// Tokens of listeners count up from here, those of connections from 0.
const FIRST_LISTENER: usize = 1 << 32;
/// How often a port is looked for that is free on every address.
const ATTEMPTS: usize = 20;

/// Serves until standard input closes.
pub(crate) fn run(options: &Serve) -> Result<(), Failure> {
    if let Some(core) = options.core {
        cpu::pin(core)?;
    }
    let certified = Certified::new(options.identity.as_ref())?;
    let (listeners, port) = listeners(options.hosts)?;
    let mut poller = Poller::new()?;
    for (index, listener) in listeners.iter().enumerate() {
        listen(listener, BACKLOG).map_err(Failure::os("listen"))?;
        poller.add(listener, FIRST_LISTENER + index, EventFlags::IN)?;
    }
    let input = std::io::stdin();
    stdin::watch(&poller, &input, STDIN)?;
    crate::print_line(&format!("{{\"port\": {port}}}"))?;

    let mut server = Server {
        connections: Vec::new(),
        free: Vec::new(),
        held: Vec::new(),
        buffer: vec![0; READ_SIZE],
        pages: Pages::default(),
        certified,
    };
    loop {
        poller.spin()?;
        for event in 0..poller.len() {
            match poller.token(event) {
                STDIN if stdin::is_closed(&input)? => return Ok(()),
                STDIN => {}
                token @ FIRST_LISTENER.. => {
                    server.accept(&listeners[token - FIRST_LISTENER], &poller)?;
                }
                token => server.serve(token, &poller)?,
            }
        }
    }
}

/// Sockets on 127.0.0.1 and the addresses behind it, all on one port.
fn listeners(hosts: u8) -> Result<(Vec<OwnedFd>, u16), Failure> {
    for _ in 0..ATTEMPTS {
        let first = bound(1, 0)?.ok_or_else(|| Failure::Os("bind: no port is free".to_owned()))?;
        let address = getsockname(&first).map_err(Failure::os("getsockname"))?;
        let address = SocketAddrV4::try_from(address).map_err(Failure::os("getsockname"))?;
        let mut sockets = vec![first];
        for host in 2..=hosts {
            sockets.extend(bound(host, address.port())?);
        }
        if sockets.len() == usize::from(hosts) {
            return Ok((sockets, address.port()));
        }
    }
    Err(Failure::Os(format!("bind: no port is free on {hosts} addresses")))
}

/// Nothing if the port is taken.
fn bound(host: u8, port: u16) -> Result<Option<OwnedFd>, Failure> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
        .map_err(Failure::os("socket"))?;
    match bind(&fd, &SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, host), port)) {
        Ok(()) => Ok(Some(fd)),
        Err(Errno::ADDRINUSE) => Ok(None),
        Err(error) => Err(Failure::os("bind")(error)),
    }
}

#[derive(Debug)]
struct Server {
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Connections that are held back until there are enough of them.
    held: Vec<usize>,
    buffer: Vec<u8>,
    pages: Pages,
    certified: Certified,
}

impl Server {
    fn accept(&mut self, listener: &OwnedFd, poller: &Poller) -> Result<(), Failure> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let fd = match accept_with(listener.as_fd(), flags) {
                Ok(fd) => fd,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => return Err(Failure::os("accept")(error)),
            };
            sockopt::set_tcp_nodelay(&fd, true).map_err(Failure::os("set TCP_NODELAY"))?;
            let token = self.free.pop().unwrap_or(self.connections.len());
            if token == self.connections.len() {
                self.connections.push(None);
            }
            poller.add(&fd, token, EventFlags::IN)?;
            self.connections[token] = Some(Connection::new(fd, self.certified.wire()?));
        }
    }

    fn serve(&mut self, token: usize, poller: &Poller) -> Result<(), Failure> {
        let Some(connection) = &mut self.connections[token] else { return Ok(()) };
        let was_held = connection.is_held();
        match connection.serve(&mut self.buffer, &mut self.pages)? {
            Step::Close => {
                self.connections[token] = None;
                self.free.push(token);
                self.held.retain(|&held| held != token);
                return Ok(());
            }
            Step::Hold(_) if was_held => {}
            Step::Hold(count) => {
                self.held.push(token);
                if self.held.len() >= count {
                    return self.release(poller);
                }
            }
            Step::Nothing => {}
        }
        self.watch(token, poller)
    }

    fn release(&mut self, poller: &Poller) -> Result<(), Failure> {
        for token in std::mem::take(&mut self.held) {
            if let Some(connection) = &mut self.connections[token] {
                connection.release();
            }
            self.watch(token, poller)?;
        }
        Ok(())
    }

    fn watch(&mut self, token: usize, poller: &Poller) -> Result<(), Failure> {
        let Some(connection) = &mut self.connections[token] else { return Ok(()) };
        let wanted = connection.wants_room();
        if connection.watches_room == wanted {
            return Ok(());
        }
        connection.watches_room = wanted;
        let interest = if wanted { EventFlags::OUT } else { EventFlags::IN };
        poller.modify(&connection.fd, token, interest)
    }
}
