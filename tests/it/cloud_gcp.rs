//! Access tokens of Google by every kind of credentials, against a fake that checks what it is shown.

use serde_json::{Value, json};
use tagwright::cloud::{Clouds, Error, Provider, RegistryLogin};
use tagwright::net::{Connection, Proxy};

use crate::cloud_lab::{CloudLab, check_error, http, login, seconds_from_now, soon};
use crate::servers::fake_cloud::{Asked, Reply};
use crate::servers::tls::Authority;

const REGISTRY: &str = "europe-west1-docker.pkg.dev";
const METADATA: &str = "GET /169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
const TOKEN: &str = "POST /oauth2.googleapis.com/token";
const STS: &str = "POST /sts.googleapis.com/v1/token";
const IAM: &str = "POST /iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/tags@acme.iam:generateAccessToken";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k";

fn token(name: &str, lifetime: impl Into<Value>) -> Reply {
    let lifetime = lifetime.into();
    Reply::new(200, json!({"access_token": name, "expires_in": lifetime, "token_type": "Bearer"}))
}

fn metadata(name: &str, lifetime: i64) -> Reply {
    Reply { headers: vec![("metadata-flavor", "Google".to_owned())], ..token(name, lifetime) }
}

async fn gar(clouds: &Clouds) -> Result<RegistryLogin, Error> {
    login(clouds, Provider::Gcp, REGISTRY).await
}

fn with_file(lab: &CloudLab, content: &Value) -> Clouds {
    let file = lab.file("credentials.json", &content.to_string());
    lab.clouds(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)])
}

