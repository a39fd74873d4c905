//! Answers that are not what was asked for, turned into faults with what the registry said about them.

use memchr::memmem;
use serde::Deserialize;

use crate::net::header::{CONTENT_TYPE, HeaderValue};
use crate::net::{Answer, StatusCode, host};
use crate::registry::Fault;
use crate::registry::grant::GrantKind;
use crate::registry::text::shown;

/// Shorter texts are found everywhere and hide nothing.
const SECRET_BYTES_MIN: usize = 4;

/// Access was denied to whoever `asked`.
pub(super) fn denied(answer: &Answer, asked: String) -> Fault {
    Fault::Denied { host: host(&answer.url), status: answer.status.as_u16(), detail: detail(answer), asked }
}

/// One denial stands for itself; of several each says who asked and what came of it.
pub(super) fn of_all(mut denials: Vec<Fault>) -> Fault {
    let last = denials.pop().expect("somebody asked, if only anonymously");
    if denials.is_empty() {
        return last;
    }
    let mut host = String::new();
    let tried = denials.into_iter().chain([last]).map(|denial| match denial {
        Fault::Denied { host: at, status, detail, asked } => {
            host = at;
            format!("{asked} ({status}{detail})")
        }
        Fault::NoPassword { host: at, given } => {
            host = at;
            format!("with {given}, where it asks for a password")
        }
        other => other.to_string(),
    });
    let tried = tried.collect();
    Fault::AllDenied { host, tried }
}

/// As whom a request was sent: with which credential of the user, never the secret itself.
pub(super) fn asked(given: Option<String>, sent: Option<GrantKind>) -> String {
    match (given, sent) {
        (None, None) => "anonymously".to_owned(),
        (None, Some(_)) => "anonymously, with a token".to_owned(),
        (Some(given), None) => format!("without {given}, since it did not ask for it"),
        (Some(given), Some(GrantKind::Credential)) => format!("with {given}"),
        (Some(given), Some(GrantKind::Token)) => format!("with a token for {given}"),
    }
}

/// The answer without what was shown to who gave it: some repeat it, and what they say of a refusal is told.
pub(super) fn unsaid(mut answer: Answer, header: Option<&HeaderValue>, secrets: &[&[u8]]) -> Answer {
    if answer.status.is_success() {
        return answer;
    }
    let shown = header.and_then(|header| header.as_bytes().split(|byte| *byte == b' ').nth(1));
    let all = secrets.iter().copied().chain(shown).filter(|secret| secret.len() >= SECRET_BYTES_MIN);
    for secret in all {
        if memmem::find(&answer.body, secret).is_some() {
            answer.body = replaced(&answer.body, secret).into();
        }
    }
    answer
}

fn replaced(text: &[u8], secret: &[u8]) -> Vec<u8> {
    let (mut kept, mut from) = (Vec::new(), 0);
    for at in memmem::find_iter(text, secret) {
        kept.extend_from_slice(&text[from..at]);
        kept.extend_from_slice(b"[redacted]");
        from = at + secret.len();
    }
    kept.extend_from_slice(&text[from..]);
    kept
}

/// A status that nobody expected.
pub(super) fn status(answer: &Answer) -> Fault {
    if is_from_tls_port(answer) {
        return Fault::SpeaksTls { host: host(&answer.url) };
    }
    Fault::Status { answered: answer.status_error(), detail: detail(answer) }
}

/// Whether the registry gives `code` (OCI distribution 1.1, "Error Codes") as a reason.
pub(super) fn names(answer: &Answer, code: &str) -> bool {
    errors(answer).iter().any(|error| error.code.as_deref() == Some(code))
}

/// Whether a successful answer is a page for people: a proxy's login, or a web interface at this address.
pub(super) fn is_web_page(answer: &Answer) -> bool {
    let html = answer.header(&CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("text/html"));
    html || answer.body.trim_ascii_start().starts_with(b"<")
}

/// Whether a server of TLS says that it was spoken to without: in the words of Go, nginx and Apache.
fn is_from_tls_port(answer: &Answer) -> bool {
    const SAID: [&[u8]; 3] = [b"HTTP request to an HTTPS server", b"sent to HTTPS port", b"SSL-enabled server port"];
    let was_plain = answer.url.scheme() == "http" && answer.status == StatusCode::BAD_REQUEST;
    was_plain && SAID.iter().any(|said| memmem::find(&answer.body, said).is_some())
}

fn detail(answer: &Answer) -> String {
    match errors(answer).first() {
        Some(RegistryError { code: Some(code), message: Some(message) }) if !message.is_empty() => {
            format!(": {}: {}", shown(code), shown(message))
        }
        Some(RegistryError { code: Some(text), .. } | RegistryError { message: Some(text), .. }) => {
            format!(": {}", shown(text))
        }
        _ if is_web_page(answer) => ": a web page".to_owned(),
        _ => String::new(),
    }
}

fn errors(answer: &Answer) -> Vec<RegistryError> {
    serde_json::from_slice::<Refusal>(&answer.body).map(|refusal| refusal.errors).unwrap_or_default()
}

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<RegistryError>,
}

#[derive(Deserialize)]
struct RegistryError {
    code: Option<String>,
    message: Option<String>,
}
