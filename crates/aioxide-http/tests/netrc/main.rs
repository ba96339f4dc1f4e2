//! netrc: what Python's module reads from the same, and what has to hold whatever comes.

#[path = "../cookies/table.rs"]
mod table;

use aioxide_http::netrc::{Netrc, NetrcError, NetrcLimits};
use proptest::prelude::*;
use table::lines;

fn parse(text: &str) -> Result<Netrc, NetrcError> {
    Netrc::parse(text, &NetrcLimits::default())
}

/// What was read, as oracle.py writes it.
fn shown(parsed: Result<Netrc, NetrcError>) -> Vec<String> {
    let netrc = match parsed {
        Ok(netrc) => netrc,
        Err(error) => {
            let kind = match error {
                NetrcError::BadToplevel { .. } | NetrcError::BadFollower { .. } => "bad",
                NetrcError::NoName { .. } => "missing",
                NetrcError::UnendedMacro { .. } => "Macro",
                NetrcError::TooLarge { .. } => "too",
            };
            return ["error", kind].map(str::to_owned).to_vec();
        }
    };
    let mut shown = vec!["hosts".to_owned()];
    for (host, entry) in netrc.hosts() {
        let parts = [host, &entry.login, &entry.account, &entry.password];
        shown.extend(parts.map(str::to_owned));
    }
    for (name, lines) in netrc.macros() {
        shown.extend(["macro", name].map(str::to_owned));
        shown.extend_from_slice(lines);
    }
    shown
}

#[test]
fn files_are_read_as_python_reads_them() {
    let mut count = 0;
    for fields in lines(include_str!("files.txt")) {
        let (text, expected) = fields.split_first().unwrap();
        assert_eq!(shown(parse(text)), expected, "{text:?}");
        count += 1;
    }
    assert!(count > 200);
}

#[test]
fn machine_comes_before_the_default_and_names_count_exactly() {
    let netrc = parse("machine a.com login me password x\ndefault login any password y\n").unwrap();
    assert_eq!(netrc.credentials("a.com"), Some(("me", "x")));
    assert_eq!(netrc.credentials("A.com"), Some(("any", "y")));
    assert_eq!(netrc.credentials("b.a.com"), Some(("any", "y")));
    let netrc = parse("machine a.com login me password x").unwrap();
    assert_eq!(netrc.credentials("b.com"), None);
}

#[test]
fn account_stands_in_for_a_login() {
    let netrc =
        parse("machine a.com account acc password x machine b.com login me account acc").unwrap();
    assert_eq!(netrc.credentials("a.com"), Some(("acc", "x")));
    assert_eq!(netrc.credentials("b.com"), Some(("me", "")));
}

#[test]
fn mistake_is_named_with_its_line() {
    let error = |text: &str| parse(text).unwrap_err();
    let bad = |word: &str, line| NetrcError::BadToplevel { word: word.into(), line };
    assert_eq!(error("# ok\nlogin me"), bad("login", 2));
    assert_eq!(error("macdef m\nx\ny\n\n\nlogin me"), bad("login", 6));
    let follower = NetrcError::BadFollower { word: "secret".into(), line: 2 };
    assert_eq!(error("machine a.com\nlogin me secret word"), follower);
    assert_eq!(error("\nmachine"), NetrcError::NoName { line: 2 });
    assert_eq!(error("macdef m\nx\n"), NetrcError::UnendedMacro { line: 3 });
}

#[test]
fn sizes_are_limited() {
    let limits = NetrcLimits { length: 60, entries: 2 };
    let two = "machine a machine b";
    assert!(Netrc::parse(two, &limits).is_ok());
    let entries = NetrcError::TooLarge { limit: 2, what: "entries" };
    assert_eq!(Netrc::parse(&format!("{two} default"), &limits), Err(entries.clone()));
    assert_eq!(Netrc::parse(&format!("{two} macdef m\n\n"), &limits), Err(entries));
    let length = NetrcError::TooLarge { limit: 60, what: "bytes" };
    assert_eq!(Netrc::parse(&" ".repeat(61), &limits), Err(length));
}

#[test]
fn debug_shows_no_secrets() {
    let netrc = parse("machine a.com login me password hunter2").unwrap();
    assert!(!format!("{netrc:?}").contains("hunter2"));
}

fn word(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    /// Quotes hold everything but a carriage return, which opening a file as text changes.
    #[test]
    fn quoted_words_come_back(
        machine in "[^\r]{1,8}",
        login in "[^\r]{0,8}",
        password in "[^\r]{0,8}",
        space in "[ \t\n]{1,3}",
    ) {
        let text = format!("machine{space}{}{space}login{space}{}{space}password{space}{}", word(&machine), word(&login), word(&password));
        let netrc = parse(&text).unwrap();
        let login = if login.is_empty() { "" } else { &login };
        prop_assert_eq!(netrc.credentials(&machine), Some((login, &*password)));
    }

    #[test]
    fn any_text_is_read_without_harm(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn words_of_the_language_are_read_without_harm(words in prop::collection::vec("(machine|default|macdef|login|password|#|\"|\\\\|a|\n\n)", 0..20), space in "[ \n]") {
        let _ = parse(&words.join(&space));
    }
}
