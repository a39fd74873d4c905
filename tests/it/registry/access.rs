//! Who is let in: passwords, tokens, their life and their sharing, and what is said when nobody is.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tagwright::net::{Connection, Proxy};
use tagwright::registry::{Access, Credentials};
use tagwright::secret::Secret;

use super::{causes, client, login, repository, tags_of, with};
use crate::servers::fake_registry::{FakeRegistry, Fault, Logged, TokenRules};

const DENIED: &str =
    "listing tags of HOST/acme/web: HOST denied access (401: UNAUTHORIZED: authentication required), asked ";

fn registry() -> FakeRegistry {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry
}

fn alice() -> TokenRules {
    TokenRules { login: Some(("alice".to_owned(), "s3cret".to_owned())), ..TokenRules::default() }
}

fn identity_token(token: &str) -> Access {
    with(Credentials::IdentityToken { token: Secret::new(token) })
}

fn registry_token(token: &str) -> Access {
    with(Credentials::RegistryToken { token: Secret::new(token) })
}

/// `METHOD PATH` without the query, and the kind of credential that was shown.
fn shown(registry: &FakeRegistry) -> Vec<String> {
    let kind = |value: &String| value.split(' ').next().unwrap_or_default().to_owned();
    let line = |logged: &Logged| {
        let path = logged.path.split('?').next().unwrap_or_default();
        let kind = logged.authorization.as_ref().map_or_else(|| "-".to_owned(), kind);
        format!("{} {path} {kind}", logged.method)
    };
    registry.requests().iter().map(line).collect()
}

#[tokio::test]
async fn passwords_are_shown_when_they_are_asked_for() {
    let registry = registry();
    let client = client();
    assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
    assert_eq!(shown(&registry), ["GET /v2/acme/web/tags/list -"]);
    registry.forget_requests();
    registry.require_login("alice", "s3cret");
    assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
    assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
    let basic = "GET /v2/acme/web/tags/list Basic";
    assert_eq!(shown(&registry), ["GET /v2/acme/web/tags/list -", basic, basic]);
}

#[tokio::test]
async fn denials_name_the_credential_and_not_the_secret() {
    let check = async |registry: &FakeRegistry, access: &Access, expected: &str| {
        let found = tags_of(&client(), registry, "acme/web", access).await;
        assert_eq!(found, format!("{DENIED}{expected}"));
        assert!(!found.contains("s3cret"));
    };
    let basic = registry();
    basic.require_login("alice", "right");
    check(&basic, &Access::default(), "anonymously").await;
    check(&basic, &login("alice", "s3cret"), "with the password of alice").await;
    check(&basic, &login("al\u{1b}ice", "s3cret"), "with the password of al\\u{1b}ice").await;
    let tokens = registry();
    tokens.require_tokens(TokenRules { identity: None, login: Some(("alice".into(), "right".into())), ..alice() });
    check(&tokens, &Access::default(), "anonymously").await;
    check(&tokens, &login("alice", "s3cret"), "with the password of alice").await;
    check(&tokens, &registry_token("s3cret"), "with a registry token").await;
    let oauth = registry();
    oauth.require_tokens(TokenRules { identity: Some("right".into()), ..TokenRules::default() });
    check(&oauth, &identity_token("s3cret"), "with an identity token").await;
}

#[tokio::test]
async fn tokens_are_fetched_and_kept() {
    let registry = registry();
    registry.push("acme/api", "v2");
    registry.require_tokens(TokenRules { expires_in: Some(json!(300)), ..alice() });
    let client = client();
    for _ in 0..3 {
        assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
    }
    let list = |kind: &str| format!("GET /v2/acme/web/tags/list {kind}");
    let expected = [list("-"), "GET /token Basic".to_owned(), list("Bearer"), list("Bearer"), list("Bearer")];
    assert_eq!(shown(&registry), expected);
    let asked = "GET /token?scope=repository%3Aacme%2Fweb%3Apull&service=fake.registry";
    assert_eq!(registry.calls()[1], asked);
    assert_eq!(tags_of(&client, &registry, "acme/api", &login("alice", "s3cret")).await, "v2");
    assert!(tags_of(&client, &registry, "acme/web", &Access::default()).await.starts_with(DENIED));
    assert!(tags_of(&client, &registry, "acme/web", &login("alice", "guess")).await.starts_with(DENIED));
}

