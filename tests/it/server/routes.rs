//! What the server answers to whom.

use std::sync::atomic::Ordering;

use reqwest::{Method, StatusCode};

use super::running::{Running, TOKEN};

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let server = Running::start(&[("token", TOKEN)]).await;
    assert_eq!(server.call(Method::GET, "/healthz", &[], "").await.0, StatusCode::OK);
    assert_eq!(server.call(Method::GET, "/readyz", &[], "").await.0, StatusCode::SERVICE_UNAVAILABLE);
    server.ready.store(true, Ordering::Relaxed);
    assert_eq!(server.call(Method::GET, "/readyz", &[], "").await.0, StatusCode::OK);
    server.metrics.git_pushes.inc();
    let (status, kind, text) = server.call(Method::GET, "/metrics", &[], "").await;
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
        let answer = server.call(method.clone(), path, &[], body).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, String::new(), String::new()), "{method} {path}");
    }
}

#[tokio::test]
async fn a_hook_makes_its_repository_due() {
    let mut server = Running::start(&[("token", TOKEN)]).await;
    let path = format!("/hooks/generic/{TOKEN}");
    let answer = server.call(Method::POST, &path, &[], r#"{"repository":"ghcr.io/acme/web","tag":"1.2"}"#).await;
    assert_eq!(answer, (StatusCode::ACCEPTED, String::new(), String::new()));
    assert_eq!(server.names(), ["ghcr.io/acme/web"]);
}
