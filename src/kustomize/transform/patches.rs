//! Patches: strategic merges and JSON patches, for the resources that they name or that their targets select.
//!
//! Takes patches that were read (see [`PatchSource`]) and the resources; changes them in place. A resource that a patch
//! deletes is left without a node, for the caller to take out.

mod finding;
mod past;
mod source;

pub(super) use self::source::{Form, PatchSource};

use self::finding::{Finding, find};
use self::past::{changes_annotations, forget, mark, spell_out, unmark};
use self::source::{Change, Prepared};
use super::json_patch::JsonPatch;
use super::merge::{Merged, merge};
use super::select::Select;
use crate::kustomize::error::Error;
use crate::kustomize::field::untyped;
use crate::kustomize::kustomization::PatchArgs;
use crate::kustomize::parallel;
use crate::kustomize::resource::check_unique;
use crate::kustomize::resource::metadata::{set_in_metadata, texts};
use crate::kustomize::resource::objects::is_empty;
use crate::kustomize::resource::{Id, Resource};
use crate::kustomize::schema::Schema;
use crate::object::{Mapping, Node};
use crate::yaml::empty;

/// Applies patches, one after the other. All are read before the first is applied; `blame` says of an error which of
/// them it is about.
pub(super) fn apply(
    resources: &mut [Resource],
    patches: &[PatchSource],
    schema: &Schema,
    blame: &dyn Fn(usize, Error) -> Error,
) -> Result<(), Error> {
    let bytes = patches.iter().map(|patch| patch.text.len()).sum();
    let prepared = parallel::map_bytes(patches, bytes, PatchSource::prepared).into_iter().enumerate();
    let prepared = prepared.map(|(at, prepared)| prepared.map_err(|error| blame(at, error)));
    let prepared: Vec<Prepared> = prepared.collect::<Result<_, _>>()?;
    let says_nothing = |patch: &Prepared| patch.form == Form::Merge && patch.change.is_empty();
    if !prepared.is_empty() && prepared.iter().all(says_nothing) {
        return Err(blame(0, Error::new("the patch is empty")));
    }
    let mut finding = Finding::new(resources);
    for (at, patch) in prepared.iter().enumerate() {
        let mut all = Patching { resources: &mut *resources, finding: &mut finding, schema };
        all.patch(patch).map_err(|error| blame(at, error))?;
    }
    Ok(())
}

struct Patching<'p> {
    resources: &'p mut [Resource],
    finding: &'p mut Finding,
    schema: &'p Schema,
}

