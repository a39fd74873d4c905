//! Selectors: which resources a patch or a replacement is for.
//!
//! Group, version, kind, name and namespace are regular expressions of Go over the whole value; name and namespace
//! may be those of today or those that the resource was read with. Labels and annotations follow the syntax of
//! Kubernetes' label selectors. What is left out stands for any.

mod requirement;

use self::requirement::Requirements;
use crate::goregex::Regex;
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::Selector;
use crate::kustomize::resource::metadata::texts;
use crate::kustomize::resource::{Id, Resource};
use crate::kustomize::schema::Schema;

/// A selector that was read.
#[derive(Debug)]
pub(super) struct Select {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Requirements,
    annotations: Requirements,
}

/// A regular expression over a whole text.
#[derive(Debug)]
pub(super) enum Pattern {
    Literal(String),
    Regex(Regex),
}

impl Pattern {
    /// Reads a pattern; an empty one stands for any text. Most are plain names, which need no engine.
    pub(in crate::kustomize) fn new(text: &str) -> Result<Option<Self>, Error> {
        let is_literal = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/:".contains(&byte));
        match text {
            "" => Ok(None),
            _ if is_literal => Ok(Some(Self::Literal(text.to_owned()))),
            _ => match Regex::new(&format!("^(?:{text})$")) {
                Ok(regex) => Ok(Some(Self::Regex(regex))),
                Err(cause) => Err(Error::new(format!("reading the regular expression {text:?}")).caused_by(cause)),
            },
        }
    }

    pub(in crate::kustomize) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// The only text that matches, where there is just one.
    pub(in crate::kustomize) fn literal(&self) -> Option<&str> {
        if let Self::Literal(literal) = self { Some(literal) } else { None }
    }
}

impl Select {
    pub(in crate::kustomize) fn new(selector: &Selector) -> Result<Self, Error> {
        let pattern = |field: &str, text: &str| Pattern::new(text).map_err(|error| error.in_field(field));
        let marks = |field: &str, text: &str| Requirements::read(text).map_err(|error| error.in_field(field));
        Ok(Self {
            group: pattern("group", &selector.group)?,
            version: pattern("version", &selector.version)?,
            kind: pattern("kind", &selector.kind)?,
            name: pattern("name", &selector.name)?,
            namespace: pattern("namespace", &selector.namespace)?,
            labels: marks("labelSelector", &selector.label_selector)?,
            annotations: marks("annotationSelector", &selector.annotation_selector)?,
        })
    }

    /// Whether the resource is selected.
    pub(in crate::kustomize) fn matches(&self, resource: &Resource, schema: &Schema) -> bool {
        // The cheap parts first: most resources are of another kind.
        self.has_kind(resource) && self.has_name(resource, schema) && self.has_marks(resource)
    }

    /// The name that every selected resource has or had, where there is just one.
    pub(in crate::kustomize) fn name(&self) -> Option<&str> {
        self.name.as_ref().and_then(Pattern::literal)
    }

    fn has_kind(&self, resource: &Resource) -> bool {
        if !is_any_or(&self.kind, resource.kind()) {
            return false;
        }
        if self.group.is_none() && self.version.is_none() {
            return true;
        }
        let gvk = resource.gvk();
        is_any_or(&self.group, &gvk.group) && is_any_or(&self.version, &gvk.version)
    }

    fn has_name(&self, resource: &Resource, schema: &Schema) -> bool {
        let today = resource.name();
        let original = resource.previous.first().map_or(today, |previous| &previous.name);
        if !is_any_or(&self.name, today) && !is_any_or(&self.name, original) {
            return false;
        }
        let has = |id: Id| is_any_or(&self.namespace, id.effective_namespace());
        self.namespace.is_none() || has(resource.original_id(schema)) || has(resource.id(schema))
    }

    fn has_marks(&self, resource: &Resource) -> bool {
        let has = |wanted: &Requirements, field| wanted.is_empty() || wanted.are_met_by(&texts(&resource.node, field));
        has(&self.labels, "labels") && has(&self.annotations, "annotations")
    }
}

fn is_any_or(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
}
