//! Why a run ended early, and whose fault it was.

use std::fmt;

/// Every way in which a run can fail.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// The other side closed, sent wrong bytes or stopped answering.
    Peer(String),
    /// The operating system refused a call that should have worked.
    Os(String),
}

impl Failure {
    /// The exit code of the process: 2 for usage, 3 for the peer, 1 for the system.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Os(_) => 1,
            Self::Usage(_) => 2,
            Self::Peer(_) => 3,
        }
    }

    /// Wraps the error of a system call with the name of what was tried.
    pub(crate) fn os<E: fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Os(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(f, "{text}\n{}", crate::args::USAGE),
            Self::Peer(text) => write!(f, "the server failed: {text}"),
            Self::Os(text) => f.write_str(text),
        }
    }
}
