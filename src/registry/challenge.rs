//! What a 401 asks for: the `WWW-Authenticate` headers, read into the schemes that registries use.

use http_auth::{ChallengeParser, ChallengeRef};

use crate::net::header::{HeaderMap, WWW_AUTHENTICATE};
use crate::net::{Answer, Url, host, without_login};
use crate::registry::Fault;
use crate::registry::text::shown;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

impl Challenge {
    /// Bearer if it is offered, else Basic.
    pub(super) fn of(answer: &Answer) -> Result<Self, Fault> {
        let texts = texts(&answer.headers);
        let offers: Vec<ChallengeRef<'_>> = texts.iter().flat_map(|text| offers(text)).collect();
        if let Some(bearer) = offers.iter().find(|offer| offer.scheme.eq_ignore_ascii_case("bearer")) {
            return Self::bearer(bearer).map_err(|cause| not_understood(answer, cause));
        }
        if offers.iter().any(|offer| offer.scheme.eq_ignore_ascii_case("basic")) {
            return Ok(Self::Basic);
        }
        Err(not_understood(answer, refusal(&offers)))
    }

    fn bearer(offer: &ChallengeRef<'_>) -> Result<Self, String> {
        let realm = parameter(offer, "realm").ok_or("status 401 with a bearer challenge without a realm")?;
        let realm = Url::parse(&realm).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
        let realm = realm.ok_or("status 401 with a bearer challenge whose realm is not a URL")?;
        Ok(Self::Bearer { realm: without_login(realm), service: parameter(offer, "service") })
    }
}

fn texts(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect()
}

/// The challenges up to the first that breaks the grammar.
fn offers(text: &str) -> impl Iterator<Item = ChallengeRef<'_>> {
    ChallengeParser::new(text).map_while(Result::ok)
}

fn parameter(offer: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let (_, value) = offer.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.to_unescaped())
}

fn refusal(offers: &[ChallengeRef<'_>]) -> String {
    match offers.first() {
        Some(offer) => format!("status 401 asks for the scheme {}, which is not supported", shown(offer.scheme)),
        None => "status 401 without a challenge (WWW-Authenticate)".to_owned(),
    }
}

fn not_understood(answer: &Answer, cause: String) -> Fault {
    Fault::NotUnderstood { host: host(&answer.url), cause }
}
