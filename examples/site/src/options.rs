//! The command line: what the site is asked to be.

use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Serve(Options),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) notices: usize,
    pub(crate) seed: u64,
    /// How long a worker is busy with one request.
    pub(crate) latency: Duration,
    /// How many requests are worked on at the same time.
    pub(crate) workers: usize,
    /// How many connections may be open; further ones are reset.
    pub(crate) max_connections: usize,
    /// How long after its arrival a request is given up.
    pub(crate) request_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            notices: 400,
            seed: 1,
            latency: Duration::from_millis(10),
            workers: 64,
            max_connections: 512,
            request_timeout: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// Reads the command line. The error is a sentence for the user.
    pub(crate) fn parse(mut parser: Parser) -> Result<Command, String> {
        let mut options = Self::default();
        while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
            let Arg::Long(name) = arg else {
                return Err(match arg {
                    Arg::Short('h') => return Ok(Command::Help),
                    other => other.unexpected().to_string(),
                });
            };
            let name = name.to_owned();
            if name == "help" {
                return Ok(Command::Help);
            }
            if !NAMES.contains(&name.as_str()) {
                return Err(Arg::Long(&name).unexpected().to_string());
            }
            let value = parser.value().map_err(|error| error.to_string())?;
            match name.as_str() {
                "port" => options.port = number(&name, value, 0, u16::MAX)?,
                "notices" => options.notices = number(&name, value, 1, MOST_NOTICES)?,
                "seed" => options.seed = number(&name, value, 0, u64::MAX)?,
                "workers" => options.workers = number(&name, value, 1, 100_000)?,
                "max-connections" => options.max_connections = number(&name, value, 1, 1_000_000)?,
                "latency" => options.latency = milliseconds(&name, value, 0)?,
                _ => options.request_timeout = milliseconds(&name, value, 1)?,
            }
        }
        Ok(Command::Serve(options))
    }
}

fn milliseconds(name: &str, value: OsString, least: u64) -> Result<Duration, String> {
    number(name, value, least, 600_000).map(Duration::from_millis)
}

fn number<T>(name: &str, value: OsString, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let text = value.string().map_err(|_| format!("--{name} wants a whole number"))?;
    match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("--{name} wants a whole number from {least} to {most}, not {text:?}")),
    }
}

pub(crate) const HELP: &str = "\
Serves field notices on loopback until standard input is closed.

Usage: aioxide-site [OPTIONS]

  --port N              port to listen on; 0 (the default) takes a free one
  --notices N           how many notices the index links (400)
  --seed N              seed of the notices' text (1)
  --latency MS          time that a worker spends on each request (10)
  --workers N           requests worked on at the same time; others queue (64)
  --request-timeout MS  a request this old is answered with 504 (5000)
  --max-connections N   connections beyond this are reset (512)
  --help                this text

GET / is the index, /notices/N a notice, /stats the counters as JSON.";

const NAMES: &[&str] =
    &["port", "notices", "seed", "latency", "workers", "request-timeout", "max-connections"];

/// All notices are held in memory, at 50 kB each on average.
const MOST_NOTICES: usize = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Options::parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn every_option_is_taken() {
        let line = "--port 8080 --notices 20 --seed 7 --latency 3 --workers 2 \
                    --max-connections=9 --request-timeout 250";
        let Ok(Command::Serve(options)) = parse(line) else { panic!("not understood") };
        assert_eq!(
            options,
            Options {
                port: 8080,
                notices: 20,
                seed: 7,
                latency: Duration::from_millis(3),
                workers: 2,
                max_connections: 9,
                request_timeout: Duration::from_millis(250),
            }
        );
    }

    #[test]
    fn a_bad_value_names_its_option_and_range() {
        let error = parse("--notices many").expect_err("not a number");
        assert_eq!(error, "--notices wants a whole number from 1 to 5000, not \"many\"");
        assert!(parse("--workers 0").is_err());
        assert!(parse("--port 70000").is_err());
        assert!(parse("--request-timeout 0").is_err());
    }

    #[test]
    fn unknown_options_and_missing_values_are_refused() {
        assert!(parse("--latecy 5").expect_err("a typo").contains("--latecy"));
        assert!(parse("--latency").expect_err("no value").contains("--latency"));
        assert!(parse("8080").is_err());
        assert!(matches!(parse("--help"), Ok(Command::Help)));
        assert!(matches!(parse("-h"), Ok(Command::Help)));
    }
}
