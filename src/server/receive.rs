//! A request that may be a webhook: admitted, read, believed, and what it makes due.
//!
//! Takes any request that is no other route; gives a status. Whoever is not believed is told what is told of anything
//! that does not exist.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use jiff::Timestamp;

use super::handshake::{self, Agreement};
use super::sender::{Message, Sender};
use super::strangers::Refusal;
use super::unread::Unread;
use super::{Server, Visit, payload};
use crate::metrics::HookOutcome;

const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// What hooks are counted under whose token is not ours.
const STRANGER: &str = "unknown";

/// What came of a webhook that was believed.
enum Accepted {
    Read(HookOutcome),
    Agreed(Agreement),
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

/// Anything that is no other route; most of it is nothing.
pub(super) async fn hook(State(visit): State<Visit>, request: Request) -> Response {
    let server = visit.server.as_ref();
    let Some((kind, token)) = path_parts(request.uri().path()) else { return StatusCode::NOT_FOUND.into_response() };
    let sender = server.shared.hooks.get().admit(kind, token).filter(|sender| is_spoken_by(request.method(), sender));
    let accepted = match sender {
        Some(sender) if request.method() == Method::POST => server.receive(sender, visit.peer, request).await,
        Some(_) => handshake::preflight(request.headers()).map(Accepted::Agreed).ok_or(Refused::Unbelieved),
        None => Err(Refused::Unbelieved),
    };
    let outcome = match &accepted {
        Ok(Accepted::Read(outcome)) => *outcome,
        Ok(Accepted::Agreed(_)) => HookOutcome::Agreed,
        Err(Refused::Unbelieved) => HookOutcome::Refused,
        Err(Refused::TooLarge | Refused::TooSlow | Refused::Broken) => HookOutcome::Dropped,
    };
    server.shared.metrics.count_hook(sender.map_or(STRANGER, Sender::name), outcome);
    match accepted {
        Ok(Accepted::Read(_)) => StatusCode::ACCEPTED.into_response(),
        Ok(Accepted::Agreed(agreement)) => agreement.into_response(),
        Err(Refused::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(Refused::TooSlow) => StatusCode::REQUEST_TIMEOUT.into_response(),
        Err(Refused::Broken) => StatusCode::BAD_REQUEST.into_response(),
        Err(Refused::Unbelieved) => server.refuse(visit.peer, sender).into_response(),
    }
}

fn is_spoken_by(method: &Method, sender: &Sender) -> bool {
    method == Method::POST || method == Method::OPTIONS && sender.asks_first()
}

impl Server {
    /// Reads and checks a message whose token is ours, and says what it makes due.
    async fn receive(&self, sender: &'static Sender, peer: IpAddr, request: Request) -> Result<Accepted, Refused> {
        let _place = self.bodies.acquire().await.expect("the semaphore is never closed");
        let (head, body) = request.into_parts();
        let body = read(declared_length(&head.headers), body).await;
        let body = body.inspect_err(|refused| self.complain(sender, peer, refused.unread()))?;
        let query = head.uri.query().unwrap_or_default();
        let message = Message { headers: &head.headers, query, body: &body, now: Timestamp::now() };
        // Before the proof: the headers of a subscription are promised for its events alone, and nothing becomes due.
        if let Some(agreement) = Some(&message).filter(|_| sender.asks_first()).and_then(handshake::validation) {
            return Ok(Accepted::Agreed(agreement));
        }
        if !self.shared.hooks.get().believes(sender, &message, &self.shared.http).await {
            return Err(Refused::Unbelieved);
        }
        let Some(dues) = (sender.read)(&message) else {
            let why = if payload::is_json(&message) { Unread::OtherShape } else { Unread::NotJson };
            self.complain(sender, peer, Some(why));
            return Ok(Accepted::Read(HookOutcome::Unreadable));
        };
        let outcome = if dues.is_empty() { HookOutcome::Ignored } else { HookOutcome::Due };
        for due in dues {
            tracing::debug!(sender = sender.name(), host = due.host, repository = due.repository, "due by a webhook");
            self.due.send(due);
        }
        Ok(Accepted::Read(outcome))
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
