//! Transformer configurations: kustomize's own tables, and what is merged over them.

use tagwright::kustomize::configuration::TransformerConfig;
use tagwright::kustomize::kustomization::FieldSpec;

use super::small::{check, refuse};

const WIDGET: &str = "apiVersion: v1\nkind: W\nmetadata:\n  name: w\n";

fn read(text: &str) -> TransformerConfig {
    TransformerConfig::read(text.as_bytes(), "config.yaml", 1).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str, wanted: &str) {
    let error = TransformerConfig::read(text.as_bytes(), "config.yaml", 1).expect_err("it is refused");
    assert_eq!(error.to_string(), format!("config.yaml:{wanted}"), "{text}");
}

/// `kind path` and `+` for those that make what is missing.
fn shown(specs: &[FieldSpec]) -> Vec<String> {
    let show = |spec: &FieldSpec| format!("{} {}{}", spec.kind, spec.path, if spec.create { "+" } else { "" });
    specs.iter().map(show).collect()
}

#[test]
fn the_builtin_tables_are_kustomizes() {
    let builtin = &**TransformerConfig::builtin();
    assert_eq!(*builtin, read(include_str!("../../../src/kustomize/configuration/builtin.yaml")));
    let TransformerConfig { name_prefix, common_labels, name_reference, var_reference, images, replicas, .. } = builtin;
    let sizes = [name_prefix.len(), common_labels.len(), name_reference.len(), var_reference.len(), images.len()];
    assert_eq!(sizes, [1, 32, 16, 72, 7]);
    assert_eq!(name_reference.iter().map(|reference| reference.field_specs.len()).sum::<usize>(), 167);
    assert_eq!(shown(replicas).len(), 4);
}

#[test]
fn what_is_there_already_is_not_added() {
    let mut config = read("images:\n- {path: a, kind: X}\n- {path: b, create: true}\n");
    config
        .merge(&read("images:\n- {path: a}\n- {path: a, kind: Z}\n- {path: c, group: g}\n"))
        .expect("nothing conflicts");
    assert_eq!(shown(&config.images), [" c", "X a", "Z a", " b+"]);
    let error = config.merge(&read("images: [{path: b, kind: X}, {path: b}]")).expect_err("create differs");
    assert_eq!(error.to_string(), "images: b of every kind is there already, with create: true");
}

/// kustomize's answers: in the order of their kinds, a spec conflicts with the first before it whose kinds it selects.
#[test]
fn specs_of_one_table_may_conflict() {
    let root = |config: &str| {
        format!("configurations: [c.yaml]\nresources: [w.yaml]\n=== c.yaml\n{config}\n=== w.yaml\n{}", WIDGET)
    };
    for config in [
        "images: [{path: p, create: true}, {path: p}]",
        "images: [{path: p, kind: X, create: true}, {path: p}]",
        "images: [{path: p}, {path: p, kind: X, create: true}]",
        "commonLabels: [{path: metadata/labels, kind: X}]",
        "commonLabels: [{path: metadata/labels}]",
        "commonLabels: [{path: spec/template/metadata/labels, kind: Deployment, version: v1}]",
        "namespace: [{path: metadata/name, kind: Namespace, version: v1}]",
        "nameReference: [{kind: Q, fieldSpecs: [{path: p, create: true}]}, {kind: Q, fieldSpecs: [{path: p}]}]",
        "nameReference: [{kind: ConfigMap, version: v1, fieldSpecs: [{path: p, create: true}, {path: p}]}]",
    ] {
        refuse(&root(config));
    }
    for config in [
        "images: [{path: p, kind: X, create: true}, {path: p, kind: Z}]",
        "nameReference: [{kind: Q, fieldSpecs: [{path: p, create: true}, {path: p}]}]",
        "nameReference: [{kind: Q, fieldSpecs: [{path: p, create: true}, {path: p}]}, {kind: Q, fieldSpecs: [{path: q}]}]",
    ] {
        check(&root(config), WIDGET);
    }
}

