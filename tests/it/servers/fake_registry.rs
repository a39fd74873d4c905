//! A small registry in this process, for what a real one cannot be made to do: pages, tokens, faults, hostile answers.

mod answers;
mod tokens;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::oneshot;

use answers::{Page, digest, error, listing, manifest};
pub(crate) use tokens::TokenRules;

/// Runs on a thread of its own until dropped; every method may be called with or without a runtime around it.
pub(crate) struct FakeRegistry {
    addr: SocketAddr,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
}

/// What an answer is instead of the right one. Applied to requests that passed authentication.
#[derive(Clone)]
pub(crate) enum Fault {
    /// This status, these headers and this body.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// A body that ends before the length that was told.
    Truncated,
    /// A listing that goes on for ever, a byte at a time.
    SlowDrip,
    /// A listing that goes on for ever, as fast as it can.
    Endless,
    /// A body that begins so and goes on with digits for ever.
    EndlessAfter(&'static str),
    /// A page with a tag of its own and a `Link` to the next.
    EndlessPages,
    /// The right listing with this `Link` header.
    Link(String),
    /// The right manifest with this digest header; none if `None`.
    DigestHeader(Option<String>),
    /// This status for HEAD, the right answer for everything else.
    HeadRefused(u16),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) at: Instant,
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) accept: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) body: String,
}

/// How `Link` names the next page.
#[derive(Clone, Copy, Default)]
pub(crate) enum LinkStyle {
    #[default]
    Relative,
    Absolute,
    /// `?last=…` alone.
    QueryOnly,
    /// Not at all.
    Silent,
}

#[derive(Clone, Default)]
enum Door {
    #[default]
    Open,
    Basic {
        username: String,
        password: String,
    },
    Tokens(TokenRules),
}

type Shared = Arc<Mutex<World>>;

#[derive(Default)]
struct World {
    addr: Option<SocketAddr>,
    /// Tags in the order of their push, with their manifests.
    repositories: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// Untagged manifests and blobs, by digest.
    contents: BTreeMap<String, Vec<u8>>,
    /// Where blobs are fetched instead, their digest at the end.
    blobs_at: Option<String>,
    page_max: Option<usize>,
    /// A larger `n` is refused with this status and code.
    size_refused: Option<(usize, u16, &'static str)>,
    ignores_last: bool,
    has_etags: bool,
    link_style: LinkStyle,
    door: Door,
    issued: Vec<String>,
    tokens_made: usize,
    faults: Vec<(Fault, usize)>,
    /// Requests whose path holds this text wait.
    held: Option<&'static str>,
    requests: Vec<Logged>,
}

impl FakeRegistry {
    pub(crate) fn start() -> Self {
        let shared = Shared::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        listener.set_nonblocking(true).expect("a socket that can wait");
        let addr = listener.local_addr().expect("a bound address");
        world(&shared).addr = Some(addr);
        let (stop, stopped) = oneshot::channel();
        let state = shared.clone();
        std::thread::spawn(move || serve(listener, state, stopped));
        Self { addr, shared, stop: Some(stop) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `127.0.0.1:PORT/NAME`, as it is written in manifests.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.addr)
    }

    /// Makes the tag name a manifest of its own; gives the digest. The text of the tag is not checked.
    pub(crate) fn push(&self, repository: &str, tag: &str) -> String {
        self.push_manifest(repository, tag, &manifest(repository, tag))
    }

    pub(crate) fn push_manifest(&self, repository: &str, tag: &str, manifest: &[u8]) -> String {
        let mut world = world(&self.shared);
        let tags = world.repositories.entry(repository.to_owned()).or_default();
        tags.retain(|(known, _)| known != tag);
        tags.push((tag.to_owned(), manifest.to_vec()));
        digest(manifest)
    }

    /// A manifest without a tag, or a blob; gives the digest. Every repository has it.
    pub(crate) fn push_content(&self, content: &[u8]) -> String {
        world(&self.shared).contents.insert(digest(content), content.to_vec());
        digest(content)
    }

