//! `DigestCredentials`: a login and a password for one origin, and the challenges of it.

use aioxide_http::auth::{DigestAuth, DigestError, DigestSettings, DigestTarget};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::cell::LoopCell;

/// A login and a password for one origin. A target is (origin, URL, request target) of a request.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct DigestCredentials(LoopCell<DigestAuth>);

/// Three forms of a request's URL.
type TargetParts = (String, String, String);

fn target(parts: &TargetParts) -> DigestTarget<'_> {
    let (origin, url, request_target) = parts;
    DigestTarget { origin, url, request_target }
}

/// What aiohttp says of it.
fn refused(error: DigestError) -> PyErr {
    PyValueError::new_err(match error {
        DigestError::ColonInLogin => {
            "A \":\" is not allowed in username (RFC 1945#section-11.1)".to_owned()
        }
        DigestError::NoRealm => {
            "Malformed Digest auth challenge: Missing 'realm' parameter".to_owned()
        }
        DigestError::NoNonce => {
            "Malformed Digest auth challenge: Missing 'nonce' parameter".to_owned()
        }
        DigestError::EmptyNonce => {
            "Security issue: Digest auth challenge contains empty 'nonce' value".to_owned()
        }
        DigestError::UnknownQop(qop) => {
            format!("Digest auth error: Unsupported Quality of Protection (qop) value(s): {qop}")
        }
        DigestError::UnknownAlgorithm(name) => {
            let name = name.to_uppercase();
            format!("Digest auth error: Unsupported hash algorithm: {name}")
        }
        other => other.to_string(),
    })
}

#[pymethods]
impl DigestCredentials {
    /// Raises ValueError for a login with a colon.
    #[new]
    fn new(login: &str, password: &str, preemptive: bool) -> PyResult<Self> {
        let settings = DigestSettings { preemptive, ..DigestSettings::default() };
        let auth = DigestAuth::new(login, password, settings).map_err(refused)?;
        Ok(Self(LoopCell::new(auth)))
    }

    /// Whether the credentials are for a request. The first one decides which origin they are for.
    #[expect(clippy::needless_pass_by_value, reason = "how PyO3 gives arguments")]
    fn admits(&self, request: TargetParts) -> bool {
        self.0.with(|auth| auth.admits(&target(&request)))
    }

    /// Whether a request carries credentials without being asked.
    #[expect(clippy::needless_pass_by_value, reason = "how PyO3 gives arguments")]
    fn is_preemptive(&self, request: TargetParts) -> bool {
        self.0.with(|auth| auth.is_preemptive(&target(&request)))
    }

    /// Whether the hash needs the request's body.
    #[getter]
    fn needs_body(&self) -> bool {
        self.0.with(|auth| auth.needs_body())
    }

    /// Takes a response: its status and its WWW-Authenticate fields. Whether the request is to be
    /// made once more, with credentials.
    #[expect(clippy::needless_pass_by_value, reason = "how PyO3 gives arguments")]
    fn challenged(&self, status: u16, fields: Vec<String>, request: TargetParts) -> bool {
        let fields = fields.iter().map(String::as_str);
        self.0.with(|auth| auth.challenged(status, fields, &target(&request)))
    }

    /// The value of the Authorization header. random: 8 bytes that nobody can guess.
    ///
    /// Raises ValueError for a challenge that cannot be answered.
    #[expect(clippy::needless_pass_by_value, reason = "how PyO3 gives arguments")]
    fn authorization(
        &self,
        method: &str,
        request: TargetParts,
        body: &[u8],
        random: [u8; 8],
    ) -> PyResult<String> {
        self.0
            .with(|auth| auth.authorization(method, &target(&request), body, random))
            .map_err(refused)
    }
}
