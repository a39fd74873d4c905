//! Reading and changing one object.
//!
//! Changes are JSON merge patches (RFC 7386) that name the resource version they were made from: what somebody else has
//! changed meanwhile is never overwritten. The answer is the object as it is now.

use std::fmt;

use kube::api::{GetParams, ListParams, Patch, PatchParams};
use kube::core::{ObjectList, Request};
use serde_json::{Map, json};

use super::ask::check_name;
use super::connect::Cluster;
use super::error::Error;
use super::held::Held;
use super::live::{Live, Watched};
use super::watch::Scope;
use crate::object::{NamespacedName, Value};

/// Who has set a field, as the API server notes it.
const FIELD_MANAGER: &str = "tagwright";
/// More objects of a kind are listed in pages.
const PAGE_OBJECTS: u32 = 500;

/// The part of an object that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Metadata,
    Spec,
    Status,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata",
            Self::Spec => "spec",
            Self::Status => "status",
        })
    }
}

impl Cluster {
    /// Changes the status of an object.
    pub async fn patch_status<S: Watched>(
        &self,
        name: &NamespacedName,
        resource_version: &str,
        patch: &Value,
    ) -> Result<Live<S>, Error> {
        self.patch(Part::Status, name, Some(resource_version), patch).await
    }

    /// Changes finalizers, which are a list and therefore need the resource version, or annotations, which do not.
    pub async fn patch_metadata<S: Watched>(
        &self,
        name: &NamespacedName,
        resource_version: Option<&str>,
        patch: &Value,
    ) -> Result<Live<S>, Error> {
        self.patch(Part::Metadata, name, resource_version, patch).await
    }

    /// Changes what people write, such as `suspend`, at their order.
    pub async fn patch_spec<S: Watched>(
        &self,
        name: &NamespacedName,
        resource_version: Option<&str>,
        patch: &Value,
    ) -> Result<Live<S>, Error> {
        self.patch(Part::Spec, name, resource_version, patch).await
    }

    async fn patch<S: Watched>(
        &self,
        part: Part,
        name: &NamespacedName,
        resource_version: Option<&str>,
        patch: &Value,
    ) -> Result<Live<S>, Error> {
        let what = format!("changing the {part} of {} {name}", S::KIND);
        let requests = self.requests::<S>(&what, name).await?;
        let body = Patch::Merge(patch_of(part, resource_version, patch));
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let request = match part {
            Part::Status => requests.patch_subresource("status", &name.name, &params, &body),
            Part::Metadata | Part::Spec => requests.patch(&name.name, &params, &body),
        };
        self.ask(what, request).await.map(Live::of)
    }

    /// The object as it is now; `None` when it is not there.
    pub async fn get<S: Watched>(&self, name: &NamespacedName) -> Result<Option<Live<S>>, Error> {
        let what = format!("reading {} {name}", S::KIND);
        let requests = self.requests::<S>(&what, name).await?;
        let held = self.find(what, requests.get(&name.name, &GetParams::default())).await?;
        Ok(held.map(Live::of))
    }

    /// All objects of a scope, in the order of the server.
    pub async fn list<S: Watched>(&self, scope: &Scope) -> Result<Vec<Live<S>>, Error> {
        let what = format!("listing {}", S::KIND);
        let namespace = scope.namespace.as_deref().unwrap_or_default();
        if scope.namespace.is_some() {
            check_name(&what, namespace)?;
        }
        let requests = Request::new(self.must_serve(S::KIND).await?.path(S::KIND, namespace));
        let mut params =
            ListParams { label_selector: scope.labels.clone(), limit: Some(PAGE_OBJECTS), ..ListParams::default() };
        let mut listed = Vec::new();
        loop {
            let page: ObjectList<Held> = self.ask(&what, requests.list(&params)).await?;
            listed.extend(page.items.into_iter().map(Live::of));
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                return Ok(listed);
            }
        }
    }

    async fn requests<S: Watched>(&self, what: &str, name: &NamespacedName) -> Result<Request, Error> {
        check_name(what, &name.namespace)?;
        check_name(what, &name.name)?;
        Ok(Request::new(self.must_serve(S::KIND).await?.path(S::KIND, &name.namespace)))
    }
}

fn patch_of(part: Part, resource_version: Option<&str>, patch: &Value) -> Value {
    let mut body = json!({});
    body[part.to_string()] = patch.clone();
    if let Some(resource_version) = resource_version {
        body["metadata"]["resourceVersion"] = json!(resource_version);
    }
    body
}

/// The merge patch that makes `new` of `old`; `None` when there is nothing to do. A member that is null counts as absent,
/// since a merge patch cannot tell the two apart.
pub fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in after.iter().filter(|(_, value)| !value.is_null()) {
        let old = before.get(key).unwrap_or(&Value::Null);
        if let Some(change) = merge_patch(old, value) {
            patch.insert(key.clone(), change);
        }
    }
    let is_there = |key: &String| after.get(key).is_some_and(|value| !value.is_null());
    for key in before.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key).filter(|key| !is_there(key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}
