//! How senders prove themselves: every sender with a good proof, a bad one, none, and the same message again.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use tagwright::server::senders;

use crate::server::running::{Running, TOKEN, hooks};

const SECRET: &str = "correct horse battery";
const ACCEPTED: StatusCode = StatusCode::ACCEPTED;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;

type Headers = Vec<(&'static str, String)>;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sign(algorithm: hmac::Algorithm, key: &[u8], body: &str) -> String {
    hex(hmac::sign(&hmac::Key::new(algorithm, key), body.as_bytes()).as_ref())
}

fn sha256(body: &str) -> String {
    sign(hmac::HMAC_SHA256, SECRET.as_bytes(), body)
}

fn standard(key: &[u8], id: &str, time: i64, body: &str) -> Headers {
    let signed = format!("{id}.{time}.{body}");
    let signature = STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes()));
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", format!("v1,AAAA v1,{signature}")),
    ]
}

/// The kind, other headers, the body, what it makes due, and the headers that prove it.
struct Case(&'static str, Headers, &'static str, &'static str, fn(&str) -> Vec<Headers>);

fn cases() -> Vec<Case> {
    let authorization = |_: &str| {
        let plain = vec![("authorization", SECRET.to_owned())];
        vec![plain, vec![("authorization", format!("Bearer {SECRET}"))]]
    };
    let package = || vec![("x-github-event", "package".to_owned())];
    vec![
        Case(
            "github",
            package(),
            r#"{"action":"published","package":{"name":"web","namespace":"acme"}}"#,
            "ghcr.io/acme/web",
            |body| vec![vec![("x-hub-signature-256", format!("sha256={}", sha256(body)))]],
        ),
        Case(
            "gitea",
            Headers::new(),
            r#"{"action":"created","package":{"type":"container","name":"web","owner":{"login":"acme"}}}"#,
            "*/acme/web",
            |body| {
                let gitea = vec![("x-gitea-signature", sha256(body))];
                let hub = vec![("x-hub-signature-256", format!("sha256={}", sha256(body)))];
                vec![gitea, vec![("x-forgejo-signature", sha256(body).to_uppercase())], hub]
            },
        ),
        Case(
            "gitlab",
            Headers::new(),
            r#"{"object_kind":"build","build_status":"success","project":{"path_with_namespace":"acme/web"}}"#,
            "*/acme/web/**",
            |body| {
                let now = Timestamp::now().as_second();
                vec![vec![("x-gitlab-token", SECRET.to_owned())], standard(SECRET.as_bytes(), "m1", now, body)]
            },
        ),
        Case(
            "harbor",
            Headers::new(),
            r#"{"type":"PUSH_ARTIFACT","event_data":{"repository":{"repo_full_name":"acme/web"}}}"#,
            "*/acme/web",
            authorization,
        ),
        Case(
            "distribution",
            Headers::new(),
            r#"{"events":[{"action":"push","target":{"repository":"acme/web","tag":"1"}}]}"#,
            "*/acme/web",
            authorization,
        ),
        Case(
            "acr",
            Headers::new(),
            r#"{"action":"push","target":{"repository":"web"},"request":{"host":"acme.azurecr.io"}}"#,
            "acme.azurecr.io/web",
            authorization,
        ),
        Case(
            "ecr",
            Headers::new(),
            r#"{"account":"1","region":"eu-west-1","detail":{"action-type":"PUSH","repository-name":"web"}}"#,
            "1.dkr.ecr.eu-west-1.amazonaws.com/web",
            |_| ["authorization", "x-api-key", "x-webhook-secret"].map(|name| vec![(name, SECRET.to_owned())]).into(),
        ),
        Case(
            "nexus",
            Headers::new(),
            r#"{"action":"CREATED","component":{"format":"docker","name":"web"}}"#,
            "*/*/web",
            |body| {
                let signature = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes(), body);
                vec![vec![("x-nexus-webhook-signature", signature)]]
            },
        ),
        Case(
            "artifactory",
            Headers::new(),
            r#"{"domain":"docker","event_type":"pushed","data":{"image_name":"web"}}"#,
            "*/*/web",
            |body| vec![vec![("x-jfrog-event-auth", SECRET.to_owned())], vec![("x-jfrog-event-auth", sha256(body))]],
        ),
        Case("generic", Headers::new(), r#"{"repository":"acme/web"}"#, "*/acme/web", |body| {
            let signature = vec![("x-signature", format!("sha256={}", sha256(body)))];
            vec![signature, vec![("authorization", SECRET.to_owned())]]
        }),
    ]
}

