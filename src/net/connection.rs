//! How one server is reached where the defaults do not do: whom to trust, who to be, which proxy to go through.

use url::Url;

use crate::secret::Secret;

/// What a client for one server needs beyond [`Settings`](super::Settings).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Connection {
    /// A PEM bundle of authorities that are trusted besides the system's.
    pub ca: Option<Vec<u8>>,
    pub client_certificate: Option<ClientCertificate>,
    /// Replaces the proxies of the environment.
    pub proxy: Option<Proxy>,
}

/// What a client shows a server that asks who it is (mutual TLS). Both in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    pub certificate: Vec<u8>,
    pub key: Secret,
}

/// A proxy and the login it wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// `http`, `https`, `socks5` or `socks5h`, without user and password.
    pub url: Url,
    pub login: Option<(String, Secret)>,
}
