//! The token servers that a registry may name, by table and at work.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tagwright::net::{Http, Settings, Url};
use tagwright::registry::{Access, Client, Limits, RealmOwner, judge_realm};

use super::{causes, client, login, tags_of};
use crate::servers::fake_registry::{FakeRegistry, TokenRules};
use crate::servers::raw::{RawServer, Reply};

const STRANGER: &str = "it is outside of the registry's domain";
const STRANGER_PLAIN: &str = "it is outside of the registry's domain and not https";
const PLAIN: &str = "it is not https";

fn judged(realm: &str, registry: &str, credential: bool, insecure: bool) -> &'static str {
    let url = |text: &str| text.parse::<Url>().expect("a URL");
    match judge_realm(&url(realm), &url(registry), credential, insecure) {
        Ok(RealmOwner::Registry) => "own",
        Ok(RealmOwner::Stranger) => "stranger",
        Err(why) => why,
    }
}

#[test]
fn credentials_go_to_the_registrys_own_token_server() {
    for (realm, registry, expected) in [
        ("https://ghcr.io/token", "https://ghcr.io/", "own"),
        ("https://auth.docker.io/token", "https://registry-1.docker.io/", "own"),
        ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com/", "own"),
        ("https://git.example.org/jwt/auth", "https://git.example.org:5050/", "own"),
        ("https://harbor.corp.example.co.uk/service/token", "https://images.corp.example.co.uk/", "own"),
        ("https://harbor.lan:8443/service/token", "https://harbor.lan/", "own"),
        ("https://dockerauth.cn-hangzhou.aliyuncs.com/auth", "https://registry.cn-hangzhou.aliyuncs.com/", "own"),
        ("https://api.digitalocean.com/v2/registry/auth", "https://registry.digitalocean.com/", "own"),
        ("https://10.0.0.5:8443/token", "https://10.0.0.5/", "own"),
        ("https://AUTH.example.com./token", "https://registry.example.com/", "own"),
        ("https://docker.io.evil.example/token", "https://registry-1.docker.io/", STRANGER),
        ("https://evildocker.io/token", "https://registry-1.docker.io/", STRANGER),
        ("https://evil.co.uk/token", "https://registry.co.uk/", STRANGER),
        ("https://evil.azurecr.io/token", "https://mine.azurecr.io/", STRANGER),
        ("https://evil.dkr.ecr.eu-west-1.amazonaws.com/", "https://mine.dkr.ecr.eu-west-1.amazonaws.com/", STRANGER),
        ("https://evil.amazonaws.com/", "https://mine.dkr.ecr.eu-west-1.amazonaws.com/", STRANGER),
        ("https://evil.io/token", "https://ghcr.io/", STRANGER),
        ("https://io/token", "https://ghcr.io/", STRANGER),
        ("https://token.evil.svc.cluster.local/", "https://registry.mine.svc.cluster.local/", STRANGER),
        ("https://token.mine.svc.cluster.local/", "https://registry.mine.svc.cluster.local/", "own"),
        ("https://evil.local/", "https://registry.local/", STRANGER),
        ("https://10.0.0.6/token", "https://10.0.0.5/", STRANGER),
        ("https://169.254.169.254/token", "https://registry.example.com/", STRANGER),
        ("https://2852039166/token", "https://169.254.169.254/", "own"),
        ("https://0xa9.0xfe.0xa9.0xfe/token", "https://169.254.169.253/", STRANGER),
        ("https://0251.0376.0251.0376/token", "https://registry.example.com/", STRANGER),
        ("https://[::ffff:10.0.0.5]/token", "https://10.0.0.5/", STRANGER),
        ("https://[fd00:ec2::254]/token", "https://registry.example.com/", STRANGER),
        ("https://registry.example.com@evil.example/token", "https://registry.example.com/", STRANGER),
        ("https://evil.example/registry.example.com", "https://registry.example.com/", STRANGER),
        ("https://registry.example.com\\@evil.example/", "https://registry.example.com/", "own"),
        ("https://gitlab.example.com/jwt/auth", "https://registry.example.com:5050/", "own"),
        ("https://git.internal/jwt/auth", "https://git.internal:5050/", "own"),
        ("https://harbor/service/token", "https://harbor:8443/", "own"),
        ("https://other/service/token", "https://harbor:8443/", STRANGER),
        ("https://ghcr.io.evil.example/token", "https://ghcr.io/", STRANGER),
        ("https://auth.docker.com/token", "https://registry-1.docker.io/", STRANGER),
        ("https://localhost/token", "https://127.0.0.1/", "own"),
        ("http://127.0.0.1:5001/token", "http://localhost:5000/", "own"),
        ("http://127.0.0.2:5001/token", "http://localhost:5000/", STRANGER),
        ("http://localhost.evil.example/token", "http://localhost:5000/", STRANGER),
        ("http://ghcr.io/token", "https://ghcr.io/", PLAIN),
        ("http://10.0.0.5/token", "http://10.0.0.5/", PLAIN),
        ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000/", "own"),
        ("https://\u{ff45}xample\u{3002}com/token", "https://example.com/", "own"),
    ] {
        assert_eq!(judged(realm, registry, true, false), expected, "{realm} of {registry}");
    }
}