#[tokio::test]
async fn a_configured_secret_must_be_shown() {
    for Case(kind, headers, body, due, prove) in cases() {
        let mut server = Running::start(&[(kind, SECRET)]).await;
        for proof in prove(body) {
            let good: Headers = headers.iter().chain(&proof).cloned().collect();
            assert_eq!(server.post(kind, &good, body).await, ACCEPTED, "{kind} {proof:?}");
            assert_eq!(server.names(), [due], "{kind}");
            assert_eq!(server.post(kind, &good, body).await, ACCEPTED, "{kind}: a replay only makes a scan due again");
            assert_eq!(server.names(), [due], "{kind}");
            let last = good.len() - 1;
            for (how, value) in
                [("flipped", flipped(&good[last].1)), ("cut", good[last].1[..8].to_owned()), ("empty", String::new())]
            {
                let mut bad = good.clone();
                bad[last].1 = value;
                assert_eq!(server.post(kind, &bad, body).await, NOT_FOUND, "{kind} {proof:?} {how}");
            }
            let is_signature = proof[0].0.contains("signature") || proof[0].0.starts_with("webhook");
            let other = format!(" {body}");
            let expected = if is_signature { NOT_FOUND } else { ACCEPTED };
            if proof[0].0 != "x-jfrog-event-auth" {
                assert_eq!(server.post(kind, &good, &other).await, expected, "{kind}: another body");
            }
            server.names();
        }
        assert_eq!(server.post(kind, &headers, body).await, NOT_FOUND, "{kind} without proof");
        assert_eq!(server.names(), [""; 0], "{kind}");
    }
}

/// The last character that matters is another one.
fn flipped(value: &str) -> String {
    let (rest, last) = value.split_at(value.len() - 3);
    format!("{rest}{}", if last.starts_with('0') { last.replacen('0', "1", 1) } else { format!("0{}", &last[1..]) })
}

#[tokio::test]
async fn without_a_secret_the_token_is_enough() {
    let mut server = Running::start(&[]).await;
    for Case(kind, headers, body, due, _) in cases() {
        assert_eq!(server.post(kind, &headers, body).await, ACCEPTED, "{kind}");
        assert_eq!(server.names(), [due], "{kind}");
    }
    let wrong = format!("/hooks/harbor/{}", TOKEN.replace('3', "4"));
    let answer = server.call(Method::POST, &wrong, &[], cases()[3].2).await;
    assert_eq!(answer, (NOT_FOUND, String::new(), String::new()));
    for kind in senders() {
        assert_eq!(server.post(kind, &[], "{}").await, ACCEPTED, "{kind}: what cannot be read tells nothing");
    }
    assert_eq!(server.names(), [""; 0]);
    let text = server.metrics.encode();
    for line in [
        "tagwright_hooks_total{sender=\"harbor\",outcome=\"due\"} 1",
        "tagwright_hooks_total{sender=\"harbor\",outcome=\"unreadable\"} 1",
        "tagwright_hooks_total{sender=\"unknown\",outcome=\"refused\"} 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn signatures_of_the_standard_are_for_now_and_for_this_key() {
    let key = b"0123456789abcdef0123456789abcdef";
    let secret = format!("whsec_{}\n", STANDARD.encode(key));
    let mut server = Running::start(&[("gitlab", &secret)]).await;
    let body = r#"{"object_kind":"pipeline","object_attributes":{"status":"success"},
        "project":{"path_with_namespace":"a/b"}}"#;
    let now = Timestamp::now().as_second();
    for (time, expected) in [(now, ACCEPTED), (now - 240, ACCEPTED), (now - 400, NOT_FOUND), (now + 400, NOT_FOUND)] {
        assert_eq!(server.post("gitlab", &standard(key, "m1", time, body), body).await, expected, "{}", time - now);
    }
    let mut other = standard(key, "m1", now, body);
    other[0].1 = "m2".to_owned();
    assert_eq!(server.post("gitlab", &other, body).await, NOT_FOUND, "another id");
    assert_eq!(server.post("gitlab", &standard(b"other", "m1", now, body), body).await, NOT_FOUND, "another key");
    for time in ["", "x", "9223372036854775807", "-9223372036854775808"] {
        let mut other = standard(key, "m1", now, body);
        other[1].1 = time.to_owned();
        assert_eq!(server.post("gitlab", &other, body).await, NOT_FOUND, "{time}");
    }
    assert_eq!(server.names(), ["*/a/b/**"]);
}