impl Patching<'_> {
    fn patch(&mut self, patch: &Prepared) -> Result<(), Error> {
        let Prepared { form, change, target, options } = patch;
        match (change, target) {
            (Change::Json(changes), Some(target)) => self.json(changes, target, *form),
            (Change::Json(changes), None) if changes.is_empty() => Ok(()),
            (Change::Json(_), None) => Err(Error::new("a JSON patch needs a target")),
            (Change::Merge(patches), Some(target)) => match patches.as_slice() {
                [] => Ok(()),
                [patch] => self.merge_selected(patch, target, options),
                several => Err(Error::new(format!("{} merge patches have one target", several.len()))
                    .with_hint("give each an entry of its own, or leave out the target")),
            },
            (Change::Merge(patches), None) => {
                patches.iter().try_for_each(|patch| self.merge_named(patch, options, *form))
            }
        }
    }

    /// The patch for the one resource that it names.
    fn merge_named(&mut self, patch: &Resource, options: &PatchArgs, form: Form) -> Result<(), Error> {
        let at = find(self.finding, self.resources, &patch.id(self.schema), self.schema)?;
        match form {
            Form::Any => self.merge(at, &with_options(patch, options), options),
            _ => {
                let patch = for_target(patch, &self.resources[at]);
                self.merge(at, &patch, options)
            }
        }
    }

    /// The patch for all resources that the target selects, whatever it names itself.
    fn merge_selected(&mut self, patch: &Resource, target: &Select, options: &PatchArgs) -> Result<(), Error> {
        let patch = with_options(patch, options);
        for at in self.selected(target) {
            let patch =
                for_target(&Resource { node: patch.clone(), ..Resource::new(Node::null()) }, &self.resources[at]);
            self.merge(at, &patch, options)?;
        }
        if options.allow_name_change || options.allow_kind_change {
            check_unique(self.resources, self.schema)
        } else {
            Ok(())
        }
    }

    fn selected(&self, target: &Select) -> Vec<usize> {
        let is_selected = |at: &usize| {
            let resource = &self.resources[*at];
            !is_empty(&resource.node) && target.matches(resource, self.schema)
        };
        match target.name() {
            Some(name) => self.finding.named(name).iter().copied().filter(is_selected).collect(),
            None => (0..self.resources.len()).filter(is_selected).collect(),
        }
    }

    fn merge(&mut self, at: usize, patch: &Node, options: &PatchArgs) -> Result<(), Error> {
        let resource = &mut self.resources[at];
        let id = resource.id(self.schema);
        if options.allow_name_change || options.allow_kind_change {
            resource.remember_id(self.schema);
        }
        let before = resource.node.clone();
        let is_annotated = resource.is_annotated && changes_annotations(patch);
        if is_annotated {
            mark(&mut resource.node);
        }
        let merged = merge(&mut resource.node, patch, self.schema).map_err(|cause| cause.in_resource(&id))?;
        if merged == Merged::Deleted {
            resource.node = Node::null();
            return Ok(());
        }
        if is_annotated && !unmark(&mut resource.node) {
            forget(resource);
        }
        restore(&mut resource.node, &before, options);
        resource.settle_merged_twins();
        self.finding.note(at, &self.resources[at]);
        Ok(())
    }

    fn json(&mut self, changes: &JsonPatch, target: &Select, form: Form) -> Result<(), Error> {
        for at in self.selected(target) {
            let resource = &mut self.resources[at];
            let id = resource.id(self.schema);
            if form == Form::Any {
                resource.remember_id(self.schema);
            }
            if resource.is_annotated {
                mark(&mut resource.node);
            }
            changes.apply(&mut resource.node).map_err(|error| error.in_resource(&id))?;
            // The names that it had are brought back behind the patch, its origin is not.
            if resource.is_annotated && !unmark(&mut resource.node) {
                (resource.origin, resource.transformations) = (None, Vec::new());
            }
            if resource.is_annotated && changes.copies() {
                spell_out(resource);
            }
            let annotations = texts(&resource.node, "annotations");
            set_in_metadata(&mut resource.node, "annotations", annotations);
            resource.part_twins();
            self.finding.note(at, &self.resources[at]);
        }
        Ok(())
    }
}

/// The patch as it is under options, which kustomize keeps in its annotations: they are texts from then on.
fn with_options(patch: &Resource, options: &PatchArgs) -> Node {
    let mut node = patch.node.clone();
    if options.allow_name_change || options.allow_kind_change {
        let texts = texts(&node, "annotations");
        set_in_metadata(&mut node, "annotations", texts);
    }
    node
}

/// The patch for a selected resource: of its version, with labels and annotations that are texts.
fn for_target(patch: &Resource, target: &Resource) -> Node {
    let mut node = patch.node.clone();
    for field in ["labels", "annotations"] {
        let texts = texts(&node, field);
        set_in_metadata(&mut node, field, texts);
    }
    if let Some(fields) = node.as_mapping_mut() {
        fields.insert("apiVersion", version_of(target));
    }
    node
}

/// The version of a resource; of one that has none, an empty text without a type, which the patch writes into it.
fn version_of(target: &Resource) -> Node {
    let none = || empty(target.node.as_mapping().is_some_and(Mapping::is_flow)).into();
    target.node.get("apiVersion").filter(|version| !version.is_null()).cloned().unwrap_or_else(none)
}

/// Gives back what a patch does not change: kind and name unless the options say so, the namespace always.
fn restore(node: &mut Node, before: &Node, options: &PatchArgs) {
    let Some(fields) = node.as_mapping_mut() else { return };
    match before.get("kind") {
        _ if options.allow_kind_change => {}
        Some(kind) => fields.insert("kind", kind.clone()),
        None => _ = fields.remove("kind"),
    }
    if fields.get("metadata").is_none_or(Node::is_null) {
        fields.insert("metadata", Mapping::default().into());
    }
    let Some(metadata) = fields.get_mut("metadata").and_then(Node::as_mapping_mut) else { return };
    match before.at(&["metadata", "name"]) {
        _ if options.allow_name_change => {}
        Some(name) => metadata.insert("name", untyped(name.clone())),
        None => _ = metadata.remove("name"),
    }
    match before.at(&["metadata", "namespace"]).filter(|namespace| namespace.text() != Some("")) {
        Some(namespace) => metadata.insert("namespace", untyped(namespace.clone())),
        None => _ = metadata.remove("namespace"),
    }
}

impl Error {
    /// Names the resource that something was done to.
    fn in_resource(self, id: &Id) -> Self {
        Error::new(format!("patching {id}")).caused_by(self)
    }
}
