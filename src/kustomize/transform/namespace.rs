//! `namespace`: the namespace of everything that has one, and of what names it elsewhere.

use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing, Spec, rewrite_items, scalar, shape, with_field, with_tagged};
use crate::kustomize::kustomization::FieldSpec;
use crate::kustomize::parallel::for_each;
use crate::kustomize::resource::Resource;
use crate::kustomize::schema::Schema;
use crate::object::{Mapping, Node, Tag};

/// What a namespace is set by.
#[derive(Clone, Copy, Debug)]
pub(in crate::kustomize) struct Namespace<'n> {
    pub name: &'n str,
    pub specs: &'n [FieldSpec],
    pub subjects: Subjects,
    /// Only what has no namespace yet is given one.
    pub unset_only: bool,
}

/// The subjects of role bindings that are given the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Subjects {
    /// Those named `default`, users and groups of that name too.
    #[default]
    Default,
    ServiceAccounts,
    None,
}

impl Subjects {
    /// Reads `setRoleBindingSubjects` of a `NamespaceTransformer`.
    pub(in crate::kustomize) fn read(text: &str) -> Result<Self, Error> {
        match text {
            "" | "defaultOnly" => Ok(Self::Default),
            "allServiceAccounts" => Ok(Self::ServiceAccounts),
            "none" => Ok(Self::None),
            _ => Err(Error::new(format!("{text:?} says nothing about subjects"))
                .in_field("setRoleBindingSubjects")
                .with_hint("it is defaultOnly, allServiceAccounts or none")),
        }
    }
}

/// Sets the namespace, and has every resource remember who it was. Whether two of them are one now is for the caller
/// to find out.
pub(super) fn apply(resources: &mut [Resource], namespace: &Namespace, schema: &Schema) -> Result<(), Error> {
    if namespace.name.is_empty() {
        return Ok(());
    }
    let specs = Specs::new(namespace.specs);
    for_each(resources, |resource| {
        if is_rendered_by_helm(resource) {
            return Ok(());
        }
        resource.remember_id(schema);
        namespace.set_own(resource, &specs.own, schema)?;
        namespace.set_subjects(resource)?;
        namespace.set_others(resource, &specs)
    })
}

/// Sets the namespace of `resource` and of its subjects, and nothing else.
pub(super) fn set_alone(resource: &mut Resource, name: &str, schema: &Schema) -> Result<(), Error> {
    let namespace = Namespace { name, specs: &[], subjects: Subjects::default(), unset_only: false };
    namespace.set_own(resource, &Specs::new(&[]).own, schema)?;
    namespace.set_subjects(resource)
}

/// The field specs, by when they count.
struct Specs {
    /// `metadata.namespace`: the schema says who has one, not a spec.
    own: Spec,
    all: FieldSpecs,
}

impl Specs {
    fn new(specs: &[FieldSpec]) -> Self {
        let own = FieldSpec { path: OWN.to_owned(), create: true, ..FieldSpec::default() };
        Self { own: Spec::new(&own), all: FieldSpecs::new(specs.iter().filter(|spec| spec.path != OWN)) }
    }
}

/// The namespace of an object itself.
pub(super) const OWN: &str = "metadata/namespace";

impl Namespace<'_> {
    fn set_own(&self, resource: &mut Resource, own: &Spec, schema: &Schema) -> Result<(), Error> {
        if schema.is_cluster_scoped(&resource.gvk()) {
            return Ok(());
        }
        // kustomize takes the text of a written `null` for a namespace that is set.
        let is_kept = |node: &Node| self.unset_only && node.text().is_some_and(|text| !text.is_empty());
        match resource.node.at(&["metadata", "namespace"]) {
            Some(written) if is_kept(written) => Ok(()),
            _ => own.rewrite(resource, Missing::BecomesScalar, &|node| self.with_name(node)),
        }
    }

    fn set_subjects(&self, resource: &mut Resource) -> Result<(), Error> {
        let (field, value) = match self.subjects {
            _ if !is_role_binding(resource.kind()) => return Ok(()),
            Subjects::None => return Ok(()),
            Subjects::Default => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        };
        let in_subject = |subject: &Node| match is_subject(subject, field, value)? {
            Some(subject) => self.with_namespace(subject),
            None => Ok(None),
        };
        let rewritten = match resource.node.get("subjects") {
            None => None,
            Some(null) if null.is_null() => None,
            Some(Node::Sequence(subjects)) => rewrite_items(subjects, in_subject)?,
            Some(other) => return Err(Error::new(format!("the subjects are {} instead of a list", shape(other)))),
        };
        if let (Some(subjects), Some(object)) = (rewritten, resource.node.as_mapping()) {
            resource.node = with_field(object, "subjects", subjects);
        }
        Ok(())
    }

    /// A subject's namespace is set where there is none to look at, too.
    fn with_namespace(&self, subject: &Mapping) -> Result<Option<Node>, Error> {
        let written = subject.get("namespace");
        let changed = match written {
            Some(node) => self.with_name(node)?,
            None => Some(Node::string(self.name)),
        };
        Ok(changed.map(|namespace| with_field(subject, "namespace", namespace)))
    }

    fn set_others(&self, resource: &mut Resource, specs: &Specs) -> Result<(), Error> {
        let gvk = resource.gvk();
        let is_core = gvk.group.is_empty() && &*gvk.version == "v1";
        let is_binding = is_role_binding(&gvk.kind);
        let counts = |spec: &&Spec| match spec.path() {
            "metadata/name" => is_core,
            "subjects/namespace" => !(is_binding && is_role_binding(&spec.selector().kind)),
            _ => true,
        };
        let mut specs = specs.all.of(&gvk).filter(counts);
        specs.try_for_each(|spec| spec.rewrite(resource, Missing::BecomesScalar, &|node| self.with_name(node)))
    }

    /// The scalar that a namespace is written in, with this one.
    fn with_name(&self, node: &Node) -> Result<Option<Node>, Error> {
        let old = scalar(node)?;
        let is_kept = self.unset_only && old.tag != Tag::Null && !old.text.is_empty();
        Ok(if is_kept { None } else { with_tagged(old, self.name, Tag::Str) })
    }
}

/// The subject, when its `field` has the `value`.
fn is_subject<'s>(subject: &'s Node, field: &str, value: &str) -> Result<Option<&'s Mapping>, Error> {
    let fields = match subject {
        Node::Mapping(fields) => fields,
        null if null.is_null() => return Ok(None),
        other => return Err(Error::new(format!("a subject is {} instead of a mapping", shape(other)))),
    };
    match fields.get(field).map(scalar).transpose()? {
        Some(written) if written.tag != Tag::Null && &*written.text == value => Ok(Some(fields)),
        _ => Ok(None),
    }
}

fn is_role_binding(kind: &str) -> bool {
    matches!(kind, "RoleBinding" | "ClusterRoleBinding")
}

/// What a chart rendered has been given its namespace by helm.
fn is_rendered_by_helm(resource: &Resource) -> bool {
    let mark = ["metadata", "annotations", "internal.config.kubernetes.io/helm-generated"];
    resource.node.at(&mark).and_then(Node::text) == Some("true")
}
