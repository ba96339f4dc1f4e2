use aioxide_http::proxy::{
    Credentials, Progress, Refusal, Socks4, Socks4Error, Socks5, Socks5Error, Target,
};
use proptest::prelude::*;

const USER: Credentials<'static> = Credentials { user: b"me", password: b"secret" };

fn target(host: &str) -> Target {
    Target::new(host, 443).expect("a host")
}

/// What the client sent, what was taken, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct End<E> {
    sent: Vec<Vec<u8>>,
    taken: usize,
    end: Result<Progress, E>,
}

fn run5(mut socks: Socks5, script: &[u8], cut: usize) -> End<Socks5Error> {
    let mut sent: Vec<Vec<u8>> = socks.poll_output().into_iter().collect();
    let mut taken = 0;
    for piece in [&script[..cut], &script[cut..]] {
        // A proxy answers what it was sent, so no two answers come together.
        for byte in piece.chunks(1) {
            let step = socks.handle_bytes(byte);
            sent.extend(socks.poll_output());
            match step {
                Ok((read, Progress::More)) => taken += read,
                Ok((read, Progress::Open)) => {
                    return End { sent, taken: taken + read, end: Ok(Progress::Open) };
                }
                Err(error) => return End { sent, taken, end: Err(error) },
            }
        }
    }
    End { sent, taken, end: Ok(Progress::More) }
}

