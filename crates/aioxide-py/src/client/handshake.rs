//! `WebSocketOffer`: what a handshake asks for, and whether the answer is one.

use aioxide_http::websocket::{Key, Offer, Request, check};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What the request for a WebSocket offers.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct WebSocketOffer {
    key: Key,
    offer: Option<Offer>,
}

/// The subprotocol, and of permessage-deflate the server's and the client's window bits, and which
/// of them begin anew with each message.
type Agreed = (Option<String>, Option<(u8, u8, bool, bool)>);

#[pymethods]
impl WebSocketOffer {
    /// random: 16 bytes that nobody can guess. compress: window bits from 9 to 15, 0 for no
    /// compression. Raises ValueError for others.
    #[new]
    fn new(random: [u8; 16], compress: u8) -> PyResult<Self> {
        let offer =
            Offer::new(compress).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { key: Key::new(random), offer })
    }

    /// The value of Sec-WebSocket-Key.
    #[getter]
    fn key(&self) -> &str {
        self.key.as_str()
    }

    /// The value of Sec-WebSocket-Extensions, or None.
    #[getter]
    fn extensions(&self) -> Option<String> {
        self.offer.map(|offer| offer.header())
    }

    /// What was agreed: the subprotocol or None, and the compression or None.
    ///
    /// Raises ValueError with what is wrong with the answer.
    fn check(
        &self,
        status: u16,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        protocols: Vec<String>,
    ) -> PyResult<Agreed> {
        let protocols: Vec<&str> = protocols.iter().map(String::as_str).collect();
        let request = Request { key: &self.key, protocols: &protocols, offer: self.offer.as_ref() };
        let fields = headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let agreement = check(&request, status, fields)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let deflate = agreement.deflate.map(|deflate| {
            (
                deflate.server_window_bits,
                deflate.client_window_bits,
                deflate.server_no_context_takeover,
                deflate.client_no_context_takeover,
            )
        });
        Ok((agreement.protocol.map(str::to_owned), deflate))
    }
}
