//! Registries of clouds from end to end: a listing with the login that the cloud gives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tagwright::cloud::{Clouds, Provider};
use tagwright::image::{Repository, Tag};
use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Limits};

use crate::cloud_lab::{CANARY, CloudLab, seconds_from_now};
use crate::servers::fake_cloud::Reply;
use crate::servers::fake_registry::{FakeRegistry, TokenRules};

const ECR_HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const ECR: &str = "POST /api.ecr.eu-west-1.amazonaws.com/";
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDSTATIC"), ("AWS_SECRET_ACCESS_KEY", "canary-secret")];

fn client(clouds: Clouds) -> Client {
    Client::new(Http::new(Settings::default()).expect("plain settings"), Limits::default()).with_clouds(clouds)
}

/// The tags, or what is told with the hint.
async fn tags(client: &Client, registry: &FakeRegistry, provider: Provider) -> String {
    let repository: Repository = registry.image("acme/web").parse().expect("a repository");
    let access = Access { cloud: Some(provider), ..Access::default() };
    match client.tags(&repository, &access).await {
        Ok(list) => list.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" "),
        Err(error) => {
            let mut told = format!("{error} ({error:?})");
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                told += &format!(": {error}");
                cause = error.source();
            }
            format!("{told}; hint: {}", error.hint().unwrap_or_default())
        }
    }
}

fn registry() -> FakeRegistry {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "1.0.0");
    registry.push("acme/web", "1.1.0");
    registry
}

fn ecr(password: &str) -> Reply {
    let token = STANDARD.encode(format!("AWS:{password}"));
    let end = seconds_from_now(43_200).as_second();
    Reply::new(200, json!({"authorizationData": [{"authorizationToken": token, "expiresAt": end}]}))
}

#[tokio::test]
async fn ecr_is_listed_and_its_login_renewed_once() {
    let (lab, registry) = (CloudLab::new(), registry());
    let client = client(lab.clouds_known_as(&KEYS, &[(&registry.addr().to_string(), ECR_HOST)]));
    lab.fake.answer(ECR, ecr("canary-1"));
    registry.require_login("AWS", "canary-1");
    for _ in 0..3 {
        assert_eq!(tags(&client, &registry, Provider::Aws).await, "1.0.0 1.1.0");
    }
    assert_eq!(lab.fake.lines(), [ECR]);
    // The registry has forgotten it.
    lab.fake.answer(ECR, ecr("canary-2"));
    registry.require_login("AWS", "canary-2");
    assert_eq!(tags(&client, &registry, Provider::Aws).await, "1.0.0 1.1.0");
    assert_eq!(lab.fake.lines(), [ECR]);
    registry.require_login("AWS", "never");
    let told = tags(&client, &registry, Provider::Aws).await;
    assert!(told.contains("denied access") && !told.contains(CANARY), "{told}");
    assert_eq!(lab.fake.lines(), [ECR], "once");
}

#[tokio::test]
async fn acr_and_artifact_registry_are_listed_with_tokens() {
    let (lab, registry) = (CloudLab::new(), registry());
    let host = registry.addr().to_string();
    let entra = Reply::new(200, json!({"access_token": "canary-aad", "expires_in": 3599}));
    lab.fake.answer("POST /login.microsoftonline.com/tenant-1/oauth2/v2.0/token", entra);
    let jwt = "e30.eyJleHAiOjQwMDAwMDAwMDB9.canary";
    let exchanged = Reply::new(200, json!({"refresh_token": jwt}));
    lab.fake.answer("POST /acme.azurecr.io/oauth2/exchange", exchanged);
    let client_of_azure =
        [("AZURE_CLIENT_ID", "client-1"), ("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_SECRET", "canary-secret")];
    let azure = client(lab.clouds_known_as(&client_of_azure, &[(&host, "acme.azurecr.io")]));
    let login = Some(("00000000-0000-0000-0000-000000000000".to_owned(), jwt.to_owned()));
    registry.require_tokens(TokenRules { login, ..TokenRules::default() });
    assert_eq!(tags(&azure, &registry, Provider::Azure).await, "1.0.0 1.1.0");

    let metadata = "GET /169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
    let body = json!({"access_token": "canary-gcp", "expires_in": 3599, "token_type": "Bearer"});
    let flavor = vec![("metadata-flavor", "Google".to_owned())];
    lab.fake.answer(metadata, Reply { headers: flavor, ..Reply::new(200, body) });
    let gcp = client(lab.clouds_known_as(&[], &[(&host, "europe-docker.pkg.dev")]));
    let login = Some(("oauth2accesstoken".to_owned(), "canary-gcp".to_owned()));
    registry.require_tokens(TokenRules { login, ..TokenRules::default() });
    assert_eq!(tags(&gcp, &registry, Provider::Gcp).await, "1.0.0 1.1.0");
}

#[tokio::test]
async fn what_the_cloud_says_is_told_with_its_hint() {
    let (lab, registry) = (CloudLab::new(), registry());
    registry.require_login("AWS", "canary-1");
    let known_as = registry.addr().to_string();
    let denied = json!({"__type": "AccessDeniedException", "message": "not authorized"});
    lab.fake.answer(ECR, Reply::new(400, denied));
    let refused = client(lab.clouds_known_as(&KEYS, &[(&known_as, ECR_HOST)]));
    let told = tags(&refused, &registry, Provider::Aws).await;
    assert!(told.contains("refuses a login of its registries: 400 Bad Request (AccessDeniedException"), "{told}");
    assert!(told.contains("hint: the role needs ecr:GetAuthorizationToken") && !told.contains(CANARY), "{told}");
    // A registry of somebody else.
    let told = tags(&client(lab.clouds(&KEYS)), &registry, Provider::Aws).await;
    assert!(told.contains(&format!("{known_as} is no server of provider aws")), "{told}");
    assert_eq!(lab.fake.lines(), [ECR]);
}
