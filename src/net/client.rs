//! The clients themselves: one per connection and lane, made when first needed, shared by all clones of [`Http`].

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode};
use rustls::pki_types::CertificateDer;
use url::Url;

use super::address::{GuardedResolver, Reach};
use super::connection::{ClientCertificate, Connection, Fingerprint};
use super::deadline::Deadline;
use super::error::{Error, Step, Way, host};
use super::lane::{Lanes, Pass};
use super::proxy::{Proxies, Proxy};
use super::rate::Rate;
use super::standing::Asker;
use super::trust::{self, Pair};
use super::{Settings, redirect};

const USER_AGENT: &str = concat!("tagwright/", env!("CARGO_PKG_VERSION"));

/// What answers on this machine's own network answers at once, or is not there.
const DIRECT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const DIRECT_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The clients of one process and one asynchronous runtime. Cloning shares the connections.
#[derive(Clone)]
pub struct Http {
    clients: Arc<Clients>,
    others: Arc<Mutex<Others>>,
    lanes: Option<Arc<Lanes>>,
    direct: Arc<OnceLock<Arc<Clients>>>,
}

/// The clients for one way of reaching servers.
struct Clients {
    settings: Settings,
    proxies: Proxies,
    connection: Connection,
    certificates: Vec<CertificateDer<'static>>,
    pair: Option<Pair>,
    lanes: Mutex<HashMap<Lane, reqwest::Client>>,
}

/// What tells clients apart, since each has its own pool of connections.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Lane {
    reach: Reach,
    http1: bool,
    proxy: Option<Proxy>,
    /// Without it no authorities are loaded, so that plain HTTP works on systems that have none.
    tls: bool,
}

impl Http {
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let proxies = Proxies::read(|name| std::env::var(name).ok());
        let clients = Arc::new(Clients::new(settings, proxies, Connection::default())?);
        Ok(Self { clients, others: Arc::default(), direct: Arc::default(), lanes: None })
    }

    /// The same for servers that are reached through `connection`. Its clients are kept for the next time, so that their
    /// connections are used again; a bad certificate, or one that its key does not fit, is found here.
    pub fn over(&self, connection: &Connection) -> Result<Self, Error> {
        if self.clients.connection == *connection {
            return Ok(self.clone());
        }
        let Clients { settings, proxies, .. } = self.clients.as_ref();
        let make = || Clients::new(settings.clone(), proxies.clone(), connection.clone()).map(Arc::new);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = others.get(connection.fingerprint(), Instant::now(), make)?;
        Ok(Self { clients, ..self.clone() })
    }

    /// The same whose exchanges wait for their turn at each host, named `host:port`. Clones share the turns, also those
    /// that go [`over`](Self::over) other connections, unless these have a proxy of their own.
    pub fn limited(&self, rates: impl Fn(&str) -> Rate + Send + Sync + 'static) -> Self {
        let lanes = Lanes::new(rates, self.clients.settings.waits.clone());
        Self { lanes: Some(Arc::new(lanes)), ..self.clone() }
    }

    /// Waits for the asker's turn at the host of `url`, if there are limits.
    pub(super) async fn turn(&self, url: &Url, asker: Asker, deadline: Deadline) -> Result<Option<Pass>, Error> {
        match &self.lanes {
            Some(lanes) => {
                let proxy = self.clients.connection.proxy.as_ref();
                lanes.admit(&host(url), proxy, asker, deadline).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// The same without any proxy and with short time-outs, for services that answer on this machine's own network.
    pub fn direct(&self) -> Result<Self, Error> {
        let clients = match self.direct.get() {
            Some(clients) => clients.clone(),
            None => {
                let mut settings = self.clients.settings.clone();
                settings.connect_timeout = settings.connect_timeout.min(DIRECT_CONNECT_TIMEOUT);
                settings.read_timeout = settings.read_timeout.min(DIRECT_READ_TIMEOUT);
                let clients = Arc::new(Clients::new(settings, Proxies::default(), Connection::default())?);
                self.direct.get_or_init(|| clients).clone()
            }
        };
        Ok(Self { clients, ..self.clone() })
    }

    /// Tells ways of reaching servers apart, and cannot be turned back into what they are made of.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.clients.connection.fingerprint().bytes()
    }

    /// A client for requests to `url`: no automatic redirects, the time-outs of the settings, gzip understood.
    pub fn client(&self, url: &Url, reach: Reach) -> Result<reqwest::Client, Error> {
        self.clients.client(url, reach, false)
    }

    /// A client that speaks HTTP/1.1 only, for Git's smart protocol.
    pub fn http1_client(&self, url: &Url) -> Result<reqwest::Client, Error> {
        self.clients.client(url, Reach::ANY, true)
    }

    /// Sends one request of a client of ours, without retry, and gives the answer's head. Statuses are no errors.
    pub async fn send(&self, request: reqwest::RequestBuilder, deadline: Deadline) -> Result<Response, Error> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| Error::Client { cause: error.without_url().to_string() })?;
        let url = request.url().clone();
        let sent = match tokio::time::timeout_at(deadline.at(), client.execute(request)).await {
            Ok(sent) => sent.map_err(|error| self.fault(&error, &url, Step::Answer)),
            Err(_) => Err(Error::Timeout { host: self.way(&url).text(), step: Step::Answer, after: deadline.limit() }),
        };
        self.observe(&url, sent.as_ref().map_or(0, |response| response.status().as_u16()));
        match self.clients.proxy_for(&url)? {
            Some(proxy) if url.scheme() == "http" && is_refusal_of(proxy, &sent) => {
                Err(Error::proxy_login(&self.way(&url)))
            }
            _ => sent,
        }
    }

    /// Whether the server at this https URL speaks TLS at all, well or badly. One request, without retry.
    pub async fn speaks_tls(&self, url: &Url, deadline: Deadline) -> Result<bool, Error> {
        let request = self.client(url, Reach::ANY)?.get(url.clone());
        let _pass = self.turn(url, Asker::default(), deadline).await?;
        match self.send(request, deadline).await {
            Ok(_) => Ok(true),
            // Plain HTTP answers a handshake with text, or by closing.
            Err(Error::Tls { cause, .. }) => Ok(!cause.contains("corrupt message") && !cause.contains("eof")),
            Err(error) => Err(error),
        }
    }

    pub(super) fn fault(&self, error: &reqwest::Error, url: &Url, step: Step) -> Error {
        Error::sort(error, &self.way(url), step, &self.clients.settings)
    }

    /// Whether no proxy is on the way to `url`.
    pub(super) fn is_direct(&self, url: &Url) -> bool {
        matches!(self.clients.proxy_for(url), Ok(None))
    }

    /// How `url` is reached, for errors.
    pub(super) fn way(&self, url: &Url) -> Way {
        let proxy = self.clients.proxy_for(url).ok().flatten();
        let tls = url.scheme() == "https" || proxy.is_some_and(|proxy| proxy.url.scheme() == "https");
        let login = proxy.is_some_and(|proxy| proxy.login.is_some());
        Way { host: host(url), tls, proxy: proxy.map(Proxy::name), login }
    }

    fn observe(&self, url: &Url, status: u16) {
        if let Some(observer) = &self.clients.settings.observer {
            observer(&host(url), status);
        }
    }

    pub(super) fn observe_retry(&self, url: &Url, status: u16) {
        if let Some(observer) = &self.clients.settings.retries {
            observer(&host(url), status);
        }
    }
}

