//! Manifests into the API server, and waiting for what comes of them.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::core::discovery::Scope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::wait::{Condition, conditions};
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, Resource, discovery};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Generous: the machine may be busy with other tests.
const WAIT_AT_MOST: Duration = Duration::from_secs(120);

/// A namespace of one test.
pub(crate) struct TestNamespace {
    pub(crate) name: String,
    /// May do everything, everywhere.
    pub(crate) client: Client,
}

impl TestNamespace {
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Applies manifests; what names no namespace goes into this one.
    pub(crate) async fn apply(&self, manifests: &str) -> kube::Result<Vec<DynamicObject>> {
        apply(&self.client, &self.name, manifests).await
    }
}

/// Applies manifests of any kinds on the server, one after the other. A custom resource definition is served before the
/// next is applied, so objects of it may follow.
pub(crate) async fn apply(client: &Client, namespace: &str, manifests: &str) -> kube::Result<Vec<DynamicObject>> {
    let manifests: Vec<DynamicObject> = serde_saphyr::from_multiple(manifests).expect("manifests");
    let mut applied = Vec::new();
    for object in &manifests {
        let object = apply_one(client, namespace, object).await?;
        if kind(&object).kind == "CustomResourceDefinition" {
            wait_until_served(client, &object).await;
        }
        applied.push(object);
    }
    Ok(applied)
}

async fn apply_one(client: &Client, namespace: &str, object: &DynamicObject) -> kube::Result<DynamicObject> {
    let (resource, capabilities) = discovery::pinned_kind(client, &kind(object)).await?;
    let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let name = object.metadata.name.as_deref().expect("a name");
    api.patch(name, &PatchParams::apply("tests").force(), &Patch::Apply(object)).await
}

fn kind(object: &DynamicObject) -> GroupVersionKind {
    object.types.as_ref().expect("a kind").try_into().expect("an apiVersion")
}

async fn wait_until_served(client: &Client, definition: &DynamicObject) {
    let definition: CustomResourceDefinition = definition.clone().try_parse().expect("a definition");
    let name = definition.metadata.name.as_deref().expect("a name");
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    wait_for(&definitions, name, "established", conditions::is_crd_established()).await;
    // It is listed a moment after it is established.
    for version in definition.spec.versions.iter().filter(|version| version.served) {
        let (group, kind) = (&definition.spec.group, &definition.spec.names.kind);
        let kind = GroupVersionKind::gvk(group, &version.name, kind);
        eventually("its objects are served", || async { discovery::pinned_kind(client, &kind).await.ok() }).await;
    }
}

/// A broken watch rests for a moment, not for longer and longer: a test that stops the API server starts it again.
pub(super) struct Moments;

impl Iterator for Moments {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(100))
    }
}

impl Backoff for Moments {
    fn reset(&mut self) {}
}

/// Asks again and again until there is an answer. Panics after two minutes.
pub(crate) async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = tokio::time::timeout(WAIT_AT_MOST, answered).await;
    answer.unwrap_or_else(|_| panic!("after {WAIT_AT_MOST:?} it is not so yet: {what}"))
}

/// Waits until `name` is as a test wants it, and gives it as it is then (none: it is gone), also when the API server
/// goes away meanwhile. Panics with what it is instead after two minutes.
pub(crate) async fn wait_for<K>(api: &Api<K>, name: &str, what: &str, condition: impl Condition<K>) -> Option<K>
where
    K: Resource + Clone + Debug + Send + Serialize + DeserializeOwned + 'static,
{
    let mut objects = pin!(watch_object(api.clone(), name).backoff(Moments));
    let matching = async {
        loop {
            if let Some(Ok(object)) = objects.next().await
                && condition.matches_object(object.as_ref())
            {
                return object;
            }
        }
    };
    if let Ok(object) = tokio::time::timeout(WAIT_AT_MOST, matching).await {
        return object;
    }
    let now = api.get_opt(name).await.expect("an answer");
    let now = serde_json::to_string_pretty(&now).expect("an object");
    panic!("{name} is not as waited for ({what}) after {WAIT_AT_MOST:?}: {now}")
}
