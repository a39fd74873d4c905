//! The data of message templates, where it comes from more than a tag.

use std::collections::BTreeMap;

use tagwright::engine::message::{MessageTemplate, render};
use tagwright::engine::rewrite::InFile;
use tagwright::object::NamespacedName;
use tagwright::setter::{Change, Latest};

/// The message for one change, from `web:1` to `new`.
#[track_caller]
fn check(new: &str, template: &str, expected: &str) {
    let policy = NamespacedName::new("flux-system", "web");
    let what = Change {
        line: 1,
        column: 1,
        object: None,
        setter: "flux-system:web".to_owned(),
        policy: policy.clone(),
        old: "acme/web:1".to_owned(),
        new: new.to_owned(),
    };
    let images = BTreeMap::from([(policy.clone(), Ok(new.parse().expect("an image")))]);
    let latest = Latest { namespace: None, images };
    let template = MessageTemplate { text: template.to_owned(), values: BTreeMap::new() };
    let changes = [InFile { file: "a.yaml".to_owned(), what }];
    assert_eq!(render(&template, &policy, &changes, &latest).expect("a message"), expected);
}

/// Flux takes the reference apart with go-containerregistry, for which a digest is the identifier, tag or not.
#[test]
fn an_image_is_taken_apart_as_in_flux() {
    let all = "{{ range .Updated.Images }}{{ .Registry }} {{ .Repository }} {{ .Identifier }} {{ .Name }}{{ end }}";
    let digest = format!("sha256:{}", "0".repeat(64));
    check("acme/web:2", all, "index.docker.io acme/web 2 index.docker.io/acme/web:2");
    let pinned = format!("index.docker.io acme/web {digest} index.docker.io/acme/web@{digest}");
    check(&format!("acme/web:2@{digest}"), all, &pinned);
    check(&format!("acme/web@{digest}"), all, &pinned);
}
