//! `aioxide-site`: the web site that the examples scrape, on loopback.
//!
//! An index page links some hundreds of field notices. The site is deliberately limited, as a
//! real one is: a number of workers, a time that each request takes, a time after which a
//! request is given up, a number of connections. One thread serves it all from memory, so that
//! what a client of it measures is the client.
//!
//! ```text
//!   options ──> pages (made once, from a seed)
//!                 │
//!   accept ──> connection ──> request ──> desk ──(latency, time limit)──> response
//!     └ refused beyond --max-connections       └ /stats is answered at once
//! ```
//!
//! It prints one line, `listening on http://127.0.0.1:PORT`, and serves until its standard
//! input is closed: a site started through a pipe never outlives the program that started it.

mod clock;
mod connection;
mod desk;
mod options;
mod page;
mod request;
mod response;
mod server;
mod stats;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use options::{Command, Options};
use server::Server;

fn main() -> ExitCode {
    match Options::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => write_line(&mut io::stdout(), options::HELP),
        Ok(Command::Serve(options)) => match serve(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => fail(&message, 1),
        },
        Err(message) => fail(&format!("{message} (--help lists the options)"), 2),
    }
}

fn serve(options: &Options) -> Result<(), String> {
    allow_descriptors(options.max_connections)?;
    let mut server = Server::bind(options)?;
    let waker = Arc::new(server.waker().map_err(|error| format!("cannot wait: {error}"))?);
    // The poller forgets a wake-up whose waker is gone, so one reference stays here.
    let end = Arc::clone(&waker);
    thread::spawn(move || {
        wait_for_end_of_input();
        // A loop that cannot be woken has ended already.
        let _ = end.wake();
    });
    let address = server.address();
    writeln!(io::stdout(), "listening on http://{address}")
        .and_then(|()| io::stdout().flush())
        .map_err(|error| format!("cannot say where the site listens: {error}"))?;
    let result = server.run().map_err(|error| format!("the site stopped: {error}"));
    drop(waker);
    result
}

/// Raises the soft limit on open files where the connections need it.
fn allow_descriptors(connections: usize) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(SPARE_DESCRIPTORS);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum }).map_err(
        |_| {
            let most = limit.maximum.unwrap_or(0).saturating_sub(SPARE_DESCRIPTORS);
            format!(
                "--max-connections {connections} needs more open files than this system allows \
                 the process; at most {most} fit"
            )
        },
    )
}

fn wait_for_end_of_input() {
    let mut ignored = [0; 512];
    let mut input = io::stdin().lock();
    loop {
        match input.read(&mut ignored) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr(), "aioxide-site: {message}");
    ExitCode::from(code)
}

fn write_line(target: &mut impl Write, text: &str) -> ExitCode {
    match writeln!(target, "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Standard streams, the listener, the poller and its waker, and a margin.
const SPARE_DESCRIPTORS: u64 = 32;
