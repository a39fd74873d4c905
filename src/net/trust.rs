//! TLS towards servers whose authorities a user names: those of the system and these are trusted.
//!
//! A certificate that is itself in the user's bundle is good for the server that shows it, be it marked as an
//! authority's or not: who lists a certificate trusts it. Go takes it so too; webpki asks for another one.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::connection::{Flaw, Part};

/// A client's own certificate, its chain behind it, and its key.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Pair {
    pub(super) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Flaw> {
        let malformed = |part, what: &str| Flaw::new(part, format!("the {what} is not well-formed PEM"));
        let chain = certificates(chain).ok_or_else(|| malformed(Part::Certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| malformed(Part::Key, "key"))?;
        Ok(Self { chain, key })
    }
}

/// The certificates of a PEM bundle; `None` when it is not well-formed.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

/// The certificates of a bundle of authorities: one at least, and each can be read.
pub(super) fn authorities(bundle: &[u8]) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    let refused = |cause: String| Flaw::new(Part::Authorities, cause);
    let found = certificates(bundle).ok_or_else(|| refused("it is not well-formed PEM".to_owned()))?;
    if found.is_empty() {
        return Err(refused("no PEM block `CERTIFICATE` in it".to_owned()));
    }
    for (at, certificate) in found.iter().enumerate() {
        let read = webpki::anchor_from_trusted_cert(certificate);
        read.map_err(|error| refused(format!("certificate {} in it cannot be read: {error:?}", at + 1)))?;
    }
    Ok(found)
}

/// The settings of a client that trusts `given` besides the system's authorities.
pub(super) fn config(
    given: &[CertificateDer<'static>],
    pair: Option<&Pair>,
    http1: bool,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Trust::new(given, &provider)?);
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

/// The system's authorities. They are read once in a process: that takes some milliseconds.
fn system(provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, Error> {
    static SYSTEM: OnceLock<Arc<Verifier>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(verifier.clone());
    }
    let verifier = Arc::new(Verifier::new(provider.clone())?);
    Ok(SYSTEM.get_or_init(|| verifier).clone())
}

/// The authorities of `given` alone.
fn own(given: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    given.iter().try_for_each(|certificate| roots.add(certificate.clone()))?;
    let built = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build();
    built.map_err(|error| Error::General(error.to_string()))
}

/// Whether the key belongs to the certificate.
pub(super) fn check(pair: &Pair) -> Result<(), Flaw> {
    match CertifiedKey::from_der(pair.chain.clone(), pair.key.clone_key(), &aws_lc_rs::default_provider()) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(_)) => Err(Flaw::new(Part::Key, "the key does not belong to the certificate")),
        Err(Error::InvalidCertificate(why)) => {
            Err(Flaw::new(Part::Certificate, format!("the certificate cannot be read: {}", unreadable(&why))))
        }
        Err(error) => Err(Flaw::new(Part::Key, error.to_string())),
    }
}

fn unreadable(why: &CertificateError) -> String {
    match why {
        CertificateError::Other(other) if other.0.downcast_ref() == Some(&webpki::Error::UnsupportedCertVersion) => {
            "it is of X.509 version 1, expected version 3, which `openssl x509 -req` makes with -extfile".to_owned()
        }
        why => format!("{why:?}"),
    }
}

#[derive(Debug)]
struct Trust {
    /// None on a system without authorities, where a user's own must do.
    system: Option<Arc<Verifier>>,
    own: Option<Arc<WebPkiServerVerifier>>,
    given: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    fn new(given: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let own = (!given.is_empty()).then(|| own(given, provider)).transpose()?;
        let system = match system(provider) {
            Err(error) if own.is_none() => return Err(error),
            system => system.ok(),
        };
        let algorithms = provider.signature_verification_algorithms;
        Ok(Self { system, own, given: given.to_vec(), algorithms })
    }

    /// By the user's authorities, then by the system's; of two refusals the one that says more.
    fn judge(&self, verify: impl Fn(&dyn ServerCertVerifier) -> Judged) -> Judged {
        let own = match &self.own {
            Some(own) => match verify(own.as_ref()) {
                Err(error) => Some(error),
                trusted => return trusted,
            },
            None => None,
        };
        match (self.system.as_ref().map(|system| verify(system.as_ref())), own) {
            (Some(Err(_)), Some(error)) if !is_stranger(&error) => Err(error),
            (Some(judged), _) => judged,
            (None, error) => Err(error.unwrap_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))),
        }
    }
}

type Judged = Result<ServerCertVerified, Error>;

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Judged {
        let judged = self
            .judge(|verifier| verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now));
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
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate was refused only because nobody who is trusted signed it.
fn is_stranger(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer))
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
