//! What decoders make of good and of bad data.

use aioxide_http::coding::{Coding, Codings, DecodeError, Decoder, Limits, MAX_STEP, Step};

use super::support::{ALL, decode, decode_all_ways, decoder, encode, feed, noise};
use super::vectors::{
    BROTLI, GZIP, GZIP_FULL_HEADER, RAW, ZLIB, ZLIB_WITH_DICTIONARY, ZSTD, ZSTD_SKIPPABLE,
};

fn hello() -> Result<Vec<u8>, DecodeError> {
    Ok(b"hello".to_vec())
}

fn corrupt(coding: Coding, what: &'static str) -> Result<Vec<u8>, DecodeError> {
    Err(DecodeError::Corrupt { coding, what: what.into() })
}

#[test]
fn data_of_other_implementations_is_decoded() {
    assert_eq!(decode_all_ways(Coding::Gzip, GZIP), hello());
    assert_eq!(decode_all_ways(Coding::Gzip, GZIP_FULL_HEADER), hello());
    assert_eq!(decode_all_ways(Coding::Deflate, ZLIB), hello());
    assert_eq!(decode_all_ways(Coding::Deflate, RAW), hello());
    assert_eq!(decode_all_ways(Coding::Brotli, BROTLI), hello());
    assert_eq!(decode_all_ways(Coding::Zstd, ZSTD), hello());
}

#[test]
fn empty_body_is_fine_whatever_the_coding() {
    for coding in ALL {
        assert_eq!(decode(coding, b""), Ok(Vec::new()));
        let mut codings = decoder(coding);
        assert_eq!(codings.decode(b"", &mut [0; 8]), Ok(Step::default()));
        assert_eq!(codings.finish(), Ok(()));
    }
}

#[test]
fn empty_content_is_decoded() {
    for coding in ALL {
        assert_eq!(decode_all_ways(coding, &encode(coding, b"")), Ok(Vec::new()), "{coding}");
    }
}

#[test]
fn several_members_are_one_body() {
    let twice = |data: &[u8]| [data, data].concat();
    for (coding, data) in [
        (Coding::Gzip, GZIP),
        (Coding::Deflate, ZLIB),
        (Coding::Deflate, RAW),
        (Coding::Zstd, ZSTD),
    ] {
        assert_eq!(decode_all_ways(coding, &twice(data)), Ok(b"hellohello".to_vec()), "{coding}");
    }
    let mixed = [ZSTD, ZSTD_SKIPPABLE, ZSTD].concat();
    assert_eq!(decode_all_ways(Coding::Zstd, &mixed), Ok(b"hellohello".to_vec()));
    let mixed = [GZIP, GZIP_FULL_HEADER].concat();
    assert_eq!(decode_all_ways(Coding::Gzip, &mixed), Ok(b"hellohello".to_vec()));
}

#[test]
fn brotli_has_one_member() {
    let twice = [BROTLI, BROTLI].concat();
    let trailing = Err(DecodeError::Trailing { coding: Coding::Brotli });
    assert_eq!(decode_all_ways(Coding::Brotli, &twice), trailing);
}

#[test]
fn other_data_behind_the_last_member_is_an_error() {
    for (coding, data) in [(Coding::Gzip, GZIP), (Coding::Brotli, BROTLI), (Coding::Zstd, ZSTD)] {
        let trailing = Err(DecodeError::Trailing { coding });
        assert_eq!(decode_all_ways(coding, &[data, b"garbage"].concat()), trailing);
        assert_eq!(decode_all_ways(coding, &[data, &[0; 8]].concat()), trailing);
    }
    let garbage = [ZLIB, b"garbage"].concat();
    assert!(matches!(
        decode_all_ways(Coding::Deflate, &garbage),
        Err(DecodeError::Corrupt { coding: Coding::Deflate, .. })
    ));
}

#[test]
fn one_stray_byte_behind_gzip_is_ignored_as_aiohttp_does() {
    for stray in [b"\0", b"\n", b"\x1f"] {
        assert_eq!(decode_all_ways(Coding::Gzip, &[GZIP, stray].concat()), hello());
    }
    let truncated = Err(DecodeError::Truncated { coding: Coding::Gzip });
    assert_eq!(decode_all_ways(Coding::Gzip, &[GZIP, b"\x1f\x8b"].concat()), truncated);
    assert_eq!(decode_all_ways(Coding::Gzip, b"\x1f"), truncated);
}

