//! What encoders write.

use aioxide_http::coding::{Coding, EncodeError, Encoder};

use super::support::{ALL, decode, decoder, noise};

#[test]
fn all_levels_are_decoded() {
    let data = noise(40_000);
    for (coding, levels) in [
        (Coding::Gzip, 0..=9),
        (Coding::Deflate, 0..=9),
        (Coding::Brotli, 0..=11),
        (Coding::Zstd, -7..=22),
    ] {
        for level in levels {
            let mut encoder = Encoder::new(coding, Some(level)).expect("level");
            let mut output = Vec::new();
            for piece in data.chunks(7001) {
                encoder.encode(piece, &mut output).expect("encode");
            }
            encoder.finish(&mut output).expect("finish");
            assert_eq!(decode(coding, &output).as_ref(), Ok(&data), "{coding} {level}");
        }
    }
}

#[test]
fn levels_that_do_not_exist_are_refused() {
    for (coding, level, least, most) in [
        (Coding::Gzip, 10, 0, 9),
        (Coding::Deflate, -1, 0, 9),
        (Coding::Brotli, 12, 0, 11),
        (Coding::Zstd, 23, -7, 22),
        (Coding::Zstd, i32::MIN, -7, 22),
    ] {
        let error = Encoder::new(coding, Some(level)).expect_err("no such level");
        assert_eq!(error, EncodeError::Level { coding, level, least, most });
    }
}

#[test]
fn flush_makes_all_that_was_given_readable() {
    let data = noise(30_000);
    for coding in ALL {
        let mut encoder = Encoder::new(coding, None).expect("usual level");
        let mut decoder = decoder(coding);
        let mut read = Vec::new();
        for (index, piece) in data.chunks(4321).enumerate() {
            let mut output = Vec::new();
            encoder.encode(piece, &mut output).expect("encode");
            encoder.flush(&mut output).expect("flush");
            let step = decoder.decode_to_vec(&output, &mut read).expect("decode");
            assert_eq!(step.consumed, output.len());
            assert_eq!(read, data[..(index * 4321 + piece.len())], "{coding}");
        }
        let mut output = Vec::new();
        encoder.finish(&mut output).expect("finish");
        decoder.decode_to_vec(&output, &mut read).expect("decode");
        assert_eq!(decoder.finish(), Ok(()));
        assert_eq!(read, data);
    }
}

#[test]
fn flush_without_data_is_fine() {
    for coding in ALL {
        let mut encoder = Encoder::new(coding, None).expect("usual level");
        let mut output = Vec::new();
        for _ in 0..3 {
            encoder.flush(&mut output).expect("flush");
            encoder.encode(b"", &mut output).expect("encode");
        }
        encoder.encode(b"x", &mut output).expect("encode");
        encoder.flush(&mut output).expect("flush");
        encoder.flush(&mut output).expect("flush");
        encoder.finish(&mut output).expect("finish");
        assert_eq!(decode(coding, &output), Ok(b"x".to_vec()), "{coding}");
    }
}

#[test]
fn nothing_follows_the_end() {
    for coding in ALL {
        let mut encoder = Encoder::new(coding, None).expect("usual level");
        let mut output = Vec::new();
        encoder.finish(&mut output).expect("finish");
        let length = output.len();
        let finished = Err(EncodeError::Finished { coding });
        assert_eq!(encoder.encode(b"", &mut output), finished);
        assert_eq!(encoder.encode(b"x", &mut output), finished);
        assert_eq!(encoder.flush(&mut output), finished);
        assert_eq!(encoder.finish(&mut output), finished);
        assert_eq!(output.len(), length);
    }
}

#[test]
fn raw_deflate_has_no_header() {
    let mut encoder = Encoder::raw_deflate(Some(9)).expect("level");
    let mut output = Vec::new();
    encoder.encode(b"hello", &mut output).expect("encode");
    encoder.finish(&mut output).expect("finish");
    assert_eq!(output, super::vectors::RAW);
}

#[test]
fn identity_is_as_it_was() {
    let mut encoder = Encoder::new(Coding::Identity, Some(77)).expect("any level");
    let mut output = Vec::new();
    encoder.encode(b"hello", &mut output).expect("encode");
    encoder.finish(&mut output).expect("finish");
    assert_eq!(output, b"hello");
}
