//! The native side of the benchmarks: a load generator and the servers and the client that they
//! stand against.
//!
//! ```text
//!   aioxide-load echo | twowrite | connect  ---- loopback TCP ---->  a server under test
//!                                                                    or: aioxide-load limit
//!   aioxide-load datagrams                  ---- loopback UDP ---->  a server under test
//!
//!   a client under test                     ---- loopback TCP ---->  aioxide-load serve
//!   or: aioxide-load fetch
//! ```
//!
//! The generator is one thread that never sleeps: it calls `epoll_wait` with a time-out of zero,
//! so the time to wake it is never part of a measurement. It reads the server's CPU time at both
//! ends of the measured window, prints one line of JSON and ends. A peer that closes, answers
//! wrongly or falls silent ends it with an error instead. `serve` never sleeps either: there the
//! client is measured, and `fetch` is its limit.

mod args;
mod clock;
mod connect;
mod cpu;
mod datagrams;
mod exchange;
mod failure;
mod fetch;
mod histogram;
mod limit;
mod poller;
#[expect(unsafe_code, reason = "a system call on a descriptor that is borrowed")]
mod segment;
mod serve;
mod stdin;
mod window;
mod wire;

use std::io::Write as _;
use std::process::ExitCode;

use args::Command;
use failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when standard error is closed as well.
            let _ = writeln!(std::io::stderr(), "aioxide-load: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run() -> Result<(), Failure> {
    let report = match args::parse(std::env::args().skip(1))? {
        Command::Help => args::USAGE.to_owned(),
        Command::Limit(options) => return limit::serve(&options),
        Command::Serve(options) => return serve::run(&options),
        Command::Exchange(options) => exchange::run(&options)?.to_json("server"),
        Command::Connect(options) => connect::run(&options)?.to_json("server"),
        Command::Fetch(options) => fetch::run(&options)?.to_json("client"),
        Command::Datagrams(options) => datagrams::run(&options)?.to_json("server"),
    };
    print_line(&report)
}

/// Writes one line to standard output and makes sure that it left the process.
fn print_line(line: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::Os(format!("write to standard output: {error}")))
}
