//! Bodies of requests.

use aioxide_http::http1::body::{BodyEncoder, BodyError};
use aioxide_http::http1::request::RequestError;
use proptest::prelude::*;

use crate::script::{Script, Step, data};

fn finish(body: &mut BodyEncoder) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::new();
    body.finish([], &mut out)?;
    Ok(out)
}

#[test]
fn body_of_announced_length_needs_no_framing() {
    let mut body = BodyEncoder::length(5);
    for len in [2, 0, 3] {
        let frame = body.frame(len).unwrap();
        assert_eq!((frame.prefix(), frame.suffix()), (&b""[..], &b""[..]));
    }
    assert_eq!(finish(&mut body), Ok(Vec::new()));
}

#[test]
fn body_longer_than_announced_is_refused_at_the_write() {
    let mut body = BodyEncoder::length(5);
    body.frame(3).unwrap();
    assert_eq!(body.frame(3).unwrap_err(), BodyError::TooLong { announced: 5 });
    // What was refused does not count.
    body.frame(2).unwrap();
    assert_eq!(body.frame(1).unwrap_err(), BodyError::TooLong { announced: 5 });
    assert_eq!(finish(&mut body), Ok(Vec::new()));
}

#[test]
fn length_of_a_body_does_not_overflow() {
    let mut body = BodyEncoder::length(u64::MAX);
    body.frame(usize::MAX).unwrap();
    assert_eq!(body.frame(1).unwrap_err(), BodyError::TooLong { announced: u64::MAX });
}

#[test]
fn body_shorter_than_announced_is_refused_at_the_end() {
    let mut body = BodyEncoder::length(5);
    body.frame(3).unwrap();
    assert_eq!(finish(&mut body), Err(BodyError::TooShort { announced: 5, written: 3 }));
    assert!(!body.is_finished());
    body.frame(2).unwrap();
    assert_eq!(finish(&mut body), Ok(Vec::new()));
}

#[test]
fn empty_body_takes_nothing() {
    let mut body = BodyEncoder::empty();
    body.frame(0).unwrap();
    assert_eq!(body.frame(1).unwrap_err(), BodyError::NotEmpty { len: 1 });
    assert_eq!(finish(&mut body), Ok(Vec::new()));
}

#[test]
fn chunks_have_their_size_in_hexadecimal_digits() {
    let mut body = BodyEncoder::chunked();
    for (len, prefix) in [
        (1, "1\r\n"),
        (15, "f\r\n"),
        (16, "10\r\n"),
        (256 * 1024, "40000\r\n"),
        (usize::MAX, "ffffffffffffffff\r\n"),
    ] {
        let frame = body.frame(len).unwrap();
        assert_eq!((frame.prefix(), frame.suffix()), (prefix.as_bytes(), &b"\r\n"[..]));
    }
}

#[test]
fn empty_write_makes_no_chunk() {
    let mut body = BodyEncoder::chunked();
    let mut out = Vec::new();
    body.write(b"", &mut out).unwrap();
    assert_eq!(out, b"");
    body.write(b"abc", &mut out).unwrap();
    body.write(b"", &mut out).unwrap();
    body.finish([], &mut out).unwrap();
    assert_eq!(out, b"3\r\nabc\r\n0\r\n\r\n");
}

#[test]
fn trailers_follow_the_last_chunk() {
    let mut body = BodyEncoder::chunked();
    let mut out = Vec::new();
    let trailers: [(&[u8], &[u8]); 2] = [(b"X-Sum", b"1"), (b"x-sum", b"2")];
    body.finish(trailers, &mut out).unwrap();
    assert_eq!(out, b"0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n");
}

#[test]
fn invalid_trailers_leave_nothing_behind() {
    let mut body = BodyEncoder::chunked();
    let mut out = b"before".to_vec();
    let trailers: [(&[u8], &[u8]); 2] = [(b"X", b"1"), (b"Y", b"a\r\nb")];
    assert_eq!(
        body.finish(trailers, &mut out),
        Err(BodyError::Trailer(RequestError::HeaderValue { index: 1, at: 1, byte: b'\r' }))
    );
    let trailers: [(&[u8], &[u8]); 2] = [(b"X", b"1"), (b"Content-LENGTH", b"5")];
    assert_eq!(body.finish(trailers, &mut out), Err(BodyError::ForbiddenTrailer { index: 1 }));
    assert_eq!(out, b"before");
    assert!(!body.is_finished());
}

#[test]
fn only_chunked_bodies_have_trailers() {
    let trailers: [(&[u8], &[u8]); 1] = [(b"X", b"1")];
    for mut body in [BodyEncoder::empty(), BodyEncoder::length(0)] {
        let error = body.finish(trailers, &mut Vec::new());
        assert_eq!(error, Err(BodyError::TrailersWithoutChunks));
    }
}

#[test]
fn body_that_has_ended_takes_nothing_more() {
    for mut body in [BodyEncoder::empty(), BodyEncoder::length(0), BodyEncoder::chunked()] {
        finish(&mut body).unwrap();
        assert!(body.is_finished());
        assert_eq!(body.frame(0).unwrap_err(), BodyError::Finished);
        assert_eq!(body.write(b"x", &mut Vec::new()), Err(BodyError::Finished));
        assert_eq!(finish(&mut body), Err(BodyError::Finished));
    }
}

proptest! {
    #[test]
    fn what_is_encoded_in_chunks_is_decoded_as_the_same_chunks(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
    ) {
        let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let mut body = BodyEncoder::chunked();
        let mut expected = Vec::new();
        for piece in &pieces {
            body.write(piece, &mut out).unwrap();
            if !piece.is_empty() {
                expected.extend([data(piece), Step::ChunkEnd]);
            }
        }
        body.finish([], &mut out).unwrap();
        expected.push(Step::End);
        let (outcome, error) = Script::new(&out).run_cut(&[]);
        prop_assert_eq!(error, None);
        prop_assert_eq!(&outcome.steps[1..], &expected[..]);
    }
}
