//! The file of user names and passwords, netrc.
//!
//! The control is Python's `netrc` module as of 3.14, oddities included: who writes such a file
//! has tried it there. So a word that begins with `#` ends the line only where that module says
//! so, and a file with one mistake is no file.
//!
//! The caller reads the file and decodes it, as UTF-8 or else by the encoding of the locale.

mod lexer;

use std::borrow::Cow;
use std::collections::BTreeMap;

use lexer::Lexer;
use thiserror::Error;

/// How large a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetrcLimits {
    /// Bytes of the file.
    pub length: usize,
    /// Machines, and macros.
    pub entries: usize,
}

impl Default for NetrcLimits {
    fn default() -> Self {
        Self { length: 1 << 20, entries: 10_000 }
    }
}

/// The user's file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetrcError {
    /// A word where `machine`, `default` or `macdef` should be.
    #[error("line {line}: {word:?} where a machine should begin")]
    BadToplevel {
        /// The word.
        word: String,
        /// The line it ends on.
        line: usize,
    },
    /// A word where `login`, `account` or `password` should be.
    #[error("line {line}: {word:?} where a part of a machine should be")]
    BadFollower {
        /// The word.
        word: String,
        /// The line it ends on.
        line: usize,
    },
    /// `machine` without a name.
    #[error("line {line}: a machine without a name")]
    NoName {
        /// The line where the name should be.
        line: usize,
    },
    /// A macro that no empty line ends.
    #[error("line {line}: a macro without an empty line at its end")]
    UnendedMacro {
        /// The last line.
        line: usize,
    },
    /// More than [`NetrcLimits`] allow.
    #[error("a netrc file of over {limit} {what}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// What there are too many of.
        what: &'static str,
    },
}

/// What the file says about a machine. A part that it does not name is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authenticators {
    /// After `login` or `user`.
    pub login: String,
    /// After `account`.
    pub account: String,
    /// After `password`.
    pub password: String,
}

/// A file that was read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    hosts: BTreeMap<String, Authenticators>,
    macros: BTreeMap<String, Vec<String>>,
}

/// What the entry without a machine is filed under. Python files it so; a machine of that name is
/// the same.
const DEFAULT: &str = "default";

impl Netrc {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The file has a mistake or is too large.
    pub fn parse(text: &str, limits: &NetrcLimits) -> Result<Self, NetrcError> {
        if text.len() > limits.length {
            return Err(NetrcError::TooLarge { limit: limits.length, what: "bytes" });
        }
        let mut netrc = Self::default();
        let text = universal_newlines(text);
        let mut lexer = Lexer::new(&text);
        loop {
            let line = lexer.line();
            let Some(word) = lexer.next_word() else { return Ok(netrc) };
            let name = match &*word {
                "machine" => lexer.next_word().filter(|name| !name.is_empty()),
                "default" => Some(DEFAULT.to_owned()),
                "macdef" => {
                    netrc.read_macro(&mut lexer)?;
                    netrc.check(limits)?;
                    continue;
                }
                comment if comment.starts_with('#') => {
                    // One with more than the mark in its first word ends with that word.
                    if comment.len() == 1 && lexer.line() == line {
                        lexer.skip_line();
                    }
                    continue;
                }
                _ => return Err(NetrcError::BadToplevel { word, line: lexer.line() }),
            };
            let Some(name) = name else { return Err(NetrcError::NoName { line: lexer.line() }) };
            let entry = read_entry(&mut lexer)?;
            netrc.hosts.insert(name, entry);
            netrc.check(limits)?;
        }
    }

    /// What the file says about `host`, or else about every machine.
    #[must_use]
    pub fn authenticators(&self, host: &str) -> Option<&Authenticators> {
        self.hosts.get(host).or_else(|| self.hosts.get(DEFAULT))
    }

    /// The login and the password for `host`. An entry without a login logs in by its account.
    #[must_use]
    pub fn credentials(&self, host: &str) -> Option<(&str, &str)> {
        let Authenticators { login, account, password } = self.authenticators(host)?;
        Some((if login.is_empty() { account } else { login }, password))
    }

    /// The entries by their machines; the one for every machine is `default`.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &Authenticators)> {
        self.hosts.iter().map(|(host, entry)| (&**host, entry))
    }

    /// The macros by their names, as lines with their ends.
    pub fn macros(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.macros.iter().map(|(name, lines)| (&**name, &**lines))
    }

    /// `macdef` was read. What follows is a name, and lines up to an empty one.
    fn read_macro(&mut self, lexer: &mut Lexer<'_>) -> Result<(), NetrcError> {
        let name = lexer.next_word().unwrap_or_default();
        let mut lines = Vec::new();
        loop {
            match lexer.take_line() {
                "" => return Err(NetrcError::UnendedMacro { line: lexer.line() }),
                "\n" => break,
                line => lines.push(line.to_owned()),
            }
        }
        self.macros.insert(name, lines);
        Ok(())
    }

    fn check(&self, limits: &NetrcLimits) -> Result<(), NetrcError> {
        if self.hosts.len() + self.macros.len() > limits.entries {
            return Err(NetrcError::TooLarge { limit: limits.entries, what: "entries" });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Netrc {
    /// Without what is secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.hosts.keys()).finish()
    }
}

/// Every end of a line as `\n`, as Python opens text.
fn universal_newlines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A machine's name was read, or `default`. What follows are its parts.
fn read_entry(lexer: &mut Lexer<'_>) -> Result<Authenticators, NetrcError> {
    let mut entry = Authenticators::default();
    loop {
        let line = lexer.line();
        let Some(word) = lexer.next_word() else { return Ok(entry) };
        match &*word {
            "machine" | "default" | "macdef" => {
                lexer.put_back(word);
                return Ok(entry);
            }
            "login" | "user" => entry.login = lexer.next_word().unwrap_or_default(),
            "account" => entry.account = lexer.next_word().unwrap_or_default(),
            "password" => entry.password = lexer.next_word().unwrap_or_default(),
            comment if comment.starts_with('#') => {
                if lexer.line() == line {
                    lexer.skip_line();
                }
            }
            _ => return Err(NetrcError::BadFollower { word, line: lexer.line() }),
        }
    }
}
