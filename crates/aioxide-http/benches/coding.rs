//! What bodies cost: decoding and encoding by coding, reading of multipart bodies, forms.
//!
//! Arms take turns round by round; each reports the least and the median of nanoseconds per byte of
//! plain content.

use std::hint::black_box;
use std::time::Instant;

use aioxide_http::coding::{Coding, Codings, Decoder, Encoder, Limits};
use aioxide_http::form;
use aioxide_http::multipart::{self, Boundary, Event, Headers, Kind, Part, Reader, Writer};

const ROUNDS: usize = 15;
const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
/// As much as a read from a socket brings.
const READ: usize = 64 * 1024;

struct Arm {
    name: String,
    bytes: usize,
    round: Box<dyn FnMut()>,
}

/// Records as of an API: they compress by about five.
fn records(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = Vec::with_capacity(length + 200);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let record = format!(
            "{{\"id\": {}, \"name\": \"user {}\", \"active\": {}, \"score\": {}}}, ",
            state % 100_000,
            state >> 20 & 0xfff,
            state & 1 == 0,
            state >> 40 & 0xff
        );
        text.extend_from_slice(record.as_bytes());
    }
    text.truncate(length);
    text
}

fn encode(coding: Coding, data: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    if let Ok(mut encoder) = Encoder::new(coding, None) {
        let _ = encoder.encode(data, &mut output);
        let _ = encoder.finish(&mut output);
    }
    output
}

fn decode(decoder: &mut Decoder, encoded: &[u8], output: &mut [u8]) -> usize {
    let mut total = 0;
    for mut input in encoded.chunks(READ) {
        while let Ok(step) = decoder.decode(input, output) {
            total += black_box(step.produced);
            input = &input[step.consumed..];
            if !step.more {
                break;
            }
        }
    }
    total
}

fn decoding(name: &str, data: &[u8], repeat: usize) -> Vec<Arm> {
    let mut arms = Vec::new();
    for coding in CODINGS {
        for reused in [false, true] {
            let encoded = encode(coding, data);
            let codings = Codings::from(coding);
            let mut decoder = Decoder::new(&codings, Limits::default());
            let mut output = vec![0; 256 * 1024];
            let length = data.len();
            let how = if reused { "reused" } else { "new" };
            arms.push(Arm {
                name: format!("decode {name}, {coding}, {how} decoder"),
                bytes: length * repeat,
                round: Box::new(move || {
                    for _ in 0..repeat {
                        if reused {
                            decoder.reset(&codings, Limits::default());
                        } else {
                            decoder = Decoder::new(&codings, Limits::default());
                        }
                        assert_eq!(decode(&mut decoder, &encoded, &mut output), length);
                    }
                }),
            });
        }
    }
    arms
}

fn encoding(data: &[u8]) -> Vec<Arm> {
    let arm = |coding: Coding| {
        let data = data.to_vec();
        Arm {
            name: format!("encode 1 MiB, {coding}"),
            bytes: data.len(),
            round: Box::new(move || {
                black_box(encode(coding, &data));
            }),
        }
    };
    CODINGS.into_iter().map(arm).collect()
}

/// A body with one part.
fn multipart_body(boundary: &Boundary, content: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(boundary.clone());
    let mut body = Vec::new();
    if let Ok(part) = Part::new(Kind::Other, Headers::new(), None) {
        let _ = writer.begin_part(&part, &mut body);
        let _ = writer.data_to(content, &mut body);
        let _ = writer.end_part(&mut body);
        let _ = writer.close(&mut body);
    }
    body
}

fn read_multipart(boundary: &Boundary, body: &[u8]) -> usize {
    let mut reader = Reader::new(boundary, Kind::Other, multipart::Limits::default());
    let mut total = 0;
    for mut input in body.chunks(READ) {
        while let Ok((consumed, event)) = reader.next(input) {
            input = &input[consumed..];
            match event {
                Event::Data(data) => total += black_box(data).len(),
                Event::NeedInput => break,
                _ => {}
            }
        }
    }
    total
}

fn multiparts(data: &[u8]) -> Vec<Arm> {
    let lines: Vec<u8> = data.chunks(30).flat_map(|line| [line, b"\r\n"].concat()).collect();
    let arm = |name: &str, content: &[u8]| {
        let boundary = Boundary::from_random([7; 16]);
        let body = multipart_body(&boundary, content);
        let length = content.len();
        Arm {
            name: format!("read multipart, {name}"),
            bytes: length,
            round: Box::new(move || assert_eq!(read_multipart(&boundary, &body), length)),
        }
    };
    vec![arm("1 MiB", data), arm("1 MiB of lines", &lines)]
}

fn forms(data: &[u8]) -> Vec<Arm> {
    let fields: Vec<(Vec<u8>, Vec<u8>)> =
        data.chunks(100).map(|text| (text[..10].to_vec(), text[10..].to_vec())).collect();
    let encoded = form::encode(fields.iter().map(|(name, value)| (&name[..], &value[..])));
    let bytes = data.len();
    vec![
        Arm {
            name: "encode a form".to_owned(),
            bytes,
            round: Box::new(move || {
                let fields = fields.iter().map(|(name, value)| (&name[..], &value[..]));
                black_box(form::encode(fields));
            }),
        },
        Arm {
            name: "parse a form".to_owned(),
            bytes,
            round: Box::new(move || {
                let limits = form::Limits { max_fields: usize::MAX, ..form::Limits::default() };
                let _ = black_box(form::parse(&encoded, true, limits));
            }),
        },
    ]
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn measure(round: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    round();
    start.elapsed().as_nanos() as f64
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn main() {
    // `cargo test --all-targets` only runs the program.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let large = records(1024 * 1024);
    let mut arms = decoding("1 kB", &large[..1000], 100);
    arms.extend(decoding("1 MiB", &large, 1));
    arms.extend(encoding(&large));
    arms.extend(multiparts(&large));
    arms.extend(forms(&large[..1_000_000]));
    let mut samples = vec![Vec::with_capacity(ROUNDS); arms.len()];
    // The first round fills caches and buffers and is not counted.
    for round in 0..=ROUNDS {
        for (arm, samples) in arms.iter_mut().zip(&mut samples) {
            let took = measure(&mut *arm.round) / arm.bytes as f64;
            if round > 0 {
                samples.push(took);
            }
        }
    }
    println!("{:<44}{:>10}{:>10}{:>10}", "ns per byte", "least", "median", "most");
    for (arm, samples) in arms.iter().zip(&mut samples) {
        samples.sort_by(f64::total_cmp);
        let (least, median, most) = (samples[0], samples[ROUNDS / 2], samples[ROUNDS - 1]);
        println!("{:<44}{least:>10.3}{median:>10.3}{most:>10.3}", arm.name);
    }
}