#[tokio::test]
async fn anonymous_tokens_are_enough_for_public_repositories() {
    let registry = registry();
    registry.require_tokens(TokenRules::default());
    let client = client();
    assert_eq!(tags_of(&client, &registry, "acme/web", &Access::default()).await, "v1");
    assert_eq!(tags_of(&client, &registry, "acme/web", &Access::default()).await, "v1");
    let bearer = "GET /v2/acme/web/tags/list Bearer";
    assert_eq!(shown(&registry), ["GET /v2/acme/web/tags/list -", "GET /token -", bearer, bearer]);
}

#[tokio::test]
async fn tokens_are_renewed_once_when_they_are_rejected() {
    let registry = registry();
    registry.require_tokens(TokenRules { expires_in: Some(json!(300)), ..alice() });
    let client = client();
    let access = login("alice", "s3cret");
    assert_eq!(tags_of(&client, &registry, "acme/web", &access).await, "v1");
    registry.revoke_tokens();
    registry.forget_requests();
    assert_eq!(tags_of(&client, &registry, "acme/web", &access).await, "v1");
    let list = "GET /v2/acme/web/tags/list Bearer";
    assert_eq!(shown(&registry), [list, "GET /token Basic", list]);
    registry.forget_requests();
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"fake.registry\"", registry.addr());
    registry.fault(Fault::answer(401, &[("www-authenticate", &challenge)], ""), 2);
    let found = tags_of(&client, &registry, "acme/web", &access).await;
    let expected =
        "listing tags of HOST/acme/web: HOST denied access (401), asked with a token for the password of alice";
    assert_eq!(found, expected);
    assert_eq!(shown(&registry), [list, "GET /token Basic", list]);
}

#[tokio::test]
async fn tokens_live_as_long_as_the_server_says() {
    for (expires_in, token_requests) in [
        (Some(json!(0)), 2),
        (Some(json!(-5)), 1),
        (Some(json!(300)), 1),
        (Some(json!(1e300)), 1),
        (Some(json!("soon")), 1),
        (None, 1),
    ] {
        let registry = registry();
        registry.require_tokens(TokenRules { expires_in: expires_in.clone(), ..alice() });
        let client = client();
        assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
        assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
        assert_eq!(token_requests_at(&registry), token_requests, "{expires_in:?}");
    }
}

