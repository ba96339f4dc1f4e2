//! What the bytes of a connection travel in: nothing, or TLS.
//!
//! As a client it does not look at the certificate of the server. No session is resumed on either
//! side: each connection makes a full handshake.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, Connection, DigitallySignedStruct, SignatureScheme};

use crate::failure::Failure;

/// What one read takes from a TLS connection at most. Its plain text fits into twice as much.
const TLS_READ_SIZE: usize = 128 * 1024;

/// How much room a read needs.
pub(crate) const READ_SIZE: usize = 2 * TLS_READ_SIZE;

/// How to make the wires of a run.
#[derive(Clone, Debug)]
pub(crate) struct Wiring(Option<Arc<ClientConfig>>);

impl Wiring {
    pub(crate) fn new(tls: bool) -> Result<Self, Failure> {
        if !tls {
            return Ok(Self(None));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusting = Arc::new(Trusting(Arc::clone(&provider)));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Failure::os("TLS"))?
            .dangerous()
            .with_custom_certificate_verifier(trusting)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self(Some(Arc::new(config))))
    }

    pub(crate) fn wire(&self) -> Result<Wire, Failure> {
        let Some(config) = &self.0 else { return Ok(Wire::Plain) };
        let name = ServerName::try_from("localhost").map_err(Failure::os("TLS"))?;
        let session =
            ClientConnection::new(Arc::clone(config), name).map_err(Failure::os("TLS"))?;
        Ok(Wire::tls(session.into()))
    }
}

/// One connection's.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain,
    Tls(Box<Tls>),
}

#[derive(Debug)]
pub(crate) struct Tls {
    session: Connection,
    incoming: Vec<u8>,
}

impl Wire {
    /// Either side of a TLS connection.
    pub(crate) fn tls(mut session: Connection) -> Self {
        session.set_buffer_limit(None);
        Self::Tls(Box::new(Tls { session, incoming: vec![0; TLS_READ_SIZE] }))
    }

    /// Makes the handshake, which blocks as `stream` does.
    pub(crate) fn handshake(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Tls(tls) => tls.session.complete_io(stream).map(drop),
        }
    }

    /// Sends some of `data`: all of it with TLS, which keeps what the kernel does not take.
    pub(crate) fn send(&mut self, fd: &OwnedFd, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain => Ok(send(fd, data, SendFlags::NOSIGNAL)?),
            Self::Tls(tls) => {
                tls.session.writer().write_all(data)?;
                tls.flush(fd)?;
                Ok(data.len())
            }
        }
    }

    /// Sends what was kept.
    pub(crate) fn flush(&mut self, fd: &OwnedFd) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Tls(tls) => tls.flush(fd),
        }
    }

    /// Whether something is kept that the kernel has not taken.
    pub(crate) fn wants_room(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Tls(tls) => tls.session.wants_write(),
        }
    }

    /// Receives into `target`, which holds `READ_SIZE`; 0 is the end of the connection.
    pub(crate) fn recv(&mut self, fd: &OwnedFd, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain => Ok(recv(fd, target, RecvFlags::empty())?.0),
            Self::Tls(tls) => tls.recv(fd, target),
        }
    }

    /// Takes what there is without looking at it, which spares the kernel the copy; as much as
    /// `buffer` is long. With TLS that cannot be done.
    pub(crate) fn pass(&self, fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Plain => Ok(Some(recv(fd, buffer, RecvFlags::TRUNC)?.1)),
            Self::Tls(_) => Ok(None),
        }
    }

    /// Tells the peer that nothing more is to come.
    pub(crate) fn finish(&mut self, fd: &OwnedFd) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Tls(tls) => {
                tls.session.send_close_notify();
                tls.flush(fd)
            }
        }
    }
}

impl Tls {
    fn flush(&mut self, fd: &OwnedFd) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Sender(fd)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn recv(&mut self, fd: &OwnedFd, target: &mut [u8]) -> io::Result<usize> {
        let (count, _) = recv(fd, &mut self.incoming[..], RecvFlags::empty())?;
        let mut rest = &self.incoming[..count];
        let mut found = 0;
        while !rest.is_empty() {
            self.session.read_tls(&mut rest)?;
            self.session.process_new_packets().map_err(io::Error::other)?;
            loop {
                match self.session.reader().read(&mut target[found..]) {
                    Ok(0) => return Ok(found),
                    Ok(count) => found += count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        self.flush(fd)?;
        if found == 0 && count > 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(found) }
    }
}

/// Whether an error says that there is nothing to do now.
pub(crate) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

struct Sender<'a>(&'a OwnedFd);

impl io::Write for Sender<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(send(self.0.as_fd(), data, SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes every certificate. Signatures are checked, which costs the server nothing.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