fn check_form(asked: &Asked, line: &str, fields: &[(&str, &str)]) {
    let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!((asked.line.as_str(), asked.own_headers().as_slice()), (line, headers.as_slice()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(asked.form(), fields);
}

#[tokio::test]
async fn hosts_of_google_and_no_others_get_a_login() {
    let lab = CloudLab::new();
    lab.fake.answer(METADATA, metadata("canary-1", 3600));
    for host in ["gcr.io", "eu.gcr.io", "us-docker.pkg.dev", REGISTRY, "docker.s3nsregistry.fr"] {
        let login = login(&lab.clouds(&[]), Provider::Gcp, host).await.expect(host);
        assert_eq!((login.username.as_str(), login.password.expose()), ("oauth2accesstoken", b"canary-1".as_slice()));
        assert!((login.until - seconds_from_now(3600)).get_seconds().abs() <= 5);
    }
    lab.fake.asked();
    for host in [
        "ghcr.io",
        "evilgcr.io",
        "gcr.io.evil.example",
        "docker.pkg.dev",
        "-docker.pkg.dev",
        "x/eu.gcr.io",
        "gcr.io:443",
    ] {
        let error = login(&lab.clouds(&[]), Provider::Gcp, host).await.expect_err(host);
        check_error(&lab, &error, &format!("{host} is no server of provider gcp, expected REGION-docker.pkg.dev"), "");
    }
    assert!(lab.fake.asked().is_empty());
}

#[tokio::test]
async fn the_machine_gives_a_token_and_no_proxy_sees_it() {
    let lab = CloudLab::new();
    lab.fake.answer(METADATA, metadata("canary-1", 3600));
    let proxy = Proxy::new("http://127.0.0.1:1", None).expect("a proxy");
    let through = http().over(&Connection { proxy: Some(proxy), ..Connection::default() }).expect("clients");
    lab.clouds(&[]).registry_login(&through, Provider::Gcp, REGISTRY, soon()).await.expect("a login");
    let asked = &lab.fake.asked()[0];
    let query = "scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform";
    assert_eq!(asked.line, format!("{METADATA}?{query}"));
    assert_eq!(asked.own_headers(), [("accept", "application/json"), ("metadata-flavor", "Google")]);
    let line = METADATA.replace("169.254.169.254", "metadata.example:8080");
    lab.fake.answer(&line, metadata("canary-1", 3600));
    gar(&lab.clouds(&[("GCE_METADATA_HOST", "metadata.example:8080")])).await.expect("a login");
    assert_eq!(lab.fake.lines(), [format!("{line}?{query}")]);
}

/// A key of a service account, and what checks its signatures.
fn service_account() -> (Value, Vec<u8>) {
    let authority = Authority::new();
    let (_, key) = authority.rsa_client("account");
    let public = authority.convert(&key, &["rsa", "-pubout"]);
    let account = json!({
        "type": "service_account", "project_id": "acme", "private_key_id": "key-1",
        "private_key": String::from_utf8(key).expect("PEM"), "client_email": "tags@acme.iam",
        "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
    });
    (account, public)
}

#[tokio::test]
async fn the_key_of_a_service_account_signs_who_we_are() {
    let lab = CloudLab::new();
    let (account, public) = service_account();
    lab.fake.answer(TOKEN, token("canary-sa", 3599));
    let login = gar(&with_file(&lab, &account)).await.expect("a login");
    assert_eq!(login.password.expose(), b"canary-sa");
    let asked = &lab.fake.asked()[0];
    let assertion = asked.form().into_iter().find(|(name, _)| name == "assertion").expect("a statement").1;
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    check_form(asked, TOKEN, &[grant, ("assertion", &assertion)]);
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["https://oauth2.googleapis.com/token"]);
    validation.set_issuer(&["tags@acme.iam"]);
    let key = jsonwebtoken::DecodingKey::from_rsa_pem(&public).expect("a public key");
    let statement = jsonwebtoken::decode::<Value>(&assertion, &key, &validation).expect("a good signature");
    assert_eq!(statement.header.kid.as_deref(), Some("key-1"));
    let claims = statement.claims;
    let (from, end) = (claims["iat"].as_i64().expect("a time"), claims["exp"].as_i64().expect("a time"));
    assert!((from - seconds_from_now(0).as_second()).abs() <= 5 && end - from == 3600);
    assert_eq!(claims["scope"], SCOPE);
    assert_eq!(claims.as_object().expect("claims").len(), 5);
}

#[tokio::test]
async fn a_user_of_gcloud_refreshes_and_is_found_at_home() {
    let lab = CloudLab::new();
    let user = json!({
        "type": "authorized_user", "client_id": "client.apps", "client_secret": "canary-client",
        "refresh_token": "1//canary-refresh", "account": "", "universe_domain": "googleapis.com",
    });
    lab.fake.answer(TOKEN, token("canary-user", 3599));
    let check = async |clouds: Clouds| {
        gar(&clouds).await.expect("a login");
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "client.apps"),
            ("client_secret", "canary-client"),
            ("refresh_token", "1//canary-refresh"),
        ];
        check_form(&lab.fake.asked()[0], TOKEN, &fields);
    };
    check(with_file(&lab, &user)).await;
    let known = lab.file("application_default_credentials.json", &user.to_string());
    let folder = known.rsplit_once('/').expect("a folder").0;
    check(lab.clouds(&[("CLOUDSDK_CONFIG", folder), ("HOME", "/absent")])).await;
}

fn federation(source: Value, impersonated: bool) -> Value {
    let mut file = json!({
        "type": "external_account", "audience": AUDIENCE, "credential_source": source,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token", "universe_domain": "googleapis.com",
    });
    if impersonated {
        file["service_account_impersonation_url"] = json!(IAM.replace("POST /", "https://"));
        file["service_account_impersonation"] = json!({"token_lifetime_seconds": 1800});
    }
    file
}

fn check_exchange(asked: &Asked, subject: &str) {
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", AUDIENCE),
        ("scope", SCOPE),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token", subject),
    ];
    check_form(asked, STS, &fields);
}

