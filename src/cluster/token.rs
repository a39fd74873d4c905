//! Tokens of service accounts, for workload identity of single objects.

use std::time::Duration;

use jiff::Timestamp;
use kube::api::PostParams;
use kube::core::Request;
use serde::Deserialize;
use serde_json::json;

use super::ask::{check_name, path};
use super::connect::Cluster;
use super::error::Error;
use crate::object::NamespacedName;
use crate::secret::Secret;

/// A token of a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub secret: Secret,
    /// The server may give less time than was asked for.
    pub expires: Timestamp,
}

#[derive(Deserialize)]
struct TokenRequest {
    status: Issued,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    token: String,
    expiration_timestamp: Timestamp,
}

impl Cluster {
    /// A new token of `account` that only `audience` accepts.
    pub async fn token(&self, account: &NamespacedName, audience: &str, lifetime: Duration) -> Result<Token, Error> {
        let what = format!("requesting a token of ServiceAccount {account}");
        check_name(&what, &account.namespace)?;
        check_name(&what, &account.name)?;
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "audiences": [audience], "expirationSeconds": lifetime.as_secs() },
        });
        let request = Request::new(path("", "v1", &account.namespace, "serviceaccounts")).create_subresource(
            "token",
            &account.name,
            &PostParams::default(),
            body.to_string().into_bytes(),
        );
        let Issued { token, expiration_timestamp } = self.ask::<TokenRequest>(what, request).await?.status;
        Ok(Token { secret: Secret::new(token), expires: expiration_timestamp })
    }
}
