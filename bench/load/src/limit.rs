//! The limit of the machine: level-triggered epoll, one thread, one read and one write a message.
//!
//! Everything that a loop adds to this is its cost. It ends when its standard input closes, so it
//! cannot outlive the process that started it.

mod datagrams;

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;

use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, listen, recv, send, sockopt};

use crate::args::Limit;
use crate::cpu;
use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::stdin;

const READ_SIZE: usize = 256 * 1024;
const BACKLOG: i32 = 4096;
const LISTENER: usize = usize::MAX;
const STDIN: usize = usize::MAX - 1;

/// Serves until standard input closes.
pub(crate) fn serve(options: &Limit) -> Result<(), Failure> {
    if let Some(core) = options.core {
        cpu::pin(core)?;
    }
    if options.datagrams {
        return datagrams::serve();
    }
    let (listener, port) = open(options)?;
    listen(&listener, BACKLOG).map_err(Failure::os("listen"))?;

    let mut poller = Poller::new()?;
    let input = std::io::stdin();
    poller.add(&listener, LISTENER, EventFlags::IN)?;
    stdin::watch(&poller, &input, STDIN)?;
    crate::print_line(&format!("{{\"port\": {port}}}"))?;

    let mut server = Server::new(options.sizes);
    loop {
        poller.wait()?;
        for event in 0..poller.len() {
            match poller.token(event) {
                STDIN if stdin::is_closed(&input)? => return Ok(()),
                STDIN => {}
                LISTENER => server.accept(&listener, port != 0, &poller)?,
                token => server.serve(token, &poller)?,
            }
        }
    }
}

/// The listening socket and its port, which is 0 for a Unix socket.
fn open(options: &Limit) -> Result<(OwnedFd, u16), Failure> {
    if let Some(path) = &options.path {
        let listener = UnixListener::bind(path).map_err(Failure::os("bind"))?;
        listener.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
        return Ok((listener.into(), 0));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::os("bind"))?;
    listener.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
    let port = listener.local_addr().map_err(Failure::os("getsockname"))?.port();
    Ok((listener.into(), port))
}

#[derive(Debug)]
struct Server {
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    sizes: Option<(usize, usize)>,
}

impl Server {
    fn new(sizes: Option<(usize, usize)>) -> Self {
        Self { connections: Vec::new(), free: Vec::new(), buffer: vec![0; READ_SIZE], sizes }
    }

    fn accept(&mut self, listener: &OwnedFd, tcp: bool, poller: &Poller) -> Result<(), Failure> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let fd = match accept_with(listener.as_fd(), flags) {
                Ok(fd) => fd,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => return Err(Failure::os("accept")(error)),
            };
            if tcp {
                sockopt::set_tcp_nodelay(&fd, true).map_err(Failure::os("set TCP_NODELAY"))?;
            }
            let token = self.free.pop().unwrap_or(self.connections.len());
            if token == self.connections.len() {
                self.connections.push(None);
            }
            poller.add(&fd, token, EventFlags::IN)?;
            self.connections[token] = Some(Connection { fd, requested: 0, unsent: Vec::new() });
        }
    }

    fn serve(&mut self, token: usize, poller: &Poller) -> Result<(), Failure> {
        let Some(connection) = &mut self.connections[token] else { return Ok(()) };
        let step = if connection.unsent.is_empty() {
            connection.answer(&mut self.buffer, self.sizes)
        } else {
            connection.send_unsent()
        };
        match step {
            Step::Idle => Ok(()),
            Step::Blocked => poller.modify(&connection.fd, token, EventFlags::OUT),
            Step::Unblocked => poller.modify(&connection.fd, token, EventFlags::IN),
            Step::Closed => {
                self.connections[token] = None;
                self.free.push(token);
                Ok(())
            }
        }
    }
}

/// What a connection needs after it was served.
#[derive(Debug)]
enum Step {
    Idle,
    /// Not all could be written: watch for room, and read nothing until it is gone.
    Blocked,
    Unblocked,
    Closed,
}

#[derive(Debug)]
struct Connection {
    fd: OwnedFd,
    /// Bytes of a request that is not complete yet.
    requested: usize,
    unsent: Vec<u8>,
}

impl Connection {
    fn answer(&mut self, buffer: &mut [u8], sizes: Option<(usize, usize)>) -> Step {
        let count = match recv(&self.fd, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Step::Closed,
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Step::Idle,
            Err(_) => return Step::Closed,
        };
        let Some((request, response)) = sizes else {
            return self.write(&buffer[..count]);
        };
        self.requested += count;
        let mut step = Step::Idle;
        while self.requested >= request {
            self.requested -= request;
            // The content of the response is not looked at; only its size counts.
            if self.unsent.is_empty() && response <= buffer.len() {
                step = self.write(&buffer[..response]);
            } else {
                self.unsent.resize(self.unsent.len() + response, 0);
                step = Step::Blocked;
            }
            if matches!(step, Step::Closed) {
                return step;
            }
        }
        step
    }

    fn write(&mut self, bytes: &[u8]) -> Step {
        match send(&self.fd, bytes, SendFlags::NOSIGNAL) {
            Ok(count) if count == bytes.len() => Step::Idle,
            Ok(count) => self.keep(&bytes[count..]),
            Err(Errno::AGAIN | Errno::INTR) => self.keep(bytes),
            Err(_) => Step::Closed,
        }
    }

    fn keep(&mut self, rest: &[u8]) -> Step {
        self.unsent.extend_from_slice(rest);
        Step::Blocked
    }

    fn send_unsent(&mut self) -> Step {
        match send(&self.fd, &self.unsent, SendFlags::NOSIGNAL) {
            Ok(count) => {
                self.unsent.drain(..count);
                if self.unsent.is_empty() { Step::Unblocked } else { Step::Idle }
            }
            Err(Errno::AGAIN | Errno::INTR) => Step::Idle,
            Err(_) => Step::Closed,
        }
    }
}
