//! Metrics, health and webhooks over HTTP.
//!
//! Takes what the driver shares with it, and requests from anyone; shows the one and says "due" on a queue for the
//! other, nothing else. Whatever does not exist or is not allowed has the same answer: 404 without a body.

mod connections;
mod due;
mod google;
mod hooks;
mod payload;
mod proof;
mod sender;
mod strangers;
mod unread;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::sender::{Message, Sender};
use self::strangers::{Refusal, Strangers};
use self::unread::{Complaints, Unread};
use crate::metrics::{HookOutcome, Metrics};
use crate::net::Http;

pub use due::{Due, DueReceiver, DueSender, Dues, Scope, due_matches, due_queue};
pub use hooks::{Hooks, HooksError};

/// What Prometheus knows the text of the metrics by.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// So many bodies are in memory at a time.
const BODIES_MAX: usize = 32;
/// What hooks are counted under whose token is not ours.
const STRANGER: &str = "unknown";

/// What the server shows, and whom it believes.
#[derive(Clone)]
pub struct Shared {
    pub metrics: Metrics,
    /// Set by the driver when its first round is done.
    pub ready: Arc<AtomicBool>,
    pub hooks: Hooks,
    /// For the keys of those who sign what they send.
    pub http: Http,
}

/// What serves one connection.
#[derive(Clone)]
struct Visit {
    server: Arc<Server>,
    peer: IpAddr,
}

struct Server {
    shared: Shared,
    due: DueSender,
    strangers: Mutex<Strangers>,
    complaints: Mutex<Complaints>,
    bodies: Semaphore,
}

/// Why a webhook is not accepted.
enum Refused {
    /// Its sender is told nothing.
    Unbelieved,
    TooLarge,
    TooSlow,
    Broken,
}

impl Refused {
    fn unread(&self) -> Option<Unread> {
        match self {
            Self::Unbelieved => None,
            Self::TooLarge => Some(Unread::TooLarge),
            Self::TooSlow => Some(Unread::TooSlow),
            Self::Broken => Some(Unread::Broken),
        }
    }
}

/// Answers requests until it is dropped.
pub async fn serve(listener: TcpListener, shared: Shared, due: DueSender) {
    let (strangers, complaints, bodies) = (Mutex::default(), Mutex::default(), Semaphore::new(BODIES_MAX));
    let server = Arc::new(Server { shared, due, strangers, complaints, bodies });
    connections::accept(&listener, |peer| routes(Visit { server: server.clone(), peer })).await;
}

fn routes(visit: Visit) -> Router {
    let absent = || async { StatusCode::NOT_FOUND };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .method_not_allowed_fallback(absent)
        .fallback(hook)
        .with_state(visit)
}

async fn metrics(State(visit): State<Visit>) -> Response {
    ([(CONTENT_TYPE, OPENMETRICS)], visit.server.shared.metrics.encode()).into_response()
}

async fn ready(State(visit): State<Visit>) -> Response {
    match visit.server.shared.ready.load(Ordering::Relaxed) {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the first round is not done\n").into_response(),
    }
}

