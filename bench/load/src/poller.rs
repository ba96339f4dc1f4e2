//! Level-triggered epoll with a token for each descriptor.

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

use crate::failure::Failure;

pub(crate) use rustix::event::epoll::EventFlags;

/// One epoll descriptor and the events of the last wait.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    pub(crate) fn new() -> Result<Self, Failure> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(Failure::os("epoll_create"))?;
        Ok(Self { epoll, events: Vec::with_capacity(512) })
    }

    pub(crate) fn add(
        &self,
        fd: impl AsFd,
        token: usize,
        interest: EventFlags,
    ) -> Result<(), Failure> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token as u64), interest)
            .map_err(Failure::os("epoll_ctl add"))
    }

    pub(crate) fn modify(
        &self,
        fd: impl AsFd,
        token: usize,
        interest: EventFlags,
    ) -> Result<(), Failure> {
        epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(token as u64), interest)
            .map_err(Failure::os("epoll_ctl modify"))
    }

    /// Waits until something is ready.
    pub(crate) fn wait(&mut self) -> Result<(), Failure> {
        self.poll(None)
    }

    /// Takes what is ready now, without sleeping.
    pub(crate) fn spin(&mut self) -> Result<(), Failure> {
        self.poll(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
    }

    /// Waits until something is ready, or for so many nanoseconds.
    pub(crate) fn wait_for(&mut self, nanos: u64) -> Result<(), Failure> {
        let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        // PANIC: the command line takes times under a day.
        let tv_sec = seconds.try_into().expect("a time is under a day");
        let tv_nsec = rest.try_into().expect("nanoseconds are under a second");
        self.poll(Some(&Timespec { tv_sec, tv_nsec }))
    }

    fn poll(&mut self, timeout: Option<&Timespec>) -> Result<(), Failure> {
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Failure::os("epoll_wait")(error)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The token of an event of the last wait.
    pub(crate) fn token(&self, index: usize) -> usize {
        // PANIC: every token was a usize in `add`.
        usize::try_from(self.events[index].data.u64()).expect("tokens are made from usize")
    }
}
