//! Which fields the transformers change: kustomize's own tables, and what `configurations` and `crds` add to them.
//!
//! Takes files in the format of kustomize's transformer configurations; gives tables of field specs.

mod builtin;
mod crds;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::error::Error;
use super::kustomization::decode::{Rules, decode, document};
use super::kustomization::{FieldSpec, NameReference};
use super::resource::rank;

/// The tables, one for each transformer. Each is sorted by kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TransformerConfig {
    pub name_prefix: Vec<FieldSpec>,
    pub name_suffix: Vec<FieldSpec>,
    pub namespace: Vec<FieldSpec>,
    pub common_labels: Vec<FieldSpec>,
    pub labels: Vec<FieldSpec>,
    pub template_labels: Vec<FieldSpec>,
    pub volume_claim_template_labels: Vec<FieldSpec>,
    pub common_annotations: Vec<FieldSpec>,
    pub name_reference: Vec<NameReference>,
    pub var_reference: Vec<FieldSpec>,
    pub images: Vec<FieldSpec>,
    pub replicas: Vec<FieldSpec>,
}

static BUILTIN: LazyLock<Arc<TransformerConfig>> = LazyLock::new(|| {
    let text = include_str!("builtin.yaml");
    builtin::read(text).expect("the file is part of the program, and read in its tests").into()
});

impl TransformerConfig {
    /// The tables of kustomize v5.8.2.
    pub fn builtin() -> &'static Arc<Self> {
        &BUILTIN
    }

    /// Reads the file `name`, which places in it call `file`: YAML 1.1, every field known and written once.
    pub fn read(text: &[u8], name: &str, file: u32) -> Result<Self, Error> {
        let config = document(text, file).and_then(|node| decode(&node, Rules::Configuration, &mut Vec::new()));
        let mut config: Self = config.map_err(|error| error.in_file(name, 0))?;
        config.sort();
        Ok(config)
    }

    /// Adds the specs of `other` that are new.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        for ((name, own), (_, added)) in self.tables_mut().into_iter().zip(other.tables()) {
            merge_specs(own, added).map_err(|error| error.in_field(name))?;
        }
        merge_references(&mut self.name_reference, &other.name_reference)
            .map_err(|error| error.in_field("nameReference"))?;
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        for (_, table) in self.tables_mut() {
            table.sort_by(|a, b| rank::compare(a.gvk(), b.gvk()));
        }
        self.name_reference.sort_by(|a, b| rank::compare(a.gvk(), b.gvk()));
    }

    fn tables(&self) -> [(&'static str, &Vec<FieldSpec>); 11] {
        [
            ("namePrefix", &self.name_prefix),
            ("nameSuffix", &self.name_suffix),
            ("namespace", &self.namespace),
            ("commonLabels", &self.common_labels),
            ("labels", &self.labels),
            ("templateLabels", &self.template_labels),
            ("volumeClaimTemplateLabels", &self.volume_claim_template_labels),
            ("commonAnnotations", &self.common_annotations),
            ("varReference", &self.var_reference),
            ("images", &self.images),
            ("replicas", &self.replicas),
        ]
    }

    fn tables_mut(&mut self) -> [(&'static str, &mut Vec<FieldSpec>); 11] {
        [
            ("namePrefix", &mut self.name_prefix),
            ("nameSuffix", &mut self.name_suffix),
            ("namespace", &mut self.namespace),
            ("commonLabels", &mut self.common_labels),
            ("labels", &mut self.labels),
            ("templateLabels", &mut self.template_labels),
            ("volumeClaimTemplateLabels", &mut self.volume_claim_template_labels),
            ("commonAnnotations", &mut self.common_annotations),
            ("varReference", &mut self.var_reference),
            ("images", &mut self.images),
            ("replicas", &mut self.replicas),
        ]
    }
}

/// Adds `added` to `own`, without those that say what is there: the same path, for kinds that the new one selects.
pub(super) fn merge_specs(own: &mut Vec<FieldSpec>, added: &[FieldSpec]) -> Result<(), Error> {
    let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, spec) in own.iter().enumerate() {
        by_path.entry(spec.path.clone()).or_default().push(at);
    }
    for spec in added {
        let alike = by_path.entry(spec.path.clone()).or_default();
        match alike.iter().map(|at| &own[*at]).find(|known| known.is_selected_by(spec)) {
            Some(known) if known.create != spec.create => return Err(conflict(spec)),
            Some(_) => {}
            None => {
                alike.push(own.len());
                own.push(spec.clone());
            }
        }
    }
    Ok(())
}

fn conflict(spec: &FieldSpec) -> Error {
    let known = if spec.create { "false" } else { "true" };
    Error::new(format!("{} of {} is there already, with create: {known}", spec.path, spec.kind_or("every kind")))
}

fn merge_references(own: &mut Vec<NameReference>, added: &[NameReference]) -> Result<(), Error> {
    let owned = |reference: &NameReference| reference.gvk().map(str::to_owned);
    // Those of one kind are merged together, so that the table of what is there is made once for each kind.
    let mut by_kind: BTreeMap<[String; 3], Vec<&NameReference>> = BTreeMap::new();
    for reference in added {
        by_kind.entry(owned(reference)).or_default().push(reference);
    }
    for known in own.iter_mut() {
        if let Some(added) = by_kind.get(&owned(known)) {
            merge_specs(&mut known.field_specs, &all_specs(added))?;
        }
    }
    let known: HashSet<_> = own.iter().map(owned).collect();
    for (_, added) in by_kind.into_iter().filter(|(gvk, _)| !known.contains(gvk)) {
        // The first of a kind is taken as it is, whatever its specs say of each other.
        let Some((first, more)) = added.split_first() else { continue };
        let mut first = NameReference::clone(first);
        merge_specs(&mut first.field_specs, &all_specs(more))?;
        own.push(first);
    }
    Ok(())
}

fn all_specs(references: &[&NameReference]) -> Vec<FieldSpec> {
    references.iter().flat_map(|reference| reference.field_specs.iter().cloned()).collect()
}

impl FieldSpec {
    fn gvk(&self) -> [&str; 3] {
        [&self.group, &self.version, &self.kind]
    }

    /// Whether `selector` is for this one's kinds; an empty field of it stands for any.
    fn is_selected_by(&self, selector: &FieldSpec) -> bool {
        let mut fields = self.gvk().into_iter().zip(selector.gvk());
        fields.all(|(own, wanted)| wanted.is_empty() || own == wanted)
    }

    fn kind_or<'s>(&'s self, absent: &'s str) -> &'s str {
        if self.kind.is_empty() { absent } else { &self.kind }
    }
}

impl NameReference {
    fn gvk(&self) -> [&str; 3] {
        [&self.group, &self.version, &self.kind]
    }
}
