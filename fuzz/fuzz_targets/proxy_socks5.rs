#![no_main]
//! Any answer of a SOCKS proxy ends the same, whole or byte by byte.

use aioxide_http::proxy::{Credentials, Progress, Socks4, Socks5, Target};

fn socks5(with_user: bool) -> Socks5 {
    let target = Target::new("example.com", 443).expect("a host");
    let user = with_user.then_some(Credentials { user: b"me", password: b"secret" });
    Socks5::new(&target, user).expect("good credentials")
}

fn socks4() -> Socks4 {
    Socks4::new(&Target::new("example.com", 443).expect("a host"), b"me").expect("good user")
}

/// How many bytes were taken, and whether the way is open; or the error.
fn bytewise<E>(
    data: &[u8],
    mut handle: impl FnMut(&[u8]) -> Result<(usize, Progress), E>,
) -> Result<(usize, Progress), E> {
    for (place, byte) in data.chunks(1).enumerate() {
        if handle(byte)?.1 == Progress::Open {
            return Ok((place + 1, Progress::Open));
        }
    }
    Ok((data.len(), Progress::More))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for with_user in [false, true] {
        let (mut whole, mut split) = (socks5(with_user), socks5(with_user));
        let expected = whole.handle_bytes(data);
        assert_eq!(bytewise(data, |byte| split.handle_bytes(byte)), expected);
        assert_eq!(split.bound(), whole.bound());
    }
    let (mut whole, mut split) = (socks4(), socks4());
    let expected = whole.handle_bytes(data);
    assert_eq!(bytewise(data, |byte| split.handle_bytes(byte)), expected);
});