#[test]
fn data_that_ends_anywhere_in_the_middle_is_an_error() {
    for (coding, data) in [
        (Coding::Gzip, GZIP_FULL_HEADER),
        (Coding::Deflate, ZLIB),
        (Coding::Deflate, RAW),
        (Coding::Brotli, BROTLI),
        (Coding::Zstd, ZSTD),
    ] {
        for length in 1..data.len() {
            let truncated = Err(DecodeError::Truncated { coding });
            assert_eq!(decode_all_ways(coding, &data[..length]), truncated, "{length} bytes");
        }
    }
}

#[test]
fn first_byte_of_deflate_tells_zlib_from_raw() {
    // A zlib header with a bad check is an error, and not tried as something else.
    let error = decode_all_ways(Coding::Deflate, b"\x78\x9d\xcb\x48");
    assert_eq!(error, corrupt(Coding::Deflate, "the compressed data is damaged"));
    let error = decode_all_ways(Coding::Deflate, b"\x07\x00");
    assert_eq!(error, corrupt(Coding::Deflate, "the compressed data is damaged"));
}

#[test]
fn preset_dictionary_is_an_error() {
    let error = decode_all_ways(Coding::Deflate, ZLIB_WITH_DICTIONARY);
    assert_eq!(error, corrupt(Coding::Deflate, "a preset dictionary is needed"));
}

#[test]
fn checksums_are_compared() {
    let changed = |data: &[u8], place: usize| {
        let mut data = data.to_vec();
        data[place] ^= 1;
        data
    };
    let crc = GZIP.len() - 8;
    assert_eq!(
        decode_all_ways(Coding::Gzip, &changed(GZIP, crc)),
        corrupt(Coding::Gzip, "checksum differs")
    );
    assert_eq!(
        decode_all_ways(Coding::Gzip, &changed(GZIP, crc + 4)),
        corrupt(Coding::Gzip, "length differs")
    );
    assert_eq!(
        decode_all_ways(Coding::Gzip, &changed(GZIP_FULL_HEADER, 28)),
        corrupt(Coding::Gzip, "header checksum differs")
    );
    assert_eq!(
        decode_all_ways(Coding::Deflate, &changed(ZLIB, ZLIB.len() - 1)),
        corrupt(Coding::Deflate, "the compressed data is damaged")
    );
}

#[test]
fn gzip_header_is_checked() {
    assert_eq!(decode_all_ways(Coding::Gzip, b"hello"), corrupt(Coding::Gzip, "no gzip header"));
    let method = b"\x1f\x8b\x07\0\0\0\0\0\0\0";
    assert_eq!(decode_all_ways(Coding::Gzip, method), corrupt(Coding::Gzip, "unknown method"));
    let flags = b"\x1f\x8b\x08\x20\0\0\0\0\0\0";
    let error = corrupt(Coding::Gzip, "unknown header flags");
    assert_eq!(decode_all_ways(Coding::Gzip, flags), error);
}

#[test]
fn empty_extra_field_is_fine() {
    let mut data = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\0\0".to_vec();
    data.extend_from_slice(&GZIP[10..]);
    assert_eq!(decode_all_ways(Coding::Gzip, &data), hello());
}

#[test]
fn errors_name_the_coding_and_whose_fault_it_is() {
    let error = decode(Coding::Brotli, b"\xff\xff\xff\xff\xff").expect_err("bad");
    assert!(error.to_string().starts_with("the peer sent bad br data: "), "{error}");
    let error = decode(Coding::Zstd, b"hello").expect_err("bad");
    assert_eq!(error.to_string(), "the peer sent bad zstd data: Unknown frame descriptor");
}

#[test]
fn error_stays_until_the_decoder_is_reset() {
    let mut decoder = decoder(Coding::Gzip);
    let error = decoder.decode(b"hello", &mut [0; 9]).expect_err("bad");
    assert_eq!(decoder.decode(GZIP, &mut [0; 9]), Err(error.clone()));
    assert_eq!(decoder.finish(), Err(error));
    decoder.reset(&Codings::from(Coding::Gzip), Limits::default());
    assert_eq!(feed(&mut decoder, [GZIP], 9), hello());
}

#[test]
fn decoder_is_reused_for_other_codings_and_after_a_cut() {
    let mut decoder = decoder(Coding::Gzip);
    let data = noise(100_000);
    for round in 0..3 {
        for coding in ALL {
            let encoded = encode(coding, &data);
            decoder.reset(&Codings::from(coding), Limits::default());
            assert_eq!(feed(&mut decoder, [&encoded[..]], 4096).as_ref(), Ok(&data), "{round}");
            decoder.reset(&Codings::from(coding), Limits::default());
            let half = &encoded[..encoded.len() / 2];
            let truncated = Err(DecodeError::Truncated { coding });
            assert_eq!(feed(&mut decoder, [half], 4096), truncated);
        }
    }
}

