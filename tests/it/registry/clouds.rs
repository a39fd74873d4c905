//! Registries that are shown the login of a cloud: a fake of each at work, and how often each is asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tagwright::cloud::{Clouds, Provider};
use tagwright::net::Http;
use tagwright::registry::{Access, Client, Limits};

use super::tags_of;
use crate::cloud_lab::{CANARY, CloudLab, seconds_from_now};
use crate::servers::fake_cloud::Reply;
use crate::servers::fake_registry::{FakeRegistry, Fault, TokenRules};

const ECR: &str = "POST /api.ecr.eu-west-1.amazonaws.com/";
const METADATA: &str = "GET /169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "canary-secret")];

fn ecr(password: &str) -> Reply {
    let token = STANDARD.encode(format!("AWS:{password}"));
    let end = seconds_from_now(3600).as_second() as f64;
    Reply::new(200, json!({"authorizationData": [{"authorizationToken": token, "expiresAt": end}]}))
}

fn metadata(token: &str) -> Reply {
    let body = json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"});
    Reply { headers: vec![("metadata-flavor", "Google".to_owned())], ..Reply::new(200, body) }
}

struct World {
    registry: FakeRegistry,
    lab: CloudLab,
}

impl World {
    /// A registry with two repositories.
    fn new() -> Self {
        let registry = FakeRegistry::start();
        registry.push("acme/web", "v1");
        registry.push("acme/api", "v2");
        Self { registry, lab: CloudLab::new() }
    }

    /// A process for which the registry is the one of that name.
    fn client(&self, variables: &[(&str, &str)], known_as: &str) -> Client {
        let host = self.registry.addr().to_string();
        self.client_of(self.lab.clouds_known_as(variables, &[(&host, known_as)]))
    }

    fn client_of(&self, clouds: Clouds) -> Client {
        Client::new(Http::new(Default::default()).expect("plain settings"), Limits::default()).with_clouds(clouds)
    }

    /// What a listing gives, how many requests it takes, and what the cloud was asked.
    async fn tags(&self, client: &Client, name: &str, provider: Provider) -> (String, usize, Vec<String>) {
        self.registry.forget_requests();
        let access = Access { cloud: Some(provider), ..Access::default() };
        let found = tags_of(client, &self.registry, name, &access).await;
        assert!(!found.contains(CANARY), "{found}");
        (found, self.registry.requests().len(), self.lab.fake.lines())
    }
}

const ELASTIC: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

#[tokio::test]
async fn a_login_serves_all_repositories_and_is_renewed_once() {
    let world = World::new();
    world.registry.require_login("AWS", "canary-1");
    world.lab.fake.answer(ECR, ecr("canary-1"));
    let client = world.client(&KEYS, ELASTIC);
    let (ok, asked) = (|tag: &str, requests, lines: &[&str]| (tag.to_owned(), requests, owned(lines)), [ECR]);
    assert_eq!(world.tags(&client, "acme/web", Provider::Aws).await, ok("v1", 2, &asked));
    assert_eq!(world.tags(&client, "acme/web", Provider::Aws).await, ok("v1", 1, &[]));
    assert_eq!(world.tags(&client, "acme/api", Provider::Aws).await, ok("v2", 2, &[]), "the login is kept");

    // Another one is taken now: whoever finds out first renews it for all.
    world.registry.require_login("AWS", "canary-2");
    world.lab.fake.answer(ECR, ecr("canary-2"));
    assert_eq!(world.tags(&client, "acme/web", Provider::Aws).await, ok("v1", 2, &asked));
    assert_eq!(world.tags(&client, "acme/api", Provider::Aws).await, ok("v2", 2, &[]));

    // ECR says so of logins that have expired.
    world.registry.fault(Fault::status(403), 1);
    world.lab.fake.answer(ECR, ecr("canary-2"));
    assert_eq!(world.tags(&client, "acme/web", Provider::Aws).await, ok("v1", 2, &asked));

    // What is new and refused is refused.
    world.registry.require_login("AWS", "canary-3");
    let (found, requests, lines) = world.tags(&client, "acme/web", Provider::Aws).await;
    assert_eq!((requests, lines), (2, owned(&asked)));
    assert!(found.ends_with("asked with the login that aws gives"), "{found}");
    let (_, requests, lines) = world.tags(&client, "acme/web", Provider::Aws).await;
    assert!(requests <= 3 && lines.len() <= 1, "{requests} requests, {lines:?}");
}

