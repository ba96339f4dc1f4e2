//! UTF-8, whole and in pieces: section 6 of Autobahn.

use aioxide_http::websocket::{CloseCode, Decoder, ProtocolError, Settings};
use proptest::prelude::*;

use super::server::*;

const VALID: [&[u8]; 22] = [
    b"",
    b"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
    b"\x00",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xe1\x80\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbd",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf0\x9f\xbf\xbf",
    b"\xf1\x8f\xbf\xbe",
    b"\xf3\xbf\xbf\xbf",
    b"\xf4\x80\x80\x80",
    b"\xf4\x8f\xbf\xbe",
    b"\xf4\x8f\xbf\xbf",
    b"\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
];

const INVALID: [&[u8]; 32] = [
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\x80",
    b"\xbf",
    b"\x80\xbf\x80",
    b"a\x80b",
    b"\xc0 ",
    b"\xc3 ",
    b"\xe0 ",
    b"\xe1\x80 ",
    b"\xf0\x90\x80 ",
    b"\xc2",
    b"\xe0\xa0",
    b"\xe1",
    b"\xf0\x90\x80",
    b"\xf1",
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce",
];

fn in_two_fragments(content: &[u8], at: usize) -> Vec<u8> {
    [frame(TEXT, &content[..at]), frame(FIN, &content[at..])].concat()
}

#[test]
fn valid_text_arrives_whole_and_in_fragments_cut_anywhere() {
    for content in VALID {
        let expected = [text(std::str::from_utf8(content).unwrap())];
        assert_eq!(events(&frame(FIN | TEXT, content)), expected);
        for at in 0..=content.len() {
            assert_eq!(events(&in_two_fragments(content, at)), expected);
        }
    }
}

#[test]
fn invalid_text_is_an_error_whole_and_in_fragments_cut_anywhere() {
    for content in INVALID {
        let (_, whole) = error(&frame(FIN | TEXT, content));
        assert_eq!(whole, ProtocolError::InvalidText);
        assert_eq!(whole.close_code(), CloseCode::INVALID_PAYLOAD);
        for at in 0..=content.len() {
            let bytes = in_two_fragments(content, at);
            assert_eq!(error(&bytes), (vec![], ProtocolError::InvalidText), "{content:x?} at {at}");
        }
    }
}

/// Case 6.4: the error comes with the first byte that cannot be right.
#[test]
fn invalid_text_fails_before_its_message_ends() {
    let start = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
    let wrong = [(&b"\xf4"[..], &b"\x90"[..]), (b"\xed", b"\xa0"), (b"", b"\xff"), (b"", b"\xf8")];
    for (good, bad) in wrong {
        let bytes = [&[TEXT, 100][..], start, good].concat();
        let mut decoder = Decoder::new(Settings::default(), None);
        assert_eq!(feed(&mut decoder, [&bytes[..]]), (vec![], None));
        assert_eq!(feed(&mut decoder, [bad]), (vec![], Some(ProtocolError::InvalidText)));

        let mut decoder = Decoder::new(Settings::default(), None);
        let fragment = frame(TEXT, &[start, good].concat());
        assert_eq!(feed(&mut decoder, [&fragment[..]]), (vec![], None));
        let next = [&[CONTINUATION, 50][..], bad].concat();
        assert_eq!(feed(&mut decoder, [&next[..]]), (vec![], Some(ProtocolError::InvalidText)));
    }
}

#[test]
fn binary_need_not_be_text() {
    for content in INVALID {
        for at in 0..=content.len() {
            let parts = [frame(BINARY, &content[..at]), frame(FIN, &content[at..])].concat();
            assert_eq!(events(&parts), [binary(content)]);
        }
    }
}

proptest! {
    /// The standard library is the control, whatever the pieces.
    #[test]
    fn text_is_valid_exactly_when_the_standard_library_says_so(
        parts in prop::collection::vec(
            prop_oneof![
                3 => any::<String>().prop_map(String::into_bytes),
                1 => prop::collection::vec(any::<u8>(), 0..4),
                1 => prop::sample::select(INVALID.to_vec()).prop_map(<[u8]>::to_vec),
                1 => prop::sample::select(VALID.to_vec()).prop_map(<[u8]>::to_vec),
            ],
            1..5,
        ),
        cut in 1..40_usize,
    ) {
        let content = parts.concat();
        let mut bytes = Vec::new();
        for (number, part) in content.chunks(cut).enumerate() {
            bytes.extend(frame(if number == 0 { TEXT } else { CONTINUATION }, part));
        }
        if content.is_empty() {
            bytes.extend(frame(TEXT, b""));
        }
        bytes.extend(frame(FIN, b""));
        let expected = match String::from_utf8(content) {
            Ok(content) => (vec![text(&content)], None),
            Err(_) => (vec![], Some(ProtocolError::InvalidText)),
        };
        for pieces in [bytes.len(), 1, 7] {
            let mut decoder = Decoder::new(Settings::default(), None);
            prop_assert_eq!(&feed(&mut decoder, bytes.chunks(pieces)), &expected);
        }
    }
}
