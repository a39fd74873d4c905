//! Metrics, health and webhooks over HTTP.
//!
//! Takes what the driver shares with it, and requests from anyone; shows the one and says "due" on a queue for the
//! other, nothing else. Whatever does not exist or is not allowed has the same answer: 404 without a body.

mod coalesce;
mod connections;
mod due;
mod hooks;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;
use crate::net::Http;

pub use coalesce::Coalescer;
pub use due::{Due, DueReceiver, DueSender, Dues, due_matches, due_queue};
pub use hooks::{Hooks, HooksError};

/// What Prometheus knows the text of the metrics by.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

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
    shared: Arc<Shared>,
    due: DueSender,
    #[expect(dead_code, reason = "refusals are counted by it")]
    peer: IpAddr,
}

/// Answers requests until it is dropped.
pub async fn serve(listener: TcpListener, shared: Shared, due: DueSender) {
    let shared = Arc::new(shared);
    let routes = |peer| routes(Visit { shared: shared.clone(), due: due.clone(), peer });
    connections::accept(&listener, routes).await;
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
    ([(CONTENT_TYPE, OPENMETRICS)], visit.shared.metrics.encode()).into_response()
}

async fn ready(State(visit): State<Visit>) -> Response {
    match visit.shared.ready.load(Ordering::Relaxed) {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the first round is not done\n").into_response(),
    }
}

async fn hook(State(visit): State<Visit>, request: Request) -> StatusCode {
    match accept(&visit, request).await {
        Ok(dues) => {
            dues.into_iter().for_each(|due| visit.due.send(due));
            StatusCode::ACCEPTED
        }
        Err(status) => status,
    }
}

async fn accept(visit: &Visit, request: Request) -> Result<Vec<Due>, StatusCode> {
    let hooks = &visit.shared.hooks;
    let (kind, token) = path_parts(request.uri().path()).ok_or(StatusCode::NOT_FOUND)?;
    if !hooks.admits(kind, token) || request.method() != Method::POST {
        return Err(StatusCode::NOT_FOUND);
    }
    let body = read(request.into_body()).await?;
    Ok(hooks.dues(&body))
}

/// `TYPE` and `TOKEN` of `/hooks/TYPE/TOKEN`.
fn path_parts(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/hooks/")?.split_once('/')
}

async fn read(body: Body) -> Result<axum::body::Bytes, StatusCode> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
