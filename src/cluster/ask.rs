//! One request to the API server and its answer: bounded in time and size, counted, its refusals sorted.

use std::fmt;
use std::time::Duration;

use axum::body::{Body, Bytes};
use kube::core::request;
use serde::de::DeserializeOwned;

use super::connect::Cluster;
use super::error::{Error, Refusal, root};
use crate::net::retry_after;

/// A server that takes longer has trouble, and whoever asked is better off asking again.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// A list of a thousand objects has some megabytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// As the client library makes it.
pub(super) type Built = Result<axum::http::Request<Vec<u8>>, request::Error>;

impl Cluster {
    /// Sends a request and reads what it brings. `what` says what is being done to what, as errors tell it.
    pub(super) async fn ask<T: DeserializeOwned>(&self, what: impl fmt::Display, request: Built) -> Result<T, Error> {
        let body = match tokio::time::timeout(ANSWER_TIME_MAX, self.exchange(&what, request)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(Error::Late { what: what.to_string(), limit: ANSWER_TIME_MAX }),
        };
        serde_json::from_slice(&body)
            .map_err(|error| Error::Unreadable { what: what.to_string(), cause: error.to_string() })
    }

    /// The same for what may not be there.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        what: impl fmt::Display,
        request: Built,
    ) -> Result<Option<T>, Error> {
        match self.ask(what, request).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Gone { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn exchange(&self, what: &impl fmt::Display, request: Built) -> Result<Bytes, Error> {
        let unsent = |error: request::Error| Error::Unreadable { what: what.to_string(), cause: root(&error) };
        let request = request.map_err(unsent)?.map(kube::client::Body::from);
        let sent = self.shared.client.send(request).await;
        let code = sent.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.shared.metrics.count_exchange(&self.shared.host, code);
        let (head, body) = sent.map_err(|error| Error::of_client(what, &error))?.into_parts();
        let body = axum::body::to_bytes(Body::new(body), ANSWER_BYTES_MAX)
            .await
            .map_err(|error| Error::Unreachable { what: what.to_string(), cause: root(&error) })?;
        if head.status.is_success() {
            return Ok(body);
        }
        let after = retry_after(&head.headers, jiff::Timestamp::now());
        Err(Error::refused(what, Refusal::read(code, &body), after))
    }
}

/// The path of the objects of a kind; the core group has an empty name.
pub(super) fn path(group: &str, version: &str, namespace: &str, plural: &str) -> String {
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    if namespace.is_empty() { format!("{root}/{plural}") } else { format!("{root}/namespaces/{namespace}/{plural}") }
}

/// Refuses names that would lead elsewhere as a part of a path: objects name others in words that nobody has checked.
pub(super) fn check_name(what: impl fmt::Display, name: &str) -> Result<(), Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_plain) && !matches!(name, "." | "..") {
        return Ok(());
    }
    Err(Error::Name { what: what.to_string(), name: name.chars().take(253).collect() })
}
