//! What is kept of an object that the API server holds.

use std::fmt::Debug;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::held::Held;
use crate::api::{
    self, FieldError, GitRepositorySpec, GitRepositoryStatus, ImagePolicySpec, ImagePolicyStatus, ImageRepositorySpec,
    ImageRepositoryStatus, ImageUpdateAutomationSpec, ImageUpdateAutomationStatus, Kind, Labels, Metadata, Object,
    Spec,
};
use crate::object::NamespacedName;

/// A kind that can be watched.
pub trait Watched: Spec + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// What its objects tell of what was done about them. What cannot be read counts as not told.
    type Status: DeserializeOwned + Default + Clone + Debug + PartialEq + Send + Sync + 'static;
}

impl Watched for ImageRepositorySpec {
    type Status = ImageRepositoryStatus;
}

impl Watched for ImagePolicySpec {
    type Status = ImagePolicyStatus;
}

impl Watched for ImageUpdateAutomationSpec {
    type Status = ImageUpdateAutomationStatus;
}

impl Watched for GitRepositorySpec {
    type Status = GitRepositoryStatus;
}

/// An object at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Live<S: Watched> {
    pub metadata: Metadata,
    pub uid: String,
    /// Changes with every change of the object; nothing else can be said about it.
    pub resource_version: String,
    /// Changes with every change of the spec.
    pub generation: i64,
    pub created: Option<Timestamp>,
    /// Somebody has deleted it, and it is there only as long as it has finalizers.
    pub is_deleted: bool,
    pub finalizers: Vec<String>,
    /// Everything that is wrong with it, when its spec cannot be used.
    pub spec: Result<S, Vec<FieldError>>,
    pub status: S::Status,
}

impl<S: Watched> Live<S> {
    pub const KIND: Kind = S::KIND;

    pub fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.metadata.namespace, &self.metadata.name)
    }

    /// The object as people wrote it, or everything that is wrong with it.
    pub fn object(&self) -> Result<Object<S>, &[FieldError]> {
        let spec = self.spec.as_ref().map_err(Vec::as_slice)?;
        Ok(Object { metadata: self.metadata.clone(), spec: spec.clone() })
    }

    pub(super) fn of(held: Held) -> Self {
        let NamespacedName { namespace, name } = held.name();
        let object = json!({
            "metadata": { "namespace": &namespace, "name": &name },
            "spec": held.spec,
            "status": held.status,
        });
        let labels = Labels::from_iter(held.metadata.labels.unwrap_or_default());
        let annotations = Labels::from_iter(held.metadata.annotations.unwrap_or_default());
        Self {
            metadata: Metadata { name, namespace, labels, annotations },
            uid: held.metadata.uid.unwrap_or_default(),
            resource_version: held.metadata.resource_version.unwrap_or_default(),
            generation: held.metadata.generation.unwrap_or_default(),
            created: held.metadata.creation_timestamp.map(|created| created.0),
            is_deleted: held.metadata.deletion_timestamp.is_some(),
            finalizers: held.metadata.finalizers.unwrap_or_default(),
            spec: api::read(&object).map(|object| object.spec),
            status: api::status(&object).unwrap_or_default(),
        }
    }
}
