//! An object as the client library reads it from a list or a watch: no more of it than [`Live`](super::Live) needs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use kube::core::{ApiResource, DynamicResourceScope, ObjectMeta};
use serde::{Deserialize, Deserializer};

use crate::object::{NamespacedName, Value};

/// The whole object once more, in an annotation: nobody reads it here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Held {
    #[serde(deserialize_with = "thin")]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) spec: Value,
    #[serde(default)]
    pub(super) status: Value,
}

impl Held {
    pub(super) fn name(&self) -> NamespacedName {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        NamespacedName { namespace: text(&self.metadata.namespace), name: text(&self.metadata.name) }
    }

    pub(super) fn resource_version(&self) -> &str {
        self.metadata.resource_version.as_deref().unwrap_or_default()
    }
}

/// The metadata without `managedFields`, which are larger than the rest of most objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thin {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
}

fn thin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let mut thin = Thin::deserialize(deserializer)?;
    if let Some(annotations) = &mut thin.annotations {
        annotations.remove(LAST_APPLIED);
    }
    Ok(ObjectMeta {
        name: thin.name,
        namespace: thin.namespace,
        labels: thin.labels,
        annotations: thin.annotations,
        uid: thin.uid,
        resource_version: thin.resource_version,
        generation: thin.generation,
        creation_timestamp: thin.creation_timestamp,
        deletion_timestamp: thin.deletion_timestamp,
        finalizers: thin.finalizers,
        ..ObjectMeta::default()
    })
}

/// Which kind it is of is known where it is asked for.
impl Resource for Held {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