    /// Gives these bytes for a digest that may be another.
    pub(crate) fn forge_content(&self, digest: &str, content: &[u8]) {
        world(&self.shared).contents.insert(digest.to_owned(), content.to_vec());
    }

    /// Blobs are redirected to this URL, with the digest at its end.
    pub(crate) fn redirect_blobs(&self, url: &str) {
        world(&self.shared).blobs_at = Some(url.to_owned());
    }

    /// The tag is gone.
    pub(crate) fn remove(&self, repository: &str, tag: &str) {
        let mut world = world(&self.shared);
        world.repositories.entry(repository.to_owned()).or_default().retain(|(known, _)| known != tag);
    }

    /// A repository that exists and has no tags.
    pub(crate) fn create(&self, repository: &str) {
        world(&self.shared).repositories.entry(repository.to_owned()).or_default();
    }

    /// At most so many tags a page, whatever is asked for.
    pub(crate) fn page_max(&self, tags: usize) {
        world(&self.shared).page_max = Some(tags);
    }

    /// A page larger than `tags` is refused with this status and code.
    pub(crate) fn refuse_pages_above(&self, tags: usize, status: u16, code: &'static str) {
        world(&self.shared).size_refused = Some((tags, status, code));
    }

    /// Every page is the first one.
    pub(crate) fn ignore_last(&self) {
        world(&self.shared).ignores_last = true;
    }

    /// Pages have an `ETag` and are not given to who has them.
    pub(crate) fn give_etags(&self) {
        world(&self.shared).has_etags = true;
    }

    pub(crate) fn link_style(&self, style: LinkStyle) {
        world(&self.shared).link_style = style;
    }

    pub(crate) fn require_login(&self, username: &str, password: &str) {
        let (username, password) = (username.to_owned(), password.to_owned());
        world(&self.shared).door = Door::Basic { username, password };
    }

    pub(crate) fn require_tokens(&self, rules: TokenRules) {
        world(&self.shared).door = Door::Tokens(rules);
    }

    /// The tokens given so far are no longer taken.
    pub(crate) fn revoke_tokens(&self) {
        world(&self.shared).issued.clear();
    }

    /// The next `times` requests that it applies to get the fault. Faults queue up.
    pub(crate) fn fault(&self, fault: Fault, times: usize) {
        world(&self.shared).faults.push((fault, times));
    }

    /// Requests whose path holds `part` are answered when they are released.
    pub(crate) fn hold(&self, part: &'static str) {
        world(&self.shared).held = Some(part);
    }

    pub(crate) fn release(&self) {
        world(&self.shared).held = None;
    }

    pub(crate) fn requests(&self) -> Vec<Logged> {
        world(&self.shared).requests.clone()
    }

    /// `METHOD PATH` of every request.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().iter().map(|logged| format!("{} {}", logged.method, logged.path)).collect()
    }

    pub(crate) fn forget_requests(&self) {
        world(&self.shared).requests.clear();
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by itself.
            let _ = stop.send(());
        }
    }
}

impl Fault {
    pub(crate) fn status(status: u16) -> Self {
        Self::answer(status, &[], "")
    }

    pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::Answer { status, headers, body: body.as_ref().to_vec() }
    }

    fn applies(&self, head: bool, listing: bool) -> bool {
        match self {
            Self::Link(_) => listing,
            Self::DigestHeader(_) => !listing,
            Self::HeadRefused(_) => head,
            _ => true,
        }
    }
}

