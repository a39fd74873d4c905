//! The clients themselves: one per lane, made when first needed, shared by all clones of [`Http`].

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Certificate, Response};
use url::Url;

use super::address::{GuardedResolver, Reach, is_loopback};
use super::deadline::Deadline;
use super::error::{Error, Step, host};
use super::{Settings, redirect};

const USER_AGENT: &str = concat!("tagwright/", env!("CARGO_PKG_VERSION"));

/// The clients of one process and one asynchronous runtime. Cloning shares the connections.
#[derive(Clone)]
pub struct Http(Arc<Shared>);

struct Shared {
    settings: Settings,
    certificates: Vec<Certificate>,
    lanes: Mutex<HashMap<Lane, reqwest::Client>>,
}

/// What tells clients apart, since each has its own pool of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lane {
    reach: Reach,
    http1: bool,
    /// Past the proxies of the environment.
    direct: bool,
    /// Without it no authorities are loaded, so that plain HTTP works on systems that have none.
    tls: bool,
}

impl Http {
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let certificates = certificates(&settings.ca)?;
        let http = Self(Arc::new(Shared { settings, certificates, lanes: Mutex::default() }));
        if !http.0.certificates.is_empty() {
            // Finds certificates that are none now, and not at the first request.
            http.lane(Lane { reach: Reach::ANY, http1: false, direct: false, tls: true })?;
        }
        Ok(http)
    }

    /// A client for requests to `url`: no automatic redirects, the time-outs of the settings, gzip understood.
    /// Loopback is never asked through a proxy, as in Go's programs.
    pub fn client(&self, url: &Url, reach: Reach) -> Result<reqwest::Client, Error> {
        self.lane(Lane { reach, http1: false, direct: is_loopback(url), tls: url.scheme() == "https" })
    }

    /// A client that speaks HTTP/1.1 only, for Git's smart protocol.
    pub fn http1_client(&self, url: &Url) -> Result<reqwest::Client, Error> {
        self.lane(Lane { reach: Reach::ANY, http1: true, direct: is_loopback(url), tls: url.scheme() == "https" })
    }

    /// Sends one request of a client of ours, without retry, and gives the answer's head. Statuses are no errors.
    pub async fn send(&self, request: reqwest::RequestBuilder, deadline: Deadline) -> Result<Response, Error> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| Error::Client { cause: error.without_url().to_string() })?;
        let url = request.url().clone();
        let sent = match tokio::time::timeout_at(deadline.at(), client.execute(request)).await {
            Ok(sent) => sent.map_err(|error| self.fault(&error, &url, Step::Answer)),
            Err(_) => Err(Error::Timeout { host: host(&url), step: Step::Answer, after: deadline.limit() }),
        };
        self.observe(&url, sent.as_ref().map_or(0, |response| response.status().as_u16()));
        sent
    }

    /// Whether the server at this https URL speaks TLS at all, well or badly. One request, without retry.
    pub async fn speaks_tls(&self, url: &Url, deadline: Deadline) -> Result<bool, Error> {
        let request = self.client(url, Reach::ANY)?.get(url.clone());
        match self.send(request, deadline).await {
            Ok(_) => Ok(true),
            // Plain HTTP answers a handshake with text, or by closing.
            Err(Error::Tls { cause, .. }) => Ok(!cause.contains("corrupt message") && !cause.contains("eof")),
            Err(error) => Err(error),
        }
    }

    pub(super) fn fault(&self, error: &reqwest::Error, url: &Url, step: Step) -> Error {
        Error::sort(error, url, step, &self.0.settings)
    }

    fn observe(&self, url: &Url, status: u16) {
        if let Some(observer) = &self.0.settings.observer {
            observer(&host(url), status);
        }
    }

    fn lane(&self, lane: Lane) -> Result<reqwest::Client, Error> {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = lanes.get(&lane) {
            return Ok(client.clone());
        }
        let client = self.build(lane)?;
        lanes.insert(lane, client.clone());
        Ok(client)
    }

    fn build(&self, lane: Lane) -> Result<reqwest::Client, Error> {
        let settings = &self.0.settings;
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::never())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout);
        builder = match lane.tls {
            true => builder.tls_certs_merge(self.0.certificates.iter().cloned()),
            false => builder.tls_certs_only([]),
        };
        if lane.http1 {
            builder = builder.http1_only();
        }
        if lane.direct {
            builder = builder.no_proxy();
        }
        if lane.reach != Reach::ANY {
            builder = builder.dns_resolver(GuardedResolver(lane.reach));
        }
        builder.build().map_err(|error| Error::Client { cause: Error::root_text(&error) })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.0.settings).finish()
    }
}

fn certificates(bundles: &[Vec<u8>]) -> Result<Vec<Certificate>, Error> {
    let mut certificates = Vec::new();
    for bundle in bundles {
        let found = Certificate::from_pem_bundle(bundle)
            .map_err(|error| Error::Certificate { cause: Error::root_text(&error) })?;
        if found.is_empty() {
            return Err(Error::Certificate { cause: "no PEM block `CERTIFICATE` in it".to_owned() });
        }
        certificates.extend(found);
    }
    Ok(certificates)
}
