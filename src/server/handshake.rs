//! Senders that ask whether they are welcome before they send: Azure Event Grid, in its own schema and in CloudEvents'.
//!
//! Takes a request whose token is ours, gives the agreement. It says back what was asked and so tells nothing. Both
//! ways also name a URL that could be asked instead of an answer; a URL from a message is never asked.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::payload::first_events;
use super::sender::Message;

/// Codes are UUIDs.
const CODE_BYTES_MAX: usize = 128;
const HOST_BYTES_MAX: usize = 253;
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";
const REQUEST_ORIGIN: &str = "webhook-request-origin";
const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
const ALLOWED_RATE: &str = "webhook-allowed-rate";

/// What is said back.
#[derive(Debug)]
pub(super) enum Agreement {
    Code(String),
    Origin(HeaderValue),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    validation_code: Option<String>,
}

impl Agreement {
    pub(super) fn into_response(self) -> Response {
        match self {
            Self::Code(code) => Json(serde_json::json!({ "validationResponse": code })).into_response(),
            // Any rate: what comes too often is one scan all the same.
            Self::Origin(origin) => {
                [(ALLOWED_ORIGIN, origin), (ALLOWED_RATE, HeaderValue::from_static("*"))].into_response()
            }
        }
    }
}

/// The agreement that Event Grid's own schema asks for, in the place of an event.
pub(super) fn validation(message: &Message<'_>) -> Option<Agreement> {
    let event = first_events::<Event>(message)?.into_iter().next()?;
    let code = event.data.filter(|_| event.event_type.as_deref() == Some(VALIDATION))?.validation_code?;
    let is_plain = (1..=CODE_BYTES_MAX).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_plain.then_some(Agreement::Code(code))
}

/// The agreement that the webhooks of CloudEvents ask for, by the method OPTIONS.
pub(super) fn preflight(headers: &HeaderMap) -> Option<Agreement> {
    let origin = headers.get(REQUEST_ORIGIN)?;
    let is_host = (1..=HOST_BYTES_MAX).contains(&origin.len())
        && origin.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(byte));
    is_host.then(|| Agreement::Origin(origin.clone()))
}
