//! A socket as hyper wants it: read and write what is there, else wait for epoll.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::fd::OwnedFd;

use crate::wire::{Wire, is_nothing};

/// No waker is kept: the slot is polled whenever epoll reports the socket.
#[derive(Debug)]
pub(crate) struct Io {
    fd: OwnedFd,
    wire: Wire,
    /// Of all connections together.
    buffer: Rc<RefCell<Vec<u8>>>,
    /// What was read and did not fit.
    rest: Vec<u8>,
    is_ready: Rc<Cell<bool>>,
}

impl Io {
    pub(crate) fn new(
        fd: OwnedFd,
        wire: Wire,
        buffer: Rc<RefCell<Vec<u8>>>,
        is_ready: Rc<Cell<bool>>,
    ) -> Self {
        Self { fd, wire, buffer, rest: Vec::new(), is_ready }
    }

    /// As much as fits without TLS, which has to read whole records.
    fn room(&self, target: &ReadBufCursor<'_>, most: usize) -> usize {
        match self.wire {
            Wire::Plain => target.remaining().min(most),
            Wire::Tls(_) => most,
        }
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut target: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.rest.is_empty() {
            let count = self.rest.len().min(target.remaining());
            target.put_slice(&self.rest[..count]);
            self.rest.drain(..count);
            return Poll::Ready(Ok(()));
        }
        if !self.is_ready.get() {
            return Poll::Pending;
        }
        let this = &mut *self;
        let mut buffer = this.buffer.borrow_mut();
        let room = this.room(&target, buffer.len());
        loop {
            match this.wire.recv(&this.fd, &mut buffer[..room]) {
                Ok(received) => {
                    // Edge-triggered: less than there was room for is all that there is.
                    if 0 < received && received < room && matches!(this.wire, Wire::Plain) {
                        this.is_ready.set(false);
                    }
                    let count = received.min(target.remaining());
                    target.put_slice(&buffer[..count]);
                    this.rest.extend_from_slice(&buffer[count..received]);
                    return Poll::Ready(Ok(()));
                }
                // Not the kernel's word: records came, and nothing was in them.
                Err(error) if is_nothing(&error) && error.raw_os_error().is_none() => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_nothing(&error) => {
                    this.is_ready.set(false);
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match this.wire.send(&this.fd, data) {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(error) if is_nothing(&error) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self.wire, Wire::Plain)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let sent = match this.wire {
            Wire::Plain => rustix::io::writev(&this.fd, data).map_err(io::Error::from),
            Wire::Tls(_) => data
                .iter()
                .try_fold(0, |sum, part| this.wire.send(&this.fd, part).map(|count| sum + count)),
        };
        match sent {
            Err(error) if is_nothing(&error) => Poll::Pending,
            sent => Poll::Ready(sent),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.wire.flush(&this.fd)?;
        if this.wire.wants_room() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        Poll::Ready(this.wire.finish(&this.fd))
    }
}
