//! Tokens of GitHub Apps, against a fake of GitHub's API that checks what it is shown.

use std::time::Duration;

use tagwright::cloud::{Error, GithubApp, GithubSettings, GithubToken, GithubTokens, Installation};
use tagwright::git::{Auth, Remote};
use tagwright::net::{Deadline, Http, Settings};
use tagwright::secret::Secret;

use crate::git::{Lab, remote, told, told_by};
use crate::program::finish;
use crate::servers::fake_github::FakeGithub;
use crate::servers::git_http::GitServer;
use crate::servers::tls::{Authority, TlsFront};
use crate::world::{World, automation, policy, source};

/// An RSA key in PKCS#1, as GitHub gives it, and the API that knows it.
fn app_and_api() -> (Vec<u8>, FakeGithub) {
    let authority = Authority::new();
    let (_, key) = authority.rsa_client("app");
    let key = authority.convert(&key, &["rsa", "-traditional"]);
    let public = authority.convert(&key, &["rsa", "-pubout"]);
    (key, FakeGithub::start(public))
}

fn app(key: &[u8], url: &str, installation: Installation) -> GithubApp {
    let settings = GithubSettings { app_id: "12", installation, base_url: Some(url), private_key: Secret::new(key) };
    GithubApp::new(settings).expect("an app")
}

fn by_id(id: &str) -> Installation {
    Installation::Id(id.to_owned())
}

