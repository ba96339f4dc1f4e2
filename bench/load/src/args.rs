//! The command line.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;

use crate::failure::Failure;
pub(crate) use crate::serve::Identity;

pub(crate) const USAGE: &str = "\
usage: aioxide-load limit    [--path PATH] [--request BYTES --response BYTES] [--core N]
       aioxide-load limit    --datagrams [--core N]
       aioxide-load echo     --port PORT (--seconds S | --messages N) [options]
       aioxide-load twowrite --port PORT (--seconds S | --messages N) --response BYTES [options]
       aioxide-load connect  --port PORT (--seconds S | --messages N) [options]
       aioxide-load datagrams --port PORT (--seconds S | --messages N) [--group N | --replies N]
                             [options]
       aioxide-load serve    [--hosts N] [--chain FILE --key FILE [--resume]]
                             [--core N]
       aioxide-load fetch    --port PORT (--seconds S | --messages N) --target TARGET
                             [--expect BYTES] [--body BYTES] [--hosts N] [options]

limit     an echo server on bare epoll; prints its port, ends when its standard input closes.
          With --request and --response it answers every BYTES with BYTES instead; with --path it
          listens on a Unix socket there, with --datagrams on a UDP socket
echo      connections that each send a message, await all of it back, and go on
twowrite  the same, but the response has its own size: the server may write it in pieces
connect   connections that each connect, send one message, await it back, close, and go on
datagrams UDP sockets that each send a group of datagrams (1), await the replies (1) to the last of
          it, whose first byte is 1, and go on; a message is what there are more of. Where there
          are as many of each, the replies are to be an echo, in order
serve     an HTTP and WebSocket server that never sleeps, on 127.0.0.1 to 127.0.0.N (1); with the
          PEM files of a chain and a key it speaks TLS, and with --resume it resumes sessions. It
          prints its port, and ends when its standard input closes
fetch     an HTTP client: connections that each send a request, await the response, and go on; a
          POST if there is a body, and a failure if the response is not as long as expected. It
          reports its own CPU time

--path PATH        in place of a port: a Unix socket, for echo and twowrite
--host A.B.C.D     127.0.0.1      --connections N    how many at a time: 1
--size BYTES       100            --warmup S         before the measured window: 0.2
--stall S          5: fail when nothing comes for so long
--pid PID          report the CPU time of this process, the server
--core N           stay on this core
--tls              speak TLS, whatever the certificate; without resumed sessions";

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Limit(Limit),
    Exchange(Load),
    Connect(Load),
    Datagrams(Load),
    Serve(Serve),
    Fetch(Fetch),
}

/// Options of the server that clients are measured with.
#[derive(Debug)]
pub(crate) struct Serve {
    /// How many addresses it listens on, from 127.0.0.1 on.
    pub(crate) hosts: u8,
    pub(crate) identity: Option<Identity>,
    pub(crate) core: Option<usize>,
}

/// Options of the client that is the limit.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) load: Load,
    pub(crate) target: String,
    /// Size of the response's body.
    pub(crate) expect: Option<usize>,
    /// Size of the request's body.
    pub(crate) body: usize,
    pub(crate) hosts: u8,
}

/// Options of the bare server.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    /// Sizes of a request and its response; without them it echoes.
    pub(crate) sizes: Option<(usize, usize)>,
    /// Where to listen, if not on a port.
    pub(crate) path: Option<PathBuf>,
    /// Whether to echo datagrams.
    pub(crate) datagrams: bool,
    pub(crate) core: Option<usize>,
}

