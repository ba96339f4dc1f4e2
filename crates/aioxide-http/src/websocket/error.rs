//! What goes wrong, by whose fault.

use thiserror::Error;

use super::close::CloseCode;
use super::extension::ExtensionError;

/// The server broke the protocol or a limit. The connection is lost: the decoder answers each
/// further call with the same error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Reserved bits are set that nothing was agreed about, or where they have no meaning.
    #[error("Received frame with non-zero reserved bits")]
    ReservedBits(u8),
    /// No frame has this opcode.
    #[error("the server sent a frame of the reserved opcode {0}")]
    ReservedOpcode(u8),
    /// Only a client masks.
    #[error("the server sent a masked frame")]
    Masked,
    /// A Close, Ping or Pong without FIN.
    #[error("the server sent a control frame in fragments")]
    FragmentedControl,
    /// A Close, Ping or Pong of more than 125 bytes.
    #[error("the server sent a control frame of more than 125 bytes")]
    ControlTooLong,
    /// A continuation of nothing.
    #[error("the server sent a continuation where no message is open")]
    UnexpectedContinuation,
    /// A new message inside another.
    #[error("the server began a message inside another one")]
    ExpectedContinuation,
    /// The length has 64 bits, its first must not be set.
    #[error("the server sent a length of 2^63 or more")]
    LengthHighBit,
    /// A shorter form of the length would have done.
    #[error("the server sent the length {0} in a longer form than it needs")]
    LengthNotMinimal(u64),
    /// The message is, or will be, longer than it may be.
    #[error("message of {size} bytes or more exceeds the limit of {limit}")]
    TooBig {
        /// What is known of the message's size: what its frames announce, or what has inflated.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// A text message that is not UTF-8.
    #[error("the server sent a text message that is not UTF-8")]
    InvalidText,
    /// A Close whose payload is one byte, half of a code.
    #[error("the server sent a Close frame with half of a code")]
    CloseTooShort,
    /// A code that may not be in a frame.
    #[error("the server sent the close code {0}, which is not allowed in a frame")]
    InvalidCloseCode(u16),
    /// A reason that is not UTF-8.
    #[error("the server sent a close reason that is not UTF-8")]
    InvalidCloseReason,
    /// Data that is not deflate.
    #[error("the server sent a compressed message that does not inflate")]
    InvalidDeflate,
    /// More deflate streams in a message than anybody needs: each costs time and yields nothing.
    #[error("the server sent a compressed message of more than {0} deflate streams")]
    TooManyMembers(u32),
}

impl ProtocolError {
    /// The code to close the connection with.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::TooBig { .. } | Self::TooManyMembers(_) => CloseCode::MESSAGE_TOO_BIG,
            Self::InvalidText | Self::InvalidCloseReason | Self::InvalidDeflate => {
                CloseCode::INVALID_PAYLOAD
            }
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

/// The program wants to send what may not be sent. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// A Close, Ping or Pong of more than 125 bytes.
    #[error("a control frame has at most 125 bytes of payload, not {0}")]
    ControlTooLong(usize),
    /// A Close, Ping or Pong without FIN.
    #[error("a control frame cannot be sent in fragments")]
    FragmentedControl,
    /// A continuation of nothing.
    #[error("a continuation needs a message that is open")]
    UnexpectedContinuation,
    /// A new message inside another.
    #[error("the open message is to end before another one begins")]
    ExpectedContinuation,
    /// zlib has windows of 9 to 15 bits.
    #[error("the window has 9 to 15 bits, not {0}")]
    WindowBits(u8),
    /// A code that may not be in a frame.
    #[error("the close code {0} is not allowed in a frame")]
    InvalidCloseCode(u16),
    /// A reason that is not UTF-8.
    #[error("a close reason is UTF-8")]
    InvalidCloseReason,
    /// Nothing of this kind may be sent any more.
    #[error("the connection is closing")]
    Closing,
    /// The compressor failed, which is a bug of its or ours.
    #[error("bug: the compressor failed")]
    Deflate,
}

/// The program asks for a compression that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the window of the compression has 9 to 15 bits, or 0 for no compression, not {0}")]
pub struct OfferError(pub u8);

/// The server's answer does not open a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server did not switch protocols.
    #[error("Invalid response status")]
    Status(u16),
    /// No `Upgrade: websocket`.
    #[error("Invalid upgrade header")]
    Upgrade,
    /// No `Connection: Upgrade`.
    #[error("Invalid connection header")]
    Connection,
    /// No `Sec-WebSocket-Accept`, more than one, or one to another key.
    #[error("Invalid challenge response")]
    Accept,
    /// The extensions are none that were offered, or not as they were.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
}