#[tokio::test]
async fn tokens_live_from_when_they_were_issued() {
    let ago = |seconds: i64| (Timestamp::now() - SignedDuration::from_secs(seconds)).to_string();
    for (issued_at, token_requests) in [
        (ago(299), 2),
        (ago(0), 1),
        (ago(-3600), 1),
        (ago(400), 1),
        ("0001-01-01T00:00:00Z".to_owned(), 1),
        ("yesterday".to_owned(), 1),
    ] {
        let registry = registry();
        let rules = TokenRules { expires_in: Some(json!(300)), issued_at: Some(issued_at.clone()), ..alice() };
        registry.require_tokens(rules);
        let client = client();
        assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(tags_of(&client, &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
        assert_eq!(token_requests_at(&registry), token_requests, "{issued_at}");
    }
}

fn token_requests_at(registry: &FakeRegistry) -> usize {
    shown(registry).iter().filter(|line| line.starts_with("GET /token")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_fetches_the_token_for_all_who_wait() {
    let registry = registry();
    registry.require_tokens(alice());
    let (client, name) = (client(), repository(&registry.image("acme/web")));
    let listings = (0..20).map(|_| {
        let (client, name) = (client.clone(), name.clone());
        tokio::spawn(async move { client.tags(&name, &login("alice", "s3cret")).await })
    });
    for listing in join_all(listings).await {
        let list = listing.expect("no panic").expect("a listing");
        assert_eq!(list.tags, ["v1".parse().expect("a tag")]);
    }
    assert_eq!(token_requests_at(&registry), 1);
    // So it is when all find out at once that it is no longer taken.
    registry.revoke_tokens();
    let listings = (0..20).map(|_| {
        let (client, name) = (client.clone(), name.clone());
        tokio::spawn(async move { client.tags(&name, &login("alice", "s3cret")).await })
    });
    assert!(join_all(listings).await.into_iter().all(|listing| listing.expect("no panic").is_ok()));
    assert_eq!(token_requests_at(&registry), 2);
}

#[tokio::test]
async fn everybody_has_a_token_of_his_own() {
    let registry = registry();
    registry.push("acme/api", "v2");
    registry.require_tokens(TokenRules { expires_in: Some(json!(300)), ..alice() });
    let client = client();
    let proxy = Proxy::new("http://127.0.0.1:1", None).expect("an address");
    let (alice, mallory) = (login("alice", "s3cret"), login("alice", "guess"));
    let strange = Access { connection: Connection { proxy: Some(proxy), ..Connection::default() }, ..alice.clone() };
    for _ in 0..2 {
        assert_eq!(tags_of(&client, &registry, "acme/web", &alice).await, "v1");
        assert_eq!(tags_of(&client, &registry, "acme/api", &alice).await, "v2");
        assert!(tags_of(&client, &registry, "acme/web", &mallory).await.starts_with(DENIED));
        assert!(tags_of(&client, &registry, "acme/web", &Access::default()).await.starts_with(DENIED));
        assert!(tags_of(&client, &registry, "acme/web", &strange).await.contains("through the proxy"));
    }
    let tokens: BTreeSet<String> = registry.requests().into_iter().filter_map(bearer).collect();
    assert_eq!(tokens.len(), 2, "one for each repository: {tokens:?}");
}

fn bearer(logged: Logged) -> Option<String> {
    logged.authorization?.strip_prefix("Bearer ").map(str::to_owned)
}

#[tokio::test]
async fn identity_tokens_are_exchanged_and_registry_tokens_shown() {
    let exchanged = registry();
    exchanged.require_tokens(TokenRules { identity: Some("re&fresh".into()), ..TokenRules::default() });
    assert_eq!(tags_of(&client(), &exchanged, "acme/web", &identity_token("re&fresh")).await, "v1");
    assert_eq!(shown(&exchanged)[1], "POST /token -");
    let fixed = registry();
    fixed.require_tokens(TokenRules { fixed: Some("opaque".into()), ..alice() });
    assert_eq!(tags_of(&client(), &fixed, "acme/web", &registry_token("opaque")).await, "v1");
    assert_eq!(shown(&fixed), ["GET /v2/acme/web/tags/list -", "GET /v2/acme/web/tags/list Bearer"]);
    let unusable = tags_of(&client(), &fixed, "acme/web", &registry_token("a\nb")).await;
    assert_eq!(unusable, "listing tags of HOST/acme/web: a registry token has characters that cannot be sent");
    let password = registry();
    password.require_login("alice", "s3cret");
    let found = tags_of(&client(), &password, "acme/web", &identity_token("x")).await;
    assert_eq!(found, "listing tags of HOST/acme/web: HOST asks for a password, and there is only an identity token");
}

#[tokio::test]
async fn answers_of_token_servers_are_checked() {
    let check = async |status: u16, body: &str, expected: &str| {
        let registry = registry();
        registry.require_tokens(TokenRules { answer: Some((status, body.to_owned())), ..alice() });
        let found = tags_of(&client(), &registry, "acme/web", &login("alice", "s3cret")).await;
        assert_eq!(found, format!("listing tags of HOST/acme/web: {expected}"));
    };
    check(200, "<html>", "HOST answered with a web page instead of JSON").await;
    check(200, "token", "reading the answer of HOST: expected a token as JSON").await;
    check(200, r#"{"token":5}"#, "reading the answer of HOST: expected a token as JSON").await;
    check(200, r#"{"token":"","access_token":null}"#, "reading the answer of HOST: there is no token in it").await;
    check(200, r#"{"token":"a\nb"}"#, "reading the answer of HOST: its token cannot be put in a header").await;
    check(403, "", "HOST denied access (403), asked with the password of alice").await;
    check(404, "", "HOST answered 404 Not Found").await;
}

#[tokio::test]
async fn insecure_allows_passwords_over_plain_http() {
    let registry = registry();
    registry.require_login("alice", "s3cret");
    let insecure = Access { insecure: true, ..login("alice", "s3cret") };
    assert_eq!(tags_of(&client(), &registry, "acme/web", &insecure).await, "v1");
}

#[tokio::test]
async fn a_proxy_elsewhere_gets_no_password_for_this_machine() {
    let registry = registry();
    registry.require_login("alice", "s3cret");
    let proxy = Some(Proxy::new("http://proxy.example:1", None).expect("a proxy"));
    let through = Access { connection: Connection { proxy, ..Connection::default() }, ..login("alice", "s3cret") };
    let error = client().tags(&repository(&registry.image("acme/web")), &through).await.expect_err("clear text");
    assert!(causes(&error).contains("the password of alice is not sent to"), "{}", causes(&error));
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn what_a_registry_repeats_is_not_told() {
    let registry = registry();
    let told = |message: &str| {
        let body = json!({"errors": [{"code": "DENIED", "message": message}]}).to_string();
        Fault::answer(400, &[], body)
    };
    // The password, and what the header makes of it.
    registry.fault(told("no s3cret here"), 1);
    let error = client().tags(&repository(&registry.image("acme/web")), &login("alice", "s3cret")).await;
    let text = causes(&error.expect_err("a refusal"));
    assert!(text.contains("no [redacted] here") && !text.contains("s3cret"), "{text}");
    registry.require_login("alice", "s3cret");
    registry.fault(told("Basic YWxpY2U6czNjcmV0"), 1);
    let error = client().tags(&repository(&registry.image("acme/web")), &login("alice", "s3cret")).await;
    let text = causes(&error.expect_err("a refusal"));
    assert!(text.contains("Basic [redacted]"), "{text}");
}

#[tokio::test]
async fn errors_give_advice() {
    let registry = registry();
    registry.require_login("alice", "s3cret");
    let error = client().tags(&repository(&registry.image("acme/web")), &Access::default()).await.expect_err("denied");
    assert_eq!(
        error.hint(),
        Some("a private repository needs credentials: a Secret in `secretRef`, or `docker login`")
    );
    assert!(causes(&error).ends_with("asked anonymously"));
}

#[test]
fn nothing_prints_a_secret() {
    let secrets = [login("alice", "s3cret"), identity_token("s3cret"), registry_token("s3cret")];
    for access in secrets {
        let text = format!("{access:?} {:?}", client());
        assert!(!text.contains("s3cret") && text.contains("[redacted]"), "{text}");
    }
}

#[tokio::test]
async fn credentials_are_tried_in_order_until_one_is_let_in() {
    let password =
        |name: &str, secret: &str| Credentials::Basic { username: name.to_owned(), password: Secret::new(secret) };
    let identity = || Credentials::IdentityToken { token: Secret::new("s3cret") };
    let several = |credentials: &[Credentials]| Access { credentials: credentials.to_vec(), ..Access::default() };
    let (basic, tokens) = (registry(), registry());
    basic.require_login("alice", "s3cret");
    tokens.require_tokens(alice());
    for registry in [&basic, &tokens] {
        let access = several(&[password("bob", "guess"), identity(), password("alice", "s3cret")]);
        let client = client();
        assert_eq!(tags_of(&client, registry, "acme/web", &access).await, "v1");
        registry.forget_requests();
        assert_eq!(tags_of(&client, registry, "acme/web", &access).await, "v1");
        assert_eq!(shown(registry).len(), 1, "who was let in is first the next time");
    }
    let access = several(&[password("bob", "s3cret"), identity(), password("carol", "s3cret")]);
    let refused = "(401: UNAUTHORIZED: authentication required)";
    assert_eq!(
        tags_of(&client(), &basic, "acme/web", &access).await,
        format!(
            "listing tags of HOST/acme/web: HOST denied access to all who asked: with the password of bob {refused}; \
             with an identity token, where it asks for a password; with the password of carol {refused}"
        )
    );
    basic.fault(Fault::status(404), 1);
    let access = several(&[password("alice", "s3cret"), password("bob", "guess")]);
    let found = tags_of(&client(), &basic, "acme/web", &access).await;
    assert_eq!(found, "listing tags of HOST/acme/web: HOST answered 404 Not Found", "only denial goes on");
}

#[tokio::test]
async fn helpers_are_named_where_they_would_have_been_needed() {
    let kept = with(Credentials::Kept { helper: "desktop".to_owned() });
    let (open, basic, tokens) = (registry(), registry(), registry());
    assert_eq!(tags_of(&client(), &open, "acme/web", &kept).await, "v1");
    basic.require_login("alice", "s3cret");
    tokens.require_tokens(alice());
    for registry in [&basic, &tokens] {
        let found = tags_of(&client(), registry, "acme/web", &kept).await;
        let expected = "anonymously; the credentials are kept by docker-credential-desktop, which is not run";
        assert_eq!(found, format!("{DENIED}{expected}"));
    }
}
