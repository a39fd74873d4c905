//! What the OpenAPI document of Kubernetes says about kinds: which have no namespace, and how their lists are merged.
//!
//! [`Schema::builtin`] is kustomize's own version, read from a table that is made from the document;
//! [`Schema::from_openapi`] reads the document that a kustomization file names in `openapi: path:`, which takes the
//! place of the whole table. [`Shape`] leads from a kind down to its lists.

mod document;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::error::Error;
use super::resource::Gvk;

/// The version of Kubernetes whose document is built in.
const BUILTIN_VERSION: &str = "v1.21.2";

static BUILTIN: LazyLock<Schema> =
    LazyLock::new(|| table::read(include_str!("kubernetes-1.21.2.txt")).expect("a test reads the table"));

/// Kinds of later versions that kustomize knows to have no namespace.
const LATER_CLUSTER_SCOPED: [(&str, &str, &str); 2] = [
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding"),
];

/// The kinds that a build knows.
#[derive(Debug, Default)]
pub struct Schema {
    kinds: HashMap<Gvk, Kind>,
    forms: Vec<Form>,
    /// What is built in holds for kinds that this schema does not have.
    is_beside_builtin: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kind {
    /// Unknown where no path of the document serves the kind.
    is_namespaced: Option<bool>,
    form: Option<usize>,
}

/// What is known of the values at one place. Forms name each other by their numbers, so that types that hold
/// themselves have one too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Form {
    /// Sorted by name.
    fields: Vec<(Arc<str>, usize)>,
    /// The values of a map.
    others: Option<usize>,
    items: Option<usize>,
    merge: Option<MergeKeys>,
}

/// The fields by which the items of two lists are the same item. Without any, the items themselves are compared.
type MergeKeys = Vec<Arc<str>>;

/// What a schema knows of the values at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'s> {
    schema: &'s Schema,
    form: &'s Form,
}

impl Schema {
    /// The kinds of Kubernetes in the version that kustomize has built in.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// The kinds of the version that `openapi: version:` asks for; the empty one asks for what is built in.
    pub(super) fn of_version(version: &str) -> Result<&'static Self, Error> {
        match version {
            "" | BUILTIN_VERSION => Ok(Self::builtin()),
            _ => Err(Error::new(format!("version {version} of the OpenAPI document is not built in"))
                .with_hint(format!("{BUILTIN_VERSION} is; any other document can be given by `path`"))),
        }
    }

    /// Reads an OpenAPI v2 document, JSON or YAML.
    pub fn from_openapi(text: &[u8]) -> Result<Self, Error> {
        document::read(text)
    }

    /// Whether objects of the kind have no namespace; a kind that is not known has one.
    ///
    /// What is built in is asked first, whichever schema a build has: kustomize does the same.
    pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool {
        let known = |schema: &Self| schema.kinds.get(gvk).and_then(|kind| kind.is_namespaced);
        match known(&BUILTIN).or_else(|| known(self)) {
            Some(is_namespaced) => !is_namespaced,
            None => is_later_cluster_scoped(gvk),
        }
    }

    /// What is known of the objects of a kind.
    pub(super) fn shape(&self, gvk: &Gvk) -> Option<Shape<'_>> {
        let own = self.kinds.get(gvk).and_then(|kind| kind.form).map(|at| self.at(at));
        own.or_else(|| if self.is_beside_builtin { BUILTIN.shape(gvk) } else { None })
    }

    /// The schema with what is built in: kustomize does not forget what it has read.
    pub(super) fn beside_builtin(self) -> Self {
        Self { is_beside_builtin: true, ..self }
    }

    /// Whether it is known if objects of the kind have a namespace.
    pub(super) fn knows_scope(&self, gvk: &Gvk) -> bool {
        self.kinds.get(gvk).is_some_and(|kind| kind.is_namespaced.is_some()) || is_later_cluster_scoped(gvk)
    }

    fn at(&self, form: usize) -> Shape<'_> {
        Shape { schema: self, form: &self.forms[form] }
    }
}

fn is_later_cluster_scoped(gvk: &Gvk) -> bool {
    LATER_CLUSTER_SCOPED.contains(&(&*gvk.group, &*gvk.version, &*gvk.kind))
}

impl<'s> Shape<'s> {
    /// What is known of the value of a field.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        let fields = &self.form.fields;
        let known = fields.binary_search_by(|(own, _)| (**own).cmp(name)).ok().map(|at| fields[at].1);
        known.or(self.form.others).map(|at| self.schema.at(at))
    }

    /// What is known of the items of a list.
    pub(super) fn items(self) -> Option<Self> {
        self.form.items.map(|at| self.schema.at(at))
    }

    /// How two lists become one; `None` where one replaces the other.
    pub(super) fn merge_keys(self) -> Option<&'s [Arc<str>]> {
        self.form.merge.as_deref()
    }
}