/// Options of the load generator.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddrV4,
    /// A Unix socket, in place of the address.
    pub(crate) path: Option<PathBuf>,
    pub(crate) connections: usize,
    pub(crate) size: usize,
    /// Size of a response that is not an echo.
    pub(crate) response: Option<usize>,
    /// How many datagrams are sent together.
    pub(crate) group: usize,
    /// How many replies to a group there are.
    pub(crate) replies: usize,
    pub(crate) seconds: Option<f64>,
    pub(crate) messages: Option<u64>,
    pub(crate) warmup: f64,
    pub(crate) stall: f64,
    pub(crate) pid: Option<u32>,
    pub(crate) core: Option<usize>,
    pub(crate) tls: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            path: None,
            connections: 1,
            size: 100,
            response: None,
            group: 1,
            replies: 1,
            seconds: None,
            messages: None,
            warmup: 0.2,
            stall: 5.0,
            pid: None,
            core: None,
            tls: false,
        }
    }
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Command, Failure> {
    let Some(name) = words.next() else {
        return Err(Failure::Usage("a command is needed".to_owned()));
    };
    match name.as_str() {
        "limit" => parse_limit(words).map(Command::Limit),
        "echo" => parse_load(words, Kind::Echo).map(Command::Exchange),
        "twowrite" => parse_load(words, Kind::TwoSizes).map(Command::Exchange),
        "connect" => match parse_load(words, Kind::Echo)? {
            Load { path: Some(_), .. } => {
                Err(Failure::Usage("connect has no option \"--path\"".to_owned()))
            }
            load => Ok(Command::Connect(load)),
        },
        "datagrams" => match parse_load(words, Kind::Groups)? {
            Load { path: Some(_), .. } => {
                Err(Failure::Usage("datagrams has no option \"--path\"".to_owned()))
            }
            Load { tls: true, .. } => {
                Err(Failure::Usage("datagrams has no option \"--tls\"".to_owned()))
            }
            load => Ok(Command::Datagrams(load)),
        },
        "serve" => parse_serve(words).map(Command::Serve),
        "fetch" => parse_fetch(words).map(Command::Fetch),
        "help" | "-h" | "--help" => Ok(Command::Help),
        _ => Err(Failure::Usage(format!("there is no command {name:?}"))),
    }
}

fn parse_limit(mut words: impl Iterator<Item = String>) -> Result<Limit, Failure> {
    let (mut request, mut response, mut limit) = (None, None, Limit::default());
    while let Some(option) = words.next() {
        match option.as_str() {
            "--request" => request = Some(positive(&option, words.next())?),
            "--response" => response = Some(positive(&option, words.next())?),
            "--path" => limit.path = Some(value(&option, words.next())?),
            "--datagrams" => limit.datagrams = true,
            "--core" => limit.core = Some(value(&option, words.next())?),
            _ => return Err(Failure::Usage(format!("limit has no option {option:?}"))),
        }
    }
    limit.sizes = match (request, response) {
        (Some(request), Some(response)) => Some((request, response)),
        (None, None) => None,
        _ => return Err(Failure::Usage("--request and --response go together".to_owned())),
    };
    if limit.datagrams && (limit.path.is_some() || limit.sizes.is_some()) {
        return Err(Failure::Usage("--datagrams goes with --core only".to_owned()));
    }
    Ok(limit)
}

fn parse_serve(mut words: impl Iterator<Item = String>) -> Result<Serve, Failure> {
    let (mut chain, mut key, mut resumes) = (None, None, false);
    let mut serve = Serve { hosts: 1, identity: None, core: None };
    while let Some(option) = words.next() {
        match option.as_str() {
            "--hosts" => serve.hosts = hosts(&option, words.next())?,
            "--chain" => chain = Some(value(&option, words.next())?),
            "--key" => key = Some(value(&option, words.next())?),
            "--resume" => resumes = true,
            "--core" => serve.core = Some(value(&option, words.next())?),
            _ => return Err(Failure::Usage(format!("serve has no option {option:?}"))),
        }
    }
    serve.identity = match (chain, key) {
        (Some(chain), Some(key)) => Some(Identity { chain, key, resumes }),
        (None, None) if resumes => {
            return Err(Failure::Usage("--resume needs --chain and --key".to_owned()));
        }
        (None, None) => None,
        _ => return Err(Failure::Usage("--chain and --key go together".to_owned())),
    };
    Ok(serve)
}

