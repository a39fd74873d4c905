//! Azure Event Grid, which asks for an agreement before it sends, in its own schema and in CloudEvents'.

use reqwest::{Method, StatusCode};

use crate::server::running::{Answer, Running, TOKEN};

const CODE: &str = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6";
const NOTHING: (StatusCode, String, String) = (StatusCode::NOT_FOUND, String::new(), String::new());

/// As Event Grid asks; `url` is what it could be answered at instead.
fn validation(code: &str, url: &str) -> String {
    format!(
        r#"[{{"id":"2d1781af-3a4c-4d7c-bd0c-e34b19da4e66","topic":"/subscriptions/x","subject":"","data":
        {{"validationCode":"{code}","validationUrl":"{url}"}},"eventType":
        "Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2026-01-25T22:12:19Z","metadataVersion":"1",
        "dataVersion":"1"}}]"#
    )
}

async fn asked(server: &Running, path: &str, body: &str) -> Answer {
    let headers = [("aeg-event-type", "SubscriptionValidation".to_owned())];
    server.call(Method::POST, path, &headers, body).await
}

#[tokio::test]
async fn a_code_is_said_back_to_who_knows_the_token() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener");
    let url = format!("http://{}/validate", listener.local_addr().expect("a bound address"));
    // The proof is asked of events alone.
    let mut server = Running::start(&[("acr", "correct horse battery")]).await;
    let body = validation(CODE, &url);
    for kind in ["acr", "eventgrid"] {
        let answer = asked(&server, &format!("/hooks/{kind}/{TOKEN}"), &body).await;
        let expected = format!(r#"{{"validationResponse":"{CODE}"}}"#);
        assert_eq!(answer, (StatusCode::OK, "application/json".to_owned(), expected));
    }
    assert!(server.metrics.encode().contains("tagwright_hooks_total{sender=\"acr\",outcome=\"agreed\"} 2"));
    for path in [
        "/hooks/acr/".to_owned(),
        "/hooks/acr/3f9c1e7a5b2d8047".to_owned(),
        format!("/hooks/unknown/{TOKEN}"),
        "/hooks/acr".to_owned(),
    ] {
        assert_eq!(asked(&server, &path, &body).await, NOTHING, "{path}");
    }
    // Nothing that could be anything else than a code, and from no other sender.
    for code in ["", "<script>", "a b", "a\\\"b", "a\\nb", &"a".repeat(200)] {
        assert_eq!(asked(&server, &format!("/hooks/acr/{TOKEN}"), &validation(code, &url)).await, NOTHING, "{code}");
    }
    let other = asked(&server, &format!("/hooks/ecr/{TOKEN}"), &body).await;
    assert_eq!(other, (StatusCode::ACCEPTED, String::new(), String::new()));
    assert_eq!(server.names(), [""; 0]);
    assert!(listener.accept().is_err(), "the URL in the message was asked");
}

#[tokio::test]
async fn an_origin_is_allowed_by_who_knows_the_token() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener");
    let callback = format!("http://{}/confirm", listener.local_addr().expect("a bound address"));
    let server = Running::start(&[("acr", "correct horse battery")]).await;
    let options = async |path: &str, origin: Option<&str>| {
        let origin = origin.map(|origin| ("webhook-request-origin", origin.to_owned()));
        let headers: Vec<_> = [("webhook-request-callback", callback.clone())].into_iter().chain(origin).collect();
        let answer = server.send(Method::OPTIONS, path, &headers, "").await;
        let header = |name| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        let told = (answer.status(), header("webhook-allowed-origin"), header("webhook-allowed-rate"));
        (told, answer.text().await.expect("a body"))
    };
    let good = format!("/hooks/eventgrid/{TOKEN}");
    let allowed = (StatusCode::OK, Some("eventgrid.azure.net".to_owned()), Some("*".to_owned()));
    assert_eq!(options(&good, Some("eventgrid.azure.net")).await, (allowed, String::new()));
    let nothing = ((StatusCode::NOT_FOUND, None, None), String::new());
    for (path, origin) in [
        (good.as_str(), None),
        (good.as_str(), Some("")),
        (good.as_str(), Some("*")),
        (good.as_str(), Some("a.example, b.example")),
        (good.as_str(), Some(&"a".repeat(300))),
        ("/hooks/eventgrid/3f9c1e7a5b2d8047", Some("eventgrid.azure.net")),
        ("/hooks/acr", Some("eventgrid.azure.net")),
        (&format!("/hooks/harbor/{TOKEN}"), Some("eventgrid.azure.net")),
        ("/metrics", Some("eventgrid.azure.net")),
        ("/", Some("eventgrid.azure.net")),
    ] {
        assert_eq!(options(path, origin).await, nothing, "{path} {origin:?}");
    }
    assert!(listener.accept().is_err(), "the URL in the head was asked");
}

#[tokio::test]
async fn events_are_believed_with_the_proof() {
    let mut server = Running::start(&[("acr", "correct horse battery")]).await;
    let event = r#"[{"eventType":"Microsoft.ContainerRegistry.ImagePushed","data":{"action":"push",
        "target":{"repository":"web","tag":"1"},"request":{"host":"acme.azurecr.io"}}}]"#;
    assert_eq!(server.post("acr", &[], event).await, StatusCode::NOT_FOUND);
    let proof = [("authorization", "correct horse battery".to_owned())];
    assert_eq!(server.post("acr", &proof, event).await, StatusCode::ACCEPTED);
    assert_eq!(server.names(), ["acme.azurecr.io/web"]);
}
