//! Git servers of clouds: what they are shown, and that it is renewed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tagwright::cloud::{Clouds, Provider};
use tagwright::git::{Auth, Remote};
use tagwright::net::{Connection, Proxy};

use crate::cloud_lab::{CANARY, CloudLab, aws_signature, seconds_from_now};
use crate::git::{Lab, remote, told_by};
use crate::servers::fake_cloud::Reply;
use crate::servers::git_http::{Fault, GitServer};

const CODECOMMIT: &str = "git-codecommit.eu-west-1.amazonaws.com";
const STS: &str = "POST /sts.eu-west-1.amazonaws.com/";
const ENTRA: &str = "POST /login.microsoftonline.com/tenant-1/oauth2/v2.0/token";

fn known_as(lab: &CloudLab, server: &GitServer, name: &str, variables: &[(&str, &str)]) -> Clouds {
    lab.clouds_known_as(variables, &[(&server.addr().to_string(), name)])
}

/// A server with one repository, and the door to it as a server of `provider`.
fn door(clouds: Clouds) -> Lab {
    let Lab { state, git } = Lab::new();
    Lab { state, git: git.with_clouds(clouds) }
}

fn of(server: &GitServer, provider: Provider) -> Remote {
    Remote { auth: Auth::Cloud(provider), ..remote(&server.url("app.git")) }
}

fn server() -> GitServer {
    let server = GitServer::start();
    server.create("app.git", &[("a.yaml", "x\n")]);
    server
}

/// Checks what a server saw, by a second implementation of the signature.
fn check_codecommit(authorization: Option<&str>, id: &str, secret: &str, session: &str) {
    let encoded = authorization.and_then(|text| text.strip_prefix("Basic ")).expect("a basic login");
    let pair = String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text");
    let (username, password) = pair.split_once(':').expect("a pair");
    assert_eq!(username, format!("{id}{session}"));
    let (written, signature) = password.split_once('Z').expect("a time and a signature");
    let scope = format!("{}/eu-west-1/codecommit/aws4_request", &written[..8]);
    let canonical = format!("GIT\n/app.git\n\nhost:{CODECOMMIT}\n\nhost\n");
    assert_eq!(signature, aws_signature(secret, written, &scope, &canonical));
}

#[test]
fn codecommit_is_shown_a_signature_of_its_url() {
    let (cloud, server) = (CloudLab::new(), server());
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDSTATIC"), ("AWS_SECRET_ACCESS_KEY", "canary/secret")];
    let lab = door(known_as(&cloud, &server, CODECOMMIT, &keys));
    lab.git.open(&of(&server, Provider::Aws)).expect("an open remote").fetch("main").expect("a fetch");
    let shown: Vec<_> = server.requests().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(shown.len(), 2, "a listing and a pack");
    for authorization in shown {
        check_codecommit(authorization.as_deref(), "AKIDSTATIC", "canary/secret", "");
    }
    assert!(cloud.fake.asked().is_empty());
}

#[test]
fn keys_that_codecommit_refuses_are_renewed_once() {
    let (cloud, server) = (CloudLab::new(), server());
    let file = cloud.file("token", "canary.jwt");
    let keys = [("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"), ("AWS_WEB_IDENTITY_TOKEN_FILE", file.as_str())];
    let assumed = |id: &str| {
        let end = seconds_from_now(3600).as_second();
        let keys =
            json!({"AccessKeyId": id, "SecretAccessKey": "canary/1", "SessionToken": "canary+/==", "Expiration": end});
        let result = json!({"AssumeRoleWithWebIdentityResult": {"Credentials": keys}});
        Reply::new(200, json!({"AssumeRoleWithWebIdentityResponse": result}))
    };
    cloud.fake.answer_in_turn(STS, &[assumed("ASIA1"), assumed("ASIA2")]);
    let lab = door(known_as(&cloud, &server, CODECOMMIT, &keys));
    let refs = || lab.git.open(&of(&server, Provider::Aws)).expect("an open remote").refs().map(drop);
    refs().expect("a listing");
    refs().expect("a listing");
    assert_eq!(cloud.fake.lines(), [STS]);
    server.requests();
    // It says with a 403 that keys are too old.
    server.misbehave("info/refs", Fault::Status(403));
    let told = told_by(refs());
    assert!(told.contains("the server forbids this (403)") && !told.contains(CANARY), "{told}");
    let shown: Vec<_> = server.requests().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!((shown.len(), cloud.fake.lines()), (2, vec![STS.to_owned()]));
    check_codecommit(shown[0].as_deref(), "ASIA1", "canary/1", "%canary+/==");
    check_codecommit(shown[1].as_deref(), "ASIA2", "canary/1", "%canary+/==");
}

