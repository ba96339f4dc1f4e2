//! netrc: what was read, written down and read again is the same.
#![no_main]

use aioxide_http::netrc::{Netrc, NetrcLimits};

fn word(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

libfuzzer_sys::fuzz_target!(|data: &str| {
    let limits = NetrcLimits { length: 10_000, entries: 20 };
    let Ok(netrc) = Netrc::parse(data, &limits) else { return };
    assert!(netrc.hosts().count() + netrc.macros().count() <= limits.entries);
    let mut text = String::new();
    for (host, entry) in netrc.hosts() {
        let [host, login, account, password] =
            [host, &entry.login, &entry.account, &entry.password].map(word);
        text += &format!("machine {host} login {login} account {account} password {password}\n");
    }
    let again = Netrc::parse(&text, &NetrcLimits::default()).expect("it was read before");
    assert!(again.hosts().eq(netrc.hosts()));
});
