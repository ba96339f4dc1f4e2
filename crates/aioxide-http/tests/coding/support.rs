//! How the tests drive decoders.

use aioxide_http::coding::{Coding, Codings, DecodeError, Decoder, Encoder, Limits};

pub(crate) const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

pub(crate) fn encode(coding: Coding, data: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, None).expect("usual level");
    let mut output = Vec::new();
    encoder.encode(data, &mut output).expect("encode");
    encoder.finish(&mut output).expect("finish");
    output
}

/// Feeds the pieces one after another, with `room` bytes of output a step.
pub(crate) fn feed<'a>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    room: usize,
) -> Result<Vec<u8>, DecodeError> {
    let mut body = Vec::new();
    let mut output = vec![0xee; room];
    for mut piece in pieces {
        loop {
            let step = decoder.decode(piece, &mut output)?;
            body.extend_from_slice(&output[..step.produced]);
            piece = &piece[step.consumed..];
            if !step.more {
                assert!(piece.is_empty(), "input is left although there is no more");
                break;
            }
            assert!(
                step.produced + step.consumed > 0 || piece.is_empty(),
                "a step without progress asks for more"
            );
        }
    }
    decoder.finish()?;
    Ok(body)
}

pub(crate) fn decoder(coding: Coding) -> Decoder {
    Decoder::new(&Codings::from(coding), Limits::default())
}

pub(crate) fn decode(coding: Coding, data: &[u8]) -> Result<Vec<u8>, DecodeError> {
    feed(&mut decoder(coding), [data], 1000)
}

/// Whole, at once and with all splits into two, and byte by byte with one byte of output a step:
/// all must come to the same.
pub(crate) fn decode_all_ways(coding: Coding, data: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let whole = decode(coding, data);
    for split in 0..=data.len() {
        let (first, second) = data.split_at(split);
        let parts = feed(&mut decoder(coding), [first, second], 7);
        assert_eq!(parts, whole, "split at {split}");
    }
    assert_eq!(feed(&mut decoder(coding), data.chunks(1), 1), whole, "byte by byte");
    whole
}

/// Bytes that compress about by half, and not at all alike.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b"abcdefghijklmnop"[(state % 16) as usize]
    };
    (0..length).map(|_| next()).collect()
}
