//! The part of GitHub's API that gives tokens to apps, on loopback. It checks statements with the app's public key.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A running API; it stops when it is dropped. It knows installation 77, of the organization `acme`, and 78, of the
/// user `ann`.
pub(crate) struct FakeGithub {
    addr: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    public_key: Vec<u8>,
    state: Mutex<ApiState>,
}

struct ApiState {
    asked: Vec<String>,
    /// How long tokens live, in seconds.
    lifetime: i64,
    /// Given out so far.
    tokens: usize,
    /// The answer to everything, where it is set.
    answer: Option<(u16, String)>,
    statements: Vec<Value>,
}

impl FakeGithub {
    /// `public_key` is that of app `12`.
    pub(crate) fn start(public_key: Vec<u8>) -> Self {
        let state = ApiState { asked: Vec::new(), lifetime: 3600, tokens: 0, answer: None, statements: Vec::new() };
        let shared = Arc::new(Shared { public_key, state: Mutex::new(state) });
        let (addr, runtime) = super::serve(Router::new().fallback(serve).with_state(Arc::clone(&shared)));
        Self { addr, shared, runtime: Some(runtime) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v3", self.addr)
    }

    /// What was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state.lock().expect("the state").asked)
    }

    /// The claims of all statements that were taken.
    pub(crate) fn statements(&self) -> Vec<Value> {
        self.shared.state.lock().expect("the state").statements.clone()
    }

    pub(crate) fn live_for(&self, seconds: i64) {
        self.shared.state.lock().expect("the state").lifetime = seconds;
    }

    /// Answers everything so.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        self.shared.state.lock().expect("the state").answer = Some((status, body.to_owned()));
    }
}

impl Drop for FakeGithub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri());
    let mut state = shared.state.lock().expect("the state");
    state.asked.push(line.clone());
    if let Some((status, body)) = &state.answer {
        return answer(*status, body.clone());
    }
    let statement = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(claims) = statement.and_then(|text| claims(text.strip_prefix("Bearer ")?, &shared.public_key)) else {
        return answer(401, json!({"message": "A JSON web token could not be decoded"}).to_string());
    };
    state.statements.push(claims);
    match line.as_str() {
        "GET /api/v3/orgs/acme/installation" => {
            answer(200, json!({"id": 77, "account": {"login": "acme"}}).to_string())
        }
        "GET /api/v3/users/ann/installation" => answer(200, json!({"id": 78, "account": {"login": "ann"}}).to_string()),
        "POST /api/v3/app/installations/77/access_tokens" | "POST /api/v3/app/installations/78/access_tokens" => {
            state.tokens += 1;
            let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(state.lifetime);
            let token = format!("ghs_canary{}", state.tokens);
            answer(201, json!({"token": token, "expires_at": end.strftime("%FT%TZ").to_string()}).to_string())
        }
        _ => answer(404, json!({"message": "Not Found"}).to_string()),
    }
}

/// As GitHub checks them: signed by app 12, not from the future, at most ten minutes good.
fn claims(statement: &str, public_key: &[u8]) -> Option<Value> {
    let key = DecodingKey::from_rsa_pem(public_key).expect("a public key");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&["12"]);
    let claims = jsonwebtoken::decode::<Value>(statement, &key, &validation).ok()?.claims;
    let now = jiff::Timestamp::now().as_second();
    let (from, end) = (claims.get("iat")?.as_i64()?, claims.get("exp")?.as_i64()?);
    (from <= now && end <= now + 600).then_some(claims)
}

fn answer(status: u16, body: String) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("a status");
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .expect("an answer")
}
