//! The server: the listener, the connections, and the loop that serves them.
//!
//! The poller is edge-triggered, so whatever it tells of is done until the kernel says
//! `WouldBlock`; what cannot be done at once (no descriptor left for an accept) is tried again
//! after a pause.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use socket2::SockRef;

use crate::clock;
use crate::connection::{Connection, Step};
use crate::desk::{Desk, Outcome};
use crate::options::Options;
use crate::page::Pages;
use crate::request::Request;
use crate::response::{Response, Status};
use crate::stats::Stats;

#[derive(Debug)]
pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    address: SocketAddr,
    max_connections: usize,
    connections: Slab<Connection>,
    opened: u64,
    desk: Desk<Ticket>,
    pages: Pages,
    stats: Stats,
    sweep_at: Instant,
    /// Set while descriptors have run out.
    accept_again_at: Option<Instant>,
}

/// A request at the desk: which connection asked, and what it gets when done.
#[derive(Debug)]
struct Ticket {
    key: usize,
    serial: u64,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Index,
    Notice(usize),
    NotFound,
}

impl Server {
    /// Makes the pages and starts to listen. The error is a sentence for the user.
    pub(crate) fn bind(options: &Options) -> Result<Self, String> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let mut listener = TcpListener::bind(wanted).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                let port = options.port;
                format!("port {port} is in use; --port 0 takes a free one")
            }
            io::ErrorKind::PermissionDenied => {
                format!("port {} needs privileges; --port 0 takes a free one", options.port)
            }
            _ => format!("cannot listen on {wanted}: {error}"),
        })?;
        let mut prepare = || -> io::Result<(Poll, SocketAddr)> {
            let poll = Poll::new()?;
            // A burst beyond the usual 128 would be dropped, and come again a second later.
            SockRef::from(&listener).listen(BACKLOG)?;
            poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
            Ok((poll, listener.local_addr()?))
        };
        let (poll, address) = prepare().map_err(|error| format!("cannot listen: {error}"))?;
        Ok(Self {
            poll,
            listener,
            address,
            max_connections: options.max_connections,
            connections: Slab::new(),
            opened: 0,
            desk: Desk::new(options.latency, options.workers, options.request_timeout),
            pages: Pages::new(options.notices, options.seed),
            stats: Stats::default(),
            sweep_at: clock::now() + SWEEP_EVERY,
            accept_again_at: None,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What ends `run`, from any thread.
    pub(crate) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), STOP)
    }

    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.wait_for_events(&mut events)?;
            let now = clock::now();
            for event in &events {
                match event.token() {
                    STOP => return Ok(()),
                    LISTENER => self.accept(now),
                    Token(key) => self.handle_event(key, event, now),
                }
            }
            while let Some((ticket, outcome)) = self.desk.poll_ended(now) {
                self.answer(&ticket, outcome, now);
            }
            if self.accept_again_at.is_some_and(|at| at <= now) {
                self.accept(now);
            }
            if self.sweep_at <= now {
                self.sweep(now);
            }
        }
    }

    fn wait_for_events(&mut self, events: &mut Events) -> io::Result<()> {
        let next_at = [self.desk.next_at(), self.accept_again_at].into_iter().flatten();
        let next_at = next_at.fold(self.sweep_at, Instant::min);
        let timeout = next_at.saturating_duration_since(clock::now());
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            result => result,
        }
    }

    fn accept(&mut self, now: Instant) {
        self.accept_again_at = None;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) if self.stats.open >= self.max_connections => self.refuse(&stream),
                Ok((stream, _)) => self.open(stream, now),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // The client has given up already, or a signal came: the next one may do.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        self.accept_again_at = Some(now + ACCEPT_PAUSE);
                        return;
                    }
                },
            }
        }
    }

    /// Closes with a reset, which is what the client of an overloaded server sees.
    fn refuse(&mut self, stream: &TcpStream) {
        self.stats.refused += 1;
        // Without the option the close is an ordinary one, which also ends the connection.
        let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    }

    fn open(&mut self, mut stream: TcpStream, now: Instant) {
        let entry = self.connections.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        // A response is written whole, so there is nothing to be gained by holding back packets.
        let ready = stream.set_nodelay(true).and_then(|()| {
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)
        });
        if ready.is_err() {
            self.stats.refused += 1;
            return;
        }
        self.opened += 1;
        entry.insert(Connection::new(stream, self.opened, now));
        self.stats.count_opened();
    }

    fn handle_event(&mut self, key: usize, event: &Event, now: Instant) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if event.is_error() || event.is_write_closed() {
            self.close(key);
            return;
        }
        if event.is_readable() || event.is_read_closed() {
            connection.handle_readable();
        }
        self.advance(key, now);
    }

    fn advance(&mut self, key: usize, now: Instant) {
        while let Some(connection) = self.connections.get_mut(key) {
            match connection.advance(now) {
                Step::Blocked => return,
                Step::Closed => self.close(key),
                Step::Faulty(fault) => {
                    self.stats.malformed += 1;
                    connection.respond(fault.into());
                }
                Step::Request(request) if request.path == "/stats" => {
                    connection.respond(Response::json(&self.stats.to_json()));
                }
                Step::Request(request) => {
                    let serial = connection.serial;
                    let answer = Answer::to(&request);
                    self.desk.handle_arrival(Ticket { key, serial, answer }, now);
                    return;
                }
            }
        }
    }

    /// Hands the outcome of a request to its connection, if that is still there.
    fn answer(&mut self, ticket: &Ticket, outcome: Outcome, now: Instant) {
        let connection = self.connections.get_mut(ticket.key);
        let Some(connection) = connection.filter(|one| one.serial == ticket.serial) else { return };
        let page = match (outcome, &ticket.answer) {
            (Outcome::TimedOut, _) => {
                self.stats.timed_out += 1;
                connection.respond(Response::text(Status::TimedOut, "Out of time.\n"));
                return self.advance(ticket.key, now);
            }
            (Outcome::Done, Answer::Index) => Some(self.pages.index()),
            (Outcome::Done, Answer::Notice(number)) => self.pages.notice(*number),
            (Outcome::Done, Answer::NotFound) => None,
        };
        match page {
            Some(page) => {
                self.stats.served += 1;
                self.stats.notices += u64::from(matches!(ticket.answer, Answer::Notice(_)));
                connection.respond(Response::html(page));
            }
            None => {
                self.stats.not_found += 1;
                connection.respond(Response::text(Status::NotFound, "There is no such page.\n"));
            }
        }
        self.advance(ticket.key, now);
    }

    fn close(&mut self, key: usize) {
        let Some(mut connection) = self.connections.try_remove(key) else { return };
        self.stats.open -= 1;
        self.stats.abandoned += u64::from(connection.is_waiting());
        // The descriptor is closed next, and the kernel forgets it then in any case.
        let _ = self.poll.registry().deregister(&mut connection.stream);
    }

    fn sweep(&mut self, now: Instant) {
        self.sweep_at = now + SWEEP_EVERY;
        let idle: Vec<usize> = self
            .connections
            .iter()
            .filter_map(|(key, connection)| connection.is_idle(now).then_some(key))
            .collect();
        for key in idle {
            self.close(key);
        }
    }
}

impl Answer {
    fn to(request: &Request) -> Self {
        if request.path == "/" {
            return Self::Index;
        }
        let number = request.path.strip_prefix("/notices/").filter(|text| {
            !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
        });
        number.and_then(|text| text.parse().ok()).map_or(Self::NotFound, Self::Notice)
    }
}

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);
/// Connections that wait to be accepted; the kernel has a limit of its own, 4096 as a rule.
const BACKLOG: i32 = 4096;
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
