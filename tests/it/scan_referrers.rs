//! `scan --referrers`: what is about an image, from a real registry that keeps lists under tags, and from one with the API.

use serde_json::{Value, json};

use crate::program::{Run, run};
use crate::servers::docker_registry::DockerRegistry;
use crate::servers::fake_registry::{FakeRegistry, Fault};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SPDX: &str = "application/spdx+json";

fn scan(image: &str, more: &[&str]) -> Run {
    run([&["scan", "--referrers", image], more].concat())
}

/// `KIND TYPE DIGEST TAG` of each.
fn rows(run: &Run) -> Vec<String> {
    let table = run.clone().ok();
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(lines.next().as_deref(), Some("KIND TYPE DIGEST TAG"));
    lines.collect()
}

/// Debian's docker-registry has no API for it: it takes artifacts with a `subject` and says nothing of that, so that who
/// pushes one also pushes the list.
#[test]
fn a_real_registry_lists_them_by_tag() {
    let registry = DockerRegistry::start();
    let subject = registry.push_image("acme/web", "1.0.0", "content");
    let image = registry.image("acme/web:1.0.0");
    let none = scan(&image, &[]).code_is(0);
    assert_eq!((none.stdout.as_str(), none.stderr.contains("nothing refers to")), ("", true), "{}", none.stderr);
    let sbom = registry.push_artifact("acme/web", None, SPDX, &subject);
    let signature = registry.push_artifact("acme/web", None, BUNDLE, &subject);
    let tag = subject.replace(':', "-");
    assert_eq!(scan(&image, &["-o", "json"]).json()["referrers"], json!([]), "without the list nobody can know");
    registry.push_list("acme/web", &tag, &[(&sbom, SPDX), (&signature, BUNDLE)]);
    let listed = [format!("sbom {SPDX} {sbom} -"), format!("signature {BUNDLE} {signature} -")];
    assert_eq!(rows(&scan(&image, &[])), listed);
    let (end, kept) = (format!("{tag}.att"), format!("{tag}.sig"));
    let attested = registry.push_artifact("acme/web", Some(&end), "x", &subject);
    // One that is in the list is not told again.
    registry.push_artifact("acme/web", Some(&kept), BUNDLE, &subject);
    let by_digest = registry.image(&format!("acme/web@{subject}"));
    let all = [&listed[..], &[format!("attestation - {attested} {end}")]].concat();
    assert_eq!(rows(&scan(&by_digest, &[])), all);
    let gone = scan(&registry.image("acme/web:9"), &[]).code_is(2);
    assert!(gone.stderr.contains("the tag does not exist"), "{}", gone.stderr);
}

fn entry(number: &str, kind: Option<&str>, predicate: Option<&str>) -> Value {
    let annotations = predicate.map(|predicate| json!({"dev.sigstore.bundle.predicateType": predicate}));
    let digest = format!("sha256:{}", number.repeat(64));
    json!({"mediaType": "x", "size": 1, "digest": digest, "artifactType": kind, "annotations": annotations})
}

#[test]
fn the_api_tells_what_each_claims_to_be() {
    let registry = FakeRegistry::start();
    let subject = registry.push("acme/web", "v1");
    let slsa = "https://slsa.dev/provenance/v1";
    let entries = [
        entry("1", Some(BUNDLE), None),
        entry("2", Some(BUNDLE), Some(slsa)),
        entry("3", Some("application/vnd.cyclonedx+json"), None),
        entry("4", Some("application/vnd.cncf.notary.signature"), None),
        entry("5", Some("application/vnd.in-toto+json"), None),
        entry("6", Some("application/vnd.acme.\u{1b}[31m"), None),
        entry("7", None, None),
    ];
    let index = json!({"schemaVersion": 2, "manifests": entries}).to_string();
    registry.fault(Fault::answer(200, &[], index), 1);
    let told = scan(&registry.image(&format!("acme/web@{subject}")), &["-o", "json"]).json();
    assert_eq!((told["digest"].as_str(), told["image"].as_str().is_some()), (Some(subject.as_str()), true));
    let told = told["referrers"].as_array().expect("a list");
    let kinds: Vec<&str> = told.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["signature", "attestation", "sbom", "signature", "attestation", "artifact", "artifact"]);
    assert_eq!(told[1]["predicateType"], slsa);
    assert_eq!(told[6]["artifactType"], Value::Null);
    let asked = registry.calls();
    assert_eq!(asked[0], format!("GET /v2/acme/web/referrers/{subject}"));
    let tag = subject.replace(':', "-");
    for end in ["sig", "att", "sbom"] {
        assert!(asked.contains(&format!("HEAD /v2/acme/web/manifests/{tag}.{end}")), "{asked:?}");
    }
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let registry = FakeRegistry::start();
    let subject = registry.push("acme/web", "v1");
    let image = registry.image(&format!("acme/web@{subject}"));
    let check = |arguments: &[&str], expected: &str| {
        let run = scan(arguments[0], &arguments[1..]).code_is(2);
        assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
    };
    check(&[&registry.image("acme/web")], "expected a tag or a digest behind the name");
    check(&[&image, "--digests"], "cannot be used with");
    check(&[&image, "acme/web"], "cannot be used with");
    registry.fault(Fault::status(403), 1);
    check(&[&image], "listing what refers to");
}
