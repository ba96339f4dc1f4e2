//! The header and the trailer of a gzip member, byte by byte.
//!
//! They are read here and not by the inflater, because an inflater that reads them itself cannot be
//! reset without allocating its window anew, and because this way an error names its cause.

use flate2::Crc;

const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;
const DEFLATE: u8 = 8;

/// What is wrong with a header or a trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The first two bytes are others.
    Magic,
    Other(&'static str),
}

/// Which field of the header is read, and how much of it has been.
#[derive(Clone, Copy, Debug)]
enum Field {
    Fixed(u8),
    ExtraLength(u8),
    Extra,
    Name,
    Comment,
    Crc(u8),
    Done,
}

/// A header that is being read.
#[derive(Debug)]
pub(super) struct Header {
    field: Field,
    flags: u8,
    /// The number that is being read, or how much is left of the field.
    number: u16,
    crc: Crc,
}

impl Header {
    pub(super) fn new() -> Self {
        Self { field: Field::Fixed(0), flags: 0, number: 0, crc: Crc::new() }
    }

    /// How many bytes have been read, as long as they are no more than the magic number.
    pub(super) fn only_one_byte(&self) -> bool {
        matches!(self.field, Field::Fixed(1))
    }

    /// Reads on. Answers how many bytes belong to the header, and whether it ends with them.
    pub(super) fn read(&mut self, input: &[u8]) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        loop {
            if let Field::Done = self.field {
                return Ok((at, true));
            }
            let Some(byte) = input.get(at).copied() else { return Ok((at, false)) };
            let taken = match self.field {
                Field::Extra => usize::from(self.number).min(input.len() - at),
                Field::Name | Field::Comment => {
                    memchr::memchr(0, &input[at..]).map_or(input.len() - at, |end| end + 1)
                }
                _ => 1,
            };
            let bytes = &input[at..at + taken];
            at += taken;
            if !matches!(self.field, Field::Crc(_)) {
                self.crc.update(bytes);
            }
            self.advance(byte, bytes)?;
        }
    }

    /// Takes `bytes`, of which `byte` is the first, into the field that is being read.
    fn advance(&mut self, byte: u8, bytes: &[u8]) -> Result<(), Fault> {
        match self.field {
            Field::Fixed(place) => {
                match place {
                    // One stray byte behind the data is no member, so both are looked at together.
                    0 => self.number = u16::from(byte) << 8,
                    1 if self.number | u16::from(byte) != 0x1f8b => return Err(Fault::Magic),
                    2 if byte != DEFLATE => return Err(Fault::Other("unknown method")),
                    3 if byte & RESERVED != 0 => return Err(Fault::Other("unknown header flags")),
                    3 => self.flags = byte,
                    _ => {}
                }
                if place == 9 { self.after_fixed() } else { self.field = Field::Fixed(place + 1) }
            }
            Field::ExtraLength(0) => {
                self.number = u16::from(byte);
                self.field = Field::ExtraLength(1);
            }
            Field::ExtraLength(_) => {
                self.number |= u16::from(byte) << 8;
                if self.number == 0 { self.after_extra() } else { self.field = Field::Extra }
            }
            Field::Extra => {
                self.number = self.number.saturating_sub(bytes.len() as u16);
                if self.number == 0 {
                    self.after_extra();
                }
            }
            Field::Name if bytes.ends_with(&[0]) => self.after_name(),
            Field::Comment if bytes.ends_with(&[0]) => self.after_comment(),
            Field::Crc(0) => {
                self.number = u16::from(byte);
                self.field = Field::Crc(1);
            }
            Field::Crc(_) => {
                if self.number | u16::from(byte) << 8 != self.crc.sum() as u16 {
                    return Err(Fault::Other("header checksum differs"));
                }
                self.field = Field::Done;
            }
            Field::Name | Field::Comment | Field::Done => {}
        }
        Ok(())
    }

    fn after_fixed(&mut self) {
        if self.flags & HAS_EXTRA != 0 {
            self.field = Field::ExtraLength(0);
        } else {
            self.after_extra();
        }
    }

    fn after_extra(&mut self) {
        if self.flags & HAS_NAME != 0 {
            self.field = Field::Name;
        } else {
            self.after_name();
        }
    }

    fn after_name(&mut self) {
        if self.flags & HAS_COMMENT != 0 {
            self.field = Field::Comment;
        } else {
            self.after_comment();
        }
    }

    fn after_comment(&mut self) {
        self.field = if self.flags & HAS_CRC != 0 { Field::Crc(0) } else { Field::Done };
    }
}

/// A trailer that is being read.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    bytes: [u8; 8],
    read: usize,
}

impl Trailer {
    /// Reads on and compares with what was decoded. Answers how many bytes belong to the trailer,
    /// and whether it ends with them.
    pub(super) fn read(&mut self, input: &[u8], crc: &Crc) -> Result<(usize, bool), Fault> {
        let taken = input.len().min(self.bytes.len() - self.read);
        self.bytes[self.read..self.read + taken].copy_from_slice(&input[..taken]);
        self.read += taken;
        if self.read < self.bytes.len() {
            return Ok((taken, false));
        }
        let [a, b, c, d, length @ ..] = self.bytes;
        if u32::from_le_bytes([a, b, c, d]) != crc.sum() {
            return Err(Fault::Other("checksum differs"));
        }
        if u32::from_le_bytes(length) != crc.amount() {
            return Err(Fault::Other("length differs"));
        }
        Ok((taken, true))
    }
}