/// Takes its own options out; the rest are those of every load.
fn parse_fetch(mut words: impl Iterator<Item = String>) -> Result<Fetch, Failure> {
    let mut rest = Vec::new();
    let (mut target, mut expect, mut body, mut many) = (None, None, 0, 1);
    while let Some(option) = words.next() {
        match option.as_str() {
            "--target" => target = Some(value(&option, words.next())?),
            "--expect" => expect = Some(value(&option, words.next())?),
            "--body" => body = value(&option, words.next())?,
            "--hosts" => many = hosts(&option, words.next())?,
            "--host" | "--path" | "--size" | "--pid" => {
                return Err(Failure::Usage(format!("fetch has no option {option:?}")));
            }
            "--tls" => rest.push(option),
            _ => {
                rest.push(option);
                rest.extend(words.next());
            }
        }
    }
    let load = parse_load(rest.into_iter(), Kind::Echo)?;
    let target = target.ok_or_else(|| Failure::Usage("--target is needed".to_owned()))?;
    Ok(Fetch { load, target, expect, body, hosts: many })
}

/// Which options a command has beside those of every load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Echo,
    /// `--response`
    TwoSizes,
    /// `--group` and `--replies`
    Groups,
}

fn parse_load(mut words: impl Iterator<Item = String>, kind: Kind) -> Result<Load, Failure> {
    let mut load = Load::default();
    while let Some(option) = words.next() {
        if option == "--tls" {
            load.tls = true;
            continue;
        }
        let word = words.next();
        match option.as_str() {
            "--host" => load.address.set_ip(value(&option, word)?),
            "--port" => load.address.set_port(value(&option, word)?),
            "--path" => load.path = Some(value(&option, word)?),
            "--connections" => load.connections = positive(&option, word)?,
            "--size" => load.size = positive(&option, word)?,
            "--response" if kind == Kind::TwoSizes => {
                load.response = Some(positive(&option, word)?);
            }
            "--group" if kind == Kind::Groups => load.group = positive(&option, word)?,
            "--replies" if kind == Kind::Groups => load.replies = positive(&option, word)?,
            "--seconds" => load.seconds = Some(seconds(&option, word)?),
            "--messages" => load.messages = Some(value(&option, word)?),
            "--warmup" => load.warmup = seconds(&option, word)?,
            "--stall" => load.stall = seconds(&option, word)?,
            "--pid" => load.pid = Some(value(&option, word)?),
            "--core" => load.core = Some(value(&option, word)?),
            _ => return Err(Failure::Usage(format!("there is no option {option:?} here"))),
        }
    }
    if load.address.port() == 0 && load.path.is_none() {
        return Err(Failure::Usage("--port is needed".to_owned()));
    }
    if load.tls && load.path.is_some() {
        return Err(Failure::Usage("--tls needs a port".to_owned()));
    }
    if load.seconds.is_some() == load.messages.is_some() || load.messages == Some(0) {
        return Err(Failure::Usage("one of --seconds and --messages is needed".to_owned()));
    }
    if kind == Kind::TwoSizes && load.response.is_none() {
        return Err(Failure::Usage("--response is needed".to_owned()));
    }
    Ok(load)
}

fn value<T: FromStr>(option: &str, word: Option<String>) -> Result<T, Failure> {
    let word = word.ok_or_else(|| Failure::Usage(format!("{option} needs a value")))?;
    word.parse().map_err(|_| Failure::Usage(format!("{option} cannot be {word:?}")))
}

fn positive(option: &str, word: Option<String>) -> Result<usize, Failure> {
    match value(option, word)? {
        0 => Err(Failure::Usage(format!("{option} cannot be 0"))),
        number => Ok(number),
    }
}

/// As many addresses as 127.0.0.1 begins a row of.
fn hosts(option: &str, word: Option<String>) -> Result<u8, Failure> {
    match value(option, word)? {
        number @ 1..=254 => Ok(number),
        number => Err(Failure::Usage(format!("{option} cannot be {number}"))),
    }
}

