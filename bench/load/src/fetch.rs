//! The limit of a client: hyper's HTTP/1 on bare epoll, one thread, a closed loop.
//!
//! A slot is one connection and the loop of requests on it. It is polled when epoll reports its
//! socket, and again while hyper has woken it: there is no runtime, no queue and no timer. It sleeps
//! while nothing is ready, as clients do. A response is as long as was asked for, or it ends the run.

mod io;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use rustix::fd::OwnedFd;

use crate::args::{Fetch, Load};
use crate::clock;
use crate::cpu;
use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::serve::text;
use crate::window::{Report, Window};
use crate::wire::{READ_SIZE, Wiring};
use io::Io;

/// Runs the requests until the window has ended.
pub(crate) fn run(fetch: &Fetch) -> Result<Report, Failure> {
    if let Some(core) = fetch.load.core {
        cpu::pin(core)?;
    }
    let load = Load { pid: Some(std::process::id()), ..fetch.load.clone() };
    let shared = Rc::new(Shared {
        poller: RefCell::new(Poller::new()?),
        window: RefCell::new(Window::open(&load, clock::now())),
        buffer: Rc::new(RefCell::new(vec![0; READ_SIZE])),
        wiring: Wiring::new(load.tls)?,
        body: Bytes::from(text(fetch.body)),
        method: if fetch.body > 0 { Method::POST } else { Method::GET },
        target: fetch.target.parse().map_err(Failure::os("use the target"))?,
        expect: fetch.expect,
    });
    let mut slots: Vec<Slot<'_>> =
        (0..load.connections).map(|token| Slot::new(&shared, fetch, token)).collect();
    let mut ready: Vec<usize> = (0..slots.len()).collect();
    while shared.window.borrow().is_open() {
        for &token in &ready {
            slots[token].poll()?;
        }
        let mut poller = shared.poller.borrow_mut();
        poller.wait_for(clock::nanos(load.stall))?;
        ready.clear();
        ready.extend((0..poller.len()).map(|event| poller.token(event)));
        let waiting = || format!("{} connections wait", load.connections);
        shared.window.borrow().check(clock::now(), waiting)?;
    }
    drop(slots);
    let shared = Rc::into_inner(shared).ok_or_else(|| Failure::Os("a slot is left".to_owned()))?;
    shared.window.into_inner().finish()
}

struct Shared {
    poller: RefCell<Poller>,
    window: RefCell<Window>,
    buffer: Rc<RefCell<Vec<u8>>>,
    wiring: Wiring,
    method: Method,
    target: Uri,
    body: Bytes,
    /// How long a response is.
    expect: Option<usize>,
}

/// Set by hyper when it wants to be polled again.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Slot<'a> {
    work: Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>,
    flag: Arc<Flag>,
    /// Whether the socket may have something: set by epoll, cleared by a read that found less.
    is_ready: Rc<Cell<bool>>,
}

impl<'a> Slot<'a> {
    fn new(shared: &Rc<Shared>, fetch: &'a Fetch, token: usize) -> Self {
        let is_ready = Rc::new(Cell::new(true));
        let work = Box::pin(work(Rc::clone(shared), fetch, token, Rc::clone(&is_ready)));
        Self { work, flag: Arc::default(), is_ready }
    }

    fn poll(&mut self) -> Result<(), Failure> {
        self.is_ready.set(true);
        let waker = Waker::from(Arc::clone(&self.flag));
        let mut context = Context::from_waker(&waker);
        loop {
            self.flag.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(ended) = self.work.as_mut().poll(&mut context) {
                return ended;
            }
            if !self.flag.0.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }
}

/// Requests on one connection after another, as long as the window is open.
async fn work(
    shared: Rc<Shared>,
    fetch: &Fetch,
    token: usize,
    is_ready: Rc<Cell<bool>>,
) -> Result<(), Failure> {
    let mut started_at = clock::now();
    loop {
        let address = host(fetch, token);
        let authority = HeaderValue::try_from(address.to_string()).map_err(broken)?;
        is_ready.set(true);
        let mut wire = shared.wiring.wire()?;
        let fd = connect(address)?;
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        shared.poller.borrow().add(&fd, token, interest)?;
        wire.flush(&fd).map_err(broken)?;
        let io = Io::new(fd, wire, Rc::clone(&shared.buffer), Rc::clone(&is_ready));
        let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
        let mut connection = pin!(Some(connection));
        let mut exchanges = pin!(async {
            while !sender.is_closed() {
                exchange(&mut sender, &shared, authority.clone()).await?;
                let now = clock::now();
                shared.window.borrow_mut().record(now, now - started_at)?;
                started_at = now;
                if sender.ready().await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        poll_fn(|context| {
            let exchanged = exchanges.as_mut().poll(context);
            if exchanged.is_ready() {
                return exchanged;
            }
            let polled = connection.as_mut().as_pin_mut().map(|open| open.poll(context));
            if polled.is_some_and(|polled| polled.is_ready()) {
                // Dropped, so that a sender or an exchange that waits is told of the end.
                connection.as_mut().set(None);
            }
            exchanges.as_mut().poll(context)
        })
        .await?;
    }
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    shared: &Shared,
    authority: HeaderValue,
) -> Result<(), Failure> {
    let mut request = Request::new(Full::new(shared.body.clone()));
    *request.method_mut() = shared.method.clone();
    *request.uri_mut() = shared.target.clone();
    let headers = request.headers_mut();
    headers.insert(HOST, authority);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(USER_AGENT, HeaderValue::from_static("bench"));
    let response: Response<_> = sender.send_request(request).await.map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(Failure::Peer(format!("it answers {}", response.status())));
    }
    let mut body = response.into_body();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(broken)?;
        received += frame.data_ref().map_or(0, Bytes::len);
    }
    match shared.expect {
        Some(expected) if expected != received => {
            Err(Failure::Peer(format!("{received} bytes came instead of {expected}")))
        }
        _ => Ok(()),
    }
}

/// Slots go to the addresses in turn.
fn host(fetch: &Fetch, token: usize) -> SocketAddrV4 {
    let host = u8::try_from(token % usize::from(fetch.hosts)).unwrap_or_default() + 1;
    SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, host), fetch.load.address.port())
}

/// Connecting on loopback does not wait.
fn connect(address: SocketAddrV4) -> Result<OwnedFd, Failure> {
    let stream = TcpStream::connect(SocketAddr::from(address))
        .map_err(|error| Failure::Peer(format!("connect to {address}: {error}")))?;
    stream.set_nodelay(true).map_err(Failure::os("set TCP_NODELAY"))?;
    stream.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
    Ok(stream.into())
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Peer(error.to_string())
}
