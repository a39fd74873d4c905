//! Logins of Azure's registries by every kind of identity, against a fake that checks what it is shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tagwright::cloud::{Clouds, Error, Provider, RegistryLogin};
use tagwright::net::{Connection, Proxy};

use crate::cloud_lab::{CloudLab, check_error, http, login, seconds_from_now, soon};
use crate::servers::fake_cloud::{Asked, Reply};

const REGISTRY: &str = "acme.azurecr.io";
const ENTRA: &str = "POST /login.microsoftonline.com/tenant-1/oauth2/v2.0/token";
const EXCHANGE: &str = "POST /acme.azurecr.io/oauth2/exchange";
const IMDS: &str = "GET /169.254.169.254/metadata/identity/oauth2/token";
const CLIENT: [(&str, &str); 2] = [("AZURE_CLIENT_ID", "client-1"), ("AZURE_TENANT_ID", "tenant-1")];

fn entra(token: &str, lifetime: Value) -> Reply {
    Reply::new(200, json!({"token_type": "Bearer", "expires_in": lifetime, "access_token": token}))
}

/// A JWT as a registry signs it for itself.
fn refresh_token(name: &str, lifetime: i64) -> String {
    let claims = json!({"jti": name, "exp": seconds_from_now(lifetime).as_second()});
    format!("canary.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn exchanged(name: &str, lifetime: i64) -> Reply {
    Reply::new(200, json!({"refresh_token": refresh_token(name, lifetime)}))
}

fn workload(lab: &CloudLab) -> Vec<(&'static str, String)> {
    let file = lab.file("federated", "canary.federated.token\n");
    let client = CLIENT.map(|(name, value)| (name, value.to_owned()));
    client.into_iter().chain([("AZURE_FEDERATED_TOKEN_FILE", file)]).collect()
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn acr(clouds: &Clouds) -> Result<RegistryLogin, Error> {
    login(clouds, Provider::Azure, REGISTRY).await
}

fn check_form(asked: &Asked, line: &str, fields: &[(&str, &str)]) {
    let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!((asked.line.as_str(), asked.own_headers().as_slice()), (line, headers.as_slice()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(asked.form(), fields);
}

fn check_exchange(asked: &Asked, host: &str, token: &str) {
    let fields = [("grant_type", "access_token"), ("service", host), ("access_token", token)];
    check_form(asked, &format!("POST /{host}/oauth2/exchange"), &fields);
}

fn workload_fields(scope: &'static str) -> [(&'static str, &'static str); 5] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", "client-1"),
        ("scope", scope),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "canary.federated.token"),
    ]
}

const SCOPE: &str = "https://containerregistry.azure.net/.default";

#[tokio::test]
async fn a_token_of_the_cluster_becomes_a_login() {
    let lab = CloudLab::new();
    let variables = workload(&lab);
    lab.fake.answer(ENTRA, entra("canary-aad", json!(3599)));
    lab.fake.answer(EXCHANGE, exchanged("one", 10_800));
    let login = acr(&lab.clouds(&borrowed(&variables))).await.expect("a login");
    assert_eq!(login.username, "00000000-0000-0000-0000-000000000000");
    assert_eq!(login.password.expose_text(), Some(refresh_token("one", 10_800).as_str()));
    assert!((login.until - seconds_from_now(10_800)).get_seconds().abs() <= 5);
    let asked = lab.fake.asked();
    check_form(&asked[0], ENTRA, &workload_fields(SCOPE));
    check_exchange(&asked[1], REGISTRY, "canary-aad");
}

#[tokio::test]
async fn parts_of_azure_have_their_own_authorities() {
    let lab = CloudLab::new();
    let check = async |more: &[(&str, &str)], host: &str, authority: &str, scope: &'static str| {
        let variables = workload(&lab);
        let line = format!("POST /{authority}/tenant-1/oauth2/v2.0/token");
        lab.fake.answer(&line, entra("canary-aad", json!("3599")));
        lab.fake.answer(&format!("POST /{host}/oauth2/exchange"), exchanged("one", 10_800));
        let variables = [borrowed(&variables).as_slice(), more].concat();
        login(&lab.clouds(&variables), Provider::Azure, host).await.expect(host);
        let asked = lab.fake.asked();
        check_form(&asked[0], &line, &workload_fields(scope));
        check_exchange(&asked[1], host, "canary-aad");
    };
    check(&[], "acme.azurecr.io", "login.microsoftonline.com", SCOPE).await;
    check(&[], "acme-x1.azurecr.cn", "login.chinacloudapi.cn", SCOPE).await;
    check(&[], "acme.azurecr.us", "login.microsoftonline.us", SCOPE).await;
    check(&[], "acme.azurecr.de", "login.microsoftonline.de", SCOPE).await;
    check(&[], "acme.westeurope.data.azurecr.io", "login.microsoftonline.com", SCOPE).await;
    let authority = ("AZURE_AUTHORITY_HOST", "https://login.example/x/");
    check(&[authority], "acme.azurecr.io", "login.example/x", SCOPE).await;
    // A cloud of one's own.
    let stack = json!({
        "name": "stack", "containerRegistryDNSSuffix": "azsacr.local.example",
        "resourceManagerEndpoint": "https://management.local.example/",
        "activeDirectoryEndpoint": "https://login.local.example/",
    });
    let file = lab.file("environment.json", &stack.to_string());
    let stack = [("AZURE_ENVIRONMENT_FILEPATH", file.as_str())];
    let (host, scope) = ("acme.azsacr.local.example", "https://management.local.example/.default");
    check(&stack, host, "login.local.example", scope).await;
    check(&stack, "acme.azurecr.io", "login.microsoftonline.com", SCOPE).await;
}

#[tokio::test]
async fn other_hosts_get_no_login() {
    let lab = CloudLab::new();
    let variables = workload(&lab);
    let clouds = lab.clouds(&borrowed(&variables));
    for host in [
        "ghcr.io",
        "azurecr.io",
        ".azurecr.io",
        "acme.azurecr.io.evil.example",
        "acme.azurecr.io:8443",
        "x/y.azurecr.io",
    ] {
        let error = login(&clouds, Provider::Azure, host).await.expect_err(host);
        check_error(
            &lab,
            &error,
            &format!("{host} is no server of provider azure, expected NAME.azurecr.io"),
            "generic",
        );
    }
    assert!(lab.fake.asked().is_empty());
}

#[tokio::test]
async fn a_secret_of_the_environment_wins() {
    let lab = CloudLab::new();
    let variables = workload(&lab);
    lab.fake.answer(ENTRA, entra("canary-aad", json!(3599)));
    lab.fake.answer(EXCHANGE, exchanged("one", 10_800));
    let secret = [("AZURE_CLIENT_SECRET", "canary-client+secret")];
    acr(&lab.clouds(&[borrowed(&variables).as_slice(), &secret].concat())).await.expect("a login");
    let [grant, client, scope, ..] = workload_fields(SCOPE);
    check_form(&lab.fake.asked()[0], ENTRA, &[grant, client, scope, ("client_secret", "canary-client+secret")]);
}

#[tokio::test]
async fn managed_identities_are_asked_directly() {
    let lab = CloudLab::new();
    let proxy = Proxy::new("http://127.0.0.1:1", None).expect("a proxy");
    let through = http().over(&Connection { proxy: Some(proxy), ..Connection::default() }).expect("clients");
    let check = async |variables: &[(&str, &str)], line: &str, query: &str, header: (&str, &str)| {
        let end = seconds_from_now(86_400).as_second().to_string();
        lab.fake
            .answer(line, Reply::new(200, json!({"access_token": "canary-aad", "expires_on": end, "expires_in": "1"})));
        let error = lab.clouds(variables).registry_login(&through, Provider::Azure, REGISTRY, soon()).await;
        check_error(
            &lab,
            &error.expect_err("no proxy"),
            "a login of acme.azurecr.io: connecting to HOST through the proxy",
            "",
        );
        let asked = lab.fake.asked();
        assert_eq!((asked[0].line.as_str(), asked.len()), (format!("{line}?{query}").as_str(), 1));
        let mut headers = vec![("accept", "application/json"), header];
        headers.sort_unstable();
        assert_eq!(asked[0].own_headers(), headers);
    };
    let resource = "resource=https%3A%2F%2Fcontainerregistry.azure.net";
    let (metadata, client) = (("metadata", "true"), ("AZURE_CLIENT_ID", "client-1"));
    check(&[], IMDS, &format!("api-version=2018-02-01&{resource}"), metadata).await;
    let query = format!("api-version=2018-02-01&{resource}&client_id=client-1");
    check(&[client], IMDS, &query, metadata).await;
    let service =
        [("IDENTITY_ENDPOINT", "http://localhost:42356/msi/token"), ("IDENTITY_HEADER", "canary-header"), client];
    let query = format!("api-version=2019-08-01&{resource}&client_id=client-1");
    check(&service, "GET /localhost:42356/msi/token", &query, ("x-identity-header", "canary-header")).await;
}

#[tokio::test]
async fn tokens_and_logins_are_kept_and_renewed() {
    let lab = CloudLab::new();
    let variables = workload(&lab);
    let clouds = lab.clouds(&borrowed(&variables));
    lab.fake.answer_in_turn(ENTRA, &[entra("canary-1", json!(3599)), entra("canary-2", json!(3599))]);
    lab.fake.answer(EXCHANGE, exchanged("one", 10_800));
    let many = futures::future::join_all((0..8).map(|_| acr(&clouds))).await;
    let logins: Vec<_> = many.into_iter().map(|login| login.expect("a login")).collect();
    assert_eq!(logins.iter().filter(|login| login.is_new).count(), 1);
    assert_eq!(lab.fake.lines(), [ENTRA, EXCHANGE]);
    // Another registry: the same token.
    let other = "POST /other.azurecr.io/oauth2/exchange";
    lab.fake.answer(other, exchanged("two", 10_800));
    login(&clouds, Provider::Azure, "other.azurecr.io").await.expect("a login");
    assert_eq!(lab.fake.lines(), [other]);
    // A refused login is exchanged anew, and a kept token that is refused is asked for again.
    lab.fake.answer_in_turn(EXCHANGE, &[Reply::new(401, "{}"), exchanged("three", 60)]);
    let renewed = clouds.renew_registry_login(&http(), Provider::Azure, REGISTRY, &logins[0], soon()).await;
    assert!(renewed.expect("a login").is_new);
    let asked = lab.fake.asked();
    check_exchange(&asked[0], REGISTRY, "canary-1");
    check_exchange(&asked[2], REGISTRY, "canary-2");
    // One that ends soon serves once.
    assert!(acr(&clouds).await.expect("a login").is_new);
    assert_eq!(lab.fake.lines(), [EXCHANGE]);
}

#[tokio::test]
async fn what_is_not_set_up_is_named() {
    let lab = CloudLab::new();
    let file = lab.file("token", "canary.jwt");
    let check = async |variables: &[(&str, &str)], expected: &str, hint: &str| {
        let error = acr(&lab.clouds(variables)).await.expect_err(expected);
        check_error(&lab, &error, expected, hint);
        assert!(lab.fake.asked().is_empty(), "{expected}");
    };
    let token = ("AZURE_FEDERATED_TOKEN_FILE", file.as_str());
    let label = "azure.workload.identity/use";
    check(&[token, CLIENT[0]], "AZURE_TENANT_ID is not set, and AZURE_FEDERATED_TOKEN_FILE is", label).await;
    check(&[token, CLIENT[1]], "AZURE_CLIENT_ID is not set, and AZURE_FEDERATED_TOKEN_FILE is", label).await;
    check(&[("AZURE_CLIENT_SECRET", "canary")], "AZURE_CLIENT_ID is not set, and AZURE_CLIENT_SECRET is", "").await;
    let odd = [token, CLIENT[0], ("AZURE_TENANT_ID", "../x")];
    check(&odd, "AZURE_TENANT_ID is neither an id nor a domain", "").await;
    let plain = ("AZURE_AUTHORITY_HOST", "http://login.example");
    check(&[token, CLIENT[0], CLIENT[1], plain], "AZURE_AUTHORITY_HOST must be https", "").await;
    let absent = ("AZURE_FEDERATED_TOKEN_FILE", "/absent");
    check(&[absent, CLIENT[0], CLIENT[1]], "reading /absent, which AZURE_FEDERATED_TOKEN_FILE names: No such", "")
        .await;
    let certificate = ("AZURE_CLIENT_CERTIFICATE_PATH", "/x.pem");
    check(&[certificate, CLIENT[0]], "AZURE_CLIENT_CERTIFICATE_PATH is set, and certificates are not supported", "")
        .await;
    let arc = ("IDENTITY_ENDPOINT", "http://localhost:40342/x");
    check(&[arc], "IDENTITY_HEADER is not set, and IDENTITY_ENDPOINT is", "Azure Arc").await;
    let stack =
        lab.file("environment.json", "{\"containerRegistryDNSSuffix\": \"\", \"resourceManagerEndpoint\": \"x\"}");
    let expected = "containerRegistryDNSSuffix is empty";
    check(&[("AZURE_ENVIRONMENT_FILEPATH", &stack)], expected, "").await;
}

#[tokio::test]
async fn what_servers_refuse_is_told_without_secrets() {
    let lab = CloudLab::new();
    let variables = workload(&lab);
    let workload = borrowed(&variables);
    let check = async |variables: &[(&str, &str)], line: &str, reply: Reply, expected: &str, hint: &str| {
        lab.fake.answer(ENTRA, entra("canary-aad", json!(3599)));
        lab.fake.answer(IMDS, entra("canary-aad", json!("3599")));
        lab.fake.answer(line, reply);
        let error = acr(&lab.clouds(variables)).await.expect_err(expected);
        check_error(&lab, &error, expected, hint);
    };
    let denied = |code: &str| json!({"error": code, "error_description": "AADSTS70021: canary.federated.token", "error_codes": [1]});
    let refusal = "HOST refuses a token of client client-1 in tenant tenant-1: ";
    let expected = format!("{refusal}401 Unauthorized (invalid_client: AADSTS70021: [redacted])");
    check(&workload, ENTRA, Reply::new(401, denied("invalid_client")), &expected, "federated credential").await;
    let expected = format!("{refusal}400 Bad Request (unauthorized_client: AADSTS70021: [redacted])");
    check(&workload, ENTRA, Reply::new(400, denied("unauthorized_client")), &expected, "AZURE_TENANT_ID").await;
    let odd = "HOST does not answer as Microsoft Entra does";
    check(&workload, ENTRA, Reply::new(200, "<html>"), &format!("{odd} (no JSON)"), "").await;
    check(&workload, ENTRA, entra("two words", json!(1)), &format!("{odd} (no token in the answer)"), "").await;
    check(&workload, ENTRA, entra("canary", json!("soon")), &format!("{odd} (the token's end is not a time)"), "")
        .await;
    check(&workload, ENTRA, entra("canary", json!(i64::MAX)), &format!("{odd} (the token's end is not a time)"), "")
        .await;
    let none = json!({"error": "invalid_request", "error_description": "Identity not found"});
    let expected = "HOST refuses a token of this machine's managed identity: 400 Bad Request (invalid_request: Identity not found)";
    check(&[], IMDS, Reply::new(400, none), expected, "assign an identity").await;
    let denied = json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required for canary-aad"}]});
    let expected = "HOST refuses a login of acme.azurecr.io: 401 Unauthorized (UNAUTHORIZED: authentication required for [redacted])";
    check(&workload, EXCHANGE, Reply::new(401, denied), expected, "AcrPull").await;
    let odd = "HOST does not answer as an Azure container registry does";
    check(&workload, EXCHANGE, Reply::new(200, "{}"), &format!("{odd} (no refresh token in the answer)"), "").await;
    let endless = format!("{odd} (the refresh token does not say when it ends)");
    check(&workload, EXCHANGE, Reply::new(200, json!({"refresh_token": "canary"})), &endless, "").await;
    check(&workload, EXCHANGE, Reply::new(200, json!({"refresh_token": "a.%%.canary"})), &endless, "").await;
}
