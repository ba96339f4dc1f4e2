//! What a descriptor is, for people: a peer's address, a path.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use socket2::{SockAddr, SockRef, Type};

use super::files;

/// What a descriptor leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) text: String,
    /// A file or a block device: who waits for it waits for a disk.
    pub(super) on_disk: bool,
}

/// What `fd` leads to; `None` when it is not open.
pub(super) fn target(fd: RawFd) -> Option<Target> {
    let link = format!("/proc/self/fd/{fd}");
    let name = fs::read_link(&link).ok()?;
    let kind = fs::metadata(&link).ok()?.file_type();
    let text = if kind.is_socket() {
        files::with(fd, socket).flatten().unwrap_or_else(|| "a socket".to_owned())
    } else if kind.is_fifo() && !name.is_absolute() {
        "a pipe".to_owned()
    } else {
        readable(name.as_os_str())
    };
    Some(Target { text, on_disk: kind.is_file() || kind.is_block_device() })
}

fn socket(fd: BorrowedFd<'_>) -> Option<String> {
    let socket = SockRef::from(&fd);
    let own = socket.local_addr().ok()?;
    if own.is_unix() {
        let path = socket.peer_addr().ok().as_ref().and_then(unix_path);
        let path = path.or_else(|| unix_path(&own));
        return Some(
            path.map_or_else(|| "a Unix socket".to_owned(), |path| format!("unix {path}")),
        );
    }
    let protocol = if socket.r#type().ok()? == Type::DGRAM { "udp" } else { "tcp" };
    match socket.peer_addr().ok().as_ref().and_then(SockAddr::as_socket) {
        Some(peer) => Some(format!("{protocol} {peer}")),
        None => Some(format!("{protocol}, bound to {}", own.as_socket()?)),
    }
}

fn unix_path(address: &SockAddr) -> Option<String> {
    address.as_pathname().map(|path: &Path| readable(path.as_os_str()))
}

fn readable(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
