//! Close codes: which there are, and which may be in a frame.

/// A close code of RFC 6455, section 7.4, or of its registry at IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The endpoint goes away.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer sent a kind of data that cannot be accepted.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// A Close frame came without a code. Never in a frame.
    pub const NO_STATUS: Self = Self(1005);
    /// The connection ended without a Close frame. Never in a frame.
    pub const ABNORMAL: Self = Self(1006);
    /// The payload does not fit its type: text that is not UTF-8, data that does not inflate.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// The message breaks the endpoint's rules.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// The message is too big.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The server did not agree to an extension that the client needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// The server met something unexpected.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The service is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got a bad answer.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// Whether it may be in a frame: 1004 to 1006 and 1015 may not, what has no meaning up to 2999
    /// is reserved, 3000 to 3999 is registered and 4000 to 4999 private.
    #[must_use]
    pub fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}
