//! How a registry is spoken to: https, unless plain HTTP is allowed and the registry knows nothing else.
//!
//! Plain HTTP is allowed by `insecure` and, as the incumbents do, for hosts that look local. Many of those
//! (`registry.corp.local`) speak TLS all the same, so they are asked first; this machine is not.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::image::{Repository, Scheme};
use crate::net::{
    Connection, Deadline, Error, Fingerprint, Http, Proxy, Url, host, is_loopback, may_carry_credentials,
};
use crate::registry::{Access, Fault};

/// Which hosts turned out to speak TLS, by `host:port` and the way there: what a stranger's proxy says holds for him
/// alone. At most [`HOSTS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Schemes(Mutex<HashMap<(String, Fingerprint), bool>>);

const HOSTS_MAX: usize = 10_000;
/// The longest wait for a host that may speak TLS or not, so that the rest of the time is left for plain HTTP.
const PROBE_MAX: Duration = Duration::from_secs(5);

impl Schemes {
    /// `https://HOST/v2/PATH/`, or the same with `http`. An error when a credential would have to go over plain HTTP
    /// without leave, before anything is sent.
    pub(super) async fn base(
        &self,
        http: &Http,
        repository: &Repository,
        access: &Access,
        deadline: Deadline,
    ) -> Result<Url, Fault> {
        let (tls, plain) = (url("https", repository)?, url("http", repository)?);
        if !access.insecure && repository.scheme() == Scheme::Https {
            return Ok(tls);
        }
        // Who brings certificates wants TLS.
        let connection = &access.connection;
        let brings_certificates = connection.ca.is_some() || connection.client_certificate.is_some();
        if is_loopback(&plain) && !brings_certificates {
            return match access.given().filter(|_| !may_show_credentials(&plain, access)) {
                Some(given) => Err(Fault::PlainHttp { host: host(&plain), given }),
                None => Ok(plain),
            };
        }
        match (self.speaks_tls(http, &tls, connection, deadline).await, access.given()) {
            (Ok(true), _) => Ok(tls),
            (Err(error), _) if brings_certificates && !access.insecure => Err(error.into()),
            (_, None) => Ok(plain),
            (_, Some(_)) if may_show_credentials(&plain, access) => Ok(plain),
            (Ok(false), Some(given)) => Err(Fault::PlainHttp { host: host(&plain), given }),
            (Err(error), Some(_)) => Err(error.into()),
        }
    }

    /// A host that does not answer is asked again next time.
    async fn speaks_tls(
        &self,
        http: &Http,
        tls: &Url,
        connection: &Connection,
        deadline: Deadline,
    ) -> Result<bool, Error> {
        let name = (host(tls), connection.fingerprint());
        if let Some(known) = self.hosts().get(&name) {
            return Ok(*known);
        }
        let root = tls.join("/v2/").expect("a path joins any URL");
        let probe = Deadline::after(PROBE_MAX.min(deadline.remaining() / 2));
        let found = http.speaks_tls(&root, probe).await?;
        let mut hosts = self.hosts();
        if hosts.len() >= HOSTS_MAX {
            hosts.clear();
        }
        hosts.insert(name, found);
        Ok(found)
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<(String, Fingerprint), bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a credential may be sent there. What a proxy takes leaves this machine, also on its way to loopback.
pub(super) fn may_show_credentials(url: &Url, access: &Access) -> bool {
    let is_hidden = url.scheme() == "https" || access.insecure;
    let stays_here = access.connection.proxy.as_ref().is_none_or(Proxy::is_local);
    may_carry_credentials(url, access.insecure) && (is_hidden || stays_here)
}

fn url(scheme: &str, repository: &Repository) -> Result<Url, Fault> {
    Url::parse(&format!("{scheme}://{}/v2/{}/", repository.host(), repository.path()))
        .map_err(|_| Fault::BadHost { host: repository.host().to_owned() })
}
