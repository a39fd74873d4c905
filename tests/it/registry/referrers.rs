//! What refers to a manifest: by the API for it, by a tag where there is none, and lists that are none.

use serde_json::json;
use tagwright::image::Digest;
use tagwright::registry::Access;

use super::{causes, client, repository};
use crate::servers::fake_registry::{FakeRegistry, Fault};

const SBOM: &str = "application/spdx+json";
const SIGNATURE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct World {
    registry: FakeRegistry,
    subject: Digest,
}

impl World {
    fn new() -> Self {
        let registry = FakeRegistry::start();
        let subject = registry.push("acme/web", "v1").parse().expect("a digest");
        Self { registry, subject }
    }

    /// `KIND NUMBER` of each, and the error with its causes.
    async fn found(&self, wanted: Option<&str>) -> String {
        self.registry.forget_requests();
        let web = repository(&self.registry.image("acme/web"));
        let text = match client().referrers(&web, &self.subject, wanted, &Access::default()).await {
            Ok(found) => {
                let named = |kind: Option<String>| kind.unwrap_or_else(|| "nothing".to_owned());
                let last = |digest: &Digest| digest.as_str()[digest.as_str().len() - 1..].to_owned();
                found
                    .into_iter()
                    .map(|it| format!("{} {}", named(it.artifact_type), last(&it.digest)))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Err(error) => causes(&error),
        };
        text.replace(&self.registry.addr().to_string(), "HOST").replace(self.subject.as_str(), "DIGEST")
    }

    /// What was asked for.
    fn calls(&self) -> Vec<String> {
        let short = |call: String| call.replace("GET /v2/acme/web/", "").replace(&self.subject.as_str()[7..], "HEX");
        self.registry.calls().into_iter().map(short).collect()
    }
}

fn index(entries: &[(&str, Option<&str>)]) -> String {
    let entry = |(number, kind): &(&str, Option<&str>)| {
        let mut entry = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1});
        entry["digest"] = json!(format!("sha256:{}", number.repeat(64)));
        if let Some(kind) = kind {
            entry["artifactType"] = json!(kind);
        }
        entry
    };
    let manifests: Vec<_> = entries.iter().map(entry).collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string()
}

#[tokio::test]
async fn the_api_lists_them_page_by_page() {
    let world = World::new();
    let next = format!("</v2/acme/web/referrers/{}?page=2>; rel=\"next\"", world.subject);
    let pages = || {
        world.registry.fault(Fault::answer(200, &[("link", &next)], index(&[("1", Some(SBOM)), ("2", None)])), 1);
        world.registry.fault(Fault::answer(200, &[], index(&[("3", Some(SIGNATURE))])), 1);
    };
    pages();
    assert_eq!(world.found(None).await, format!("{SBOM} 1, nothing 2, {SIGNATURE} 3"));
    assert_eq!(world.calls(), ["referrers/sha256:HEX", "referrers/sha256:HEX?page=2"]);
    pages();
    assert_eq!(world.found(Some(SIGNATURE)).await, format!("{SIGNATURE} 3"), "this registry does not filter");
    assert_eq!(world.calls()[0], "referrers/sha256:HEX?artifactType=application%2Fvnd.dev.sigstore.bundle.v0.3%2Bjson");
    world.registry.fault(Fault::answer(200, &[], index(&[])), 1);
    assert_eq!(world.found(None).await, "");
    assert_eq!(world.calls().len(), 1, "an empty list is a list");
}

#[tokio::test]
async fn a_tag_lists_them_where_there_is_no_api() {
    for status in [404, 405, 501] {
        let world = World::new();
        let refused = || world.registry.fault(Fault::status(status), 1);
        refused();
        assert_eq!(world.found(None).await, "");
        assert_eq!(world.calls(), ["referrers/sha256:HEX", "manifests/sha256-HEX"]);
        let tag = world.subject.as_str().replace(':', "-");
        world.registry.push_manifest("acme/web", &tag, index(&[("1", Some(SBOM)), ("2", None)]).as_bytes());
        refused();
        assert_eq!(world.found(None).await, format!("{SBOM} 1, nothing 2"));
        refused();
        assert_eq!(world.found(Some(SBOM)).await, format!("{SBOM} 1"));
    }
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    let check = async |faults: &[(Fault, usize)], expected: &str| {
        let world = World::new();
        faults.iter().for_each(|(fault, times)| world.registry.fault(fault.clone(), *times));
        assert_eq!(world.found(None).await, format!("listing what refers to HOST/acme/web@DIGEST: {expected}"));
    };
    let link = ("link", "<?again>; rel=next");
    let endless = Fault::answer(200, &[link], index(&[]));
    check(&[(endless, 1000)], "HOST lists more than 100 pages of referrers").await;
    let page = Fault::answer(200, &[("content-type", "text/html")], "<html>");
    check(&[(page, 1)], "HOST answered with a web page instead of JSON").await;
    let manifest = Fault::answer(200, &[], r#"{"schemaVersion": 2}"#);
    check(&[(manifest.clone(), 1)], "reading the answer of HOST: expected a list of referrers").await;
    check(&[(Fault::status(404), 1), (manifest, 1)], "reading the answer of HOST: expected a list of referrers").await;
    check(&[(Fault::status(400), 1)], "HOST answered 400 Bad Request").await;
    let long = "x".repeat(256);
    let long = Fault::answer(200, &[], index(&[("1", Some(SBOM)), ("2", Some(&long))]));
    let expected = "reading the answer of HOST: the type of a referrer is longer than 255 bytes";
    check(&[(long, 1)], expected).await;
    let elsewhere = Fault::answer(200, &[("link", "<http://other.test/>; rel=next")], index(&[]));
    let expected = "HOST continues its list at other.test:80, which is another host and not followed";
    check(&[(elsewhere, 1)], expected).await;
    let unknown = Fault::answer(404, &[], r#"{"errors": [{"code": "NAME_UNKNOWN"}]}"#);
    check(&[(unknown, 1)], "the repository does not exist at HOST").await;
}
