//! The server itself, on loopback, and what tests ask of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use reqwest::{Method, StatusCode};
use tagwright::metrics::Metrics;
use tagwright::net::{Http, Settings};
use tagwright::secret::{Secret, SecretData};
use tagwright::server::{CurrentHooks, Due, DueReceiver, Dues, Hooks, HooksError, Scope, Shared, due_queue, serve};

pub(crate) const TOKEN: &str = "3f9c1e7a5b2d8046";

/// A running server, which ends when it is dropped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) dues: DueReceiver,
    client: reqwest::Client,
    task: tokio::task::JoinHandle<()>,
}

/// Status, content type and body.
pub(crate) type Answer = (StatusCode, String, String);

impl Running {
    /// With these keys in the Secret of the webhooks, beside the token.
    pub(crate) async fn start(keys: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound address");
        let shared = Shared {
            metrics: Metrics::default(),
            ready: Arc::default(),
            hooks: CurrentHooks::new(hooks(keys).expect("a good secret")),
            http: Http::new(Settings::default()).expect("a client"),
        };
        let (metrics, ready) = (shared.metrics.clone(), shared.ready.clone());
        let (sender, dues) = due_queue();
        let task = tokio::spawn(serve(listener, shared, sender));
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client");
        Self { addr, metrics, ready, dues, client, task }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> reqwest::Response {
        let mut request = self.client.request(method, format!("http://{}{path}", self.addr)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.expect("an answer")
    }

    pub(crate) async fn call(&self, method: Method, path: &str, headers: &[(&str, String)], body: &str) -> Answer {
        let answer = self.send(method, path, headers, body).await;
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let (status, kind) = (answer.status(), kind.to_owned());
        (status, kind, answer.text().await.expect("a text"))
    }

    /// Posts to the hook of this kind with the right token; gives the status, and checks that nothing else is told.
    pub(crate) async fn post(&self, kind: &str, headers: &[(&str, String)], body: &str) -> StatusCode {
        let answer = self.call(Method::POST, &format!("/hooks/{kind}/{TOKEN}"), headers, body).await;
        assert_eq!((answer.1.as_str(), answer.2.as_str()), ("", ""), "{kind}");
        answer.0
    }

    /// What has become due since it was last asked for, as [`name`] writes it.
    pub(crate) fn names(&mut self) -> Vec<String> {
        match self.dues.take() {
            Dues::These(dues) => dues.iter().map(name).collect(),
            Dues::Everything => vec!["everything".to_owned()],
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn hooks(keys: &[(&str, &str)]) -> Result<Hooks, HooksError> {
    let token = [("token", TOKEN)].into_iter().filter(|_| !keys.iter().any(|(key, _)| *key == "token"));
    let keys = token.chain(keys.iter().copied());
    let secret: SecretData = keys.map(|(key, value)| (key.to_owned(), Secret::new(value))).collect();
    Hooks::from_secret(&secret)
}

/// `HOST/PATH`, or `*/PATH` at any host; `/**` after it for all below, `*/*/` before it for any folder.
pub(crate) fn name(due: &Due) -> String {
    let place = format!("{}/{}", due.host.as_deref().unwrap_or("*"), due.repository);
    match due.scope {
        Scope::Exact => place,
        Scope::Below => format!("{place}/**"),
        Scope::InFolder => format!("*/{place}"),
    }
}
