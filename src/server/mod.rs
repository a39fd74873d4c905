//! Metrics, health and webhooks over HTTP.
//!
//! Takes what the driver shares with it, and requests from anyone; shows the one and says "due" on a queue for the
//! other, nothing else. Whatever does not exist or is not allowed has the same answer: 404 without a body.

mod connections;
mod due;
mod google;
mod handshake;
mod hooks;
mod payload;
mod proof;
mod receive;
mod sender;
mod strangers;
mod unread;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::sender::{Message, Sender};
use self::strangers::Strangers;
use self::unread::Complaints;
use crate::metrics::Metrics;
use crate::net::Http;

pub use due::{Due, DueReceiver, DueSender, Dues, Scope, due_matches, due_queue};
pub use hooks::{CurrentHooks, Hooks, HooksError};

/// What Prometheus knows the text of the metrics by.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// So many bodies are in memory at a time.
const BODIES_MAX: usize = 32;

/// What the server shows, and whom it believes.
#[derive(Clone)]
pub struct Shared {
    pub metrics: Metrics,
    /// Set by the driver when its first round is done.
    pub ready: Arc<AtomicBool>,
    pub hooks: CurrentHooks,
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
        .fallback(receive::hook)
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

/// What a message of the sender `kind` says was pushed, `None` when there is no such sender or it writes otherwise.
pub fn pushed(kind: &str, headers: &HeaderMap, query: &str, body: &[u8]) -> Option<Vec<Due>> {
    (Sender::named(kind)?.read)(&Message { headers, query, body, now: Timestamp::UNIX_EPOCH })
}

/// The names of all senders, as they stand in URLs.
pub fn senders() -> impl Iterator<Item = &'static str> {
    sender::SENDERS.iter().flat_map(|sender| sender.names).copied()
}