#[tokio::test]
async fn a_token_of_another_issuer_becomes_one_of_google() {
    let lab = CloudLab::new();
    lab.fake.answer(STS, token("canary-federated", 3599));
    let plain = lab.file("plain", "canary.subject\n");
    let login = gar(&with_file(&lab, &federation(json!({"file": plain}), false))).await.expect("a login");
    assert_eq!(login.password.expose(), b"canary-federated");
    let asked = lab.fake.asked();
    check_exchange(&asked[0], "canary.subject");
    assert_eq!(asked.len(), 1);
    let as_json = lab.file("json", "{\"id\": \"canary.inside\"}");
    let source = json!({"file": as_json, "format": {"type": "json", "subject_token_field_name": "id"}});
    gar(&with_file(&lab, &federation(source, false))).await.expect("a login");
    check_exchange(&lab.fake.asked()[0], "canary.inside");
    // From a URL, such as Azure's metadata.
    let line = "GET /169.254.169.254/metadata/identity/oauth2/token";
    lab.fake.answer(line, Reply::new(200, json!({"access_token": "canary.of.azure"})));
    let source = json!({
        "url": "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01",
        "headers": {"Metadata": "True"},
        "format": {"type": "json", "subject_token_field_name": "access_token"},
    });
    gar(&with_file(&lab, &federation(source, false))).await.expect("a login");
    let asked = lab.fake.asked();
    assert_eq!(asked[0].line, format!("{line}?api-version=2018-02-01"));
    assert_eq!(asked[0].own_headers(), [("accept", "application/json"), ("metadata", "True")]);
    check_exchange(&asked[1], "canary.of.azure");
}

#[tokio::test]
async fn a_federated_token_may_become_one_of_a_service_account() {
    let lab = CloudLab::new();
    lab.fake.answer(STS, token("canary-federated", 3599));
    let end = seconds_from_now(1800);
    lab.fake.answer(IAM, Reply::new(200, json!({"accessToken": "canary-account", "expireTime": end.to_string()})));
    let plain = lab.file("plain", "canary.subject");
    let login = gar(&with_file(&lab, &federation(json!({"file": plain}), true))).await.expect("a login");
    assert_eq!((login.password.expose(), login.until), (b"canary-account".as_slice(), end));
    let asked = &lab.fake.asked()[1];
    let headers = [
        ("accept", "application/json"),
        ("authorization", "Bearer canary-federated"),
        ("content-type", "application/json"),
    ];
    assert_eq!((asked.line.as_str(), asked.own_headers().as_slice()), (IAM, headers.as_slice()));
    assert_eq!(asked.json(), json!({"scope": [SCOPE], "lifetime": "1800s"}));
}

#[tokio::test]
async fn a_token_is_kept_for_all_registries_and_renewed_once() {
    let lab = CloudLab::new();
    lab.fake.answer_in_turn(METADATA, &[metadata("canary-1", 3600), metadata("canary-2", 120)]);
    let clouds = lab.clouds(&[]);
    let many = futures::future::join_all((0..8).map(|_| gar(&clouds))).await;
    let logins: Vec<_> = many.into_iter().map(|login| login.expect("a login")).collect();
    assert_eq!((logins.iter().filter(|login| login.is_new).count(), lab.fake.asked().len()), (1, 1));
    assert!(!login(&clouds, Provider::Gcp, "gcr.io").await.expect("a login").is_new);
    let renewed = clouds.renew_registry_login(&http(), Provider::Gcp, REGISTRY, &logins[0], soon()).await;
    assert_eq!(renewed.expect("a login").password.expose(), b"canary-2");
    // It ends soon, and serves once.
    assert!(gar(&clouds).await.expect("a login").is_new);
    assert_eq!(lab.fake.asked().len(), 2);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let lab = CloudLab::new();
    let check = async |content: Value, expected: &str, hint: &str| {
        let error = gar(&with_file(&lab, &content)).await.expect_err(expected);
        check_error(&lab, &error, expected, hint);
        assert!(lab.fake.asked().is_empty(), "{expected}");
    };
    let unknown = "which is not a file with credentials of a known type";
    check(json!({"type": "canary"}), unknown, "known are service_account").await;
    check(json!({"type": "service_account", "private_key": "canary"}), unknown, "").await;
    check(json!("canary"), unknown, "").await;
    let (mut account, _) = service_account();
    account["private_key"] = json!("canary");
    check(account.clone(), "names a file whose private_key is not an RSA key in PEM", "").await;
    account["token_uri"] = json!("http://evil.example/token");
    check(account, "token_uri must be https", "").await;
    let executable = json!({"executable": {"command": "/bin/canary"}});
    check(federation(executable, false), "credential_source has neither a file nor a url", "not supported").await;
    let absent = "reading /absent, which credential_source.file names: No such file";
    check(federation(json!({"file": "/absent"}), false), absent, "").await;
    let odd = lab.file("odd", "two words");
    check(federation(json!({"file": odd}), false), "which holds no token", "").await;
    let headers = json!({"url": "https://issuer.example/", "headers": {"a b": "canary"}});
    check(federation(headers, false), "credential_source.headers has a name that is none", "").await;
    let error = gar(&lab.clouds(&[("GOOGLE_APPLICATION_CREDENTIALS", "/absent")])).await.expect_err("no file");
    check_error(&lab, &error, "reading /absent, which GOOGLE_APPLICATION_CREDENTIALS names: No such file", "");
}

