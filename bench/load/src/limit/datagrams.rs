//! The limit of an echo of datagrams: one `recvfrom` and one `sendto` each.
//!
//! A batch (`recvmmsg`, `sendmmsg`) saves a system call and copies headers instead, which is no
//! cheaper here (docs/design/004-datagrams.md). Nothing is joined (GSO, GRO), so this is the limit
//! where each datagram goes to another address.

use std::net::{Ipv4Addr, UdpSocket};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};

use crate::failure::Failure;
use crate::poller::{EventFlags, Poller};
use crate::stdin;

const SOCKET: usize = 0;
const STDIN: usize = 1;
const READ_SIZE: usize = 64 * 1024;
/// How many are answered before the poller is asked again.
const BATCH: usize = 64;

/// Echoes until standard input closes.
pub(super) fn serve() -> Result<(), Failure> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::os("bind"))?;
    socket.set_nonblocking(true).map_err(Failure::os("set non-blocking"))?;
    let port = socket.local_addr().map_err(Failure::os("getsockname"))?.port();
    let mut poller = Poller::new()?;
    let input = std::io::stdin();
    poller.add(&socket, SOCKET, EventFlags::IN)?;
    stdin::watch(&poller, &input, STDIN)?;
    crate::print_line(&format!("{{\"port\": {port}}}"))?;

    let mut buffer = vec![0; READ_SIZE];
    loop {
        poller.wait()?;
        for event in 0..poller.len() {
            match poller.token(event) {
                STDIN if stdin::is_closed(&input)? => return Ok(()),
                STDIN => {}
                _ => echo(&socket, &mut buffer)?,
            }
        }
    }
}

fn echo(socket: &UdpSocket, buffer: &mut [u8]) -> Result<(), Failure> {
    for _ in 0..BATCH {
        let (count, from) = match recvfrom(socket, &mut *buffer, RecvFlags::empty()) {
            Ok((count, _, Some(from))) => (count, from),
            // What has no address cannot be answered; the error is an earlier answer's.
            Ok((_, _, None)) | Err(Errno::CONNREFUSED) => continue,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(Failure::os("recvfrom")(error)),
        };
        match sendto(socket, &buffer[..count], SendFlags::NOSIGNAL, &from) {
            // A full buffer loses it, as UDP may; the generator would say so.
            Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::CONNREFUSED) => {}
            Err(error) => return Err(Failure::os("sendto")(error)),
        }
    }
    Ok(())
}
