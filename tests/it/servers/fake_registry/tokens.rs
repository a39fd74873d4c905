//! Who may ask the fake registry: passwords and Docker's token protocol, checked field by field.

use std::net::SocketAddr;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::answers::error;
use super::{Door, Logged, World, reply};

pub(super) const SERVICE: &str = "fake.registry";

/// How tokens are given.
#[derive(Clone, Default)]
pub(crate) struct TokenRules {
    /// Name and password that the token server wants; anonymous tokens if absent.
    pub(crate) login: Option<(String, String)>,
    /// The refresh token that it takes by POST.
    pub(crate) identity: Option<String>,
    /// A token that the registry takes without the token server.
    pub(crate) fixed: Option<String>,
    /// As written in the answer; left out if absent.
    pub(crate) expires_in: Option<serde_json::Value>,
    /// As written in the answer; left out if absent.
    pub(crate) issued_at: Option<String>,
    /// The realm to name instead of its own.
    pub(crate) realm: Option<String>,
    /// What the token server answers instead.
    pub(crate) answer: Option<(u16, String)>,
}

impl World {
    /// The 401 for a request that may not pass.
    pub(super) fn refuse(&self, request: &Logged, repository: &str) -> Option<Response> {
        let shown = request.authorization.as_deref();
        match &self.door {
            Door::Open => None,
            Door::Basic { username, password } => {
                (shown != Some(basic(username, password).as_str())).then(|| unauthorized("Basic realm=\"fake\""))
            }
            Door::Tokens(rules) => {
                (!self.takes(rules, shown, repository)).then(|| unauthorized(&self.challenge(rules, repository)))
            }
        }
    }

    fn takes(&self, rules: &TokenRules, shown: Option<&str>, repository: &str) -> bool {
        let Some(token) = shown.and_then(|shown| shown.strip_prefix("Bearer ")) else { return false };
        rules.fixed.as_deref() == Some(token)
            || token.ends_with(&format!("-for-{repository}")) && self.issued.iter().any(|issued| issued == token)
    }

    fn challenge(&self, rules: &TokenRules, repository: &str) -> String {
        let own = || realm(self.addr.expect("the server runs"));
        let realm = rules.realm.clone().unwrap_or_else(own);
        format!("Bearer realm=\"{realm}\",service=\"{SERVICE}\",scope=\"repository:{repository}:pull\"")
    }

    pub(super) fn token(&mut self, request: &Logged, query: &str) -> Response {
        let Door::Tokens(rules) = self.door.clone() else { return error(404, "UNSUPPORTED", "no tokens here") };
        if let Some((status, body)) = rules.answer {
            return reply(status, &[("content-type", "application/json")], body.into());
        }
        let fields = if request.method == "POST" { &request.body } else { query };
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(fields.as_bytes()).into_owned().collect();
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let known = match (&rules.identity, &rules.login) {
            (Some(identity), _) => {
                request.method == "POST" && field("refresh_token") == identity && field("grant_type") == "refresh_token"
            }
            (None, Some((username, password))) => request.authorization == Some(basic(username, password)),
            (None, None) => request.authorization.is_none(),
        };
        if !known {
            return error(401, "UNAUTHORIZED", "authentication required");
        }
        let scope = field("scope").strip_prefix("repository:").and_then(|scope| scope.strip_suffix(":pull"));
        let Some(repository) = scope.filter(|_| field("service") == SERVICE) else {
            return error(400, "DENIED", "wrong scope or service");
        };
        self.issue(repository, &rules)
    }

    fn issue(&mut self, repository: &str, rules: &TokenRules) -> Response {
        self.tokens_made += 1;
        let token = format!("token{}-for-{repository}", self.tokens_made);
        self.issued.push(token.clone());
        let mut body =
            if rules.identity.is_some() { json!({ "access_token": token }) } else { json!({ "token": token }) };
        if let Some(seconds) = &rules.expires_in {
            body["expires_in"] = seconds.clone();
        }
        if let Some(time) = &rules.issued_at {
            body["issued_at"] = json!(time);
        }
        reply(200, &[("content-type", "application/json")], Body::from(body.to_string()))
    }
}

fn realm(addr: SocketAddr) -> String {
    format!("http://{addr}/token")
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

fn unauthorized(challenge: &str) -> Response {
    let mut response = error(401, "UNAUTHORIZED", "authentication required");
    let value = axum::http::HeaderValue::from_str(challenge).expect("a header value");
    response.headers_mut().insert("www-authenticate", value);
    response
}