impl Clients {
    fn new(settings: Settings, proxies: Proxies, connection: Connection) -> Result<Self, Error> {
        let mut certificates = Vec::new();
        for bundle in settings.ca.iter().chain(&connection.ca) {
            certificates.extend(trust::authorities(bundle)?);
        }
        let pair = connection.client_certificate.as_ref().map(ClientCertificate::pair).transpose()?;
        Ok(Self { settings, proxies, connection, certificates, pair, lanes: Mutex::default() })
    }

    fn client(&self, url: &Url, reach: Reach, http1: bool) -> Result<reqwest::Client, Error> {
        let proxy = self.proxy_for(url)?.cloned();
        let tls = url.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.url.scheme() == "https");
        self.lane(Lane { reach, http1, proxy, tls })
    }

    fn proxy_for(&self, url: &Url) -> Result<Option<&Proxy>, Error> {
        match &self.connection.proxy {
            Some(proxy) => Ok(Some(proxy)),
            None => self.proxies.proxy_for(url),
        }
    }

    fn lane(&self, lane: Lane) -> Result<reqwest::Client, Error> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = lanes.get(&lane) {
            return Ok(client.clone());
        }
        let client = self.builder(&lane)?.build().map_err(|error| Error::Client { cause: Error::root_text(&error) })?;
        lanes.insert(lane, client.clone());
        Ok(client)
    }

    fn builder(&self, lane: &Lane) -> Result<reqwest::ClientBuilder, Error> {
        let settings = &self.settings;
        // The proxy is always ours to choose; the client's own reading of the environment is another.
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout);
        builder = match lane.tls {
            true => builder.tls_backend_preconfigured(
                trust::config(&self.certificates, self.pair.as_ref(), lane.http1)
                    .map_err(|error| Error::Client { cause: error.to_string() })?,
            ),
            false => builder.tls_certs_only([]),
        };
        if lane.http1 {
            builder = builder.http1_only();
        }
        match &lane.proxy {
            Some(proxy) => builder = builder.proxy(proxy.of_client()?),
            // Where a proxy connects, the proxy resolves: what is resolved here is the proxy's own name.
            None if lane.reach == Reach::ANY && settings.names.is_none() => {}
            None => {
                let names = settings.names.clone();
                builder = builder.dns_resolver(GuardedResolver { reach: lane.reach, names });
            }
        }
        Ok(builder)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.clients.settings).finish()
    }
}

/// An http proxy answers requests for plain http itself.
fn is_refusal_of(proxy: &Proxy, sent: &Result<Response, Error>) -> bool {
    let status = sent.as_ref().ok().map(Response::status);
    !proxy.is_socks() && status == Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
}

/// More connections than this are not kept.
const OTHERS_MAX: usize = 64;
/// After a Secret was renewed, nobody asks for the clients of the old one.
const OTHERS_IDLE_MAX: Duration = Duration::from_secs(15 * 60);

/// The clients of connections that are not the default one, most recently used last.
#[derive(Default)]
struct Others(Vec<(Fingerprint, Instant, Arc<Clients>)>);

impl Others {
    fn get(
        &mut self,
        fingerprint: Fingerprint,
        now: Instant,
        make: impl FnOnce() -> Result<Arc<Clients>, Error>,
    ) -> Result<Arc<Clients>, Error> {
        self.0.retain(|(_, used, _)| now.duration_since(*used) < OTHERS_IDLE_MAX);
        let place = self.0.iter().position(|(known, ..)| *known == fingerprint);
        let clients = match place {
            Some(place) => self.0.remove(place).2,
            None => make()?,
        };
        if self.0.len() == OTHERS_MAX {
            self.0.remove(0);
        }
        self.0.push((fingerprint, now, clients.clone()));
        Ok(clients)
    }
}