#[tokio::test]
async fn what_servers_refuse_is_told_without_secrets() {
    let lab = CloudLab::new();
    let plain = lab.file("plain", "canary.subject");
    let (account, _) = service_account();
    let federated = federation(json!({"file": plain}), true);
    let check = async |file: Option<&Value>, line: &str, reply: Reply, expected: &str, hint: &str| {
        lab.fake.answer(STS, token("canary-federated", 3599));
        lab.fake.answer(line, reply);
        let clouds = file.map_or_else(|| lab.clouds(&[]), |file| with_file(&lab, file));
        let error = gar(&clouds).await.expect_err(expected);
        check_error(&lab, &error, expected, hint);
    };
    let machine = "HOST refuses a token of this machine's service account: ";
    check(
        None,
        METADATA,
        Reply::new(404, "not found"),
        &format!("{machine}404 Not Found"),
        "without a service account",
    )
    .await;
    check(None, METADATA, Reply::new(403, ""), &format!("{machine}403 Forbidden"), "workloadIdentityUser").await;
    let odd = "HOST does not answer as Google's metadata service does";
    check(None, METADATA, token("canary", 1), &format!("{odd} (no header Metadata-Flavor: Google)"), "").await;
    let html = Reply { body: "<html>".to_owned(), ..metadata("", 1) };
    check(None, METADATA, html, &format!("{odd} (no JSON)"), "").await;
    check(None, METADATA, metadata("", 1), &format!("{odd} (no token in the answer)"), "").await;
    check(None, METADATA, metadata("canary", i64::MAX), &format!("{odd} (the token's end is not a time)"), "").await;
    let denied = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    let expected = "HOST refuses a token of tags@acme.iam: 400 Bad Request (invalid_grant: Invalid JWT Signature.)";
    check(Some(&account), TOKEN, Reply::new(400, denied), expected, "deleted").await;
    let denied = json!({"error": "invalid_grant", "error_description": "The token canary.subject is no good"});
    let expected = format!(
        "HOST refuses a token for {AUDIENCE}: 400 Bad Request (invalid_grant: The token [redacted] is no good)"
    );
    check(Some(&federated), STS, Reply::new(400, denied), &expected, "must trust the issuer").await;
    let denied = json!({"error": {"code": 403, "message": "Permission denied for canary-federated", "status": "PERMISSION_DENIED"}});
    let expected =
        "HOST refuses a token of tags@acme.iam: 403 Forbidden (PERMISSION_DENIED: Permission denied for [redacted])";
    check(Some(&federated), IAM, Reply::new(403, denied), expected, "roles/iam.workloadIdentityUser").await;
    let odd = "HOST does not answer as Google's IAM does";
    check(Some(&federated), IAM, Reply::new(200, "{}"), &format!("{odd} (no token in the answer)"), "").await;
    let endless = Reply::new(200, json!({"accessToken": "canary", "expireTime": "soon"}));
    check(Some(&federated), IAM, endless, &format!("{odd} (the token's end is not a time)"), "").await;
}
