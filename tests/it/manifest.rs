//! What is said of objects.

use tagwright::manifest::images;
use tagwright::yaml::{Dialect, nodes};

/// Of every image in the documents: the object, the list and name of the container, the image and its line.
fn check(documents: &str, wanted: &[&str]) {
    let objects = nodes(documents.as_bytes(), 1, Dialect::Resource).expect("documents");
    let found = images(&objects).into_iter().map(|image| {
        let (object, list, container, line) = (image.object.short(), image.list, image.container, image.place.line);
        format!("{object} {list} {container}={} line {line}", image.text)
    });
    assert_eq!(found.collect::<Vec<_>>(), wanted, "{documents}");
}

#[test]
fn containers_are_found_wherever_a_pod_is_described() {
    let depths = [
        "spec: {SPEC}",
        "spec: {replicas: 1, template: {spec: {SPEC}}}",
        "spec: {jobTemplate: {spec: {template: {spec: {SPEC}}}}}",
        "spec: {groups: [{pods: {SPEC}}]}",
    ];
    let containers = "containers: [{name: web, image: 'nginx:1'}, {name: side,\nimage: b@sha256:0}]";
    for depth in depths {
        let document = format!("kind: K\nmetadata: {{name: n, namespace: s}}\n{}\n", depth.replace("SPEC", containers));
        check(&document, &["K/s/n containers web=nginx:1 line 3", "K/s/n containers side=b@sha256:0 line 4"]);
    }
}

#[test]
fn images_are_listed_in_the_order_of_the_text() {
    let pod = "\
kind: Pod
metadata:
  name: p
spec:
  initContainers:
  - name: first
    image: a
  containers:
  - image: b
    name: second
  - image: c
  ephemeralContainers:
  - {name: third, image: d}
";
    let wanted = [
        "Pod/p initContainers first=a line 7",
        "Pod/p containers second=b line 9",
        "Pod/p containers =c line 11",
        "Pod/p ephemeralContainers third=d line 13",
    ];
    check(pod, &wanted);
}

#[test]
fn each_object_of_a_list_answers_for_itself() {
    let list = "\
kind: List
items:
- {kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: x}]}}
- {kind: Pod, metadata: {name: b}, spec: {containers: [{name: c, image: y}]}}
";
    check(list, &["Pod/a containers c=x line 3", "Pod/b containers c=y line 4"]);
}

#[test]
fn what_runs_nothing_has_no_image() {
    for document in [
        "kind: CustomResourceDefinition\nspec: {containers: {image: {type: string}, properties: {image: a}}}",
        "kind: Pod\nspec: {containers: [{name: a}, {name: b, image: ~}, {name: c, image: ''}, {image: []}, a, ~]}",
        "kind: Pod\nspec: {containers: {image: a}}",
        "kind: Chart\nspec: {image: a, images: [{image: b}]}",
        "[containers, {image: a}]",
        "a",
    ] {
        check(document, &[]);
    }
}

#[test]
fn deep_nesting_is_no_recursion() {
    let mut object = tagwright::object::Node::null();
    for _ in 0..1_000 {
        object = tagwright::object::Node::sequence(vec![object]);
    }
    assert!(images([&object]).is_empty());
}
