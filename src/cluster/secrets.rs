//! What objects refer to by name: Secrets, service accounts, and the labels of namespaces.
//!
//! Each is read by its name, and the answer kept for some seconds. Nothing is listed or watched: an account that may read
//! the Secrets of a namespace by name need not be one that may see all of them.

use kube::api::GetParams;
use kube::core::Request;

use super::ask::{check_name, path};
use super::brief::Brief;
use super::connect::Cluster;
use super::error::Error;
use crate::api::{Labels, ServiceAccount};
use crate::object::{NamespacedName, Value};
use crate::secret::SecretData;

/// The answers of the last seconds.
#[derive(Default)]
pub(super) struct Named {
    secrets: Brief<NamespacedName, Option<SecretData>>,
    accounts: Brief<NamespacedName, Option<ServiceAccount>>,
    namespaces: Brief<String, Option<Labels>>,
}

impl Cluster {
    /// The data of a Secret; `None` when it is not there.
    pub async fn secret(&self, name: &NamespacedName) -> Result<Option<SecretData>, Error> {
        let ask = async || {
            let what = format!("reading Secret {name}");
            let Some(object) = self.core_object(&what, &name.namespace, "secrets", &name.name).await? else {
                return Ok(None);
            };
            let data = SecretData::from_object(&object);
            data.map(Some).map_err(|error| Error::Unreadable { what, cause: error.to_string() })
        };
        self.shared.named.secrets.get(name, ask).await
    }

    /// A service account; `None` when it is not there.
    pub async fn service_account(&self, name: &NamespacedName) -> Result<Option<ServiceAccount>, Error> {
        let ask = async || {
            let what = format!("reading ServiceAccount {name}");
            let Some(object) = self.core_object(&what, &name.namespace, "serviceaccounts", &name.name).await? else {
                return Ok(None);
            };
            let account = ServiceAccount::from_object(&object);
            account.map(Some).map_err(|wrong| Error::Unreadable { what, cause: format!("imagePullSecrets: {wrong}") })
        };
        self.shared.named.accounts.get(name, ask).await
    }

    /// The labels of a namespace; `None` when it is not there.
    pub async fn namespace_labels(&self, namespace: &str) -> Result<Option<Labels>, Error> {
        let ask = async || {
            let what = format!("reading Namespace {namespace}");
            let object = self.core_object(&what, "", "namespaces", namespace).await?;
            Ok(object.map(|object| labels(&object)))
        };
        self.shared.named.namespaces.get(&namespace.to_owned(), ask).await
    }

    async fn core_object(&self, what: &str, namespace: &str, plural: &str, name: &str) -> Result<Option<Value>, Error> {
        check_name(what, name)?;
        if plural != "namespaces" {
            check_name(what, namespace)?;
        }
        self.find(what, Request::new(path("", "v1", namespace, plural)).get(name, &GetParams::default())).await
    }
}

fn labels(object: &Value) -> Labels {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
