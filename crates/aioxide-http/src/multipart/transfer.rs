//! `Content-Transfer-Encoding`: base64 and quoted-printable, RFC 2045, in any pieces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TransferError;

/// The longest line of quoted-printable, without the `=` at its end.
const LINE: usize = 75;

/// How the content of a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// As it is: binary, 8bit and 7bit.
    Identity,
    /// base64, in one line.
    Base64,
    /// quoted-printable: line ends CR LF stay, all other control characters are encoded.
    QuotedPrintable,
}

impl TransferEncoding {
    /// The encoding of that name, in whatever case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], TransferEncoding); 6] = [
            (b"", TransferEncoding::Identity),
            (b"binary", TransferEncoding::Identity),
            (b"8bit", TransferEncoding::Identity),
            (b"7bit", TransferEncoding::Identity),
            (b"base64", TransferEncoding::Base64),
            (b"quoted-printable", TransferEncoding::QuotedPrintable),
        ];
        let name = name.trim_ascii();
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, known)| *known)
    }
}

/// Encodes content. What it writes does not depend on the pieces in which content comes.
#[derive(Debug)]
pub struct TransferEncoder {
    encoding: TransferEncoding,
    /// base64: what makes no group of three yet.
    carry: [u8; 2],
    carried: usize,
    /// quoted-printable: how much the line has.
    column: usize,
    /// A space or tab that must be encoded if the line ends behind it.
    space: Option<u8>,
    /// A CR that is part of a line end if a LF follows.
    cr: bool,
}

impl TransferEncoder {
    /// An encoder for one part.
    #[must_use]
    pub fn new(encoding: TransferEncoding) -> Self {
        Self { encoding, carry: [0; 2], carried: 0, column: 0, space: None, cr: false }
    }

    /// Appends what is ready of `input` to `output`.
    pub fn encode(&mut self, input: &[u8], output: &mut Vec<u8>) {
        match self.encoding {
            TransferEncoding::Identity => output.extend_from_slice(input),
            TransferEncoding::Base64 => self.base64(input, output),
            TransferEncoding::QuotedPrintable => {
                for byte in input {
                    self.printable(*byte, output);
                }
            }
        }
    }

    /// Appends the rest.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        append_base64(&self.carry[..self.carried], output);
        self.carried = 0;
        if self.cr {
            self.put_space(output);
            self.put_encoded(b'\r', output);
        } else if let Some(space) = self.space.take() {
            self.put_encoded(space, output);
        }
        self.cr = false;
    }

    fn base64(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        if self.carried > 0 {
            let missing = 3 - self.carried;
            if input.len() >= missing {
                let mut group = [0; 3];
                group[..self.carried].copy_from_slice(&self.carry[..self.carried]);
                group[self.carried..].copy_from_slice(&input[..missing]);
                append_base64(&group, output);
                input = &input[missing..];
                self.carried = 0;
            }
        }
        let groups = if self.carried > 0 { 0 } else { input.len() / 3 * 3 };
        append_base64(&input[..groups], output);
        for byte in &input[groups..] {
            self.carry[self.carried] = *byte;
            self.carried += 1;
        }
    }

    fn printable(&mut self, byte: u8, output: &mut Vec<u8>) {
        if self.cr {
            self.cr = false;
            if byte == b'\n' {
                if let Some(space) = self.space.take() {
                    self.put_encoded(space, output);
                }
                output.extend_from_slice(b"\r\n");
                self.column = 0;
                return;
            }
            self.put_space(output);
            self.put_encoded(b'\r', output);
        }
        match byte {
            b'\r' => self.cr = true,
            b' ' | b'\t' => {
                self.put_space(output);
                self.space = Some(byte);
            }
            b'!'..=b'<' | b'>'..=b'~' => {
                self.put_space(output);
                self.put(&[byte], output);
            }
            _ => {
                self.put_space(output);
                self.put_encoded(byte, output);
            }
        }
    }

    fn put_space(&mut self, output: &mut Vec<u8>) {
        if let Some(space) = self.space.take() {
            self.put(&[space], output);
        }
    }

    fn put_encoded(&mut self, byte: u8, output: &mut Vec<u8>) {
        let [_, high, low] = *percent_encoding::percent_encode_byte(byte).as_bytes() else {
            return;
        };
        self.put(&[b'=', high, low], output);
    }

    fn put(&mut self, text: &[u8], output: &mut Vec<u8>) {
        if self.column + text.len() > LINE {
            output.extend_from_slice(b"=\r\n");
            self.column = 0;
        }
        output.extend_from_slice(text);
        self.column += text.len();
    }
}

