//! Pub/Sub's token: signed by Google, for us, by the account that we expect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::server::running::Running;

const AUDIENCE: &str = "https://tagwright.example/hooks";
const EMAIL: &str = "pusher@project.iam.gserviceaccount.com";
const BODY: &str = r#"{"action":"INSERT","tag":"gcr.io/p/web:1"}"#;

/// Who signs, and shows the keys for it.
struct Signer {
    key: KeyPair,
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Signer {
    async fn start() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let (keys, asked) = (Arc::new(Mutex::new(key_set("k1", &key))), Arc::new(AtomicUsize::new(0)));
        let (shown, counter) = (keys.clone(), asked.clone());
        let answer = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let keys = shown.lock().expect("no poisoned lock").to_string();
            async move { keys }
        };
        let routes = axum::Router::new().route("/certs", axum::routing::get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let url = format!("http://{}/certs", listener.local_addr().expect("a bound address"));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("serving") });
        Self { key, keys, asked, url, task }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn key_set(id: &str, key: &KeyPair) -> Value {
    let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
    let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
    let (n, e) = (encode(n.big_endian_without_leading_zero()), encode(e.big_endian_without_leading_zero()));
    let key = json!({"kid": id, "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e});
    json!({"keys": [{"kid": "other", "kty": "EC"}, key]})
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "k1", "typ": "JWT"})
}

fn claims() -> Value {
    let now = Timestamp::now().as_second();
    json!({"aud": AUDIENCE, "azp": "1", "email": EMAIL, "email_verified": true, "sub": "1",
        "iss": "https://accounts.google.com", "iat": now, "exp": now + 3600})
}

/// The claims with this one changed, or without it.
fn with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let fields = claims.as_object_mut().expect("an object");
    match value {
        Some(value) => drop(fields.insert(name.to_owned(), value)),
        None => drop(fields.remove(name)),
    }
    claims
}

async fn start(signer: &Signer) -> Running {
    let keys = [("pubsub-audience", AUDIENCE), ("pubsub-email", EMAIL), ("pubsub-keys-url", signer.url.as_str())];
    Running::start(&keys).await
}

async fn post(server: &Running, authorization: &str) -> StatusCode {
    server.post("pubsub", &[("authorization", authorization.to_owned())], BODY).await
}

#[tokio::test]
async fn only_our_own_token_is_believed() {
    let signer = Signer::start().await;
    let stranger = Signer::start().await;
    let mut server = start(&signer).await;
    let now = Timestamp::now().as_second();
    let good = signer.token(&header(), &claims());
    assert_eq!(post(&server, &format!("Bearer {good}")).await, StatusCode::ACCEPTED);
    assert_eq!(server.names(), ["gcr.io/p/web"]);
    let short = with("iss", Some(json!("accounts.google.com")));
    assert_eq!(post(&server, &format!("Bearer {}", signer.token(&header(), &short))).await, StatusCode::ACCEPTED);
    server.names();

    let bad_claims = [
        with("aud", Some(json!("https://elsewhere.example"))),
        with("aud", Some(json!(""))),
        with("aud", Some(json!([]))),
        with("aud", None),
        with("email", Some(json!("stranger@project.iam.gserviceaccount.com"))),
        with("email", Some(json!(""))),
        with("email", None),
        with("email_verified", Some(json!(false))),
        with("email_verified", None),
        with("iss", Some(json!("https://accounts.google.com.example"))),
        with("iss", Some(json!(""))),
        with("iss", None),
        with("exp", Some(json!(now - 120))),
        with("exp", None),
        json!({}),
        json!("claims"),
    ];
    for claims in bad_claims {
        let token = signer.token(&header(), &claims);
        assert_eq!(post(&server, &format!("Bearer {token}")).await, StatusCode::NOT_FOUND, "{claims}");
    }
    let bad_headers = [
        json!({"alg": "none", "kid": "k1"}),
        json!({"alg": "HS256", "kid": "k1"}),
        json!({"alg": "RS512", "kid": "k1"}),
        json!({"alg": "RS256", "kid": "k2"}),
        json!({"alg": "RS256", "kid": "other"}),
        json!({"alg": "RS256"}),
    ];
    for header in bad_headers {
        let token = signer.token(&header, &claims());
        assert_eq!(post(&server, &format!("Bearer {token}")).await, StatusCode::NOT_FOUND, "{header}");
    }
    let foreign = stranger.token(&header(), &claims());
    let unsigned = good.rsplit_once('.').expect("three parts").0;
    for value in [
        format!("Bearer {foreign}"),
        format!("Bearer {unsigned}."),
        format!("Bearer {unsigned}"),
        good.clone(),
        String::new(),
    ] {
        assert_eq!(post(&server, &value).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(post(&server, &format!("Bearer {}", "a".repeat(9000))).await, StatusCode::NOT_FOUND);
    assert_eq!(server.post("pubsub", &[], BODY).await, StatusCode::NOT_FOUND, "no token");
    assert_eq!(server.names(), [""; 0]);
    assert_eq!(signer.asked.load(Ordering::SeqCst), 1, "keys are fetched once, unknown ids or not");
}

#[tokio::test]
async fn keys_that_cannot_be_read_believe_nobody() {
    let signer = Signer::start().await;
    let good = format!("Bearer {}", signer.token(&header(), &claims()));
    for shown in [
        json!({}),
        json!({"keys": []}),
        json!("<html>"),
        json!({"keys": [{"kid": "k1", "kty": "RSA", "n": "%", "e": ""}]}),
    ] {
        *signer.keys.lock().expect("no poisoned lock") = shown.clone();
        let server = start(&signer).await;
        assert_eq!(post(&server, &good).await, StatusCode::NOT_FOUND, "{shown}");
    }
}