fn entra(token: &str) -> Reply {
    Reply::new(200, json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}))
}

const CLIENT: [(&str, &str); 3] =
    [("AZURE_CLIENT_ID", "client-1"), ("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_SECRET", "canary-secret")];

#[test]
fn azure_devops_is_shown_a_token_that_is_renewed_once() {
    let (cloud, server) = (CloudLab::new(), server());
    cloud.fake.answer_in_turn(ENTRA, &[entra("canary-1"), entra("canary-2")]);
    let lab = door(known_as(&cloud, &server, "dev.azure.com", &CLIENT));
    let refs = || lab.git.open(&of(&server, Provider::Azure)).expect("an open remote").refs().map(drop);
    server.protect("Bearer canary-1");
    refs().expect("a listing");
    refs().expect("a listing");
    let asked = cloud.fake.asked();
    assert_eq!(asked.len(), 1);
    let scope = asked[0].form().into_iter().find(|(name, _)| name == "scope").expect("a scope").1;
    assert_eq!(scope, "499b84ac-1321-427f-aa17-267ca6975798/.default");
    server.protect("Bearer canary-2");
    refs().expect("a listing");
    assert_eq!(cloud.fake.asked().len(), 1);
    server.protect("never");
    let told = told_by(refs());
    assert!(told.contains("the server does not accept the credentials (401)") && !told.contains(CANARY), "{told}");
    assert_eq!(cloud.fake.asked().len(), 1);
    cloud.fake.answer(ENTRA, Reply::new(401, json!({"error": "invalid_client", "error_description": "canary-secret"})));
    let told = told_by(refs());
    let expected =
        "refuses a token of client client-1 in tenant tenant-1: 401 Unauthorized (invalid_client: [redacted])";
    assert!(told.contains(expected) && !told.contains(CANARY), "{told}");
}

#[test]
fn tokens_are_asked_for_through_the_proxy_of_the_remote() {
    let (cloud, server) = (CloudLab::new(), server());
    let lab = door(known_as(&cloud, &server, "acme.visualstudio.com", &CLIENT));
    let proxy = Some(Proxy::new("http://127.0.0.1:1", None).expect("a proxy"));
    let connection = Connection { proxy, ..Connection::default() };
    let remote = Remote { connection, ..of(&server, Provider::Azure) };
    let told = told_by(lab.git.open(&remote).expect("an open remote").refs().map(drop));
    assert!(told.contains("for a token of client client-1 in tenant tenant-1"), "{told}");
    assert!(told.contains("through the proxy 127.0.0.1:1: "), "{told}");
    assert!(cloud.fake.asked().is_empty() && server.requests().is_empty());
}

#[test]
fn servers_of_others_are_shown_nothing() {
    let (cloud, server) = (CloudLab::new(), server());
    let check = |provider: Provider, name: &str, expected: bool| {
        let lab = door(known_as(&cloud, &server, name, &CLIENT));
        let told = told_by(lab.git.open(&of(&server, provider)).map(drop));
        let refusal = format!("{name} is no server of provider {provider}");
        assert_eq!(!told.contains(&refusal), expected, "{name}: {told}");
    };
    for name in [
        CODECOMMIT,
        "git-codecommit-fips.us-gov-west-1.amazonaws.com",
        "git-codecommit.cn-north-1.amazonaws.com.cn",
        "vpce-1-2.git-codecommit.us-east-1.vpce.amazonaws.com",
    ] {
        check(Provider::Aws, name, true);
    }
    for name in [
        "git-codecommit.eu-west-1.amazonaws.com.evil.example",
        "git-codecommit.eu-west-1.evilamazonaws.com",
        "git-codecommit.amazonaws.com",
        "git-codecommit.us-east-1.s3.amazonaws.com",
        "codecommit.eu-west-1.amazonaws.com",
        "dev.azure.com",
    ] {
        check(Provider::Aws, name, false);
    }
    check(Provider::Azure, "dev.azure.com", true);
    check(Provider::Azure, "acme.visualstudio.com", true);
    for name in ["evildev.azure.com", "dev.azure.com.evil.example", "visualstudio.com.evil.example", "github.com"] {
        check(Provider::Azure, name, false);
    }
    check(Provider::Gcp, "source.developers.google.com", false);
    assert!(cloud.fake.asked().is_empty() && server.requests().is_empty());
}
