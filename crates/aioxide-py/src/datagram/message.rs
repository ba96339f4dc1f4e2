//! Datagrams to the kernel: one, or many by one system call.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::address::RawAddress;

/// How many datagrams one system call takes at most.
pub(super) const BATCH: usize = 64;

/// How long a group may be: an IP packet with its heads is at most 64 KiB.
const LONGEST_GROUP: usize = 60_000;

const FLAGS: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// What is sent, and where to; `None` to the peer of a connected socket.
pub(super) type Message<'a> = (&'a [u8], Option<&'a RawAddress>);

/// Where an address lies, and its length.
fn name(address: Option<&RawAddress>) -> (*const u8, libc::socklen_t) {
    address.map_or((ptr::null(), 0), |address| {
        let bytes = address.as_bytes();
        (bytes.as_ptr(), bytes.len() as libc::socklen_t)
    })
}

/// Sends one datagram.
///
/// # Errors
/// The kernel's: `WouldBlock` when there is no room.
pub(super) fn send_one(fd: BorrowedFd<'_>, (data, address): Message<'_>) -> io::Result<()> {
    let (name, length) = name(address);
    // SAFETY: An open descriptor; data and name are borrowed for the call, with their lengths.
    let sent = unsafe {
        libc::sendto(fd.as_raw_fd(), data.as_ptr().cast(), data.len(), FLAGS, name.cast(), length)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Why a batch was not sent.
#[derive(Debug)]
pub(super) struct NotSent {
    /// The kernel's error on the first: `WouldBlock` when there is no room.
    pub(super) error: io::Error,
    /// The first were several datagrams, put together.
    pub(super) coalesced: bool,
}

/// Room for one control message with a `u16`.
type Control = [u64; 3];

/// Sends the first [`BATCH`] of `messages`. Returns how many were sent, at least one.
///
/// With `coalesce`, those that follow one another to the same address, all of one length but the
/// last, are handed over as one with the length of its segments (GSO): the kernel's way is then
/// gone once for all of them.
///
/// # Errors
/// When none was sent.
pub(super) fn send_many<'a>(
    fd: BorrowedFd<'_>,
    messages: impl Iterator<Item = Message<'a>>,
    coalesce: bool,
) -> Result<usize, NotSent> {
    let mut vectors = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
    // SAFETY: Structs of numbers and pointers, for which zero is nothing.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    let mut controls: [Control; BATCH / 2] = [[0; 3]; BATCH / 2];
    // How many headers, and how many with several datagrams.
    let (mut count, mut groups) = (0, 0);
    let mut group: Option<Group<'a>> = None;
    for (vector, (data, address)) in vectors.iter_mut().zip(messages) {
        // The kernel only reads what these point to.
        vector.iov_base = data.as_ptr().cast_mut().cast();
        vector.iov_len = data.len();
        if let Some(group) = &mut group
            && coalesce
            && group.takes(data, address)
        {
            let header = &mut headers[count - 1].msg_hdr;
            header.msg_iovlen += 1;
            if header.msg_control.is_null() {
                set_segment_length(header, &mut controls[groups], group.segment);
                groups += 1;
            }
            continue;
        }
        group = Some(Group::of(data, address));
        let (name, length) = name(address);
        let header = &mut headers[count].msg_hdr;
        header.msg_name = name.cast_mut().cast();
        header.msg_namelen = length;
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        count += 1;
    }
    // SAFETY: An open descriptor, and `count` headers that point to vectors, data, names and
    // controls which are borrowed until this function returns.
    let sent = unsafe {
        libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count as libc::c_uint, FLAGS as _)
    };
    match usize::try_from(sent) {
        Ok(sent) => Ok(headers[..sent].iter().map(|one| one.msg_hdr.msg_iovlen).sum()),
        Err(_) => Err(NotSent {
            error: io::Error::last_os_error(),
            coalesced: headers[0].msg_hdr.msg_iovlen > 1,
        }),
    }
}

/// Datagrams that go as one.
struct Group<'a> {
    address: Option<&'a RawAddress>,
    segment: usize,
    size: usize,
    /// A shorter one is the last.
    ended: bool,
}

impl<'a> Group<'a> {
    fn of(data: &[u8], address: Option<&'a RawAddress>) -> Self {
        // A datagram without content is no segment.
        Self { address, segment: data.len(), size: data.len(), ended: data.is_empty() }
    }

    /// Adds a datagram, if it may be added.
    fn takes(&mut self, data: &[u8], address: Option<&RawAddress>) -> bool {
        let size = self.size + data.len();
        let may = !self.ended
            && !data.is_empty()
            && data.len() <= self.segment
            && size <= LONGEST_GROUP
            && self.address == address;
        if may {
            self.size = size;
            self.ended = data.len() < self.segment;
        }
        may
    }
}

/// Tells the kernel where one datagram ends and the next begins.
fn set_segment_length(header: &mut libc::msghdr, control: &mut Control, length: usize) {
    header.msg_control = ptr::from_mut(control).cast();
    // SAFETY: A calculation.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) } as _;
    // SAFETY: The header's control buffer has room for one message, so this is its start.
    let head = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: Not null, as there is room.
    let head_ref = unsafe { &mut *head };
    head_ref.cmsg_level = libc::SOL_UDP;
    head_ref.cmsg_type = libc::UDP_SEGMENT;
    // SAFETY: A calculation.
    head_ref.cmsg_len = unsafe { libc::CMSG_LEN(size_of::<u16>() as u32) } as _;
    // SAFETY: The data follows the head, and there is room for it.
    let data = unsafe { libc::CMSG_DATA(head) };
    // SAFETY: As above; it may lie anywhere.
    unsafe { data.cast::<u16>().write_unaligned(length as u16) };
}
