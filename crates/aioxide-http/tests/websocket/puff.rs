//! An inflater of RFC 1951 that is slow and plain, and notes how far back a stream refers. zlib's
//! own does not insist on the window that was agreed.

const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
];
const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A stream that goes on from message to message.
#[derive(Default)]
pub(crate) struct Puff {
    /// All of the output.
    pub(crate) out: Vec<u8>,
    /// The greatest distance of any reference.
    pub(crate) farthest: usize,
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u8) -> u16 {
        (0..count).fold(0, |value, place| {
            let bit = self.bytes[self.at / 8] >> (self.at % 8) & 1;
            self.at += 1;
            value | u16::from(bit) << place
        })
    }

    fn is_at_end(&self) -> bool {
        self.at == self.bytes.len() * 8
    }
}

/// A canonical Huffman code: how many symbols each length has, and the symbols in order.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        let mut symbols: Vec<u16> = (0..lengths.len() as u16).collect();
        symbols.retain(|symbol| lengths[usize::from(*symbol)] != 0);
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        for length in lengths.iter().filter(|length| **length != 0) {
            counts[usize::from(*length)] += 1;
        }
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> u16 {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= i32::from(bits.take(1));
            let count = i32::from(*count);
            if code - first < count {
                return self.symbols[(index + code - first) as usize];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        panic!("no such symbol")
    }
}

impl Puff {
    /// Inflates a message, whose tail was cut off; answers it.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let start = self.out.len();
        let bytes = [payload, &[0, 0, 0xff, 0xff]].concat();
        let mut bits = Bits { bytes: &bytes, at: 0 };
        while !bits.is_at_end() {
            assert_eq!(bits.take(1), 0, "the client does not end streams");
            match bits.take(2) {
                0 => self.stored(&mut bits),
                1 => {
                    let lengths: Vec<u8> = (0..288)
                        .map(|symbol| match symbol {
                            0..144 => 8,
                            144..256 => 9,
                            256..280 => 7,
                            _ => 8,
                        })
                        .collect();
                    self.coded(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30]));
                }
                2 => {
                    let (lengths, distances) = codes(&mut bits);
                    self.coded(&mut bits, &lengths, &distances);
                }
                _ => panic!("no such block"),
            }
        }
        self.out[start..].to_vec()
    }

    fn stored(&mut self, bits: &mut Bits<'_>) {
        bits.at = bits.at.next_multiple_of(8);
        let (length, complement) = (bits.take(16), bits.take(16));
        assert_eq!(length, !complement);
        let start = bits.at / 8;
        self.out.extend(&bits.bytes[start..start + usize::from(length)]);
        bits.at += usize::from(length) * 8;
    }

    fn coded(&mut self, bits: &mut Bits<'_>, lengths: &Code, distances: &Code) {
        loop {
            let symbol = usize::from(lengths.read(bits));
            match symbol {
                0..256 => self.out.push(symbol as u8),
                256 => return,
                _ => {
                    let kind = symbol - 257;
                    let length = LENGTH_BASE[kind] + bits.take(LENGTH_EXTRA[kind]);
                    let kind = distances.read(bits);
                    let extra = (kind / 2).saturating_sub(1) as u8;
                    let base = if kind < 4 { kind } else { (2 + kind % 2) << extra };
                    let distance = usize::from(base + bits.take(extra)) + 1;
                    self.farthest = self.farthest.max(distance);
                    for _ in 0..length {
                        self.out.push(self.out[self.out.len() - distance]);
                    }
                }
            }
        }
    }
}

/// The codes that a dynamic block begins with.
fn codes(bits: &mut Bits<'_>) -> (Code, Code) {
    let literals = usize::from(bits.take(5)) + 257;
    let distances = usize::from(bits.take(5)) + 1;
    let count = usize::from(bits.take(4)) + 4;
    let mut lengths = [0; 19];
    for place in &ORDER[..count] {
        lengths[*place] = bits.take(3) as u8;
    }
    let code = Code::new(&lengths);
    let mut lengths: Vec<u8> = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match code.read(bits) {
            16 => (*lengths.last().expect("a length to repeat"), 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(value, usize::from(times)));
    }
    (Code::new(&lengths[..literals]), Code::new(&lengths[literals..]))
}