#[test]
fn the_builtin_tables_stay_as_they_are_when_they_are_merged() {
    let mut config = TransformerConfig::default();
    config.merge(TransformerConfig::builtin()).expect("nothing conflicts");
    assert_eq!(&config, TransformerConfig::builtin().as_ref());
}

#[test]
fn references_to_one_kind_are_merged() {
    let mut config = read("nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs: [{path: a}]\n");
    let more = "nameReference:\n- {kind: ConfigMap, version: v1, fieldSpecs: [{path: b}, {path: a}]}\n\
                - {kind: Secret, fieldSpecs: [{path: b}]}\n- {kind: Secret, fieldSpecs: [{path: b}, {path: c}]}\n";
    config.merge(&read(more)).expect("nothing conflicts");
    let shown = config.name_reference.iter().map(|reference| (reference.kind.as_str(), shown(&reference.field_specs)));
    let wanted = [("ConfigMap", vec![" a".to_owned(), " b".to_owned()]), ("Secret", vec![" b".into(), " c".into()])];
    assert_eq!(shown.collect::<Vec<_>>(), wanted);
}

#[test]
fn files_are_read_strictly() {
    refused("image: []", "1: image: unknown field");
    refused("images:\n- {path: a}\n- paths: a", "3: images[1].paths: unknown field");
    refused("images: [{}]\nImages: [{}]", "2: Images: stands here twice");
    assert_eq!(read("images: [{path: 1, kind: true}]").images[0].kind, "true");
    assert_eq!(read(""), TransformerConfig::default());
}

#[test]
fn definitions_of_custom_resources_say_what_their_fields_are() {
    let text = r#"
com.example.v1.Widget:
  Schema:
    properties:
      apiVersion: {type: string}
      kind: {type: string}
      metadata: {type: object}
      spec: {$ref: com.example.v1.Spec}
com.example.v1.Spec:
  schema:
    properties:
      config: {x-kubernetes-object-ref-api-version: v1, x-kubernetes-object-ref-kind: ConfigMap}
      secret:
        x-kubernetes-object-ref-api-version: v1
        x-kubernetes-object-ref-kind: Secret
        x-kubernetes-object-ref-name-key: secretName
      labels: {x-kubernetes-label-selector: ""}
      notes: {x-kubernetes-annotation: ""}
      id: {x-kubernetes-identity: ""}
      odd: {x-kubernetes-annotation: 1}
"#;
    let config = TransformerConfig::read_crds(text.as_bytes(), "crd.yaml", 1).expect("they are definitions");
    assert_eq!(shown(&config.common_labels), ["Widget spec/labels"]);
    assert_eq!(shown(&config.common_annotations), ["Widget spec/notes"]);
    assert_eq!(shown(&config.name_prefix), ["Widget spec/id"]);
    assert!(config.name_suffix.is_empty());
    let shown: Vec<_> = config.name_reference.iter().flat_map(|reference| shown(&reference.field_specs)).collect();
    assert_eq!(shown, ["Widget spec/config/name", "Widget spec/secret/secretName"]);
}

#[test]
fn definitions_that_never_end_are_refused() {
    let refused =
        |text: &str| TransformerConfig::read_crds(text.as_bytes(), "crd.yaml", 1).expect_err(text).to_string();
    let base = "a.W: {Schema: {properties: {apiVersion: {}, kind: {}, metadata: {}, s: {$ref: S}}}}\n";
    assert!(
        refused(&format!("{base}S: {{Schema: {{properties: {{s: {{$ref: S}}}}}}}}")).contains("leads back to itself")
    );
    let wide = format!("{base}S: {{Schema: {{properties: {{s: {{$ref: S}}, t: {{$ref: S}}}}}}}}");
    assert!(refused(&wide).contains("a.W: "));
    let manifest = refused("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition");
    assert_eq!(
        manifest,
        "crd.yaml:1: apiVersion: expected OpenAPI definitions, found the string \"apiextensions.k8s.io/v1\""
    );
}
