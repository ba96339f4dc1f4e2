//! Whatever is encoded is decoded, in whatever pieces.

use aioxide_http::coding::{Coding, Codings, DecodeError, Decoder, Encoder, Limits};
use proptest::prelude::*;

use super::support::{decode, decoder, feed};

fn coding() -> impl Strategy<Value = Coding> {
    prop_oneof![Just(Coding::Gzip), Just(Coding::Deflate), Just(Coding::Brotli), Just(Coding::Zstd)]
}

/// Some of it compresses, some does not.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..50_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    proptest::collection::vec(run, 0..6).prop_map(|runs| runs.concat())
}

/// Cuts `data` at the places that `cuts` stand for.
fn pieces<'a>(data: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
    cuts.sort_unstable();
    let mut start = 0;
    let mut pieces = Vec::new();
    for cut in cuts.into_iter().chain([data.len()]) {
        pieces.push(&data[start..cut]);
        start = cut;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn decoding_gives_what_was_encoded(
        coding in coding(),
        data in body(),
        flush in any::<u8>(),
        cuts_in in proptest::collection::vec(any::<usize>(), 0..8),
        cuts_out in proptest::collection::vec(any::<usize>(), 0..8),
        room in 1..5000_usize,
    ) {
        let mut encoder = Encoder::new(coding, None).expect("usual level");
        let mut encoded = Vec::new();
        for (index, piece) in pieces(&data, &cuts_in).into_iter().enumerate() {
            encoder.encode(piece, &mut encoded).expect("encode");
            if flush >> (index % 8) & 1 == 1 {
                encoder.flush(&mut encoded).expect("flush");
            }
        }
        encoder.finish(&mut encoded).expect("finish");
        let body = feed(&mut decoder(coding), pieces(&encoded, &cuts_out), room);
        prop_assert_eq!(body, Ok(data));
    }

    #[test]
    fn splits_do_not_change_the_outcome_of_damaged_data(
        coding in coding(),
        data in body(),
        place in any::<usize>(),
        byte in any::<u8>(),
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut encoded = super::support::encode(coding, &data);
        let place = place % encoded.len();
        encoded[place] = byte;
        // libzstd refuses a compressed block of no bytes in a frame that comes at once, and takes it
        // as empty in one that comes in pieces.
        let empty_block = |bytes: &[u8]| matches!(bytes, [4 | 5, 0, 0]);
        prop_assume!(coding != Coding::Zstd || !encoded.windows(3).any(empty_block));
        let limits = Limits { max_decompressed_size: Some(400_000), ..Limits::default() };
        let run = |parts: Vec<&[u8]>| {
            // What a library says first of bytes with several faults depends on the pieces.
            feed(&mut Decoder::new(&Codings::from(coding), limits), parts, 999)
                .map_err(|error| match error {
                    DecodeError::Corrupt { coding, .. } => {
                        DecodeError::Corrupt { coding, what: "".into() }
                    }
                    error => error,
                })
        };
        prop_assert_eq!(run(pieces(&encoded, &cuts)), run(vec![&encoded]));
    }

    #[test]
    fn any_bytes_are_an_error_or_a_body(
        coding in coding(),
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = decode(coding, &data);
    }
}
