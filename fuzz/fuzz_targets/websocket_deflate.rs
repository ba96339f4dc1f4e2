//! Compressed messages: any data inflates in bounded pieces or is refused, the same in any parts,
//! and what is deflated inflates to itself.
#![no_main]

use aioxide_http::websocket::{Deflater, Inflater, ProtocolError};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;
const STEP: usize = 16 << 10;

#[derive(Arbitrary, Debug)]
struct Message {
    data: Vec<u8>,
    /// Where it is cut.
    cut: u8,
    /// Its own window.
    window_bits: u8,
}

#[derive(Arbitrary, Debug)]
struct Input {
    window_bits: u8,
    takeover: bool,
    messages: Vec<Message>,
}

fn inflated<'a>(
    inflater: &mut Inflater,
    parts: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, ProtocolError> {
    let mut out = Vec::new();
    let mut sink = |piece: &[u8]| {
        assert!((1..=STEP).contains(&piece.len()));
        out.extend_from_slice(piece);
        if out.len() > LIMIT {
            return Err(ProtocolError::TooBig { size: out.len() as u64, limit: LIMIT });
        }
        Ok(())
    };
    for part in parts {
        inflater.inflate(part, &mut sink)?;
    }
    inflater.finish(&mut sink)?;
    assert!(out.len() <= LIMIT);
    Ok(out)
}

fuzz_target!(|input: Input| {
    let Input { window_bits, takeover, messages } = input;
    let window_bits = 8 + window_bits % 8;

    let mut whole = Inflater::new(window_bits, takeover);
    let mut parts = Inflater::new(window_bits, takeover);
    for Message { data, cut, .. } in &messages {
        let one = inflated(&mut whole, std::iter::once(&data[..]));
        let many = inflated(&mut parts, data.chunks(usize::from(*cut).max(1)));
        // How much of a bomb is seen before its end depends on the parts.
        assert_eq!(one.is_err(), many.is_err());
        assert_eq!(one.as_ref().ok(), many.ok().as_ref());
        if one.is_err() {
            break;
        }
    }

    let mut deflater = Deflater::new(window_bits, takeover);
    let mut inflater = Inflater::new(window_bits.max(9), takeover);
    for Message { data, cut, window_bits: own } in &messages {
        let own = if *own < 128 { 0 } else { 9 + own % 7 };
        deflater.begin(own).expect("zlib has the window");
        let mut out = Vec::new();
        for part in data.chunks(usize::from(*cut).max(1)) {
            deflater.deflate(part, false, &mut out).expect("zlib does not fail");
        }
        deflater.deflate(b"", true, &mut out).expect("zlib does not fail");
        assert_eq!(inflated(&mut inflater, std::iter::once(&out[..])).as_ref(), Ok(data));
    }
});