/// Anything that is no other route; most of it is nothing.
async fn hook(State(visit): State<Visit>, request: Request) -> StatusCode {
    let server = visit.server.as_ref();
    let Some((kind, token)) = path_parts(request.uri().path()) else { return StatusCode::NOT_FOUND };
    let sender = server.shared.hooks.admit(kind, token).filter(|_| request.method() == Method::POST);
    let accepted = match sender {
        Some(sender) => server.receive(sender, visit.peer, request).await,
        None => Err(Refused::Unbelieved),
    };
    let outcome = match &accepted {
        Ok(outcome) => *outcome,
        Err(Refused::Unbelieved) => HookOutcome::Refused,
        Err(Refused::TooLarge | Refused::TooSlow | Refused::Broken) => HookOutcome::Dropped,
    };
    server.shared.metrics.count_hook(sender.map_or(STRANGER, Sender::name), outcome);
    match accepted {
        Ok(_) => StatusCode::ACCEPTED,
        Err(Refused::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        Err(Refused::TooSlow) => StatusCode::REQUEST_TIMEOUT,
        Err(Refused::Broken) => StatusCode::BAD_REQUEST,
        Err(Refused::Unbelieved) => server.refuse(visit.peer, sender),
    }
}

impl Server {
    /// Reads and checks a message whose token is ours, and says what it makes due.
    async fn receive(&self, sender: &'static Sender, peer: IpAddr, request: Request) -> Result<HookOutcome, Refused> {
        let _place = self.bodies.acquire().await.expect("the semaphore is never closed");
        let (head, body) = request.into_parts();
        let body = read(declared_length(&head.headers), body).await;
        let body = body.inspect_err(|refused| self.complain(sender, peer, refused.unread()))?;
        let query = head.uri.query().unwrap_or_default();
        let message = Message { headers: &head.headers, query, body: &body, now: Timestamp::now() };
        if !self.shared.hooks.believes(sender, &message, &self.shared.http).await {
            return Err(Refused::Unbelieved);
        }
        let Some(dues) = (sender.read)(&message) else {
            let why = if payload::is_json(&message) { Unread::OtherShape } else { Unread::NotJson };
            self.complain(sender, peer, Some(why));
            return Ok(HookOutcome::Unreadable);
        };
        let outcome = if dues.is_empty() { HookOutcome::Ignored } else { HookOutcome::Due };
        for due in dues {
            tracing::debug!(sender = sender.name(), host = due.host, repository = due.repository, "due by a webhook");
            self.due.send(due);
        }
        Ok(outcome)
    }

    /// Tells of a believed sender whose message was not read, as long as that is news. Of the message it tells nothing:
    /// anything may be in it.
    fn complain(&self, sender: &Sender, peer: IpAddr, unread: Option<Unread>) {
        let Some(unread) = unread else { return };
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(silent) = complaints.tell(sender.name(), unread, Timestamp::now()) {
            let (sender, reason) = (sender.name(), unread.reason());
            tracing::warn!(%peer, sender, reason, since_the_last = silent, "a webhook could not be read");
        }
    }

    /// Counts a refusal, and tells of it as long as there are not too many.
    fn refuse(&self, peer: IpAddr, sender: Option<&Sender>) -> StatusCode {
        let refusal = self.strangers.lock().unwrap_or_else(PoisonError::into_inner).refuse(peer, Timestamp::now());
        match (refusal, sender) {
            (Refusal::Refused, None) => tracing::debug!(%peer, "refused a webhook: its type or token is not ours"),
            // The token is right, so this is rather a secret that was changed on one side than a stranger.
            (Refusal::Refused, Some(sender)) => {
                tracing::warn!(%peer, sender = sender.name(), "refused a webhook: it does not prove who sent it");
            }
            (Refusal::NowTooMany, _) => tracing::warn!(%peer, "many webhooks with a wrong type, token or proof"),
            (Refusal::TooMany, _) => {}
        }
        if refusal == Refusal::Refused { StatusCode::NOT_FOUND } else { StatusCode::TOO_MANY_REQUESTS }
    }
}

/// What a message of the sender `kind` says was pushed, `None` when there is no such sender or it writes otherwise.
pub fn pushed(kind: &str, headers: &HeaderMap, query: &str, body: &[u8]) -> Option<Vec<Due>> {
    (Sender::named(kind)?.read)(&Message { headers, query, body, now: Timestamp::UNIX_EPOCH })
}

/// The names of all senders, as they stand in URLs.
pub fn senders() -> impl Iterator<Item = &'static str> {
    sender::SENDERS.iter().flat_map(|sender| sender.names).copied()
}

/// What the head says the body has.
fn declared_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

/// `TYPE` and `TOKEN` of `/hooks/TYPE/TOKEN`.
fn path_parts(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/hooks/")?.split_once('/')
}

async fn read(declared: u64, body: Body) -> Result<Bytes, Refused> {
    if declared > BODY_BYTES_MAX as u64 {
        return Err(Refused::TooLarge);
    }
    tokio::time::timeout(BODY_TIMEOUT, collect(body)).await.unwrap_or(Err(Refused::TooSlow))
}

async fn collect(body: Body) -> Result<Bytes, Refused> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refused::Broken)?;
        if bytes.len() + piece.len() > BODY_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}
