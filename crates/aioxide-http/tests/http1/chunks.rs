//! Chunked bodies.

use aioxide_http::http1::response::{Decoder, Event, Exchange, Leniency, Limits, ResponseError};

use crate::script::{Script, Step, data, owned};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn steps(body: &[u8]) -> Vec<Step> {
    Script::new(&[HEAD, body].concat()).steps().split_off(1)
}

fn error(body: &[u8]) -> ResponseError {
    let bytes = [HEAD, body].concat();
    let script = Script::new(&bytes);
    // Not because it ends there.
    assert_eq!(Script { eof: true, ..script }.error(), script.error());
    script.error()
}

#[test]
fn chunks_are_shown_as_they_were_sent() {
    assert_eq!(
        steps(b"5\r\nhello\r\n1\r\n \r\n0000A\r\n0123456789\r\n0\r\n\r\n"),
        [
            data(b"hello"),
            Step::ChunkEnd,
            data(b" "),
            Step::ChunkEnd,
            data(b"0123456789"),
            Step::ChunkEnd,
            Step::End,
        ]
    );
}

#[test]
fn data_may_look_like_framing() {
    assert_eq!(
        steps(b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"),
        [data(b"0\r\n\r\n\r\n"), Step::ChunkEnd, Step::End]
    );
}

#[test]
fn empty_body_is_the_last_chunk() {
    assert_eq!(steps(b"0\r\n\r\n"), [Step::End]);
    assert_eq!(steps(b"0000000000000000\r\n\r\n"), [Step::End]);
}

#[test]
fn extensions_are_skipped() {
    let body = b"2;a;b=c;d=\"e; \xc3\xa9\t\"\r\nhi\r\n0;last\r\n\r\n";
    assert_eq!(steps(body), [data(b"hi"), Step::ChunkEnd, Step::End]);
}

#[test]
fn trailers_are_apart_from_the_headers() {
    let trailers = owned(&[("Content-Length", "7"), ("x-Sum", "1"), ("X-sum", "")]);
    assert_eq!(
        steps(b"1\r\nx\r\n0\r\nContent-Length: 7\r\nx-Sum:1\r\nX-sum: \r\n\r\n"),
        [data(b"x"), Step::ChunkEnd, Step::Trailers(trailers), Step::End]
    );
}

#[test]
fn chunk_size_is_hexadecimal_digits_only() {
    for size in [
        "", "g", "0x5", "+5", "-5", " 5", "5 ", "5\t", "5_0", "\u{665}", ";a", "5,", "5\0", "5\x0b",
    ] {
        let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
        let error = error(body.as_bytes());
        assert!(matches!(error, ResponseError::InvalidChunkSize { .. }), "{size:?}: {error:?}");
    }
}

#[test]
fn chunk_size_has_sixteen_digits_at_most() {
    let limit = ResponseError::ChunkSizeTooLong { limit: 16 };
    assert_eq!(error(b"00000000000000005\r\nhello\r\n"), limit);
    assert_eq!(error(b"10000000000000000\r\n"), limit);
    // The greatest one is no sum that overflows.
    let bytes = [HEAD, b"ffffffffffffffff\r\nhello"].concat();
    let script = Script { eof: true, ..Script::new(&bytes) };
    assert_eq!(script.error(), ResponseError::ClosedInChunk { missing: u64::MAX - 5 });
}

#[test]
fn line_feed_alone_is_no_end_of_a_line() {
    assert_eq!(error(b"5\nhello\r\n"), ResponseError::InvalidChunkSize { byte: b'\n' });
    assert_eq!(error(b"5;a\nhello\r\n"), ResponseError::InvalidChunkExtension { byte: b'\n' });
    assert_eq!(error(b"5\r\nhello\n0"), ResponseError::InvalidChunkEnd { byte: b'\n' });
    assert_eq!(error(b"0\r\n\n"), ResponseError::LineFeedAlone);
    assert_eq!(error(b"0\r\nX: y\n\r\n"), ResponseError::LineFeedAlone);
}

#[test]
fn carriage_return_alone_is_refused() {
    assert_eq!(error(b"5\rhello"), ResponseError::InvalidChunkSize { byte: b'\r' });
    assert_eq!(error(b"5;a\rb\r\n"), ResponseError::InvalidChunkExtension { byte: b'\r' });
    assert_eq!(error(b"5;\rb\r\n"), ResponseError::InvalidChunkExtension { byte: b'\r' });
    assert_eq!(error(b"5\r\nhello\r0"), ResponseError::InvalidChunkEnd { byte: b'0' });
    assert_eq!(error(b"5\r\r\nhello"), ResponseError::InvalidChunkSize { byte: b'\r' });
}

#[test]
fn extension_has_no_control_characters() {
    for byte in [b'\0', b'\x08', b'\x0b', b'\x1f', b'\x7f'] {
        let error = error(&[b"5;a", &[byte][..], b"\r\nhello"].concat());
        assert_eq!(error, ResponseError::InvalidChunkExtension { byte });
    }
}

#[test]
fn line_feed_in_an_extension_smuggles_nothing() {
    let body = b"2;\nxx\r\n4c\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0\r\n\r\n";
    assert_eq!(error(body), ResponseError::InvalidChunkExtension { byte: b'\n' });
}

#[test]
fn data_longer_or_shorter_than_its_chunk_is_refused() {
    assert_eq!(error(b"4\r\nhello\r\n0\r\n\r\n"), ResponseError::InvalidChunkEnd { byte: b'o' });
    assert_eq!(error(b"6\r\nhello\r\n0\r\n\r\n"), ResponseError::InvalidChunkEnd { byte: b'\n' });
}

#[test]
fn trailers_are_as_strict_as_headers() {
    for (trailer, name) in [
        ("X : y", "InvalidFieldName"),
        ("X", "InvalidFieldName"),
        (" X: y", "ObsoleteFold"),
        ("X: a\r\n b", "ObsoleteFold"),
        ("X: a\0b", "InvalidFieldValue"),
        ("X: a\rb", "InvalidFieldValue"),
    ] {
        let error = error(format!("0\r\n{trailer}\r\n\r\n").as_bytes());
        assert!(format!("{error:?}").starts_with(name), "{trailer:?}: {error:?}");
    }
}

#[test]
fn data_is_borrowed_from_the_input() {
    let bytes = [HEAD, b"5\r\nhello\r\n0\r\n\r\n"].concat();
    let mut decoder = Decoder::new(Limits::default(), Leniency::STRICT);
    decoder.begin(Exchange::new("GET")).unwrap();
    let mut input = &bytes[..];
    assert!(matches!(decoder.next(&mut input), Ok(Some(Event::Head(_)))));
    let Ok(Some(Event::Data(data))) = decoder.next(&mut input) else { panic!("no data") };
    assert!(std::ptr::eq(data, &bytes[HEAD.len() + 3..][..5]));
}