#[test]
fn several_codings_are_undone_from_the_last_one() {
    let data = noise(300_000);
    let codings = Codings::parse([&b"zstd, gzip"[..], b"br"]).expect("known");
    let encoded = encode(Coding::Brotli, &encode(Coding::Gzip, &encode(Coding::Zstd, &data)));
    for (piece, room) in [(encoded.len(), 1 << 20), (1000, 777), (1, 50_000), (33_000, 1)] {
        let mut decoder = Decoder::new(&codings, Limits::default());
        let room = if room == 1 { 64 } else { room };
        assert_eq!(feed(&mut decoder, encoded.chunks(piece), room).as_ref(), Ok(&data));
        assert_eq!(decoder.total_out(), data.len() as u64);
    }
}

#[test]
fn cut_in_an_inner_coding_is_named() {
    let codings = Codings::parse([&b"zstd, gzip"[..]]).expect("known");
    let inner = encode(Coding::Zstd, b"hello, hello, hello");
    let encoded = encode(Coding::Gzip, &inner[..inner.len() - 3]);
    let error = feed(&mut Decoder::new(&codings, Limits::default()), [&encoded[..]], 100);
    assert_eq!(error, Err(DecodeError::Truncated { coding: Coding::Zstd }));
}

#[test]
fn identity_copies() {
    let mut decoder = Decoder::new(&Codings::default(), Limits::default());
    assert!(decoder.is_identity());
    assert_eq!(feed(&mut decoder, [&b"hello"[..], b" you"], 3), Ok(b"hello you".to_vec()));
}

#[test]
fn end_with_output_left_is_the_callers_fault() {
    for coding in ALL {
        let mut decoder = decoder(coding);
        let step = decoder.decode(&encode(coding, &noise(5000)), &mut [0; 100]).expect("fine");
        assert!(step.more);
        assert_eq!(decoder.finish(), Err(DecodeError::NotDrained));
    }
}

#[test]
fn vector_grows_by_what_is_decoded() {
    let data = noise(1_000_000);
    for coding in ALL {
        let encoded = encode(coding, &data);
        let mut decoder = decoder(coding);
        let mut output = b"before".to_vec();
        let mut rest = &encoded[..];
        loop {
            let before = output.len();
            let step = decoder.decode_to_vec(rest, &mut output).expect("fine");
            assert_eq!(output.len(), before + step.produced);
            assert!(step.produced <= 256 * 1024);
            rest = &rest[step.consumed..];
            if !step.more {
                break;
            }
        }
        assert_eq!(decoder.finish(), Ok(()));
        assert_eq!(&output[6..], data);
    }
}

#[test]
fn one_buffer_serves_body_after_body() {
    let mut output = Vec::new();
    for coding in ALL {
        let mut decoder = decoder(coding);
        let mut longest = output.len();
        for length in [50_000, 600_000, 10, 0, 3000] {
            let data = noise(length);
            let encoded = encode(coding, &data);
            decoder.reset(&Codings::from(coding), Limits::default());
            let (mut rest, mut body) = (&encoded[..], Vec::new());
            loop {
                let step = decoder.decode_over(rest, &mut output).expect("fine");
                assert!(output.len() >= longest, "it does not shrink");
                assert!(output.len() <= MAX_STEP);
                longest = output.len();
                body.extend_from_slice(&output[..step.produced]);
                rest = &rest[step.consumed..];
                if !step.more {
                    break;
                }
            }
            assert_eq!(decoder.finish(), Ok(()));
            assert_eq!(body, data, "{coding}, {length} bytes");
        }
    }
}

#[test]
fn asking_again_and_again_without_input_is_fine() {
    for coding in ALL {
        let encoded = encode(coding, &noise(10_000));
        let (first, second) = encoded.split_at(encoded.len() / 2);
        let mut decoder = decoder(coding);
        let mut output = vec![0; 100_000];
        let mut body = decoder.decode(first, &mut output).expect("fine").produced;
        for _ in 0..50 {
            let room = &mut output[body..];
            assert_eq!(decoder.decode(b"", room), Ok(Step::default()), "{coding}");
            assert_eq!(decoder.decode(b"", &mut []).map(|step| step.produced), Ok(0));
        }
        body += decoder.decode(second, &mut output[body..]).expect("fine").produced;
        assert_eq!(body, 10_000);
    }
}

#[test]
fn decoders_and_encoders_may_change_threads() {
    fn moves<T: Send + 'static>() {}
    moves::<Decoder>();
    moves::<aioxide_http::coding::Encoder>();
}
