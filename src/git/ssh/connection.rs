//! One connection to an ssh server: the host key judged, the user logged in.
//!
//! Takes a place, our key and what is known of hosts; gives a connection on which commands are started. No password
//! is ever asked for or sent, and a key that is not written down in known_hosts ends it before the user is named.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::{self, AuthResult, DisconnectReason, Handle};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Disconnect, MethodSet, SshId, client::Config};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::algorithms::SshAlgorithms;
use super::error::{SshFault, Step, WrongKey};
use super::known_hosts::{HostVerdict, KnownHosts};
use super::place::SshPlace;
use crate::git::error::printable;
use crate::net::Deadline;

/// What a server may say in a banner, or when it hangs up, before it is cut.
const SAID_BYTES_MAX: usize = 1000;

/// What a connection is made from.
pub(super) struct Login {
    pub(super) place: SshPlace,
    pub(super) key: Arc<PrivateKey>,
    pub(super) known_hosts: Arc<KnownHosts>,
    pub(super) algorithms: SshAlgorithms,
}

/// A user logged in to a server.
pub(super) struct Connection {
    pub(super) host: String,
    pub(super) handle: Handle<Watch>,
}

/// Judges what the server shows and remembers what it says.
pub(super) struct Watch {
    place: SshPlace,
    known_hosts: Arc<KnownHosts>,
    said: Said,
}

/// The server's last words: a banner, or why it hangs up.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

/// What ends a session: a judgement of ours, or what the library met.
#[derive(Debug)]
pub(super) enum Trouble {
    Fault(SshFault),
    Library(russh::Error),
}

impl From<russh::Error> for Trouble {
    fn from(error: russh::Error) -> Self {
        Self::Library(error)
    }
}

impl Login {
    pub(super) async fn connect(&self, deadline: Deadline) -> Result<Connection, SshFault> {
        let host = self.place.address();
        let address = (self.place.host.as_str(), self.place.port);
        let socket = within(deadline, &host, Step::Connect, TcpStream::connect(address)).await?;
        let socket = socket.map_err(|error| broken(&host, Step::Connect, connect_cause(&error), ""))?;
        // Requests are small and each waits for an answer. A socket that refuses is slower, no more.
        let _ = socket.set_nodelay(true);
        let said = Said::default();
        let watch = Watch { place: self.place.clone(), known_hosts: Arc::clone(&self.known_hosts), said: said.clone() };
        let session = client::connect_stream(Arc::new(self.config()), socket, watch);
        let handle = within(deadline, &host, Step::Handshake, session).await?;
        let handle = handle.map_err(|trouble| told(trouble, &host, Step::Handshake, &said.get()))?;
        let mut connection = Connection { host, handle };
        within(deadline, &self.place.address(), Step::Login, self.log_in(&mut connection, &said)).await??;
        Ok(connection)
    }

    fn config(&self) -> Config {
        let known = self.known_hosts.algorithms(&self.place.host, self.place.port);
        let name = concat!("SSH-2.0-tagwright_", env!("CARGO_PKG_VERSION"));
        let client_id = SshId::Standard(name.into());
        Config { client_id, preferred: self.algorithms.offer(&known), ..Config::default() }
    }

    async fn log_in(&self, connection: &mut Connection, said: &Said) -> Result<(), SshFault> {
        let host = &connection.host;
        let failed = |error: russh::Error| told(error.into(), host, Step::Login, &said.get());
        let hash = match self.key.algorithm() {
            Algorithm::Rsa { .. } => {
                self.rsa_hash(host, connection.handle.best_supported_rsa_hash().await.map_err(failed)?)?
            }
            _ => None,
        };
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&self.key), hash);
        let answer = connection.handle.authenticate_publickey(self.place.user.as_str(), key).await.map_err(failed)?;
        match answer {
            AuthResult::Success => Ok(()),
            // No method at all is what the library says of a connection that has ended.
            AuthResult::Failure { remaining_methods, .. }
                if remaining_methods.is_empty() && connection.handle.is_closed() =>
            {
                Err(broken(host, Step::Login, "the connection was closed".to_owned(), &said.get()))
            }
            AuthResult::Failure { remaining_methods, partial_success } => {
                Err(self.refused(host, &remaining_methods, partial_success, said))
            }
        }
    }

    /// How RSA signs: as the server prefers, with SHA-2 where it does not say.
    fn rsa_hash(&self, host: &str, supported: Option<Option<HashAlg>>) -> Result<Option<HashAlg>, SshFault> {
        match supported {
            Some(Some(hash)) => Ok(Some(hash)),
            Some(None) if self.algorithms.allow_sha1() => Ok(None),
            Some(None) => Err(SshFault::Sha1 { host: host.to_owned() }),
            None => Ok(Some(HashAlg::Sha512)),
        }
    }

    fn refused(&self, host: &str, methods: &MethodSet, partial: bool, said: &Said) -> SshFault {
        let methods = methods.iter().map(<&str>::from).collect::<Vec<_>>().join(", ");
        let also = if partial { " besides the key, which it accepts" } else { "" };
        SshFault::Refused {
            host: host.to_owned(),
            user: self.place.user.clone(),
            key: format!("{} ({})", self.key.fingerprint(HashAlg::Sha256), self.key.algorithm()),
            allowed: format!("{methods}{also}"),
            said: said.get(),
        }
    }
}

