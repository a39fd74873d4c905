//! Comments that kustomize takes for the schemas of fields.

use tagwright::object::Node;
use tagwright::yaml::{Dialect, nodes};

/// The fields and items of `text` that have a schema of their own: keys by their text, items by that of their first.
fn check(text: &str, wanted: &[&str]) {
    let nodes = nodes(text.as_bytes(), 1, Dialect::Resource).expect("YAML");
    let mut found = Vec::new();
    nodes.iter().for_each(|node| find(node, &mut found));
    assert_eq!(found, wanted, "{text}");
}

fn find(node: &Node, found: &mut Vec<String>) {
    match node {
        Node::Scalar(_) => {}
        Node::Sequence(items) => items.iter().for_each(|item| find(item, found)),
        Node::Mapping(fields) => {
            if fields.has_own_schema() {
                let first = fields.iter().next().map(|(key, value)| format!("- {}: {:?}", key.text, value.text()));
                found.extend(first);
            }
            for (key, value) in fields.iter() {
                if key.has_own_schema {
                    found.push(key.text.to_string());
                }
                find(value, found);
            }
        }
    }
}

const MARK: &str = r##"# {"$imagepolicy": "ns:web"}"##;

#[test]
fn a_comment_is_that_of_the_field_below_it() {
    check(&format!("a: 1\n{MARK}\nspec:\n  b: 1\n"), &["spec"]);
    check(&format!("a: 1\n\n{MARK}\n\nspec: 1\n"), &["spec"]);
    check(&format!("spec:\n{MARK}\n  b: 1\n"), &["b"]);
    check(&format!("{MARK}\nspec: {{b: 1}}\n"), &["spec"]);
    check(&format!("list:\n{MARK}\n- name: x\n  a: 1\n- name: y\n"), &["- name: Some(\"x\")"]);
    check(&format!("spec:\n- 1\n{MARK}\nother: 2\n"), &["other"]);
    check(&format!("a: 1\n---\n{MARK}\nb: 1\n"), &["b"]);
    check(&format!("a: 1\r\n{MARK}\r\nb: 1\r\n"), &["b"]);
}

#[test]
fn a_comment_may_belong_to_what_is_above_it() {
    check(&format!("a: 1\n{MARK}\n\nspec: 1\n"), &[]);
    check(&format!("{MARK}\n\nspec: 1\n"), &[]);
    check(&format!("spec:\n  a: 1\n  {MARK}\nother: 1\n"), &[]);
    check(&format!("list:\n- a: 1\n  {MARK}\n- b: 1\n"), &[]);
    check(&format!("text: |\n  {MARK}\nb: 1\n"), &[]);
}

#[test]
fn a_comment_stands_beside_a_field() {
    check(&format!("spec: {MARK}\n  b: 1\n"), &["spec"]);
    check(&format!("spec: {{b: 1}} {MARK}\n"), &["spec"]);
    check(&format!("image: a:1 {MARK}\n"), &[]);
    check(&format!("{MARK}\nspec: # plain\n  b: 1\n"), &[]);
    check(&format!("{MARK}\nimage: a:1 # plain\n"), &["image"]);
}

#[test]
fn only_one_json_object_that_says_something_counts() {
    check("# {}\na: 1\n", &[]);
    check("# {\"a\": 1} and more\na: 1\n", &[]);
    check("# [1]\na: 1\n", &[]);
    check(&format!("# more\n{MARK}\na: 1\n"), &[]);
    check(&format!("{MARK}\n# more\na: 1\n"), &[]);
    check("## {\"a\": 1}\na: 1\n", &["a"]);
}
