//! TLS towards servers whose authorities a user names: those of the system and these are trusted.
//!
//! A certificate that is itself in the user's bundle is good for the server that shows it, be it marked as an
//! authority's or not: who lists a certificate trusts it. Go takes it so too; webpki asks for another one.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// A client's own certificate, its chain behind it, and its key.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Pair {
    /// `None` when the text is not well-formed.
    pub(super) fn from_pem(pem: &[u8]) -> Option<Self> {
        let chain = certificates(pem)?;
        Some(Self { chain, key: PrivateKeyDer::from_pem_slice(pem).ok()? })
    }
}

/// The certificates of a PEM bundle; `None` when it is not well-formed.
pub(super) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

/// The settings of a client that trusts `given` besides the system's authorities.
pub(super) fn config(
    given: &[CertificateDer<'static>],
    pair: Option<&Pair>,
    http1: bool,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let inner = Verifier::new_with_extra_roots(given.iter().cloned(), provider.clone())?;
    let verifier = Arc::new(Trust { inner, given: given.to_vec() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match pair {
        Some(pair) => builder.with_client_auth_cert(pair.chain.clone(), pair.key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    let protocols: &[&str] = if http1 { &["http/1.1"] } else { &["h2", "http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}

/// Whether the key belongs to the certificate.
pub(super) fn check(pair: &Pair) -> Result<(), Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    // Without authorities, so that nothing but the pair can be wrong.
    let builder = builder.with_safe_default_protocol_versions()?.with_root_certificates(RootCertStore::empty());
    builder.with_client_auth_cert(pair.chain.clone(), pair.key.clone_key()).map(drop)
}

#[derive(Debug)]
struct Trust {
    inner: Verifier,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let is_given = || self.given.iter().any(|given| given.as_ref() == end_entity.as_ref());
        match judged {
            Err(error) if is_authority(&error) && is_given() => {}
            judged => return judged,
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a certificate was refused for being an authority's alone. It is within its time then, which is looked at
/// before, and its name was not looked at yet.
fn is_authority(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.0.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
        }
        _ => false,
    }
}
