//! The way to standard error, without Python and without waiting for long.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;

use super::files;
use super::fold::fold;

/// As much as goes into a pipe that says it has room.
const PIECE: usize = 4096;
/// For how long a reader may keep a report waiting; the rest of it is then dropped. The loop may be
/// waiting as well.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// The last report was not read: the next one does not wait.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// How reports are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    /// A JSON object a line.
    Json,
}

const STDERR: RawFd = 2;

/// Writes `text` to descriptor 2. What nobody reads is dropped.
pub(super) fn write(text: &str) {
    let _ = files::with(STDERR, |stderr| write_to(stderr, text));
}

/// As [`write`], with lines broken between words where descriptor 2 is a terminal.
pub(super) fn write_text(text: &str) {
    let width = files::with(STDERR, |stderr| tcgetwinsize(stderr).ok()).flatten();
    match width {
        Some(size) => write(&fold(text, size.ws_col.into())),
        None => write(text),
    }
}

fn write_to(stderr: BorrowedFd<'_>, text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let unread = UNREAD.load(Ordering::Relaxed);
        let patience = if unread { Timespec { tv_sec: 0, tv_nsec: 0 } } else { PATIENCE };
        let ready = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&patience));
        let ready = matches!(ready, Ok(1..));
        UNREAD.store(!ready, Ordering::Relaxed);
        if !ready {
            return;
        }
        let piece = &rest[..rest.len().min(PIECE)];
        match rustix::io::write(stderr, piece) {
            Ok(count) => rest = &rest[count..],
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}
