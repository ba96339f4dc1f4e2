//! Where datagrams are received: one place for each of a batch.
//!
//! The kernel may put several datagrams of one sender into one place (GRO), when its socket was
//! told to: all of one length but the last, which may be shorter. They are told apart here.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::address::{Family, SIZE};

/// How many datagrams one system call takes at most, and how long they can be: over IP at most
/// 64 KiB; of others asyncio takes 256 KiB.
const SHORT: (usize, usize) = (64, 64 * 1024);
const LONG: (usize, usize) = (16, 256 * 1024);

/// Places begin at different lines of the cache.
const STAGGER: usize = 25 * 64;

/// Of places with several datagrams a batch takes fewer.
const COALESCED: usize = 4;

/// Room for what the kernel says beside a datagram: how long those in one place are, and whatever
/// else the program has asked its socket for.
const CONTROL: usize = 32;

/// One datagram of a batch.
#[derive(Clone, Copy, Debug)]
struct Part {
    place: usize,
    start: usize,
    end: usize,
}

/// Memory for one batch. The kernel gives pages to what was written to only.
#[derive(Debug)]
pub(crate) struct Arena {
    data: Vec<u8>,
    stride: usize,
    names: Vec<[u8; SIZE]>,
    controls: Vec<[u64; CONTROL]>,
    /// Each points into `data`.
    ///
    /// # Invariant
    /// `data`, `names`, `controls` and `vectors` are never resized, and no two places overlap.
    vectors: Vec<libc::iovec>,
    /// Each points to its vector, its name and its control buffer.
    headers: Vec<libc::mmsghdr>,
    /// How many headers the last call has filled.
    used: usize,
    parts: Vec<Part>,
}

// SAFETY: The pointers lead into the arena's own memory on the heap, which moves with it.
unsafe impl Send for Arena {}
// SAFETY: A shared arena is only read.
unsafe impl Sync for Arena {}

impl Arena {
    fn new((count, length): (usize, usize)) -> Self {
        let stride = length + STAGGER;
        let mut arena = Self {
            data: vec![0; stride * count],
            stride,
            names: vec![[0; SIZE]; count],
            controls: vec![[0; CONTROL]; count],
            vectors: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
            used: 0,
            parts: Vec::new(),
        };
        for place in arena.data.chunks_exact_mut(stride) {
            let iov_base = place.as_mut_ptr().cast();
            arena.vectors.push(libc::iovec { iov_base, iov_len: length });
        }
        let names = arena.names.iter_mut().zip(&mut arena.controls);
        for (vector, (name, control)) in arena.vectors.iter_mut().zip(names) {
            // SAFETY: A struct of numbers and pointers, for which zero is nothing.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = SIZE as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = ptr::from_mut(control).cast();
            header.msg_hdr.msg_controllen = size_of_val(control) as _;
            arena.headers.push(header);
        }
        arena
    }

    /// Receives what is there, at most a batch. Returns how many datagrams came. `coalesced` says
    /// that a place may hold several of them.
    ///
    /// # Errors
    /// The kernel's, when none came: `WouldBlock` when there is none.
    pub(super) fn receive(&mut self, fd: BorrowedFd<'_>, coalesced: bool) -> io::Result<usize> {
        for header in &mut self.headers[..self.used] {
            header.msg_hdr.msg_namelen = SIZE as libc::socklen_t;
            header.msg_hdr.msg_controllen = (CONTROL * size_of::<u64>()) as _;
        }
        self.used = 0;
        self.parts.clear();
        let most = if coalesced { COALESCED } else { self.headers.len() };
        let count = most as libc::c_uint;
        let headers = self.headers.as_mut_ptr();
        // SAFETY: An open descriptor, and `count` headers whose vectors, names and controls lie in
        // this arena (the invariant), which is borrowed mutably for the call.
        let came = unsafe {
            libc::recvmmsg(fd.as_raw_fd(), headers, count, libc::MSG_DONTWAIT as _, ptr::null_mut())
        };
        self.used = usize::try_from(came).map_err(|_| io::Error::last_os_error())?;
        for place in 0..self.used {
            let header = &self.headers[place];
            let length = header.msg_len as usize;
            let step = match segment_length(&header.msg_hdr) {
                0 => length,
                step => step,
            };
            let mut start = 0;
            // At least one: a datagram may be empty.
            loop {
                let end = (start + step).min(length);
                self.parts.push(Part { place, start, end });
                start = end;
                if start >= length {
                    break;
                }
            }
        }
        Ok(self.parts.len())
    }

    /// Whether the kernel has put several datagrams of the last batch into one place.
    pub(super) fn is_coalesced(&self) -> bool {
        self.parts.len() > self.used
    }

    /// The content of a datagram that came with the last batch.
    #[inline]
    pub(super) fn data(&self, index: usize) -> &[u8] {
        let Part { place, start, end } = self.parts[index];
        &self.data[place * self.stride..][start..end]
    }

    /// Which place it lies in: all of one place are from one sender.
    #[inline]
    pub(super) fn place(&self, index: usize) -> usize {
        self.parts[index].place
    }

    /// Whom it is from; empty when its sender has no address.
    #[inline]
    pub(super) fn name(&self, index: usize) -> &[u8] {
        let place = self.parts[index].place;
        let length = self.headers[place].msg_hdr.msg_namelen as usize;
        &self.names[place][..length.min(SIZE)]
    }
}

/// Lets the kernel put datagrams together.
///
/// # Errors
/// The kernel's, when it cannot.
pub(super) fn coalesce(fd: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: An open descriptor, and a number with its length.
    let status = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_GRO,
            ptr::from_ref(&on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How long the datagrams of one place are; 0 when it has one.
fn segment_length(header: &libc::msghdr) -> usize {
    if header.msg_controllen == 0 {
        return 0;
    }
    // SAFETY: A header that the kernel has filled: it points to a control buffer of that length.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !control.is_null() {
        // SAFETY: Not null, so it points to a whole message head in the buffer, which is aligned.
        let head = unsafe { control.read() };
        if (head.cmsg_level, head.cmsg_type) == (libc::SOL_UDP, libc::UDP_GRO) {
            // SAFETY: The data follows the head.
            let data = unsafe { libc::CMSG_DATA(control) };
            // SAFETY: This kind of message has an `int`, which may lie anywhere.
            let length = unsafe { data.cast::<libc::c_int>().read_unaligned() };
            return usize::try_from(length).unwrap_or(0);
        }
        // SAFETY: As for the first.
        control = unsafe { libc::CMSG_NXTHDR(header, control) };
    }
    0
}

/// The arenas of one loop, made when they are needed. A batch takes one out for as long as its
/// datagrams are being delivered.
#[derive(Debug)]
pub(crate) struct Arenas {
    short: Option<Box<Arena>>,
    long: Option<Box<Arena>>,
}

impl Arenas {
    pub(crate) const fn new() -> Self {
        Self { short: None, long: None }
    }

    fn slot(&mut self, family: Family) -> &mut Option<Box<Arena>> {
        if family == Family::Unix { &mut self.long } else { &mut self.short }
    }

    /// An arena for sockets of this family.
    pub(super) fn take(&mut self, family: Family) -> Box<Arena> {
        let new = if family == Family::Unix { LONG } else { SHORT };
        self.slot(family).take().unwrap_or_else(|| Box::new(Arena::new(new)))
    }

    /// Returns what is in its place already, to be dropped by the caller.
    pub(super) fn put_back(&mut self, family: Family, arena: Box<Arena>) -> Option<Box<Arena>> {
        self.slot(family).replace(arena)
    }
}
