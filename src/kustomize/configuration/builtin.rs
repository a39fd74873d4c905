//! kustomize's own tables, read at the start of every program that builds.
//!
//! The file is one as `configurations` name them, kept in a form that its lines tell apart: a name and a colon begins
//! a table, `- {…}` is a field spec, and `- kind:` with the lines below it a kind that is referred to. To read it as
//! YAML gives the same, which a test says, and takes as long as to build a small overlay.

use super::TransformerConfig;
use crate::kustomize::kustomization::{FieldSpec, NameReference};

pub(super) fn read(text: &str) -> Option<TransformerConfig> {
    let mut config = TransformerConfig::default();
    let mut table = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words = line.trim_start_matches([' ', '-']);
        match words.strip_prefix('{') {
            Some(spec) => add(&mut config, table, read_spec(spec.strip_suffix('}')?)?)?,
            None if words.len() == line.len() => table = words.strip_suffix(':')?,
            None => {
                if line.starts_with('-') {
                    config.name_reference.push(NameReference::default());
                }
                describe(config.name_reference.last_mut()?, words)?;
            }
        }
    }
    config.sort();
    Some(config)
}

fn add(config: &mut TransformerConfig, table: &str, spec: FieldSpec) -> Option<()> {
    let own = config.tables_mut().into_iter().find(|(name, _)| *name == table);
    match own {
        Some((_, specs)) => specs.push(spec),
        None => config.name_reference.last_mut()?.field_specs.push(spec),
    }
    Some(())
}

/// Reads `path: spec/replicas, kind: Deployment, create: true`.
fn read_spec(text: &str) -> Option<FieldSpec> {
    let mut spec = FieldSpec::default();
    for field in text.split(", ") {
        let (name, value) = field.split_once(": ")?;
        match name {
            "path" => spec.path = value.trim_matches('\'').to_owned(),
            "group" => spec.group = value.to_owned(),
            "version" => spec.version = value.to_owned(),
            "kind" => spec.kind = value.to_owned(),
            "create" => spec.create = value == "true",
            _ => return None,
        }
    }
    Some(spec)
}

fn describe(reference: &mut NameReference, line: &str) -> Option<()> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim().to_owned();
    match name {
        "group" => reference.group = value,
        "version" => reference.version = value,
        "kind" => reference.kind = value,
        "fieldSpecs" => {}
        _ => return None,
    }
    Some(())
}
