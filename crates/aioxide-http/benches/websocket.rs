//! What the codec costs: masking in several ways, frames out and in, and compression.

use std::hint::black_box;
use std::time::Instant;

use aioxide_http::websocket::{Decoder, Deflate, Encoder, Event, Frame, Settings, mask};

/// Rounds of one arm after another: a change of the machine's speed hits all of them.
const ROUNDS: usize = 25;
/// How many bytes a round handles, whatever the size of a message.
const BYTES: usize = 4 << 20;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

struct Arm<'a> {
    name: String,
    operations: usize,
    /// Bytes of one operation.
    size: usize,
    operation: Box<dyn FnMut() + 'a>,
}

impl<'a> Arm<'a> {
    fn new(name: impl Into<String>, size: usize, operation: impl FnMut() + 'a) -> Self {
        let operations = (BYTES / size.max(64)).max(1);
        Self { name: name.into(), operations, size, operation: Box::new(operation) }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn compare(title: &str, arms: &mut [Arm<'_>]) {
    let mut samples = vec![Vec::with_capacity(ROUNDS); arms.len()];
    // The first round fills caches and buffers and is not counted.
    for round in 0..=ROUNDS {
        for (arm, samples) in arms.iter_mut().zip(&mut samples) {
            let start = Instant::now();
            for _ in 0..arm.operations {
                (arm.operation)();
            }
            if round > 0 {
                samples.push(start.elapsed().as_nanos() as f64 / arm.operations as f64);
            }
        }
    }
    println!("{title}");
    println!("  {:<34}{:>12}{:>12}{:>10}", "ns per operation", "least", "median", "GB/s");
    for (arm, samples) in arms.iter().zip(&mut samples) {
        samples.sort_by(f64::total_cmp);
        let (least, median) = (samples[0], samples[ROUNDS / 2]);
        let rate = arm.size as f64 / median;
        println!("  {:<34}{least:>12.1}{median:>12.1}{rate:>10.2}", arm.name);
    }
}

fn by_byte(bytes: &mut [u8], key: [u8; 4]) {
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte ^= key[at % 4];
    }
}

fn by_lane(bytes: &mut [u8], key: [u8; 4]) {
    let (lanes, rest) = bytes.as_chunks_mut::<32>();
    for lane in lanes {
        mask(lane, key);
    }
    mask(rest, key);
}

fn masks(size: usize) {
    let (mut a, mut b, mut c) = (vec![7; size], vec![7; size], vec![7; size]);
    compare(
        &format!("mask {size} bytes"),
        &mut [
            Arm::new("mask", size, || mask(black_box(&mut a), KEY)),
            Arm::new("by 32 bytes", size, || by_lane(black_box(&mut b), KEY)),
            Arm::new("by bytes", size, || by_byte(black_box(&mut c), KEY)),
        ],
    );
}

/// Text that is neither random nor all the same: lines of JSON.
fn prose(size: usize) -> Vec<u8> {
    let mut seed = 1_u64;
    let mut text = String::with_capacity(size + 100);
    while text.len() < size {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (id, price) = (seed >> 48, seed >> 33 & 0xffff);
        text.push_str(&format!(r#"{{"id":{id},"side":"buy","price":{price}.25,"size":1}},"#));
    }
    text.truncate(size);
    text.into_bytes()
}

/// The client's frame as a server would send it.
fn served(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    [&[frame[0], frame[1] & 0x7f], &frame[2..header], &frame[header + 4..]].concat()
}

fn encoded(encoder: &mut Encoder, frame: Frame<'_>, key: [u8; 4], out: &mut Vec<u8>) {
    out.clear();
    encoder.frame(frame, key, out).expect("the frame is right");
}

fn decoded(decoder: &mut Decoder, mut input: &[u8]) {
    while let Some(event) = decoder.next(&mut input).expect("the frame is right") {
        match event {
            Event::Text(text) => drop(black_box(text)),
            other => drop(black_box(other)),
        }
    }
}

fn frames(size: usize) {
    let content = prose(size);
    let text = std::str::from_utf8(&content).expect("JSON is text");
    let mut whole = Vec::new();
    encoded(&mut Encoder::new(None), Frame::text(text), [0; 4], &mut whole);
    let whole = served(&whole);
    let halves = whole.split_at(whole.len() / 2);
    let (mut encoder, mut out) = (Encoder::new(None), Vec::new());
    let mut decoder = Decoder::new(Settings::default(), None);
    let mut split = Decoder::new(Settings::default(), None);
    compare(
        &format!("text messages of {size} bytes"),
        &mut [
            Arm::new("encode", size, || {
                encoded(&mut encoder, Frame::text(text), KEY, &mut out);
            }),
            Arm::new("decode, whole in the input", size, || decoded(&mut decoder, &whole)),
            Arm::new("decode, in two reads", size, || {
                decoded(&mut split, halves.0);
                decoded(&mut split, halves.1);
            }),
        ],
    );
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn compression(size: usize) {
    let content = prose(size);
    for takeover in [true, false] {
        let deflate = Deflate {
            server_window_bits: 15,
            client_window_bits: 15,
            server_no_context_takeover: !takeover,
            client_no_context_takeover: !takeover,
        };
        // Without takeover each message stands alone, and one can be decoded again and again.
        let alone = Deflate {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..deflate
        };
        let (mut encoder, mut out) = (Encoder::new(Some(&deflate)), Vec::new());
        let mut message = Vec::new();
        encoded(&mut Encoder::new(Some(&alone)), Frame::binary(&content), [0; 4], &mut message);
        let message = served(&message);
        let mut decoder = Decoder::new(Settings::default(), Some(&deflate));
        let name = if takeover { "takeover" } else { "no takeover" };
        compare(
            &format!("compressed messages of {size} bytes, {name}"),
            &mut [
                Arm::new("encode", size, || {
                    encoded(&mut encoder, Frame::binary(&content), KEY, &mut out);
                }),
                Arm::new("decode", size, || decoded(&mut decoder, &message)),
            ],
        );
        println!("  {} bytes alone, {} after itself", message.len(), out.len());
    }
}

fn main() {
    // `cargo bench` asks for a measurement; `cargo test --all-targets` only runs the program.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for size in [16, 125, 1024, 16 << 10, 1 << 20] {
        masks(size);
    }
    for size in [16, 125, 1024, 16 << 10, 1 << 20] {
        frames(size);
    }
    for size in [64, 1024, 64 << 10] {
        compression(size);
    }
}