#[test]
fn plain_http_and_strangers_have_rules_of_their_own() {
    for (realm, registry, credential, insecure, expected) in [
        ("http://registry.lan/token", "http://registry.lan/", true, true, "own"),
        ("http://registry.lan/token", "http://registry.lan/", true, false, PLAIN),
        ("http://registry.lan/token", "http://registry.lan/", false, false, "own"),
        ("http://registry.lan/token", "https://registry.lan/", false, false, PLAIN),
        ("http://evil.example/token", "http://registry.lan/", true, true, STRANGER),
        ("http://evil.example/token", "http://registry.lan/", false, true, STRANGER_PLAIN),
        ("https://api.scaleway.com/token", "https://rg.fr-par.scw.cloud/", false, false, "stranger"),
        ("https://api.scaleway.com/token", "https://rg.fr-par.scw.cloud/", true, false, STRANGER),
        ("https://169.254.169.254/token", "https://registry.example.com/", false, false, "stranger"),
    ] {
        assert_eq!(judged(realm, registry, credential, insecure), expected, "{realm} of {registry}");
    }
}

#[tokio::test]
async fn realms_elsewhere_get_no_request_and_no_credential() {
    let elsewhere = RawServer::start_at("127.0.0.2", vec![Reply::text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    let check = async |realm: &str, access: &Access, expected: &str| {
        let registry = FakeRegistry::start();
        registry.push("acme/web", "v1");
        registry.require_tokens(TokenRules { realm: Some(realm.to_owned()), ..TokenRules::default() });
        let found = tags_of(&client(), &registry, "acme/web", access).await;
        assert_eq!(found, format!("listing tags of HOST/acme/web: {expected}"));
        assert_eq!(registry.requests().len(), 1);
    };
    let (alice, nobody) = (login("alice", "s3cret"), Access::default());
    let refused = |realm: &str, why: &str| format!("HOST names the token server {realm}, which is not asked: {why}");
    let unreachable = |realm: &str, address: &str| {
        format!("connecting to {realm}: address {address} is not public, and only public addresses are allowed here")
    };
    let other = elsewhere.addr().to_string();
    check(&format!("http://{other}/token"), &alice, &refused(&other, STRANGER)).await;
    check(&format!("http://{other}/token"), &nobody, &refused(&other, STRANGER_PLAIN)).await;
    check(&format!("https://{other}/token"), &alice, &refused(&other, STRANGER)).await;
    check(&format!("https://{other}/token"), &nobody, &unreachable(&other, "127.0.0.2")).await;
    check("http://169.254.169.254/latest", &nobody, &refused("169.254.169.254:80", STRANGER_PLAIN)).await;
    check("https://169.254.169.254/latest", &nobody, &unreachable("169.254.169.254:443", "169.254.169.254")).await;
    check("https://127.1:9/", &alice, "connecting to 127.0.0.1:9: connection refused").await;
    check("https://10.1.2.3/", &nobody, &unreachable("10.1.2.3:443", "10.1.2.3")).await;
    check("https://[::ffff:10.1.2.3]/", &nobody, &unreachable("[::ffff:a01:203]:443", "::ffff:10.1.2.3")).await;
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn token_servers_on_another_port_of_the_registry_work() {
    let body = r#"{"token":"opaque"}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let tokens = RawServer::start(vec![Reply::text(&answer)]);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let realm = Some(format!("http://{}/auth?kind=docker", tokens.addr()));
    registry.require_tokens(TokenRules { realm, fixed: Some("opaque".into()), ..TokenRules::default() });
    assert_eq!(tags_of(&client(), &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
    let asked = "GET /auth?kind=docker&scope=repository%3Aacme%2Fweb%3Apull&service=fake.registry HTTP/1.1\n";
    assert!(tokens.heads()[0].starts_with(asked), "{:?}", tokens.heads());
    assert!(tokens.heads()[0].contains("authorization: Basic "), "{:?}", tokens.heads());
}

#[tokio::test]
async fn realms_bring_no_credential_of_their_own() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let realm = Some(format!("http://mallory:hers@{}/token", registry.addr()));
    registry.require_tokens(TokenRules { realm, ..TokenRules::default() });
    assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, "v1");
    assert_eq!(registry.requests()[1].authorization, None);
}

#[tokio::test]
async fn token_servers_that_redirect_away_keep_no_credential() {
    let elsewhere = RawServer::start_at("127.0.0.2", vec![Reply::text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.addr());
    let tokens = RawServer::start(vec![Reply::text(&moved)]);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let realm = Some(format!("http://{}/token", tokens.addr()));
    registry.require_tokens(TokenRules { realm, ..TokenRules::default() });
    let found = tags_of(&client(), &registry, "acme/web", &login("alice", "s3cret")).await;
    let expected = format!(
        "listing tags of HOST/acme/web: {} redirects to {}, which is not followed: another host",
        tokens.addr(),
        elsewhere.addr()
    );
    assert_eq!(found, expected);
    assert_eq!(elsewhere.connections(), 0);
}

/// A client for which names have the addresses of each list in turn, the last for ever.
fn client_where(names: &[(&str, &[&str])]) -> Client {
    let names: Vec<(String, Vec<IpAddr>)> = names
        .iter()
        .map(|(name, all)| ((*name).to_owned(), all.iter().map(|one| one.parse().expect("an address")).collect()))
        .collect();
    let names = Mutex::new(names);
    let resolve = move |name: &str| {
        let mut names = names.lock().expect("no panic");
        let Some((_, left)) = names.iter_mut().find(|(known, _)| known == name) else { return Vec::new() };
        if left.len() > 1 { vec![left.remove(0)] } else { left.clone() }
    };
    let settings = Settings { names: Some(Arc::new(resolve)), ..Settings::default() };
    Client::new(Http::new(settings).expect("plain settings"), Limits::default())
}

#[tokio::test]
async fn names_of_token_servers_lead_nowhere_that_the_registry_is_not() {
    let tokens =
        RawServer::start(vec![Reply::text("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"token\":\"opaque\"}")]);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let (port, tokens_port) = (registry.addr().port(), tokens.addr().port());
    let access = Access { insecure: true, ..login("alice", "s3cret") };
    let check = async |realm: &str, names: &[(&str, &[&str])], expected: &str| {
        let realm = Some(realm.replace("PORT", &tokens_port.to_string()));
        registry.require_tokens(TokenRules { realm, fixed: Some("opaque".into()), ..TokenRules::default() });
        let name = format!("registry.test:{port}/acme/web").parse().expect("a repository");
        let found = match client_where(names).tags(&name, &access).await {
            Ok(list) => list.tags[0].to_string(),
            Err(error) => causes(&error),
        };
        assert!(found.ends_with(expected), "{expected:?} at the end of {found:?}");
    };
    let here: (&str, &[&str]) = ("registry.test", &["127.0.0.1"]);
    let own = "http://auth.registry.test:PORT/token";
    check(own, &[here, ("auth.registry.test", &["127.0.0.1"])], "v1").await;
    check("http://registry.test:PORT/token", &[here], "v1").await;
    let asked = tokens.connections();
    for address in
        ["169.254.169.254", "10.1.2.3", "fd00:ec2::254", "fd00::1", "::ffff:169.254.169.254", "100.100.100.200"]
    {
        let refused = format!("address {address} is not public, and only public addresses are allowed here");
        check(own, &[here, ("auth.registry.test", &[address])], &refused).await;
        // The name of the registry itself leads elsewhere as soon as the realm is asked.
        let rebound = &["127.0.0.1", "127.0.0.1", address];
        check("http://registry.test:PORT/token", &[("registry.test", rebound)], &refused).await;
    }
    let stranger = "which is not asked: it is outside of the registry's domain";
    check("http://registry.test.evil.example:PORT/token", &[here], stranger).await;
    check("http://registry.test@evil.example:PORT/token", &[here], stranger).await;
    check("http://registry\u{3002}test:PORT/token", &[here], "status 401 without a challenge (WWW-Authenticate)").await;
    assert_eq!(tokens.connections(), asked, "nobody asked");
}

#[tokio::test]
async fn a_name_with_addresses_of_both_kinds_is_reached_where_it_may_be() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry.require_tokens(TokenRules { login: Some(("alice".into(), "s3cret".into())), ..TokenRules::default() });
    let port = registry.addr().port();
    let realm = Some(format!("http://registry.test:{port}/token"));
    registry.require_tokens(TokenRules { realm, ..TokenRules::default() });
    let both = |_: &str| ["127.0.0.1", "10.255.255.1"].map(|one| one.parse().expect("an address")).to_vec();
    let settings = Settings { names: Some(Arc::new(both)), ..Settings::default() };
    let client = Client::new(Http::new(settings).expect("plain settings"), Limits::default());
    let name = format!("registry.test:{port}/acme/web").parse().expect("a repository");
    let list = client.tags(&name, &Access { insecure: true, ..Access::default() }).await.expect("a listing");
    assert_eq!(list.tags[0].as_str(), "v1");
}
