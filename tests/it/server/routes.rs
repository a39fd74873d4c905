//! What the server answers to whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, StatusCode};
use tagwright::metrics::Metrics;
use tagwright::net::{Http, Settings};
use tagwright::secret::{Secret, SecretData};
use tagwright::server::{DueReceiver, Dues, Hooks, Shared, due_queue, serve};

pub(super) const TOKEN: &str = "3f9c1e7a5b2d8046";

/// A running server, which ends when it is dropped.
pub(super) struct Running {
    pub(super) addr: SocketAddr,
    pub(super) metrics: Metrics,
    pub(super) ready: Arc<AtomicBool>,
    pub(super) dues: DueReceiver,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(keys: &[(&str, &str)]) -> Self {
        let secret: SecretData = keys.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let addr = listener.local_addr().expect("a bound address");
        let shared = Shared {
            metrics: Metrics::default(),
            ready: Arc::default(),
            hooks: Hooks::from_secret(&secret).expect("a good secret"),
            http: Http::new(Settings::default()).expect("a client"),
        };
        let (metrics, ready) = (shared.metrics.clone(), shared.ready.clone());
        let (sender, dues) = due_queue();
        let task = tokio::spawn(serve(listener, shared, sender));
        Self { addr, metrics, ready, dues, task }
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: &str) -> (StatusCode, String, String) {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client");
        let url = format!("http://{}{path}", self.addr);
        let answer = client.request(method, url).body(body.to_owned()).send().await.expect("an answer");
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let (status, kind) = (answer.status(), kind.to_owned());
        (status, kind, answer.text().await.expect("a text"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let server = Running::start(&[("token", TOKEN)]).await;
    assert_eq!(server.call(Method::GET, "/healthz", "").await.0, StatusCode::OK);
    assert_eq!(server.call(Method::GET, "/readyz", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
    server.ready.store(true, Ordering::Relaxed);
    assert_eq!(server.call(Method::GET, "/readyz", "").await.0, StatusCode::OK);
    server.metrics.git_pushes.inc();
    let (status, kind, text) = server.call(Method::GET, "/metrics", "").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(text.contains("tagwright_git_pushes_total 1\n") && text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn all_else_has_one_answer() {
    let server = Running::start(&[("token", TOKEN)]).await;
    let body = r#"{"repository":"acme/web"}"#;
    let good = format!("/hooks/generic/{TOKEN}");
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, good.as_str()),
        (Method::POST, "/metrics"),
        (Method::DELETE, "/healthz"),
        (Method::POST, "/hooks"),
        (Method::POST, "/hooks/generic"),
        (Method::POST, "/hooks/generic/"),
        (Method::POST, "/hooks/generic/3f9c1e7a5b2d8047"),
        (Method::POST, "/hooks/generic/3f9c1e7a5b2d804"),
        (Method::POST, "/hooks/generic/3f9c1e7a5b2d80466"),
        (Method::POST, "/hooks/generic/%ff%00"),
        (Method::POST, &format!("/hooks/unknown/{TOKEN}")),
        (Method::POST, &format!("/hooks/generic/{TOKEN}/")),
    ] {
        let answer = server.call(method.clone(), path, body).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, String::new(), String::new()), "{method} {path}");
    }
}

#[tokio::test]
async fn a_hook_makes_its_repository_due() {
    let mut server = Running::start(&[("token", TOKEN)]).await;
    let path = format!("/hooks/generic/{TOKEN}");
    let answer = server.call(Method::POST, &path, r#"{"repository":"ghcr.io/acme/web","tag":"1.2"}"#).await;
    assert_eq!(answer, (StatusCode::ACCEPTED, String::new(), String::new()));
    let Dues::These(dues) = server.dues.take() else { panic!("one name is not everything") };
    let dues: Vec<_> = dues.iter().map(|due| (due.host.as_deref(), due.repository.as_str())).collect();
    assert_eq!(dues, [(Some("ghcr.io"), "acme/web")]);
}
