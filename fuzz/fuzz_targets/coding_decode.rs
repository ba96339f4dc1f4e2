//! Any bytes in any coding: no panic, no more than was asked for, and the same whatever the pieces.
#![no_main]

use aioxide_http::coding::{Coding, Codings, DecodeError, Decoder, Limits, MAX_STEP};
use arbitrary::Arbitrary;

const MOST: u64 = 1 << 20;

#[derive(Arbitrary, Debug)]
struct Input {
    codings: (u8, Option<u8>),
    piece: u8,
    room: u16,
    ratio: Option<u32>,
    cut: Option<u16>,
    data: Vec<u8>,
}

fn coding(number: u8) -> Coding {
    [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd][usize::from(number % 4)]
}

fn decode(
    decoder: &mut Decoder,
    data: &[u8],
    piece: usize,
    room: usize,
) -> Result<Vec<u8>, DecodeError> {
    let mut output = vec![0; room];
    let mut body = Vec::new();
    for mut input in data.chunks(piece) {
        loop {
            let step = decoder.decode(input, &mut output)?;
            assert!(step.produced <= MAX_STEP);
            body.extend_from_slice(&output[..step.produced]);
            assert!(body.len() as u64 <= MOST);
            input = &input[step.consumed..];
            if !step.more {
                assert!(input.is_empty());
                break;
            }
        }
    }
    decoder.finish()?;
    Ok(body)
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let (first, second) = input.codings;
    let names = [Some(coding(first)), second.map(coding)];
    let names: Vec<&str> = names.into_iter().flatten().map(Coding::name).collect();
    let codings = Codings::parse(names.iter().map(|name| name.as_bytes())).expect("known");
    let limits = Limits { max_decompressed_size: Some(MOST), max_members: 8, ..Limits::default() };
    let mut decoder = Decoder::new(&codings, limits);
    let whole = decode(&mut decoder, &input.data, usize::MAX, 1 << 16);
    // A decoder that was left in the middle is as good as a new one.
    let cut = usize::from(input.cut.unwrap_or(0)).min(input.data.len());
    decoder.reset(&codings, limits);
    let _ = decode(&mut decoder, &input.data[..cut], 100, 100);
    decoder.reset(&codings, limits);
    let room = 1 + usize::from(input.room);
    let parts = decode(&mut decoder, &input.data, 1 + usize::from(input.piece), room);
    match (&whole, &parts) {
        // Which of two faults is found first depends on the pieces.
        (Err(_), Err(_)) => {}
        _ => assert_eq!(whole, parts),
    }
    let limits = Limits { max_ratio: input.ratio, ratio_from: 10, ..limits };
    let _ = decode(&mut Decoder::new(&codings, limits), &input.data, 50, 50);
});
