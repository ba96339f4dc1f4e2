//! UDP in a closed loop: each socket sends a group of datagrams, awaits the replies, and goes on.
//!
//! An echo is a group with as many replies. What a server can take is measured by a group of many
//! with one reply, to the last of the group, whose first byte is 1; what it can send by a group of
//! one with many replies. Nothing may be lost: the groups are small enough for the buffers of the
//! sockets, and a reply that does not come ends the run.
//!
//! The last datagram of a group carries its exchange's number, so a reply to another one is caught;
//! in an echo each does, and its place, so those that come in another order are caught as well.
//!
//! A group is handed to the kernel as one with the length of its segments (`UDP_SEGMENT`), as those
//! send who have many to send: sent singly, a group takes the generator longer than the server, and
//! what the server waits is in its CPU time.

use std::net::{Ipv4Addr, UdpSocket};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::args::Load;
use crate::clock;
use crate::cpu;
use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::segment::set_udp_segment;
use crate::window::{Report, Window};

const READ_SIZE: usize = 64 * 1024;
/// The mark of the last datagram of a group.
const LAST: u8 = 1;

/// Runs the load until the window has ended and every reply has come.
pub(crate) fn run(load: &Load) -> Result<Report, Failure> {
    if let Some(core) = load.core {
        cpu::pin(core)?;
    }
    let mut buffer = vec![0; READ_SIZE];
    let mut poller = Poller::new()?;
    let mut endpoints = Vec::with_capacity(load.connections);
    for token in 0..load.connections {
        let endpoint = Endpoint::new(load, token)?;
        poller.add(&endpoint.fd, token, EventFlags::IN)?;
        endpoints.push(endpoint);
    }
    let mut window = Window::open(load, clock::now());
    for endpoint in &mut endpoints {
        endpoint.start(clock::now())?;
    }
    let mut busy = endpoints.len();
    while busy > 0 {
        poller.spin()?;
        for event in 0..poller.len() {
            let endpoint = &mut endpoints[poller.token(event)];
            if !endpoint.receive(&mut buffer)? {
                continue;
            }
            let now = clock::now();
            window.record(now, now - endpoint.started_at)?;
            if window.is_open() {
                endpoint.start(now)?;
            } else {
                busy -= 1;
            }
        }
        window.check(clock::now(), || waiting(&endpoints))?;
    }
    window.finish()
}

fn waiting(endpoints: &[Endpoint]) -> String {
    let waiting = endpoints.iter().filter(|endpoint| endpoint.missing > 0).count();
    format!("{waiting} of {} sockets wait", endpoints.len())
}

/// One socket and how far its current exchange is.
#[derive(Debug)]
struct Endpoint {
    fd: OwnedFd,
    token: usize,
    /// The datagrams of a group, one behind the other.
    datagrams: Vec<u8>,
    /// How long one is.
    size: usize,
    group: usize,
    replies: usize,
    /// How many replies are still to come.
    missing: usize,
    exchanges: u64,
    started_at: u64,
}

impl Endpoint {
    fn new(load: &Load, token: usize) -> Result<Self, Failure> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(Failure::os("bind"))?;
        socket.connect(load.address).map_err(Failure::os("connect"))?;
        socket.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
        let mut datagrams = vec![0; load.size * load.group];
        datagrams[load.size * (load.group - 1)] = LAST;
        if load.group > 1 {
            let size = u16::try_from(load.size)
                .map_err(|_| Failure::Usage(format!("--size {} is too much", load.size)))?;
            set_udp_segment(&socket, size)?;
        }
        Ok(Self {
            fd: socket.into(),
            token,
            datagrams,
            size: load.size,
            group: load.group,
            replies: load.replies,
            missing: 0,
            exchanges: 0,
            started_at: 0,
        })
    }

    fn start(&mut self, now: u64) -> Result<(), Failure> {
        self.started_at = now;
        self.exchanges += 1;
        self.missing = self.replies;
        let number = self.exchanges.to_le_bytes();
        let bare = if self.is_echo() { 0 } else { self.group - 1 };
        for (place, datagram) in self.datagrams.chunks_exact_mut(self.size).enumerate().skip(bare) {
            let told = number.into_iter().chain(place.to_le_bytes());
            datagram[1..].iter_mut().zip(told).for_each(|(byte, told)| *byte = told);
        }
        loop {
            match send(&self.fd, &self.datagrams, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                // The buffer is empty again in a moment: loopback delivers while it sends.
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(self.broken(&format!("send: {error}"))),
            }
        }
    }

    /// Receives what is there. True when the last reply has come.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, Failure> {
        while self.missing > 0 {
            let count = match recv(&self.fd, &mut *buffer, RecvFlags::empty()) {
                Ok((count, _)) => count,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
                Err(error) => return Err(self.broken(&format!("receive: {error}"))),
            };
            let whole = self.is_echo() || self.group == 1;
            let sent = self.answered();
            if count == 0 || (whole && count != sent.len()) || !sent.starts_with(&buffer[..count]) {
                return Err(self.broken("the reply is not made of what was sent"));
            }
            self.missing -= 1;
        }
        Ok(true)
    }

    /// Whether each datagram comes back.
    fn is_echo(&self) -> bool {
        self.group == self.replies
    }

    /// What the next reply is an answer to.
    fn answered(&self) -> &[u8] {
        let place = if self.is_echo() { self.group - self.missing } else { self.group - 1 };
        &self.datagrams[place * self.size..][..self.size]
    }

    fn broken(&self, what: &str) -> Failure {
        Failure::Peer(format!(
            "socket {}, exchange {}, {} of {} replies to come: {what}",
            self.token, self.exchanges, self.missing, self.replies
        ))
    }
}
