//! How many requests a server will still answer, as it tells in the headers of an answer.
//!
//! Takes headers; gives a [`Quota`]. Three dialects: `RateLimit` and `RateLimit-Policy` (IETF draft, its older forms
//! included), Docker Hub's `ratelimit-remaining: 76;w=21600`, and the `X-RateLimit-…` of many. What makes no sense
//! counts as absent.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// What is left of a server's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub remaining: u64,
    /// Until there is more.
    pub resets: Duration,
}

/// When a server tells that nothing is left and not for how long.
const RESETS_UNKNOWN: Duration = Duration::from_secs(1);
/// A reset above this is a moment (seconds since 1970), not a time to wait.
const MOMENT_MIN: f64 = 1e9;
/// Longer values of headers are no quotas.
const TEXT_BYTES_MAX: usize = 1024;

/// The tightest quota that the headers tell of.
pub fn quota(headers: &HeaderMap, now: Timestamp) -> Option<Quota> {
    let combined = text(headers, "ratelimit").and_then(|it| combined(it, text(headers, "ratelimit-policy"), now));
    let single = |prefix: &str| single(headers, prefix, now);
    combined.or_else(|| single("ratelimit")).or_else(|| single("x-ratelimit"))
}

/// `"default";r=50;t=30` of each policy, or `limit=100, remaining=50, reset=30`.
fn combined(text: &str, policy: Option<&str>, now: Timestamp) -> Option<Quota> {
    let old = |key| text.split(',').find_map(|part| parameter(part, key));
    if let Some(remaining) = old("remaining") {
        return told(remaining, old("reset"), None, now);
    }
    let item = |item: &str| {
        let window = policy.and_then(|policy| window_of(policy, item.split(';').next()?));
        told(parameter(item, "r")?, parameter(item, "t"), window, now)
    };
    text.split(',').filter_map(item).min_by_key(|quota| (quota.remaining, std::cmp::Reverse(quota.resets)))
}

/// The window of the policy with this name.
fn window_of(policies: &str, name: &str) -> Option<f64> {
    let same = |policy: &&str| policy.split(';').next().is_some_and(|other| other.trim() == name.trim());
    parameter(policies.split(',').find(same)?, "w")
}

/// `…-Remaining`, `…-Reset`, `…-Limit`, each a number that a window may follow.
fn single(headers: &HeaderMap, prefix: &str, now: Timestamp) -> Option<Quota> {
    let header = |name: &str| text(headers, &format!("{prefix}-{name}"));
    let (left, limit) = (header("remaining")?, header("limit"));
    let remaining = number(left.split(';').next()?)?;
    let window = parameter(left, "w").or_else(|| parameter(limit?, "w"));
    told(remaining, header("reset").and_then(number), window, now)
}

fn told(remaining: f64, reset: Option<f64>, window: Option<f64>, now: Timestamp) -> Option<Quota> {
    let moment = |reset: f64| if reset < MOMENT_MIN { reset } else { reset - now.as_second() as f64 };
    let resets = reset.map(moment).or(window);
    let resets =
        resets.map_or(RESETS_UNKNOWN, |seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
    // A float of any size becomes the nearest whole number.
    Some(Quota { remaining: remaining as u64, resets })
}

/// The number of `key=number` among the parts that semicolons separate.
fn parameter(text: &str, key: &str) -> Option<f64> {
    let value =
        |part: &str| part.split_once('=').filter(|(name, _)| name.trim() == key).map(|(_, value)| number(value));
    text.split(';').find_map(value).flatten()
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|text| text.len() <= TEXT_BYTES_MAX)
}
