//! The limit of a message's size, and what is held before it is reached: section 9 of Autobahn.

use aioxide_http::websocket::{CloseCode, Decoder, ProtocolError, Settings};

use super::server::*;

const LIMIT: usize = 256;
const LIMITED: Settings = Settings { max_msg_size: LIMIT };
const UNLIMITED: Settings = Settings { max_msg_size: 0 };

fn too_big(size: u64) -> Option<ProtocolError> {
    Some(ProtocolError::TooBig { size, limit: LIMIT })
}

#[test]
fn message_of_the_limit_arrives() {
    let content = [1; LIMIT];
    assert_eq!(
        meaning(LIMITED, None, &frame(FIN | BINARY, &content)),
        (vec![binary(&content)], None)
    );
}

#[test]
fn announcement_above_the_limit_is_an_error_before_any_payload() {
    for first in [FIN | TEXT, TEXT, FIN | BINARY, BINARY] {
        let header = [first, 126, 1, 1];
        assert_eq!(meaning(LIMITED, None, &header), (vec![], too_big(257)));
    }
    let header = announcement(FIN | BINARY, (1 << 63) - 1);
    assert_eq!(meaning(LIMITED, None, &header), (vec![], too_big((1 << 63) - 1)));
    assert_eq!(too_big(257).map(|error| error.close_code()), Some(CloseCode::MESSAGE_TOO_BIG));
}

#[test]
fn fragments_above_the_limit_together_are_an_error_at_the_header() {
    let start = [frame(BINARY, &[1; 100]), frame(CONTINUATION, &[2; 100])].concat();
    let fits = [&start[..], &frame(FIN, &[3; 56])].concat();
    let expected = [&[1; 100][..], &[2; 100], &[3; 56]].concat();
    assert_eq!(meaning(LIMITED, None, &fits), (vec![binary(&expected)], None));
    let exceeds = [&start[..], &[FIN, 57]].concat();
    assert_eq!(meaning(LIMITED, None, &exceeds), (vec![], too_big(257)));
}

#[test]
fn sum_of_announcements_does_not_overflow() {
    let bytes = [frame(BINARY, b"a"), announcement(CONTINUATION, (1 << 63) - 1)].concat();
    assert_eq!(meaning(LIMITED, None, &bytes), (vec![], too_big(1 << 63)));
    // Without a limit nobody holds what has not come.
    assert_eq!(meaning(UNLIMITED, None, &bytes), (vec![], None));
}

#[test]
fn each_message_has_the_whole_limit() {
    let content = [5; 200];
    let parts = [frame(BINARY, &content[..150]), frame(FIN, &content[150..])].concat();
    let bytes = [frame(FIN | BINARY, &content), parts.clone(), parts].concat();
    assert_eq!(
        meaning(LIMITED, None, &bytes),
        (vec![binary(&content), binary(&content), binary(&content)], None)
    );
}

#[test]
fn large_messages_arrive_whole_and_in_pieces() {
    for size in [64, 256, 1024, 4096] {
        let content: Vec<u8> = (0..size << 10).map(|at: u32| (at % 251) as u8).collect();
        let whole = frame(FIN | BINARY, &content);
        let mut fragments = frame(BINARY, b"");
        for part in content.chunks(16 << 10) {
            fragments.extend(frame(CONTINUATION, part));
        }
        fragments.extend(frame(FIN, b""));
        for bytes in [whole, fragments] {
            for pieces in [1 << 20, 65536, 1000] {
                let mut decoder = Decoder::new(Settings::default(), None);
                assert_eq!(
                    feed(&mut decoder, bytes.chunks(pieces)),
                    (vec![binary(&content)], None)
                );
            }
        }
    }
}

#[test]
fn bomb_is_an_error_before_it_is_inflated() {
    let content = vec![0; 8 << 20];
    let squeezed = Squeezer::new(15, true, 1).message(&content);
    assert!(squeezed.len() < 100_000);
    let settings = Settings { max_msg_size: 1 << 17 };
    for first in [TEXT, BINARY] {
        let mut decoder = Decoder::new(settings, Some(&DEFLATE));
        let bytes = frame(FIN | RSV1 | first, &squeezed);
        let (events, error) = feed(&mut decoder, [&bytes[..]]);
        assert_eq!(events, []);
        let (size, limit) = ((1 << 17) + 1, 1 << 17);
        assert_eq!(error, Some(ProtocolError::TooBig { size, limit }));
    }
}

#[test]
fn compressed_message_of_the_limit_arrives_and_one_above_does_not() {
    for (size, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let content = vec![7; size];
        let bytes = frame(FIN | RSV1 | BINARY, &Squeezer::new(15, true, 6).message(&content));
        let expected =
            if fits { (vec![binary(&content)], None) } else { (vec![], too_big(size as u64)) };
        assert_eq!(feed(&mut Decoder::new(LIMITED, Some(&DEFLATE)), [&bytes[..]]), expected);
    }
}

#[test]
fn compressed_frame_that_announces_too_much_is_an_error_before_any_payload() {
    let header = [FIN | RSV1 | BINARY, 126, 1, 1];
    assert_eq!(meaning(LIMITED, Some(&DEFLATE), &header), (vec![], too_big(257)));
}

#[test]
fn announced_payload_takes_no_memory_before_it_comes() {
    let mut decoder = Decoder::new(UNLIMITED, None);
    let bytes = [announcement(FIN | BINARY, 1 << 62), vec![1; 10]].concat();
    assert_eq!(feed(&mut decoder, [&bytes[..]]), (vec![], None));
    assert!(decoder.buffered() < 8192, "{}", decoder.buffered());
}
