//! `labels`, `commonLabels` and `commonAnnotations`: pairs written into the mappings that field specs lead to.
//!
//! A value is a string whatever it looks like. What a key had before, a mapping even, gives way.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use crate::kustomize::configuration::{TransformerConfig, merge_specs};
use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing, shape};
use crate::kustomize::kustomization::{FieldSpec, Label};
use crate::kustomize::parallel::for_each;
use crate::kustomize::resource::metadata::made_annotations;
use crate::kustomize::resource::{Resource, Twins, written};
use crate::object::{Mapping, Node, Scalar, Style};
use crate::yaml::{Dialect, plain};

/// Writes `pairs` at every place of `specs`.
pub(in crate::kustomize) fn apply(
    resources: &mut [Resource],
    pairs: &BTreeMap<String, String>,
    specs: &FieldSpecs,
) -> Result<(), Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    let styles: Vec<Style> = pairs.values().map(|text| written::string(text.as_str()).style).collect();
    for_each(resources, |resource| {
        let gvk = resource.gvk();
        let values = pairs.values().zip(&styles);
        let values: Vec<Value> = values.map(|(text, style)| Value::new(text, *style, &mut resource.twins)).collect();
        let set = |node: &Node| with_pairs(node, pairs.keys().map(String::as_str).zip(&values));
        specs.of(&gvk).try_for_each(|spec| {
            // What kustomize remembers of the resource makes the field exist, for specs that do not create it.
            if resource.is_annotated && spec.path().trim_start_matches('/') == "metadata/annotations" {
                made_annotations(&mut resource.node);
            }
            spec.rewrite(resource, Missing::BecomesMapping, &set)
        })?;
        let mut restyled = values.iter().filter_map(Value::restyled).peekable();
        if restyled.peek().is_some() {
            resource.write_twins(restyled);
        }
        Ok(())
    })
}

/// The value of a pair in one resource: one node wherever it is put that had none.
struct Value {
    scalar: Scalar,
    /// It takes over how each value was written that it takes the place of; so do the places where it is already.
    style: Cell<Style>,
}

impl Value {
    fn new(text: &str, style: Style, twins: &mut Twins) -> Self {
        let scalar = twins.add(Scalar { style, ..Scalar::string(text) });
        Self { style: Cell::new(style), scalar }
    }

    fn restyled(&self) -> Option<Scalar> {
        let style = self.style.get();
        (style != self.scalar.style).then(|| Scalar { style, ..self.scalar.clone() })
    }
}

fn with_pairs<'p>(
    node: &Node,
    pairs: impl ExactSizeIterator<Item = (&'p str, &'p Value)>,
) -> Result<Option<Node>, Error> {
    match node {
        Node::Mapping(fields) => {
            let (places, mut changed) = (Places::new(fields, pairs.len()), fields.clone());
            pairs.for_each(|(key, value)| set_pair(&mut changed, key, places.of(key), value));
            Ok((changed != *fields).then(|| changed.into()))
        }
        // A null that the spec may not make a mapping of stays one.
        null if null.is_null() => Ok(None),
        other => Err(Error::new(format!("there is {} where a mapping should be", shape(other)))),
    }
}

/// What a mapping holds, and where.
enum Places<'m> {
    Searched(&'m Mapping),
    Indexed(HashMap<&'m str, (usize, &'m Node)>),
}

impl<'m> Places<'m> {
    /// So many comparisons of keys cost less than an index.
    const COMPARISONS_MAX: usize = 256;

    /// For so many `searches`.
    fn new(fields: &'m Mapping, searches: usize) -> Self {
        if fields.len() * searches <= Self::COMPARISONS_MAX {
            return Self::Searched(fields);
        }
        let places = fields.iter().enumerate().map(|(at, (key, value))| (&*key.text, (at, value)));
        // From the end: of a key that stands twice, the first counts.
        Self::Indexed(places.rev().collect())
    }

    fn of(&self, key: &str) -> Option<(usize, &'m Node)> {
        match self {
            Self::Searched(fields) => {
                let mut entries = fields.iter().enumerate();
                entries.find(|(_, (own, _))| &*own.text == key).map(|(at, (_, value))| (at, value))
            }
            Self::Indexed(places) => places.get(key).copied(),
        }
    }
}

/// A new value is one node wherever it is put; a value that is there is written over, and its twins with it.
fn set_pair(fields: &mut Mapping, key: &str, there: Option<(usize, &Node)>, value: &Value) {
    match there {
        Some((at, Node::Scalar(old))) => {
            value.style.set(old.style);
            if *old != value.scalar {
                fields.entries_mut()[at].1 = old.become_like(&value.scalar).into();
            }
        }
        Some((at, _)) => fields.entries_mut()[at].1 = Scalar::string(value.scalar.text.clone()).into(),
        None => {
            if value.style.get() == Style::Plain {
                value.style.set(value.scalar.style);
            }
            fields.entries_mut().push((plain(key, Dialect::Resource), value.scalar.clone().into()));
        }
    }
}

/// Where an entry of `labels` goes: its own fields, those of the configuration, and what its switches ask for.
pub(super) fn specs(label: &Label, config: &TransformerConfig) -> Result<Vec<FieldSpec>, Error> {
    let mut specs = label.fields.clone();
    merge_specs(&mut specs, &config.labels)?;
    if label.include_selectors {
        merge_specs(&mut specs, &config.common_labels)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_specs(&mut specs, &config.template_labels)?;
    }
    if label.include_volume_claim_templates {
        merge_specs(&mut specs, &config.volume_claim_template_labels)?;
    }
    let own = FieldSpec { path: "metadata/labels".to_owned(), create: true, ..FieldSpec::default() };
    merge_specs(&mut specs, &[own])?;
    Ok(specs)
}
