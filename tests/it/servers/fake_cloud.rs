//! The servers of all clouds at once, on loopback: what is asked of `https://HOST/PATH` comes as `/HOST/PATH`. It
//! answers as it was told, and remembers every request with all its parts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A running server; it stops when it is dropped.
pub(crate) struct FakeCloud {
    addr: SocketAddr,
    shared: Arc<Mutex<CloudState>>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct CloudState {
    replies: BTreeMap<String, Vec<Reply>>,
    asked: Vec<Asked>,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl ToString) -> Self {
        Self { status, body: body.to_string(), ..Self::default() }
    }
}

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `POST /sts.eu-west-1.amazonaws.com/`, with its query.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// All headers but those that any client sends.
    pub(crate) fn own_headers(&self) -> Vec<(&str, &str)> {
        let is_own = |name: &str| !["host", "user-agent", "accept-encoding", "content-length"].contains(&name);
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| is_own(name))
            .collect()
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

impl FakeCloud {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Mutex::new(CloudState::default()));
        let (addr, runtime) = super::serve(Router::new().fallback(serve).with_state(Arc::clone(&shared)));
        Self { addr, shared, runtime: Some(runtime) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn host(&self) -> String {
        self.addr.to_string()
    }

    /// Answers such requests (method and path, without the query) so from now on.
    pub(crate) fn answer(&self, line: &str, reply: Reply) {
        self.answer_in_turn(line, &[reply]);
    }

    /// Answers such requests so one after the other; the last one stays.
    pub(crate) fn answer_in_turn(&self, line: &str, replies: &[Reply]) {
        self.shared.lock().expect("the state").replies.insert(line.to_owned(), replies.to_vec());
    }

    /// What was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.lock().expect("the state").asked)
    }

    /// The same, by method and path with query only.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for FakeCloud {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(State(shared): State<Arc<Mutex<CloudState>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let text = |value: &axum::http::HeaderValue| value.to_str().expect("text").to_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let asked = Asked {
        line: format!("{} {}", head.method, head.uri),
        headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    };
    let reply = next_reply(&shared, &format!("{} {}", head.method, head.uri.path()), asked);
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).expect("a status"));
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(reply.body)).expect("an answer")
}

fn next_reply(shared: &Mutex<CloudState>, line: &str, asked: Asked) -> Reply {
    let mut state = shared.lock().expect("the state");
    state.asked.push(asked);
    match state.replies.get_mut(line) {
        Some(replies) if replies.len() > 1 => replies.remove(0),
        Some(replies) => replies[0].clone(),
        None => Reply::new(404, "nobody told what to answer"),
    }
}