#[test]
fn a_secret_that_cannot_be_used_is_told_by_its_key() {
    let check = |keys: &[(&str, &str)], expected: &str, has_hint: bool| {
        let error = hooks(keys).expect_err(expected);
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.hint().is_some(), has_hint, "{expected}");
        for (_, value) in keys.iter().filter(|(_, value)| value.len() > 3) {
            assert!(!format!("{error:?} {error}").contains(value), "{expected} tells a value");
        }
    };
    let weak = "key token is too easy to guess: expected 16 to 512 random characters";
    check(&[("token", "")], weak, true);
    check(&[("token", "3f9c1e7a5b2d804")], weak, true);
    check(&[("token", &"ab".repeat(20))], weak, true);
    let letters = "key token has characters that a URL cannot carry: expected letters, digits, `-`, `_`, `.` and `~`";
    check(&[("token", "3f9c1e7a/5b2d8046")], letters, true);
    check(&[("harbor", "secret\n")], "key harbor is too short: expected at least 8 bytes", false);
    check(&[("harbor", "")], "key harbor is too short: expected at least 8 bytes", false);
    check(&[("quay", SECRET)], "key quay: quay cannot sign what it sends", true);
    check(&[("docker.io", SECRET)], "key docker.io: dockerhub cannot sign what it sends", true);
    check(&[("ecr", SECRET), ("cloudevents", SECRET)], "key ecr is a second secret for ecr", false);
    check(&[("gitbuh", SECRET)], "key gitbuh names no sender of webhooks", true);
    check(&[("pubsub", SECRET)], "key pubsub names no sender of webhooks", true);
    check(&[("pubsub-audience", "tagwright")], "key pubsub-email is missing beside pubsub-audience", true);
    check(
        &[("pubsub-email", "a@b.example"), ("pubsub-audience", " ")],
        "key pubsub-audience is missing beside pubsub-email",
        true,
    );
    check(
        &[("pubsub-email", ""), ("pubsub-audience", "")],
        "key pubsub-audience is too short: expected at least 8 bytes",
        false,
    );
    check(
        &[("pubsub-email", "a@b.example"), ("pubsub-audience", "tagwright"), ("pubsub-keys-url", "certs")],
        "key pubsub-keys-url is no URL",
        false,
    );
    check(
        &[("pubsub-email", "a@b.example"), ("pubsub-audience", "tagwright"), ("pubsub-keys-url", "http://a.example/")],
        "key pubsub-keys-url must be an https URL: who answers there says whose tokens are good",
        false,
    );
    hooks(&[("token", "3f9c1e7a5b2d8046\n"), ("github", SECRET)]).expect("a line end is not part of the token");
    let shown = format!("{:?}", hooks(&[("github", SECRET)]).expect("a good secret"));
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
}

/// What is logged, at every level, while it is the subscriber of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no poisoned lock").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// From now on, for this thread.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let events = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let events = events.with_writer(move || writer.clone());
        let guard = tracing::subscriber::set_default(events.finish());
        (log, guard)
    }

    /// Our own lines.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().expect("no poisoned lock").clone()).expect("text");
        text.lines().filter(|line| line.contains("tagwright")).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_once_for_each_sender_and_reason() {
    let (log, _guard) = Log::start();
    let server = Running::start(&[]).await;
    for _ in 0..20 {
        for kind in ["harbor", "quay"] {
            server.post(kind, &[], "not-json").await;
            server.post(kind, &[], r#"{"what":"shape"}"#).await;
        }
        let large = format!("{}large", " ".repeat(1 << 20));
        assert_eq!(server.post("harbor", &[], &large).await, StatusCode::PAYLOAD_TOO_LARGE);
        server.post("harbor", &[], r#"{"type":"DELETE_ARTIFACT"}"#).await;
    }
    let lines = log.lines().into_iter().filter(|line| line.contains("WARN"));
    let mut told: Vec<String> =
        lines.map(|line| line.split_once("a webhook could").expect("our warning").1.to_owned()).collect();
    told.sort();
    let told_of = |sender: &str, reason: &str| {
        format!(" not be read peer=127.0.0.1 sender=\"{sender}\" reason=\"{reason}\" since_the_last=0")
    };
    let expected = [
        told_of("harbor", "its body is larger than 1 MiB"),
        told_of("harbor", "its body is no JSON"),
        told_of("harbor", "its body is not what this sender writes"),
        told_of("quay", "its body is no JSON"),
        told_of("quay", "its body is not what this sender writes"),
    ];
    assert_eq!(told, expected);
    let text = server.metrics.encode();
    for outcome in ["unreadable\"} 40", "dropped\"} 20", "ignored\"} 20"] {
        let line = format!("tagwright_hooks_total{{sender=\"harbor\",outcome=\"{outcome}");
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[tokio::test]
async fn neither_tokens_nor_secrets_are_logged() {
    let (log, _guard) = Log::start();
    let guess = "5e1d0c7a9b3f2846";
    let server = Running::start(&[("harbor", SECRET), ("generic", SECRET)]).await;
    let body = r#"{"type":"PUSH_ARTIFACT","event_data":{"repository":{"repo_full_name":"acme/web"}}}"#;
    for value in [SECRET, "a wrong secret", "Bearer a wrong secret"] {
        server.post("harbor", &[("authorization", value.to_owned())], body).await;
    }
    server.post("generic", &[("authorization", SECRET.to_owned())], "what is this").await;
    for _ in 0..70 {
        server.call(Method::POST, &format!("/hooks/generic/{guess}"), &[], "{}").await;
    }
    let ours = log.lines().join("\n");
    assert!(ours.contains("due by a webhook") && ours.contains("many webhooks with a wrong"), "{ours}");
    assert!(ours.contains("refused a webhook: it does not prove who sent it"), "{ours}");
    assert!(ours.contains("its body is no JSON"), "{ours}");
    for secret in [SECRET, TOKEN, guess, "a wrong secret", "what is this"] {
        assert!(!ours.contains(secret), "{secret} in {ours}");
    }
}
