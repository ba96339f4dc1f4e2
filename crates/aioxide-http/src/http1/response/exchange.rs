//! What has to be known of a request to read its response.

/// What of a request decides how its response is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The method, as far as it matters.
    pub method: Method,
    /// A body of which nothing tells the length is read up to the end of the connection. Otherwise
    /// it is taken to be empty, and the connection is not used again.
    pub read_until_eof: bool,
}

/// The methods whose responses are read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// With a status of 2xx the connection becomes a tunnel.
    Connect,
    /// The response has no body.
    Head,
    /// Any other one.
    Other,
}

impl Exchange {
    pub(super) const ANY: Self = Self { method: Method::Other, read_until_eof: true };

    /// A request with `method`, whose response is read up to the end of the connection if nothing
    /// tells its length.
    #[must_use]
    pub fn new(method: &str) -> Self {
        Self { method: Method::new(method), ..Self::ANY }
    }
}

impl Method {
    /// By its name, which is in capitals as on the wire.
    #[must_use]
    pub fn new(name: &str) -> Self {
        match name {
            "CONNECT" => Self::Connect,
            "HEAD" => Self::Head,
            _ => Self::Other,
        }
    }
}
