//! The header of a frame: read from the server, written for the client.

use super::error::ProtocolError;

/// The longest payload of a control frame.
pub(super) const CONTROL: usize = 125;
/// The longest header of the server: without a key, which it must not use.
pub(super) const SERVER_HEADER: usize = 10;
/// The longest header of the client: with a length of 64 bits and a key.
pub(super) const CLIENT_HEADER: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV: u8 = 0x70;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A further part of a message.
    Continuation = 0,
    /// A text message, or its first part.
    Text = 1,
    /// A binary message, or its first part.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// A question for a Pong with the same payload.
    Ping = 9,
    /// An answer to a Ping, or a sign of life.
    Pong = 10,
}

impl Opcode {
    /// The opcode of this number; none has the numbers 3 to 7 and 11 to 15.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether frames of it may come between the frames of a message.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a frame from the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    /// The message is compressed.
    pub(super) compressed: bool,
    pub(super) length: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`: it and its length, or `None` when it is not whole.
    /// Everything that the header alone tells to be wrong is an error here.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        if first & (RSV & !RSV1) != 0 {
            return Err(ProtocolError::ReservedBits(first & RSV));
        }
        let number = first & 0x0f;
        let opcode = Opcode::from_number(number).ok_or(ProtocolError::ReservedOpcode(number))?;
        let (fin, compressed) = (first & FIN != 0, first & RSV1 != 0);
        if second & MASKED != 0 {
            return Err(ProtocolError::Masked);
        }
        if opcode.is_control() {
            if !fin {
                return Err(ProtocolError::FragmentedControl);
            }
            if usize::from(second) > CONTROL {
                return Err(ProtocolError::ControlTooLong);
            }
        }
        // Only the first frame of a message says whether it is compressed.
        if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(ProtocolError::ReservedBits(RSV1));
        }
        let (length, size) = match second {
            LENGTH_16 => {
                let Some(length) = rest.first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*length)), 4)
            }
            LENGTH_64 => {
                let Some(length) = rest.first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), 10)
            }
            _ => (u64::from(second), 2),
        };
        if length >> 63 != 0 {
            return Err(ProtocolError::LengthHighBit);
        }
        let least = match second {
            LENGTH_16 => u64::from(LENGTH_16),
            LENGTH_64 => 1 << 16,
            _ => 0,
        };
        if length < least {
            return Err(ProtocolError::LengthNotMinimal(length));
        }
        Ok(Some((Self { opcode, fin, compressed, length }, size)))
    }
}

/// Writes the header of a frame to the server into `room`; answers how much of it that took.
pub(super) fn write_header(
    room: &mut [u8; CLIENT_HEADER],
    opcode: Opcode,
    fin: bool,
    compressed: bool,
    length: usize,
    key: [u8; 4],
) -> usize {
    room[0] = opcode as u8 | if fin { FIN } else { 0 } | if compressed { RSV1 } else { 0 };
    let size = if let Ok(short) = u8::try_from(length)
        && short < LENGTH_16
    {
        room[1] = MASKED | short;
        2
    } else if let Ok(length) = u16::try_from(length) {
        room[1] = MASKED | LENGTH_16;
        room[2..4].copy_from_slice(&length.to_be_bytes());
        4
    } else {
        room[1] = MASKED | LENGTH_64;
        room[2..10].copy_from_slice(&(length as u64).to_be_bytes());
        10
    };
    room[size..size + 4].copy_from_slice(&key);
    size + 4
}