impl Connection {
    /// Says that this is the end, and waits until it was sent.
    pub(super) async fn close(self) {
        // Whoever has gone before is gone.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
        let _ = self.handle.await;
    }
}

impl client::Handler for Watch {
    type Error = Trouble;

    async fn auth_banner(&mut self, banner: &str, _: &mut client::Session) -> Result<(), Trouble> {
        self.said.set(banner);
        Ok(())
    }

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Trouble> {
        // Certificates are not offered, so that no server may show one.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        self.judge(key).map(|()| true).map_err(Trouble::Fault)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Trouble>) -> Result<(), Trouble> {
        match reason {
            DisconnectReason::ReceivedDisconnect(reason) => {
                self.said.set(&reason.message);
                Ok(())
            }
            DisconnectReason::Error(trouble) => Err(trouble),
        }
    }
}

impl Watch {
    fn judge(&self, key: &PublicKey) -> Result<(), SshFault> {
        let why = match self.known_hosts.judge(&self.place.host, self.place.port, key) {
            HostVerdict::Known => return Ok(()),
            HostVerdict::Revoked { line } => WrongKey::Revoked { line },
            HostVerdict::Authority { line } => WrongKey::Authority { line },
            HostVerdict::Other(known) => WrongKey::Other { known },
            HostVerdict::Unknown => WrongKey::Unknown { unreadable: self.known_hosts.unreadable().to_vec() },
        };
        Err(SshFault::HostKey {
            host: self.place.address(),
            algorithm: key.algorithm().to_string(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            why,
        })
    }
}

impl Said {
    fn set(&self, text: &str) {
        let text = printable(text.as_bytes(), SAID_BYTES_MAX);
        if !text.is_empty() {
            *self.lock() = text;
        }
    }

    fn get(&self) -> String {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for `step` no longer than the operation may take.
pub(super) async fn within<T>(
    deadline: Deadline,
    host: &str,
    step: Step,
    work: impl Future<Output = T>,
) -> Result<T, SshFault> {
    let late = |_| SshFault::Timeout { host: host.to_owned(), step, after: deadline.limit() };
    timeout_at(deadline.at(), work).await.map_err(late)
}

pub(super) fn broken(host: &str, step: Step, cause: String, said: &str) -> SshFault {
    SshFault::Broken { host: host.to_owned(), step, cause, said: said.to_owned() }
}

/// What the library met, in words that name the server.
pub(super) fn told(trouble: Trouble, host: &str, step: Step, said: &str) -> SshFault {
    let cause = match trouble {
        Trouble::Fault(fault) => return fault,
        Trouble::Library(russh::Error::NoCommonAlgo { kind, ours, theirs }) => {
            return nothing_in_common(host, kind, &ours, &theirs);
        }
        Trouble::Library(russh::Error::Version) => "it does not speak ssh".to_owned(),
        Trouble::Library(russh::Error::IO(error)) if is_end(&error) => "the connection was closed".to_owned(),
        Trouble::Library(russh::Error::IO(error)) => error.to_string(),
        Trouble::Library(
            russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError | russh::Error::RecvError,
        ) => "the connection was closed".to_owned(),
        Trouble::Library(russh::Error::UnknownKey) => "it shows a certificate, which was not asked for".to_owned(),
        Trouble::Library(russh::Error::ChannelOpenFailure(_)) => "it opens no channel for it".to_owned(),
        Trouble::Library(error) => {
            format!("it breaks the protocol of ssh: {}", printable(error.to_string().as_bytes(), 300))
        }
    };
    broken(host, step, cause, said)
}

fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

fn nothing_in_common(host: &str, kind: russh::AlgorithmKind, ours: &[String], theirs: &[String]) -> SshFault {
    let kind = match kind {
        russh::AlgorithmKind::Kex => "key exchange method",
        russh::AlgorithmKind::Key => "host key algorithm",
        russh::AlgorithmKind::Cipher => "cipher",
        russh::AlgorithmKind::Mac => "message authentication code",
        russh::AlgorithmKind::Compression => "compression",
    };
    let listed = |names: &[String]| printable(names.join(", ").as_bytes(), 500);
    SshFault::NothingInCommon { host: host.to_owned(), kind, ours: listed(ours), theirs: listed(theirs) }
}

/// The resolver's words differ from system to system.
fn connect_cause(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ if error.raw_os_error().is_none() => "unknown host".to_owned(),
        _ => error.to_string(),
    }
}