/// As `run5`, in pieces as they are.
fn pieces5(mut socks: Socks5, script: &[u8], cut: usize) -> (usize, Result<Progress, Socks5Error>) {
    let mut taken = 0;
    for piece in [&script[..cut], &script[cut..]] {
        match socks.handle_bytes(piece) {
            Ok((read, Progress::More)) => taken += read,
            Ok((read, Progress::Open)) => return (taken + read, Ok(Progress::Open)),
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(Progress::More))
}

fn open(host: &str) -> Socks5 {
    Socks5::new(&target(host), None).expect("no credentials")
}

fn with_user(host: &str) -> Socks5 {
    Socks5::new(&target(host), Some(USER)).expect("good credentials")
}

#[test]
fn a_name_goes_to_the_proxy_which_looks_it_up() {
    let script = [&[5, 0][..], &[5, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x90]].concat();
    let request = [&[5, 1, 0, 3, 11][..], b"example.com", &[1, 0xbb]].concat();
    let followed = [&script[..], b"the target's"].concat();
    for cut in 0..followed.len() {
        let end = run5(open("example.com"), &followed, cut);
        assert_eq!(end.sent, [vec![5, 1, 0], request.clone()]);
        assert_eq!((end.taken, end.end), (script.len(), Ok(Progress::Open)));
        assert_eq!(
            pieces5(open("example.com"), &followed, cut),
            (script.len(), Ok(Progress::Open))
        );
    }
}

#[test]
fn an_address_is_sent_as_one() {
    for (host, expected) in [
        ("10.1.2.3", [&[5, 1, 0, 1, 10, 1, 2, 3][..], &[1, 0xbb]].concat()),
        ("[::2]", [&[5, 1, 0, 4][..], &[0; 15], &[2, 1, 0xbb]].concat()),
    ] {
        let end = run5(open(host), &[5, 0], 0);
        assert_eq!(end.sent[1], expected);
    }
}

#[test]
fn the_proxys_own_address_is_kept_if_it_is_one() {
    for (kind, bytes, expected) in [
        (1, vec![127, 0, 0, 1, 0x1f, 0x90], Some("127.0.0.1:8080")),
        (4, [&[0; 15][..], &[1, 0, 80]].concat(), Some("[::1]:80")),
        (3, [&[2][..], b"ab", &[0, 80]].concat(), None),
        (3, vec![0, 0, 80], None),
        // As long as one of IPv4 is; still a name.
        (3, [&[3][..], b"abc", &[0, 80]].concat(), None),
    ] {
        let mut socks = open("h");
        let script = [&[5, 0, 5, 0, 0, kind][..], &bytes].concat();
        assert_eq!(socks.handle_bytes(&script), Ok((script.len(), Progress::Open)));
        assert_eq!(socks.bound().map(|bound| bound.to_string()).as_deref(), expected);
        assert_eq!(socks.handle_bytes(b"x").map(drop), Err(Socks5Error::Over));
    }
}

#[test]
fn credentials_are_sent_when_the_proxy_asks() {
    let script = [&[5, 2, 1, 0][..], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let credentials = [&[1, 2][..], b"me", &[6], b"secret"].concat();
    for cut in 0..script.len() {
        let end = run5(with_user("h"), &script, cut);
        assert_eq!(end.end, Ok(Progress::Open));
        assert_eq!(
            end.sent,
            [vec![5, 2, 0, 2], credentials.clone(), vec![5, 1, 0, 3, 1, b'h', 1, 0xbb]]
        );
    }
    let end = run5(with_user("h"), &[5, 0], 0);
    assert_eq!(end.sent.len(), 2, "the proxy wants none");
    assert_eq!(end.sent[1][..2], [5, 1]);
    let refused = run5(with_user("h"), &[5, 2, 1, 1], 0);
    assert_eq!(refused.end, Err(Socks5Error::Credentials));
    assert!(!format!("{:?}", with_user("h")).contains("115, 101, 99"), "they are not shown");
}

#[test]
fn credentials_fit_their_fields() {
    let long = [b'x'; 256];
    for (user, password, fits) in [
        (&long[..255], &long[..255], true),
        (&long, b"p", false),
        (b"u", b"", false),
        (b"", b"p", false),
    ] {
        let made = Socks5::new(&target("h"), Some(Credentials { user, password }));
        assert_eq!(made.is_ok(), fits);
    }
}

#[test]
fn a_proxy_that_refuses_need_not_send_more_than_the_reason() {
    for (script, error) in [
        (vec![4], Socks5Error::Version { version: 4 }),
        (b"HTTP/1.1".to_vec(), Socks5Error::Version { version: b'H' }),
        (vec![5, 0xff], Socks5Error::NoMethod),
        (vec![5, 2], Socks5Error::Method { method: 2 }),
        (vec![5, 1], Socks5Error::Method { method: 1 }),
        (vec![5, 0, 0], Socks5Error::Version { version: 0 }),
        (vec![5, 0, 5, 1], Socks5Error::Refused(Refusal::General)),
        (vec![5, 0, 5, 5], Socks5Error::Refused(Refusal::ConnectionRefused)),
        (vec![5, 0, 5, 8], Socks5Error::Refused(Refusal::AddressNotSupported)),
        (vec![5, 0, 5, 77], Socks5Error::Refused(Refusal::Other(77))),
        (vec![5, 0, 5, 0, 0, 2], Socks5Error::AddressKind { kind: 2 }),
    ] {
        for cut in 0..script.len() {
            assert_eq!(run5(open("h"), &script, cut).end, Err(error), "{script:?}");
            assert_eq!(pieces5(open("h"), &script, cut).1, Err(error), "{script:?}");
        }
        let mut over = open("h");
        let _ = over.handle_bytes(&script);
        assert_eq!(over.handle_bytes(&[5, 0]).map(drop), Err(Socks5Error::Over));
    }
}

#[test]
fn socks4_sends_a_name_behind_an_address_that_cannot_be() {
    let mut socks = Socks4::new(&target("ab.c"), b"me").expect("a name");
    let expected = [&[4, 1, 1, 0xbb, 0, 0, 0, 1][..], b"me\0ab.c\0"].concat();
    assert_eq!(socks.poll_output(), Some(expected));
    assert_eq!(socks.poll_output(), None);
    let mut socks = Socks4::new(&target("1.2.3.4"), b"").expect("an address");
    assert_eq!(socks.poll_output(), Some(vec![4, 1, 1, 0xbb, 1, 2, 3, 4, 0]));
}

#[test]
fn socks4_opens_after_eight_bytes() {
    let script = [&[0, 0x5a, 9, 9, 9, 9, 9, 9][..], b"more"].concat();
    for cut in 0..script.len() {
        let mut socks = Socks4::new(&target("h"), b"").expect("a name");
        let (first, progress) = socks.handle_bytes(&script[..cut]).expect("granted");
        let taken = match progress {
            Progress::More => first + socks.handle_bytes(&script[cut..]).expect("granted").0,
            Progress::Open => first,
        };
        assert_eq!(taken, 8);
        assert_eq!(socks.handle_bytes(b"").map(drop), Err(Socks4Error::Over));
    }
}

#[test]
fn socks4_refuses() {
    let answer = |bytes: &[u8]| Socks4::new(&target("h"), b"").expect("a name").handle_bytes(bytes);
    assert_eq!(answer(&[0, 0x5b]), Err(Socks4Error::Refused { code: 0x5b }));
    assert_eq!(answer(&[5, 0]), Err(Socks4Error::Version { version: 5 }));
    assert_eq!(Socks4::new(&target("::1"), b"").map(drop), Err(Socks4Error::Ipv6));
    assert_eq!(Socks4::new(&target("h"), b"a\0").map(drop), Err(Socks4Error::User));
    assert_eq!(Socks4::new(&target("h"), &[b'x'; 256]).map(drop), Err(Socks4Error::User));
}

proptest! {
    #[test]
    fn any_answer_ends_the_same_however_it_is_split(
        bytes in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 0xff]), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = pieces5(with_user("h"), &bytes, 0);
        let split = pieces5(with_user("h"), &bytes, cut.index(bytes.len() + 1));
        prop_assert_eq!(split.1, whole.1);
        if split.1.is_ok() {
            prop_assert_eq!(split.0, whole.0);
        }
    }
}
