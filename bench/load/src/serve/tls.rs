//! The server's side of TLS. Unless it is told to, it resumes no session: each connection makes a full
//! handshake.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, ServerConnection};

use crate::failure::Failure;
use crate::wire::Wire;

/// Files of a chain of certificates and of the key to the first of them.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// Whether clients are given tickets, by which they may resume their sessions.
    pub(crate) resumes: bool,
}

/// How to make the wires of a server.
#[derive(Debug)]
pub(crate) struct Certified(Option<Arc<ServerConfig>>);

impl Certified {
    pub(crate) fn new(identity: Option<&Identity>) -> Result<Self, Failure> {
        let Some(identity) = identity else { return Ok(Self(None)) };
        let chain = CertificateDer::pem_file_iter(&identity.chain)
            .and_then(Iterator::collect)
            .map_err(Failure::os("read the certificates"))?;
        let key =
            PrivateKeyDer::from_pem_file(&identity.key).map_err(Failure::os("read the key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Failure::os("TLS"))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(Failure::os("use the certificate"))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if identity.resumes {
            config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(Failure::os("TLS"))?;
        } else {
            config.send_tls13_tickets = 0;
        }
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Some(Arc::new(config))))
    }

    pub(crate) fn wire(&self) -> Result<Wire, Failure> {
        let Some(config) = &self.0 else { return Ok(Wire::Plain) };
        let session = ServerConnection::new(Arc::clone(config)).map_err(Failure::os("TLS"))?;
        Ok(Wire::tls(session.into()))
    }
}
