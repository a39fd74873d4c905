//! What can go wrong between here and the API server, sorted by what the caller may do about it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use kube::core::Status;

use crate::api::Kind;

/// How much of what the server says is kept.
const MESSAGE_CHARS_MAX: usize = 1000;

/// The text says what was being done to what; what the server answered is in `source`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody has changed the object since it was read: read it again.
    #[error("{what}")]
    Conflict { what: String, source: Refusal },
    /// The object is not there, or its kind is not served.
    #[error("{what}")]
    Gone { what: String, source: Refusal },
    /// The account may not do this.
    #[error("{what}")]
    Denied { what: String, source: Refusal },
    /// The server has too much to do; it may say for how long.
    #[error("{what}")]
    Throttled { what: String, after: Option<Duration>, source: Refusal },
    /// What was sent is not what the server takes; sending it again changes nothing.
    #[error("{what}")]
    Invalid { what: String, source: Refusal },
    /// The server has trouble of its own.
    #[error("{what}")]
    Failed { what: String, source: Refusal },
    #[error("{what}: no answer within {} s", limit.as_secs())]
    Late { what: String, limit: Duration },
    #[error("{what}: {cause}")]
    Unreachable { what: String, cause: String },
    #[error("{what}: the answer cannot be read: {cause}")]
    Unreadable { what: String, cause: String },
    /// A name that would lead elsewhere as part of a path.
    #[error("{what}: {name:?} is not a name")]
    Name { what: String, name: String },
    #[error("reading {place}: {cause}")]
    Settings { place: String, cause: String },
    #[error("the user in {place} logs in with {way}, which is not allowed")]
    ExecAuth { place: String, way: String },
    #[error("the cluster in {place} has insecure-skip-tls-verify, which is not allowed")]
    Insecure { place: String },
}

/// What the API server said instead of doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    pub code: u16,
    /// One word of the API's, such as `AlreadyExists`; empty when the answer was not one of the API's.
    pub reason: String,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API server answered {}", self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl Error {
    /// The error that an answer with this status stands for.
    pub(super) fn refused(what: impl fmt::Display, source: Refusal, after: Option<Duration>) -> Self {
        let what = what.to_string();
        match (source.code, source.reason.as_str()) {
            (409, _) => Self::Conflict { what, source },
            (404 | 410, _) => Self::Gone { what, source },
            (401 | 403, _) => Self::Denied { what, source },
            (429, _) => Self::Throttled { what, after, source },
            (400..=499, _) => Self::Invalid { what, source },
            // A server that starts or stops says when it will be there.
            (503, _) if after.is_some() => Self::Throttled { what, after, source },
            _ => Self::Failed { what, source },
        }
    }

    /// Nothing of this kind can be asked for.
    pub(super) fn not_served(kind: Kind) -> Self {
        let message = format!("no version of {} that is known here is served", kind.group());
        let source = Refusal { code: 404, reason: "NotFound".to_owned(), message };
        Self::Gone { what: format!("looking up the kind {kind}"), source }
    }

    /// What the client library makes of an answer, or of none.
    pub(super) fn of_client(what: impl fmt::Display, error: &kube::Error) -> Self {
        let what = what.to_string();
        match error {
            kube::Error::Api(status) => {
                let after =
                    status.details.as_ref().map(|details| details.retry_after_seconds).filter(|after| *after > 0);
                Self::refused(what, Refusal::of(status), after.map(|after| Duration::from_secs(after.into())))
            }
            kube::Error::SerdeError(error) => Self::Unreadable { what, cause: error.to_string() },
            error => Self::Unreachable { what, cause: root(error) },
        }
    }

    /// What the user can do about it, where that is not in the text.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ExecAuth { .. } => Some("--allow-exec-auth runs that program"),
            Self::Insecure { .. } => Some("put the authority of the server into certificate-authority-data instead"),
            _ => None,
        }
    }

    /// Whether the same request may be answered otherwise a while later, with nothing changed by the user.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. }
                | Self::Throttled { .. }
                | Self::Failed { .. }
                | Self::Late { .. }
                | Self::Unreachable { .. }
        )
    }

    /// The text with all causes, on one line.
    pub fn chain(&self) -> String {
        let causes = std::iter::successors(Some(self as &(dyn StdError + 'static)), |&error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

impl Refusal {
    /// What the body of an answer says: a `Status` of the API, else a text of whatever stands before the server.
    pub(super) fn read(code: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<Status>(body) {
            Ok(status) => Self { code, ..Self::of(&status) },
            Err(_) => Self { code, reason: String::new(), message: shortened(&String::from_utf8_lossy(body)) },
        }
    }

    pub(super) fn of(status: &Status) -> Self {
        Self { code: status.code, reason: status.reason.clone(), message: shortened(&status.message) }
    }
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The deepest cause: what stands above it repeats that a request went wrong.
pub(super) fn root(error: &(dyn StdError + 'static)) -> String {
    let deepest = std::iter::successors(Some(error), |&error| error.source()).last();
    shortened(&deepest.unwrap_or(error).to_string())
}