fn append_base64(input: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    output.resize(start + input.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(input, &mut output[start..]).unwrap_or(0);
    output.truncate(start + written);
}

/// What the decoder of quoted-printable has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Text,
    /// `=`.
    Equals,
    /// `=` and a hexadecimal digit.
    Digit(u8),
    /// `=` and a CR: all up to the line end is dropped.
    SoftBreak,
}

/// Decodes content as CPython's `base64.b64decode` and `binascii.a2b_qp` do: other characters in
/// base64 are skipped, and what is behind its padding; a `=` that means nothing stays.
#[derive(Debug)]
pub struct TransferDecoder {
    encoding: TransferEncoding,
    seen: Seen,
    /// base64: how many characters of the group came, and the bits that are over.
    place: u8,
    bits: u8,
    pads: u8,
    ended: bool,
}

impl TransferDecoder {
    /// A decoder for one part.
    #[must_use]
    pub fn new(encoding: TransferEncoding) -> Self {
        Self { encoding, seen: Seen::Text, place: 0, bits: 0, pads: 0, ended: false }
    }

    /// Appends what `input` stands for to `output`.
    pub fn decode(&mut self, input: &[u8], output: &mut Vec<u8>) {
        match self.encoding {
            TransferEncoding::Identity => output.extend_from_slice(input),
            TransferEncoding::Base64 => {
                for byte in input {
                    self.base64(*byte, output);
                }
            }
            TransferEncoding::QuotedPrintable => {
                for byte in input {
                    self.printable(*byte, output);
                }
            }
        }
    }

    /// The content ended.
    ///
    /// # Errors
    /// The base64 text ended within a group without padding.
    pub fn finish(&mut self, output: &mut Vec<u8>) -> Result<(), TransferError> {
        if let Seen::Digit(digit) = self.seen {
            output.extend_from_slice(&[b'=', digit]);
        }
        self.seen = Seen::Text;
        if self.place == 0 || self.ended { Ok(()) } else { Err(TransferError::Base64) }
    }

    fn base64(&mut self, byte: u8, output: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                if self.place >= 2 {
                    self.pads += 1;
                    self.ended = self.place + self.pads >= 4;
                }
                return;
            }
            _ => return,
        };
        self.pads = 0;
        match self.place {
            0 => self.bits = value,
            1 => output.push(self.bits << 2 | value >> 4),
            2 => output.push((self.bits & 15) << 4 | value >> 2),
            _ => output.push((self.bits & 3) << 6 | value),
        }
        self.bits = value;
        self.place = (self.place + 1) % 4;
    }

    fn printable(&mut self, byte: u8, output: &mut Vec<u8>) {
        match (self.seen, byte) {
            (Seen::Text, b'=') => self.seen = Seen::Equals,
            (Seen::Text, _) => output.push(byte),
            (Seen::SoftBreak | Seen::Equals, b'\n') => self.seen = Seen::Text,
            (Seen::SoftBreak, _) => {}
            (Seen::Equals, b'\r') => self.seen = Seen::SoftBreak,
            (Seen::Equals, b'=') => {
                output.push(b'=');
                self.seen = Seen::Text;
            }
            (Seen::Equals, _) if byte.is_ascii_hexdigit() => self.seen = Seen::Digit(byte),
            (Seen::Equals, _) => {
                output.extend_from_slice(&[b'=', byte]);
                self.seen = Seen::Text;
            }
            (Seen::Digit(high), _) => {
                self.seen = Seen::Text;
                if let (Some(high), Some(low)) = (hex(high), hex(byte)) {
                    output.push(high << 4 | low);
                } else {
                    output.extend_from_slice(&[b'=', high]);
                    self.printable(byte, output);
                }
            }
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
