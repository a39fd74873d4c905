//! What is made from the definitions and kept: `crds/` and the reference of the objects.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tagwright::{api, yaml};

use super::{Row, fields, plural, root, schema, table};

#[test]
fn the_files_are_what_is_printed() {
    let folder = root("crds");
    let made: BTreeMap<String, String> =
        api::crds().into_iter().map(|crd| (crd.file_name.clone(), crd.yaml())).collect();
    if std::env::var_os("TAGWRIGHT_RENEW").is_some() {
        made.iter().for_each(|(name, text)| fs::write(folder.join(name), text).expect("a file of crds/"));
    }
    let kept: BTreeMap<String, String> = fs::read_dir(&folder)
        .expect("crds/")
        .map(|entry| entry.expect("an entry of crds/").path())
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into(), fs::read_to_string(&path).expect("it"))
        })
        .collect();
    assert!(
        kept == made,
        "crds/ is not what the program prints; renew it with `tagwright crds --split crds` \
         or TAGWRIGHT_RENEW=1 cargo test --test it the_files_are_what_is_printed"
    );
}

#[test]
fn the_files_read_back_as_the_definitions() {
    for crd in api::crds() {
        let documents = yaml::documents(&crd.yaml()).expect("YAML");
        let [document] = documents.as_slice() else { panic!("one document in {}", crd.file_name) };
        assert_eq!(document.value, crd.object, "{}", crd.file_name);
    }
}

/// `docs/objects.md`: what `kubectl explain` shows, in one page.
#[test]
fn the_reference_of_objects_is_made_from_the_definitions() {
    let file = root("docs/objects.md");
    let made = reference();
    if std::env::var_os("TAGWRIGHT_RENEW").is_some() {
        fs::write(&file, &made).expect("docs/objects.md");
    }
    let kept = fs::read_to_string(&file).expect("docs/objects.md");
    assert!(
        kept == made,
        "docs/objects.md is not what the definitions say; renew it with \
         TAGWRIGHT_RENEW=1 cargo test --test it the_reference"
    );
}

const REFERENCE_HEAD: &str = "# The objects

<!-- Made from the definitions; a test renews it with `TAGWRIGHT_RENEW=1 cargo test --test it the_reference`. -->

Every field of every kind, as the definitions in [`crds/`](../crds) have them: `tagwright crds | kubectl apply
--server-side -f -` installs them, `kubectl explain imagepolicy.spec` shows the same. *Versions* are those in which Flux has
the field, `own` ones are Tagwright's; all of v1, v1beta2 and v1beta1 are served, with every field in each. `[]` is an item of
a list, `{}` a value of a map; **required** fields are needed where the map around them is there.
";

fn reference() -> String {
    let mut text = REFERENCE_HEAD.to_owned();
    for crd in api::crds() {
        let names = &crd.object["spec"]["names"]["shortNames"];
        let short: Vec<String> =
            names.as_array().into_iter().flatten().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
        let schema = schema(&crd, "v1");
        let about = schema["description"].as_str().expect("a description");
        text += &format!("\n## {}\n\n{about} `{}`, short {}.\n\n", crd.kind, crd.kind.group(), short.join(", "));
        text += "| field | type | versions | default | meaning |\n|---|---|---|---|---|\n";
        let table = table(plural(&crd));
        for (path, field) in fields(schema) {
            if let (Some(row), Some(meaning)) = (table.get(&path), field["description"].as_str()) {
                text += &reference_row(&path, field, row, meaning);
            }
        }
    }
    text
}

fn reference_row(path: &str, field: &Value, row: &Row, meaning: &str) -> String {
    let kind = match field["enum"].as_array() {
        Some(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        None => row.kind.clone(),
    };
    let default = if row.default == "-" { String::new() } else { format!("`{}`", row.default) };
    let is_required = row.validation.split("; ").any(|part| part == "required");
    let meaning = if is_required { format!("**required** {meaning}") } else { meaning.to_owned() };
    format!("| `{path}` | {kind} | {} | {default} | {} |\n", row.versions, meaning.replace('|', "\\|"))
}
