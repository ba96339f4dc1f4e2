//! Caps on what decoders do.

use aioxide_http::coding::{Coding, Codings, DecodeError, Decoder, Limits, MAX_STEP};

use super::support::{ALL, encode, feed, noise};
use super::vectors::{ZSTD_WINDOW_23, ZSTD_WINDOW_24};

fn with(coding: Coding, limits: Limits) -> Decoder {
    Decoder::new(&Codings::from(coding), limits)
}

#[test]
fn body_may_have_exactly_the_size_that_is_allowed() {
    let data = noise(10_000);
    for coding in ALL {
        let encoded = encode(coding, &data);
        for room in [1, 100, 10_000, 20_000] {
            let limits = |size| Limits { max_decompressed_size: Some(size), ..Limits::default() };
            let body = feed(&mut with(coding, limits(10_000)), [&encoded[..]], room);
            assert_eq!(body.as_ref(), Ok(&data));
            let error = feed(&mut with(coding, limits(9_999)), [&encoded[..]], room);
            assert_eq!(error, Err(DecodeError::TooLarge { coding, limit: 9_999 }));
            let error = feed(&mut with(coding, limits(0)), encoded.chunks(1), room);
            assert_eq!(error, Err(DecodeError::TooLarge { coding, limit: 0 }));
        }
        let limits = Limits { max_decompressed_size: Some(0), ..Limits::default() };
        assert_eq!(feed(&mut with(coding, limits), [&encode(coding, b"")[..]], 9), Ok(vec![]));
    }
}

#[test]
fn size_holds_between_the_codings_too() {
    let bomb = encode(Coding::Gzip, &vec![0; 1_000_000]);
    let codings = Codings::parse([&b"deflate, gzip"[..]]).expect("known");
    let limits = Limits { max_decompressed_size: Some(100_000), ..Limits::default() };
    // Zeros are no zlib stream, but a raw one: stored blocks of no bytes.
    let mut decoder = Decoder::new(&codings, limits);
    let error = feed(&mut decoder, [&bomb[..]], 1000);
    assert!(matches!(error, Err(DecodeError::Corrupt { .. } | DecodeError::TooLarge { .. })));
}

#[test]
fn ratio_is_looked_at_for_large_bodies() {
    let zeros = vec![0; 4_000_000];
    for coding in ALL {
        let encoded = encode(coding, &zeros);
        let limits = Limits { max_ratio: Some(100), ..Limits::default() };
        let error = feed(&mut with(coding, limits), [&encoded[..]], 10_000);
        assert_eq!(error, Err(DecodeError::Ratio { limit: 100 }), "{coding}");
        let limits = Limits { ratio_from: 4_000_000, ..limits };
        assert!(feed(&mut with(coding, limits), [&encoded[..]], 10_000).is_ok());
        let limits = Limits { max_ratio: Some(4_000_000), ratio_from: 0, ..limits };
        assert!(feed(&mut with(coding, limits), [&encoded[..]], 10_000).is_ok());
    }
}

#[test]
fn zstd_window_is_capped() {
    let limits = Limits::default();
    let body = feed(&mut with(Coding::Zstd, limits), [ZSTD_WINDOW_23], 9);
    assert_eq!(body, Ok(vec![0; 5]));
    let window = Err(DecodeError::Window { coding: Coding::Zstd, limit: 23 });
    assert_eq!(feed(&mut with(Coding::Zstd, limits), [ZSTD_WINDOW_24], 9), window);
    let limits = Limits { zstd_window_log: 24, ..limits };
    assert_eq!(feed(&mut with(Coding::Zstd, limits), [ZSTD_WINDOW_24], 9), Ok(vec![0; 5]));
}

#[test]
fn zstd_window_of_a_reused_decoder_is_that_of_the_new_body() {
    let codings = Codings::from(Coding::Zstd);
    let wide = Limits { zstd_window_log: 24, ..Limits::default() };
    let mut decoder = Decoder::new(&codings, wide);
    assert_eq!(feed(&mut decoder, [ZSTD_WINDOW_24], 9), Ok(vec![0; 5]));
    decoder.reset(&codings, Limits::default());
    let window = Err(DecodeError::Window { coding: Coding::Zstd, limit: 23 });
    assert_eq!(feed(&mut decoder, [ZSTD_WINDOW_24], 9), window);
}

#[test]
fn large_windows_of_brotli_are_refused() {
    // The first byte of a stream with a window of more than 16 MiB, and the size of it.
    let mut decoder = with(Coding::Brotli, Limits::default());
    let error = feed(&mut decoder, [&b"\x11\x1e\x03"[..]], 9).expect_err("no window");
    assert_eq!(error.to_string(), "the peer sent bad br data: format window bits");
}

#[test]
fn step_has_its_limit_whatever_the_output() {
    for coding in ALL {
        let encoded = encode(coding, &vec![0; 3 * MAX_STEP]);
        let mut decoder = with(coding, Limits::default());
        let mut output = vec![0; 4 * MAX_STEP];
        let step = decoder.decode(&encoded, &mut output).expect("fine");
        assert_eq!((step.produced, step.more), (MAX_STEP, true), "{coding}");
    }
}
