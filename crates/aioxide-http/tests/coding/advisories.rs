//! What aiohttp had to fix in its decompression.

use aioxide_http::coding::{Coding, Codings, DecodeError, Decoder, Limits, MAX_STEP, MEMBERS_PER};

use super::support::{ALL, decoder, encode, feed};
use super::vectors::{GZIP, ZLIB, ZSTD, ZSTD_SKIPPABLE};

/// CVE-2025-69223: a body of some kilobytes became one of gigabytes at once.
#[test]
fn zip_bomb_comes_out_in_bounded_steps_and_can_be_left() {
    for coding in ALL {
        let bomb = encode(coding, &vec![0; 64 * 1024 * 1024]);
        assert!(bomb.len() < 128 * 1024, "{coding} is no bomb");
        let mut decoder = decoder(coding);
        let mut output = Vec::new();
        let mut rest = &bomb[..];
        for _ in 0..4 {
            output.clear();
            let step = decoder.decode_to_vec(rest, &mut output).expect("fine");
            assert!(step.more);
            assert!(output.len() <= MAX_STEP);
            assert!(output.capacity() <= 2 * MAX_STEP, "{coding} allocates {}", output.capacity());
            rest = &rest[step.consumed..];
        }
        // Leaving here costs nothing more: what is not asked for is not decoded.
        assert!(decoder.total_out() <= 4 * MAX_STEP as u64);
    }
}

#[test]
fn bomb_within_a_bomb_is_bounded_a_step() {
    let inner = encode(Coding::Gzip, &vec![0; 16 * 1024 * 1024]);
    let bomb = encode(Coding::Gzip, &inner);
    let codings = Codings::parse([&b"gzip, gzip"[..]]).expect("known");
    let mut decoder = Decoder::new(&codings, Limits::default());
    let mut output = vec![0; 2 * MAX_STEP];
    let step = decoder.decode(&bomb, &mut output).expect("fine");
    assert!(step.produced <= MAX_STEP && step.more);
}

/// The outer coding grows, and the inner one eats all of it without any output.
#[test]
fn work_between_two_codings_is_bounded_a_step() {
    let mut header = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff".to_vec();
    header.resize(8 * 1024 * 1024, b'n');
    let bomb = encode(Coding::Zstd, &header);
    assert!(bomb.len() < 4096);
    let codings = Codings::parse([&b"gzip, zstd"[..]]).expect("known");
    let mut decoder = Decoder::new(&codings, Limits::default());
    let mut output = [0; 10];
    let mut steps = 0;
    let mut rest = &bomb[..];
    loop {
        let step = decoder.decode(rest, &mut output).expect("fine");
        rest = &rest[step.consumed..];
        steps += 1;
        if !step.more {
            break;
        }
    }
    assert!(steps >= header.len() / (2 * MAX_STEP), "{steps} steps");
    assert_eq!(decoder.finish(), Err(DecodeError::Truncated { coding: Coding::Gzip }));
}

/// CVE-2025-69229: many tiny chunks cost far more than a large one.
#[test]
fn tiny_chunks_hold_and_allocate_no_more_than_a_large_one() {
    let data = vec![b'x'; 300_000];
    for coding in ALL {
        let encoded = encode(coding, &data);
        let mut decoder = decoder(coding);
        let mut output = Vec::new();
        for byte in encoded.chunks(1) {
            let before = output.capacity();
            loop {
                let step = decoder.decode_to_vec(byte, &mut output).expect("fine");
                assert!(step.consumed == 1 || step.more);
                if !step.more || step.consumed == 1 {
                    break;
                }
            }
            assert!(output.capacity() <= 2 * before.max(2 * MAX_STEP));
        }
        while decoder.decode_to_vec(b"", &mut output).expect("fine").more {}
        assert_eq!(decoder.finish(), Ok(()));
        assert_eq!(output, data);
    }
}

/// aiohttp 3.14.4, MAX_DECOMPRESS_MEMBERS: members of twenty bytes cost a decoder each.
#[test]
fn number_of_members_is_capped() {
    let limits = Limits { max_members: 10, ..Limits::default() };
    let frame = [ZSTD_SKIPPABLE, ZSTD].concat();
    for (coding, member, members) in
        [(Coding::Gzip, GZIP, 1), (Coding::Deflate, ZLIB, 1), (Coding::Zstd, &frame[..], 2)]
    {
        let run = |count: usize, piece: usize| {
            let data = member.repeat(count);
            feed(&mut Decoder::new(&Codings::from(coding), limits), data.chunks(piece), 1000)
        };
        for piece in [1, 13, 10_000] {
            assert_eq!(run(10 / members, piece), Ok(b"hello".repeat(10 / members)), "{coding}");
            let error = Err(DecodeError::TooManyMembers { coding, limit: 10 });
            assert_eq!(run(10 / members + 1, piece), error);
        }
    }
}

/// Files in blocks, as of genome data, have a member for each 64 KiB, for as long as they go on.
#[test]
fn members_of_usual_size_may_go_on_for_ever() {
    let block = super::support::noise(64 * 1024);
    let member = encode(Coding::Gzip, &block);
    let limits = Limits { max_members: 10, ..Limits::default() };
    let count = 5 * MEMBERS_PER as usize / member.len();
    assert!(count > 10);
    let mut decoder = Decoder::new(&Codings::from(Coding::Gzip), limits);
    let body = feed(&mut decoder, (0..count).map(|_| &member[..]), 100_000).expect("fine");
    assert_eq!(body.len(), count * block.len());
}
