//! Standard input as the sign that the process which started this one is still there.

use std::io::Stdin;

use rustix::io::Errno;

use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};

/// A regular file or `/dev/null` cannot be polled: then only a signal ends the server.
pub(crate) fn watch(poller: &Poller, stdin: &Stdin, token: usize) -> Result<(), Failure> {
    use rustix::fs::{FileType, fstat};
    let mode = fstat(stdin).map_err(Failure::os("fstat of standard input"))?.st_mode;
    match FileType::from_raw_mode(mode) {
        FileType::Fifo | FileType::Socket => poller.add(stdin, token, EventFlags::IN),
        _ => Ok(()),
    }
}

/// Whether it has been closed, once the poller says that there is something.
pub(crate) fn is_closed(stdin: &Stdin) -> Result<bool, Failure> {
    let mut buffer = [0_u8; 64];
    match rustix::io::read(stdin, &mut buffer) {
        Ok(count) => Ok(count == 0),
        Err(Errno::INTR | Errno::AGAIN) => Ok(false),
        Err(error) => Err(Failure::os("read standard input")(error)),
    }
}
