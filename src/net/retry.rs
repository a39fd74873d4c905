//! When to ask again, and after how long.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use url::Url;

use super::client::Http;
use super::deadline::Deadline;
use super::error::Error;

/// How often one request is sent at most.
pub const ATTEMPTS: u32 = 3;
/// A server that asks for a longer wait is not waited for, whatever the deadline; its answer goes to the caller.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What the outcome of an attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Ask again, not before the wait that the server asked for.
    Again(Option<Duration>),
}

impl Http {
    /// Repeats an `attempt` to ask `url` while the head of its outcome, or a connection fault, is one that passes: at
    /// most [`ATTEMPTS`] times, within the deadline. The last outcome is the outcome; each repetition is observed.
    pub async fn retry<T, A, F>(
        &self,
        url: &Url,
        deadline: Deadline,
        head: impl Fn(&T) -> (StatusCode, &HeaderMap),
        mut attempt: A,
    ) -> Result<T, Error>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, Error>>,
    {
        let mut number = 0;
        loop {
            let outcome = attempt().await;
            let wait = match verdict(&outcome, &head) {
                Verdict::Again(asked) if number + 1 < ATTEMPTS => pause(number, asked, fastrand::f64()),
                _ => return outcome,
            };
            match wait {
                Some(wait) if wait < deadline.remaining() => tokio::time::sleep(wait).await,
                _ => return outcome,
            }
            self.observe_retry(url, outcome.as_ref().map_or(0, |outcome| head(outcome).0.as_u16()));
            number += 1;
        }
    }
}

/// Statuses that pass: 408, 429 and 5xx, except 501, which repeats itself.
pub fn judge_status(status: StatusCode, headers: &HeaderMap) -> Verdict {
    match status.as_u16() {
        501 => Verdict::Done,
        408 | 429 | 500..=599 => Verdict::Again(retry_after(headers, Timestamp::now())),
        _ => Verdict::Done,
    }
}

/// The wait after attempt `number` (from 0): 250 ms doubled each time and stretched by up to a half (`jitter` is in
/// 0..1), or what the server asked for if that is longer. `None`: too long to wait for.
pub fn pause(number: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    let own = (FIRST_PAUSE * 2u32.saturating_pow(number)).mul_f64(1.0 + jitter / 2.0);
    let wait = asked.map_or(own, |asked| asked.max(own));
    (wait <= RETRY_AFTER_MAX).then_some(wait)
}

/// `Retry-After` as seconds or as an HTTP date (RFC 9110 §10.2.3); what cannot be read counts as absent.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn verdict<T>(outcome: &Result<T, Error>, head: impl Fn(&T) -> (StatusCode, &HeaderMap)) -> Verdict {
    match outcome {
        Ok(value) => {
            let (status, headers) = head(value);
            judge_status(status, headers)
        }
        Err(error) if error.is_passing() => Verdict::Again(None),
        Err(_) => Verdict::Done,
    }
}
