//! Events in the JSON of Flux's notification-controller, posted to where `--events-addr` says.

use std::time::Duration;

use serde_json::json;

use super::events::{Occurrence, Reporter, Severity, involved};
use crate::net::{Deadline, Error, Http, Reach, StatusCode, Url, header, host};
use crate::object::Value;

/// For all tries together.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Who takes events, and the client that reaches it.
#[derive(Clone)]
pub struct Receiver {
    pub http: Http,
    pub url: Url,
}

/// What is posted of an occurrence.
pub(super) fn posted(occurrence: &Occurrence, reporter: &Reporter) -> Value {
    json!({
        "involvedObject": involved(&occurrence.object),
        "severity": if occurrence.severity == Severity::Error { "error" } else { "info" },
        "timestamp": format!("{:.0}", occurrence.at),
        "message": occurrence.message,
        "reason": occurrence.reason,
        "metadata": occurrence.metadata,
        "reportingController": reporter.controller,
        "reportingInstance": reporter.instance,
    })
}

/// Posts it, again where the receiver has passing trouble.
pub(super) async fn post(receiver: &Receiver, event: &Value) -> Result<(), Error> {
    let Receiver { http, url } = receiver;
    let deadline = Deadline::after(TIME_MAX);
    let body = event.to_string();
    let attempt = async || {
        let request = http.client(url, Reach::ANY)?.post(url.clone());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        let answer = http.send(request, deadline).await?;
        Ok((told(answer.status()), answer.headers().clone()))
    };
    let (status, _) = http.retry(url, deadline, |(status, headers)| (*status, headers), attempt).await?;
    if status.is_success() {
        return Ok(());
    }
    Err(Error::Status { host: host(url), status, retry_after: None })
}

/// A receiver that has been told the same before says so by 429.
fn told(status: StatusCode) -> StatusCode {
    if status == StatusCode::TOO_MANY_REQUESTS { StatusCode::OK } else { status }
}
