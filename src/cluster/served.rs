//! Which kinds the API server serves, in which version, and with which of our own fields.

use std::sync::PoisonError;

use kube::api::GetParams;
use kube::core::{ApiResource, GroupVersionKind, Request};

use super::ask;
use super::connect::Cluster;
use super::error::Error;
use crate::api::{Kind, Version};
use crate::object::Value;

/// Which version is used when several are served.
const PREFERENCE: [Version; 3] = [Version::V1, Version::V1Beta2, Version::V1Beta1];

/// Fields of ours, by kind: where the schema is Flux's, the server takes them out of what people write.
const OWN_FIELDS: &[(Kind, &[&str])] = &[(Kind::ImagePolicy, &["minAge", "onMovedTag"])];

/// How a kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub version: Version,
    /// The kind's name in paths.
    pub plural: String,
}

impl Served {
    pub(super) fn resource(&self, kind: Kind) -> ApiResource {
        let kind = GroupVersionKind::gvk(kind.group(), self.version.as_str(), kind.as_str());
        ApiResource::from_gvk_with_plural(&kind, &self.plural)
    }

    pub(super) fn path(&self, kind: Kind, namespace: &str) -> String {
        ask::path(kind.group(), self.version.as_str(), namespace, &self.plural)
    }
}

impl Cluster {
    /// How one of the custom kinds is served; `None` when it is not. Asked once, until the answer proves wrong.
    pub async fn served(&self, kind: Kind) -> Result<Option<Served>, Error> {
        if let Some(served) = self.known().get(&kind) {
            return Ok(Some(served.clone()));
        }
        for version in PREFERENCE {
            let (group, written) = (kind.group(), version.as_str());
            let what = format!("looking up the kinds of {group}/{written}");
            let request = Request::new(format!("/apis/{group}")).get(written, &GetParams::default());
            let resources: Option<Value> = self.find(what, request).await?;
            if let Some(plural) = resources.as_ref().and_then(|resources| plural(resources, kind)) {
                let served = Served { version, plural };
                self.known().insert(kind, served.clone());
                return Ok(Some(served));
            }
        }
        Ok(None)
    }

    /// Whether the schema of a kind has the fields that are ours. `None`: the account may not read it.
    pub async fn has_own_fields(&self, kind: Kind) -> Result<Option<bool>, Error> {
        let Some(served) = self.served(kind).await? else { return Ok(None) };
        let name = format!("{}.{}", served.plural, kind.group());
        let what = format!("reading the schema of {kind}");
        let request = Request::new(ask::path("apiextensions.k8s.io", "v1", "", "customresourcedefinitions"))
            .get(&name, &GetParams::default());
        match self.find::<Value>(what, request).await {
            Ok(found) => Ok(found.map(|definition| knows_own_fields(&definition, kind, served.version))),
            Err(Error::Denied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How a kind is served that must be.
    pub(super) async fn must_serve(&self, kind: Kind) -> Result<Served, Error> {
        self.served(kind).await?.ok_or_else(|| Error::not_served(kind))
    }

    /// What was learnt about a kind has proved wrong: its definition was changed or is gone.
    pub(super) fn forget_served(&self, kind: Kind) {
        self.known().remove(&kind);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<Kind, Served>> {
        self.shared.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plural(resources: &Value, kind: Kind) -> Option<String> {
    let is_it = |resource: &&Value| {
        // Those with a slash are parts of an object, such as its status.
        resource["kind"] == kind.as_str() && resource["name"].as_str().is_some_and(|name| !name.contains('/'))
    };
    let resource = resources["resources"].as_array()?.iter().find(is_it)?;
    resource["name"].as_str().map(str::to_owned)
}

fn knows_own_fields(definition: &Value, kind: Kind, version: Version) -> bool {
    let versions = definition["spec"]["versions"].as_array().into_iter().flatten();
    let schema = versions.into_iter().find(|served| served["name"] == version.as_str());
    let properties = schema.map(|served| &served["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]);
    let own = OWN_FIELDS.iter().filter(|(of, _)| *of == kind).flat_map(|(_, fields)| *fields);
    own.into_iter().all(|field| properties.is_some_and(|properties| properties.get(*field).is_some()))
}
