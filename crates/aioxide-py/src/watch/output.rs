//! The way to standard error, without Python and without waiting for long.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// As much as goes into a pipe that says it has room.
const PIECE: usize = 4096;
/// For how long a reader may keep a report waiting; the rest of it is then dropped.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// How reports are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    /// A JSON object a line.
    Json,
}

/// Writes `text` to descriptor 2. What nobody reads is dropped.
pub(super) fn write(text: &str) {
    let stderr = io::stderr();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let ready = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&PATIENCE));
        if !matches!(ready, Ok(1..)) {
            return;
        }
        let piece = &rest[..rest.len().min(PIECE)];
        match rustix::io::write(stderr.as_fd(), piece) {
            Ok(count) => rest = &rest[count..],
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}