/// A time that is finite, not negative and under a day.
fn seconds(option: &str, word: Option<String>) -> Result<f64, Failure> {
    let number: f64 = value(option, word)?;
    if (0.0..86_400.0).contains(&number) {
        return Ok(number);
    }
    Err(Failure::Usage(format!("{option} cannot be {number}")))
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn options_reach_the_load() {
        let line = "twowrite --port 80 --seconds 1.5 --response 9 --connections 3 --pid 4";
        let Ok(Command::Exchange(load)) = parsed(line) else { panic!("not accepted") };
        assert_eq!((load.address.port(), load.response, load.connections), (80, Some(9), 3));
        assert_eq!((load.seconds, load.messages, load.pid), (Some(1.5), None, Some(4)));
        assert!(!load.tls);
        let Ok(Command::Connect(load)) = parsed("connect --tls --port 80 --messages 2") else {
            panic!("not accepted")
        };
        assert!(load.tls && load.messages == Some(2));
    }

    #[test]
    fn a_path_stands_in_for_a_port() {
        let Ok(Command::Exchange(load)) = parsed("echo --path a/b --messages 1") else {
            panic!("not accepted")
        };
        assert_eq!(load.path.as_deref(), Some(std::path::Path::new("a/b")));
    }

    #[test]
    fn options_of_a_fetch_stand_anywhere_among_those_of_a_load() {
        let line = "fetch --target /a --tls --port 80 --expect 7 --messages 2 --hosts 9 --body 5";
        let Ok(Command::Fetch(fetch)) = parsed(line) else { panic!("not accepted") };
        assert_eq!((&*fetch.target, fetch.expect, fetch.body, fetch.hosts), ("/a", Some(7), 5, 9));
        assert!(fetch.load.tls && fetch.load.messages == Some(2));
        assert_eq!(fetch.load.address.port(), 80);
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (line, reason) in [
            ("", "a command is needed"),
            ("dance", "there is no command \"dance\""),
            ("echo --seconds 1", "--port is needed"),
            ("echo --port 1", "one of --seconds and --messages"),
            ("echo --port 1 --seconds 1 --messages 1", "one of --seconds and --messages"),
            ("echo --port 1 --messages 0", "one of --seconds and --messages"),
            ("echo --port 1 --seconds nan", "--seconds cannot be NaN"),
            ("echo --port 1 --seconds -1", "--seconds cannot be -1"),
            ("echo --port", "--port needs a value"),
            ("echo --port 70000 --seconds 1", "--port cannot be \"70000\""),
            ("echo --port 1 --seconds 1 --size 0", "--size cannot be 0"),
            ("echo --port 1 --seconds 1 --response 5", "there is no option \"--response\""),
            ("twowrite --port 1 --seconds 1", "--response is needed"),
            ("echo --path p --tls --messages 1", "--tls needs a port"),
            ("connect --path p --messages 1", "connect has no option \"--path\""),
            ("echo --port 1 --seconds 1 --group 5", "there is no option \"--group\""),
            ("datagrams --port 1 --seconds 1 --replies 0", "--replies cannot be 0"),
            ("datagrams --path p --messages 1", "datagrams has no option \"--path\""),
            ("datagrams --port 1 --tls --messages 1", "datagrams has no option \"--tls\""),
            ("serve --hosts 255", "--hosts cannot be 255"),
            ("serve --chain c", "--chain and --key go together"),
            ("serve --resume", "--resume needs --chain and --key"),
            ("serve --port 1", "serve has no option \"--port\""),
            ("fetch --port 1 --seconds 1", "--target is needed"),
            ("fetch --port 1 --seconds 1 --target / --pid 1", "fetch has no option \"--pid\""),
            ("fetch --target / --seconds 1", "--port is needed"),
            ("fetch --port 1 --seconds 1 --target / --group 1", "there is no option \"--group\""),
            ("limit --request 5", "--request and --response go together"),
            ("limit --path p --datagrams", "--datagrams goes with --core only"),
        ] {
            let text = parsed(line).expect_err(line);
            assert!(text.starts_with(reason), "{line}: {text}");
        }
    }
}
