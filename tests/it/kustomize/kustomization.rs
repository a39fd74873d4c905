//! Kustomization files: what is read, what is refused, and where.

use tagwright::kustomize::Error;
use tagwright::kustomize::kustomization::{self, Kustomization};
use tagwright::object::Node;

fn read(text: &str) -> Result<Kustomization, Error> {
    kustomization::read(text.as_bytes(), "app/kustomization.yaml", 1)
}

fn accepted(text: &str) -> Kustomization {
    read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `wanted` begins with the line.
fn refused(text: &str, wanted: &str) {
    let error = read(text).expect_err("it is refused");
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    assert_eq!(format!("{error}{hint}"), format!("app/kustomization.yaml:{wanted}"), "{text}");
}

#[test]
fn fields_match_in_any_letter_case() {
    let read = accepted("NamePrefix: a-\nRESOURCES: [x]\nimages:\n- NewTag: '1'\n  name: web\n");
    assert_eq!((read.name_prefix.as_str(), read.resources.as_slice()), ("a-", &["x".to_owned()][..]));
    assert_eq!((read.images[0].new_tag.as_str(), read.images[0].name.as_str()), ("1", "web"));
}

#[test]
fn what_is_missing_gets_kustomizes_defaults() {
    let read = accepted("namePrefix: a-\nresources:\npatches: null\n");
    assert_eq!(read.kind, "Kustomization");
    assert_eq!(read.api_version, "kustomize.config.k8s.io/v1beta1");
    assert_eq!(accepted("kind: Component\nresources: []").api_version, "kustomize.config.k8s.io/v1alpha1");
    assert_eq!(accepted("resources: [a, null]").resources, ["a", ""]);
}

#[test]
fn the_last_of_a_field_counts_and_the_first_document() {
    let read = accepted("resources: [a]\nresources: [b]\n---\nresources: [c]\n");
    assert_eq!(read.resources, ["b"]);
    assert_eq!(accepted("nameprefix: a\nnamePrefix: b\nNamePrefix: c").name_prefix, "a");
    assert_eq!(read.written.entry("resources", 0).and_then(Node::text), Some("b"));
}

#[test]
fn old_fields_move() {
    let read = accepted(
        "bases: [b]\nresources: [a]\nimageTags:\n- name: two\nimages:\n- name: one\n  newTag: '1'\n\
         configMapGenerator:\n- {name: c, env: x, envs: [w]}\nsecretGenerator:\n- {name: s, env: x, type: Opaque}\n",
    );
    assert_eq!(read.resources, ["a", "b"]);
    assert_eq!(read.images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(read.config_map_generator[0].envs, ["w", "x"]);
    let secret = &read.secret_generator[0];
    assert_eq!((secret.args.envs[0].as_str(), secret.r#type.as_str()), ("x", "Opaque"));
    assert_eq!(read.warnings, ["bases is deprecated: use resources", "imageTags is deprecated: use images"]);
}

#[test]
fn entries_know_their_lines() {
    let read = accepted("resources:\n- a\nbases:\n- b\nImages:\n- name: one\n  newTag: '1'\npatches:\n- target: {}\n");
    let line = |field: &str, index: usize| read.written.place(field, index).line;
    assert_eq!([line("resources", 0), line("resources", 1), line("patches", 0), line("patches", 1)], [2, 4, 9, 0]);
    assert_eq!(read.written.value("images", 0, "NEWTAG").map(|tag| (&*tag.text, tag.place.line)), Some(("1", 7)));
}

#[test]
fn a_file_that_says_nothing_is_refused() {
    let empty = ["", "{}", "---", "kind: Kustomization\napiVersion: v1\nresources:", "namePrefix: ''", "bases: []"];
    for text in empty.into_iter().chain(["imageTags: []"]) {
        refused(text, " the kustomization file is empty (list something under resources)");
    }
    for text in ["resources: []", "metadata: {}", "commonLabels: {}"] {
        accepted(text);
    }
}

#[test]
fn refusals_name_line_and_field() {
    let table = [
        ("- a", "1: expected a mapping of fields, found a list"),
        ("kind: Kustomization\nresource: []", "2: resource: unknown field (did you mean resources?)"),
        ("rollback: []", "1: rollback: unknown field"),
        ("patches:\n- path: a\n- target:\n    label: a", "4: patches[1].target.label: unknown field"),
        (
            "namespace: n",
            "1: namespace: expected a string, found the boolean false (write it in quotes, as y, n, yes, no, on and off too)",
        ),
        ("resources: a", "1: resources: expected a list, found the string \"a\""),
        (
            "labels:\n- pairs:\n    a: 1",
            "3: labels[0].pairs.a: expected a string, found the number 1 (write it in quotes)",
        ),
        (
            "labels:\n- includeSelectors: 'yes'",
            "2: labels[0].includeSelectors: expected true or false, found the string \"yes\"",
        ),
        ("replicas:\n- count: 1.5", "2: replicas[0].count: expected a whole number, found the number 1.5"),
        ("Images: [{}]\nimages: [{}]", "2: images: stands here twice (Images is the same field)"),
        (
            "namePrefix: a\nkind: Deployment",
            "2: kind: Deployment is neither Kustomization nor Component (an object belongs into a file that is listed \
             under resources)",
        ),
        (
            "namePrefix: a\nkind: Kustomisation",
            "2: kind: Kustomisation is neither Kustomization nor Component (did you mean Kustomization?)",
        ),
        (
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nspec: {}",
            "1: apiVersion: an object of Flux is no kustomization file (build the folder that its spec.path names)",
        ),
        (
            "namePrefix: a\napiVersion: v1",
            "2: apiVersion: v1 is not kustomize.config.k8s.io/v1beta1, that of a Kustomization (write kustomize.config.k8s.io/v1beta1, or leave it out)",
        ),
        (
            "helmCharts:\n- name: a",
            "1: helmCharts: helm charts are not supported (render the chart and list the result under resources)",
        ),
        ("secretGenerator:\n- kind: a", "2: secretGenerator[0].kind: unknown field"),
    ];
    for (text, wanted) in table {
        refused(text, wanted);
    }
}

#[test]
fn values_are_those_of_yaml_1_1() {
    assert_eq!(accepted("replicas: [{name: a, count: 3.0}]").replicas[0].count, 3);
    assert_eq!(accepted("replicas: [{name: a, count: 0x10}]").replicas[0].count, 16);
    assert!(accepted("labels: [{pairs: {a: b}, includeSelectors: yes}]").labels[0].include_selectors);
    assert_eq!(accepted("commonLabels: {1: a, yes: b}").common_labels.into_keys().collect::<Vec<_>>(), ["1", "true"]);
    assert_eq!(accepted("nameSuffix: 2001-01-01").name_suffix, "2001-01-01");
}