#[tokio::test]
async fn a_token_server_gets_the_login_and_no_token_that_it_does_not_take() {
    let world = World::new();
    let rules = |token: &str| TokenRules {
        login: Some(("oauth2accesstoken".to_owned(), token.to_owned())),
        expires_in: Some(json!(300)),
        ..TokenRules::default()
    };
    world.registry.require_tokens(rules("canary-1"));
    world.lab.fake.answer(METADATA, metadata("canary-1"));
    let client = world.client(&[], "europe-docker.pkg.dev");
    let (found, requests, lines) = world.tags(&client, "acme/web", Provider::Gcp).await;
    assert_eq!((found.as_str(), requests, lines.len()), ("v1", 3, 1));
    let (found, requests, lines) = world.tags(&client, "acme/web", Provider::Gcp).await;
    assert_eq!((found.as_str(), requests, lines.len()), ("v1", 1, 0));
    world.registry.revoke_tokens();
    world.registry.require_tokens(rules("canary-2"));
    world.lab.fake.answer(METADATA, metadata("canary-2"));
    let (found, requests, lines) = world.tags(&client, "acme/web", Provider::Gcp).await;
    assert_eq!((found.as_str(), requests, lines.len()), ("v1", 4, 1), "the old token, two logins, the new token");
}

#[tokio::test]
async fn a_login_of_azure_is_two_tokens_away() {
    let world = World::new();
    let entra = Reply::new(200, json!({"access_token": "canary-aad", "expires_in": 3599}));
    world.lab.fake.answer("POST /login.microsoftonline.com/tenant-1/oauth2/v2.0/token", entra);
    let refresh = "e30.eyJleHAiOjQwMDAwMDAwMDB9.canary";
    world.lab.fake.answer("POST /acme.azurecr.io/oauth2/exchange", Reply::new(200, json!({"refresh_token": refresh})));
    let login = Some(("00000000-0000-0000-0000-000000000000".to_owned(), refresh.to_owned()));
    world.registry.require_tokens(TokenRules { login, ..TokenRules::default() });
    let identity =
        [("AZURE_CLIENT_ID", "client-1"), ("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_SECRET", "canary-secret")];
    let client = world.client(&identity, "acme.azurecr.io");
    let (found, requests, lines) = world.tags(&client, "acme/web", Provider::Azure).await;
    assert_eq!((found.as_str(), requests, lines.len()), ("v1", 3, 2));
}

#[tokio::test]
async fn nobody_is_asked_for_a_login_that_is_not_wanted_or_not_for_that_host() {
    let world = World::new();
    let client = world.client(&KEYS, ELASTIC);
    assert_eq!(world.tags(&client, "acme/web", Provider::Aws).await, ("v1".to_owned(), 1, Vec::new()));
    world.registry.require_login("AWS", "canary-1");
    for provider in [Provider::Azure, Provider::Gcp] {
        let (found, requests, lines) = world.tags(&client, "acme/web", provider).await;
        assert!(found.contains(&format!("{ELASTIC} is no server of provider {provider}, expected ")), "{found}");
        assert_eq!((requests, lines), (1, Vec::new()));
    }
    let own = world.client_of(world.lab.clouds(&KEYS));
    let (found, _, lines) = world.tags(&own, "acme/web", Provider::Aws).await;
    assert!(found.contains("HOST is no server of provider aws"), "{found}");
    assert_eq!(lines, Vec::<String>::new());
}

#[tokio::test]
async fn what_the_cloud_refuses_is_told_and_nothing_else_is_tried() {
    let world = World::new();
    world.registry.require_login("AWS", "canary-1");
    world.lab.fake.answer(ECR, Reply::new(400, json!({"__type": "AccessDeniedException", "message": "not you"})));
    let client = world.client(&KEYS, ELASTIC);
    let (found, requests, lines) = world.tags(&client, "acme/web", Provider::Aws).await;
    assert!(found.starts_with("listing tags of HOST/acme/web: HOST asks for a login: "), "{found}");
    assert!(found.contains("not you"), "{found}");
    assert_eq!((requests, lines.len()), (1, 1));
    let access = Access { cloud: Some(Provider::Aws), ..Access::default() };
    let error = client.tags(&super::repository(&world.registry.image("acme/web")), &access).await;
    let hint = error.err().and_then(|error| error.hint());
    assert!(hint.is_some_and(|hint| hint.starts_with("the role needs ecr:GetAuthorizationToken")), "{hint:?}");
    let plain = tags_of(&client, &world.registry, "acme/web", &super::login("AWS", "canary-1")).await;
    assert_eq!(plain, "v1", "an access without a cloud is another");
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}