fn by_owner(owner: &str) -> Installation {
    Installation::Owner(owner.to_owned())
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

async fn token(tokens: &GithubTokens, app: &GithubApp) -> Result<GithubToken, Error> {
    tokens.token(&Http::new(Settings::default()).expect("plain settings"), app, soon()).await
}

#[test]
fn settings_are_checked_and_no_key_is_shown() {
    let (key, _api) = app_and_api();
    let check = |app_id: &str, installation: Installation, base_url: Option<&str>, key: &[u8], expected: &str| {
        let settings = GithubSettings { app_id, installation, base_url, private_key: Secret::new(key) };
        let found = GithubApp::new(settings).map_or_else(|error| error.to_string(), |app| format!("{app:?}"));
        assert!(found.contains(expected) && !found.contains("PRIVATE"), "{found}\n{expected}");
    };
    let fine = "key: [redacted]";
    check("12", by_id("77"), None, &key, fine);
    check(" 12\n", by_id("77\n"), Some(" "), &key, fine);
    check("Iv23abc", by_owner("acme-corp"), Some("https://github.example/api/v3/"), &key, fine);
    check("12", by_owner("ann_acme"), Some("http://127.0.0.1:1/api/v3"), &key, fine);
    check("", by_id("77"), None, &key, "the id of a GitHub App");
    check("1/2", by_id("77"), None, &key, "the id of a GitHub App");
    check("..", by_id("77"), None, &key, "the id of a GitHub App");
    check("12", by_id("7x"), None, &key, "the id of an installation is a number");
    check("12", by_owner("../x"), None, &key, "the owner of an installation");
    check("12", by_id("77"), Some("http://github.example/api/v3"), &key, "must be https");
    check("12", by_id("77"), Some("https://u:p@github.example"), &key, "more than a host and a path");
    check("12", by_id("77"), Some("https://"), &key, "malformed");
    check("12", by_id("77"), None, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not an RSA key");
}

#[tokio::test]
async fn installations_are_found_by_id_and_by_owner() {
    let (key, api) = app_and_api();
    let tokens = GithubTokens::default();
    let check = async |installation: Installation, expected: &[&str]| {
        let given = token(&tokens, &app(&key, &api.url(), installation)).await.expect("a token");
        assert!(given.is_new && given.token.expose().starts_with(b"ghs_canary"));
        let asked: Vec<String> = api.asked().into_iter().map(|line| line.replace("/api/v3", "")).collect();
        assert_eq!(asked, expected);
    };
    check(by_id("77"), &["POST /app/installations/77/access_tokens"]).await;
    let of_organization = ["GET /orgs/acme/installation", "POST /app/installations/77/access_tokens"];
    check(by_owner("acme"), &of_organization).await;
    let of_user =
        ["GET /orgs/ann/installation", "GET /users/ann/installation", "POST /app/installations/78/access_tokens"];
    check(by_owner("ann"), &of_user).await;
    let statement = &api.statements()[0];
    let age = jiff::Timestamp::now().as_second() - statement["iat"].as_i64().expect("a time");
    assert!((60..120).contains(&age), "issued {age} s ago");
    assert_eq!(statement["iss"], "12");
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_is_old_or_refused() {
    let (key, api) = app_and_api();
    let (tokens, app) = (GithubTokens::default(), app(&key, &api.url(), by_id("77")));
    let asked_together = futures::future::join_all((0..8).map(|_| token(&tokens, &app))).await;
    let given: Vec<GithubToken> = asked_together.into_iter().map(|given| given.expect("a token")).collect();
    assert!(given.iter().all(|one| one.token == given[0].token));
    assert_eq!((given.iter().filter(|one| one.is_new).count(), api.asked().len()), (1, 1));

    let http = Http::new(Settings::default()).expect("plain settings");
    let renewed = tokens.renew(&http, &app, &given[0].token, soon()).await.expect("a token");
    assert!(renewed.is_new && renewed.token != given[0].token);
    let again = tokens.renew(&http, &app, &given[0].token, soon()).await.expect("a token");
    assert_eq!((again.token, again.is_new, api.asked().len()), (renewed.token.clone(), false, 1));

    // One that ends soon serves once.
    api.live_for(200);
    tokens.renew(&http, &app, &renewed.token, soon()).await.expect("a token");
    assert!(token(&tokens, &app).await.expect("a token").is_new);
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn what_goes_wrong_names_app_installation_and_what_github_said() {
    let (key, api) = app_and_api();
    let (other_key, _) = app_and_api();
    let host = api.url().split('/').nth(2).expect("a host").to_owned();
    let check = async |app: GithubApp, expected: &str, hint: Option<&str>| {
        let error = token(&GithubTokens::default(), &app).await.expect_err("no token");
        assert_eq!(told(&error).replace(&host, "HOST"), expected);
        assert!(error.hint().unwrap_or_default().contains(hint.unwrap_or_default()), "{:?}", error.hint());
    };
    let refusal = "HOST refuses a token of GitHub App 12 (installation 77): ";
    let unauthorized = format!("{refusal}401 Unauthorized (A JSON web token could not be decoded)");
    check(app(&other_key, &api.url(), by_id("77")), &unauthorized, Some("the clock of this machine")).await;
    let absent = "HOST refuses a token of GitHub App 12 (installation 5): 404 Not Found (Not Found)";
    check(app(&key, &api.url(), by_id("5")), absent, Some("githubAppInstallationID")).await;
    let nobody = "HOST refuses a token of GitHub App 12 (installation of nobody): 404 Not Found (Not Found)";
    check(app(&key, &api.url(), by_owner("nobody")), nobody, Some("githubAppInstallationOwner")).await;
    let known = || app(&key, &api.url(), by_id("77"));
    api.answer(403, &format!("{{\"message\": \"\\u001b[31mno\\u202e{}\"}}", "x".repeat(1000)));
    check(known(), &format!("{refusal}403 Forbidden ([31mno{})", "x".repeat(294)), None).await;
    api.answer(404, "<html>");
    check(known(), &format!("{refusal}404 Not Found"), None).await;
    let odd = "HOST does not answer as GitHub's API does ";
    api.answer(201, "<html>");
    check(known(), &format!("{odd}(no token with its end in the answer)"), Some("/api/v3")).await;
    api.answer(201, r#"{"token": "a b", "expires_at": "2030-01-01T00:00:00Z"}"#);
    check(known(), &format!("{odd}(the token is not one word)"), None).await;
    api.answer(201, r#"{"token": "ab", "expires_at": "soon"}"#);
    check(known(), &format!("{odd}(the token's end is not a time)"), None).await;
    api.answer(302, "");
    let moved = "asking HOST for a token of GitHub App 12 (installation 77): HOST redirects to nowhere, which is not \
                 followed: no Location header";
    check(known(), moved, None).await;
}

#[test]
fn git_shows_a_token_and_renews_it_once() {
    let (key, api) = app_and_api();
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "x\n")]);
    let open = || {
        let auth = Auth::GithubApp(Box::new(app(&key, &api.url(), by_owner("acme"))));
        lab.git.open(&Remote { auth, ..remote(&server.url("app.git")) }).expect("an open remote")
    };
    let basic = |token: &str| {
        use base64::Engine as _;
        let pair = format!("x-access-token:{token}");
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    server.protect(&basic("ghs_canary1"));
    open().fetch("main").expect("a fetch");
    open().refs().expect("a listing");
    assert_eq!(api.asked().len(), 2, "the installation and one token");
    // The server has forgotten the token: a new one is asked for, once.
    server.protect(&basic("ghs_canary2"));
    open().refs().expect("a listing");
    assert_eq!(api.asked().len(), 2);
    server.protect(&basic("never"));
    let told = told_by(open().refs().map(drop));
    assert!(told.contains("the server does not accept the credentials (401)"), "{told}");
    assert_eq!(api.asked().len(), 2);
    api.answer(404, "");
    let told = told_by(open().refs().map(drop));
    assert!(told.contains("refuses a token of GitHub App 12 (installation of acme): 404"), "{told}");
}

#[test]
fn sync_works_as_a_github_app_behind_a_private_authority() {
    let (key, api) = app_and_api();
    let world = World::simple();
    let authority = Authority::new();
    let behind = api.url().split('/').nth(2).expect("a host").parse().expect("an address");
    let (api_front, git_front) =
        (TlsFront::start(&authority, behind, None), TlsFront::start(&authority, world.git.addr(), None));
    let source = source("app").replace("GIT/app.git", &git_front.url("app.git"));
    let source = source.replace("ref:", "secretRef: {name: git}, provider: github, ref:");
    world.objects("all.yaml", &(policy("web", "^1") + &source + &automation("apps", "app", "./apps")));
    let folder = world.path("secret");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, value) in [
        ("githubAppID", b"12\n".as_slice()),
        ("githubAppInstallationOwner", b"ann"),
        ("githubAppPrivateKey", &key),
        ("githubAppBaseURL", api_front.url("api/v3").as_bytes()),
        ("ca.crt", &authority.certificate()),
    ] {
        std::fs::write(folder.join(name), value).expect("a file");
    }
    let secret = format!("flux-system/git={}", folder.display());
    let run = finish(world.sync_command("state", &["--secret", &secret]).env("RUST_LOG", "trace")).code_is(0);
    assert!(world.web_image("main").ends_with(":1.0.1"));
    assert_eq!(api.asked().len(), 3, "two look-ups and one token");
    let shown: Vec<_> = world.git.requests().into_iter().map(|asked| asked.authorization).collect();
    assert!(shown.iter().all(|header| header.as_deref() == Some("Basic eC1hY2Nlc3MtdG9rZW46Z2hzX2NhbmFyeTE=")));
    // Neither the token nor the statement (every JWT begins so) nor the key.
    for canary in ["ghs_canary", "eC1hY2Nlc3MtdG9rZW46", "eyJ", "PRIVATE KEY"] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(canary), "{canary} in {}", run.stderr);
    }
}
