//! CPU time of the server, and the core that this process runs on.
//!
//! `/proc/PID/task/TID/schedstat` starts with the nanoseconds that the thread has run, brought up
//! to date at each scheduler tick and each switch. `/proc/PID/stat` counts whole ticks of 10 ms:
//! too coarse for a window of a second.

use std::fs;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::failure::Failure;

/// Keeps this process on one core.
pub(crate) fn pin(core: usize) -> Result<(), Failure> {
    if core >= CpuSet::MAX_CPU {
        return Err(Failure::Usage(format!("--core {core}: there is no such core")));
    }
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(Failure::os("sched_setaffinity"))
}

/// Nanoseconds of CPU time used so far by all live threads of a process.
pub(crate) fn used_by(pid: u32) -> Result<u64, Failure> {
    let gone = |error: std::io::Error| Failure::Peer(format!("process {pid} has ended: {error}"));
    let mut sum = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/task")).map_err(gone)? {
        let path = entry.map_err(gone)?.path().join("schedstat");
        match fs::read_to_string(&path) {
            Ok(text) => sum += first_number(&text)?,
            // The thread ended between the listing and the read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::Os(format!("read {}: {error}", path.display()))),
        }
    }
    Ok(sum)
}

fn first_number(text: &str) -> Result<u64, Failure> {
    text.split_ascii_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| Failure::Os(format!("schedstat has an unknown form: {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::{first_number, used_by};

    #[test]
    fn own_cpu_time_grows() {
        let before = used_by(std::process::id()).unwrap();
        let mut value = 1_u64;
        // A tick is at most 10 ms; this runs for longer.
        for step in 0..60_000_000_u64 {
            value = std::hint::black_box(value.wrapping_mul(step | 1));
        }
        assert!(used_by(std::process::id()).unwrap() > before);
    }

    #[test]
    fn a_process_that_is_gone_is_the_peers_fault() {
        assert_eq!(used_by(u32::MAX - 1).unwrap_err().exit_code(), 3);
    }

    #[test]
    fn unknown_text_is_an_error() {
        assert!(first_number("").is_err());
        assert_eq!(first_number("12 3 4\n").unwrap(), 12);
    }
}