fn serve(listener: std::net::TcpListener, shared: Shared, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener that does not block");
        let router = axum::Router::new().fallback(answer).with_state(shared);
        tokio::select! {
            _ = axum::serve(listener, router) => {}
            _ = stopped => {}
        }
    });
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let text = |name: &str| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let logged = Logged {
        at: Instant::now(),
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        authorization: text("authorization"),
        accept: text("accept"),
        if_none_match: text("if-none-match"),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    world(&shared).requests.push(logged.clone());
    while world(&shared).held.is_some_and(|part| logged.path.contains(part)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world(&shared).answer(&logged)
}

impl World {
    fn answer(&mut self, request: &Logged) -> Response {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if path == "/token" {
            return self.token(request, query);
        }
        let Some((repository, rest)) = split(path) else { return error(404, "UNSUPPORTED", "no such endpoint") };
        if let Some(refused) = self.refuse(request, repository) {
            return refused;
        }
        let (head, list) = (request.method == "HEAD", rest == "tags/list");
        let fault = self.next_fault(head, list);
        if let Some(Fault::EndlessPages) = fault {
            return answers::page_of_many(self.requests.len());
        }
        if let Some(whole) = fault.as_ref().and_then(answers::whole) {
            return whole;
        }
        let Some(tags) = self.repositories.get(repository) else {
            return error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        match rest.strip_prefix("manifests/") {
            None if list => self.listing(request, &self.page(repository, query), tags, fault.as_ref()),
            Some(reference) => {
                let tagged = tags.iter().find(|(tag, manifest)| tag == reference || digest(manifest) == reference);
                let manifest = tagged.map(|(_, manifest)| manifest).or_else(|| self.contents.get(reference));
                answers::manifest_answer(manifest, head, fault.as_ref())
            }
            None => self.blob(rest.strip_prefix("blobs/").unwrap_or_default()),
        }
    }

    fn blob(&self, digest: &str) -> Response {
        match (self.contents.get(digest), &self.blobs_at) {
            (_, Some(elsewhere)) => reply(307, &[("location", &format!("{elsewhere}{digest}"))], Body::empty()),
            (Some(content), None) => {
                reply(200, &[("content-type", "application/octet-stream")], content.clone().into())
            }
            (None, None) => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        }
    }

    fn listing(
        &self,
        request: &Logged,
        page: &Page<'_>,
        tags: &[(String, Vec<u8>)],
        fault: Option<&Fault>,
    ) -> Response {
        if let Some((_, status, code)) = self.size_refused.filter(|(max, ..)| page.asked.is_some_and(|n| n > *max)) {
            return error(status, code, "n is too large");
        }
        let etag = self.has_etags.then(|| page.etag(tags));
        if etag.is_some() && etag == request.if_none_match {
            return reply(304, &[], Body::empty());
        }
        let mut response = listing(page, tags, fault);
        if let Some(etag) = etag {
            response.headers_mut().insert("etag", etag.parse().expect("a header value"));
        }
        response
    }

    fn page<'a>(&self, repository: &'a str, query: &str) -> Page<'a> {
        let asked = |name| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        let n: Option<usize> = asked("n").and_then(|(_, value)| value.parse().ok());
        Page {
            repository,
            asked: n,
            last: asked("last").map(|(_, value)| value.into_owned()).filter(|_| !self.ignores_last),
            size: n.unwrap_or(usize::MAX).min(self.page_max.unwrap_or(usize::MAX)),
            style: self.link_style,
            addr: self.addr.expect("the server runs"),
        }
    }

    fn next_fault(&mut self, head: bool, listing: bool) -> Option<Fault> {
        let (fault, left) = self.faults.iter_mut().find(|(fault, left)| *left > 0 && fault.applies(head, listing))?;
        *left -= 1;
        Some(fault.clone())
    }
}

/// Repository and the rest of an API path.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("/v2/")?;
    let at = ["/tags/list", "/manifests/", "/blobs/", "/referrers/"].into_iter().find_map(|kind| path.rfind(kind))?;
    Some((&path[..at], &path[at + 1..]))
}

fn world(shared: &Shared) -> MutexGuard<'_, World> {
    shared.lock().expect("no test panics while it holds the lock")
}

fn reply(status: u16, headers: &[(&str, &str)], body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        let name = axum::http::HeaderName::try_from(*name).expect("a header name");
        let value = axum::http::HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        response.headers_mut().append(name, value);
    }
    response
}
