//! Tokens of Microsoft Entra: for a secret or a token of the cluster as the environment says, else for the identity
//! that the machine was given. The order is that of Azure's SDKs without their command lines.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::errand::{Errand, Question, Refusal, is_word};
use super::super::error::Error;
use super::super::tokens::{Given, Kept};
use super::managed;
use crate::net::{Method, is_loopback};
use crate::secret::Secret;

const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
pub(super) const CLIENT: &str = "AZURE_CLIENT_ID";
const TENANT: &str = "AZURE_TENANT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com/";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Azure DevOps, in every tenant.
const DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// What a token is for, and which part of Azure gives it.
pub(super) struct Wanted<'a> {
    /// What the token is shown to, without `/.default`.
    pub(super) resource: &'a str,
    /// Where Entra is, unless the environment says.
    pub(super) authority: &'a str,
}

/// A token for Azure DevOps; another than `refused`.
pub(in super::super) async fn devops_token(
    errand: &Errand<'_>,
    refused: Option<&Secret>,
) -> Result<Kept<Secret>, Error> {
    token(errand, &Wanted { resource: DEVOPS, authority: PUBLIC_AUTHORITY }, refused).await
}

/// A token that is good for some minutes; another than `refused`.
pub(super) async fn token(
    errand: &Errand<'_>,
    wanted: &Wanted<'_>,
    refused: Option<&Secret>,
) -> Result<Kept<Secret>, Error> {
    let key = errand.key(&["azure", wanted.resource, wanted.authority]);
    let ask = async |now| from_chain(errand, wanted, now).await;
    errand.caches.access.get(key, refused, errand.deadline, ask, || errand.late("the token service of azure")).await
}

async fn from_chain(errand: &Errand<'_>, wanted: &Wanted<'_>, now: Timestamp) -> Result<Given<Secret>, Error> {
    if let Some(secret) = errand.variable(SECRET).map(Secret::new) {
        let client = Client::read(errand, wanted, SECRET)?;
        let text = secret.expose_text().unwrap_or_default();
        return client.ask(errand, wanted, &secret, &[("client_secret", text)], now).await;
    }
    if errand.variable(CERTIFICATE).is_some() {
        let why = "is set, and certificates are not supported here".to_owned();
        let hint = Some("use workload identity, a managed identity or AZURE_CLIENT_SECRET");
        return Err(Error::Setting { name: CERTIFICATE, why, hint });
    }
    if let Some(path) = errand.variable(TOKEN_FILE) {
        let client = Client::read(errand, wanted, TOKEN_FILE)?;
        let token = errand.file(TOKEN_FILE, &path)?;
        let text = token.expose_text().unwrap_or_default();
        let fields = [("client_assertion_type", JWT_BEARER), ("client_assertion", text)];
        return client.ask(errand, wanted, &token, &fields, now).await;
    }
    managed::ask(errand, wanted.resource, now).await
}

/// Who asks Entra, and where.
struct Client {
    id: String,
    tenant: String,
    authority: String,
}

impl Client {
    /// `because` is the variable that says that the others must be there.
    fn read(errand: &Errand<'_>, wanted: &Wanted<'_>, because: &'static str) -> Result<Self, Error> {
        let required = |name: &'static str| {
            let hint = Some(
                "workload identity: label the pod azure.workload.identity/use: \"true\" and annotate its service \
                 account azure.workload.identity/client-id, then renew the pod",
            );
            let missing = || Error::Setting { name, why: format!("is not set, and {because} is"), hint };
            errand.variable(name).ok_or_else(missing)
        };
        let (id, tenant) = (required(CLIENT)?, required(TENANT)?);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        if !tenant.bytes().all(is_name) {
            let why = "is neither an id nor a domain".to_owned();
            return Err(Error::Setting { name: TENANT, why, hint: None });
        }
        let authority = errand.variable(AUTHORITY).unwrap_or_else(|| wanted.authority.to_owned());
        Ok(Self { id, tenant, authority })
    }

    async fn ask(
        &self,
        errand: &Errand<'_>,
        wanted: &Wanted<'_>,
        hidden: &Secret,
        proof: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Given<Secret>, Error> {
        let text = format!("{}/{}/oauth2/v2.0/token", self.authority.trim_end_matches('/'), self.tenant);
        let url = errand.named_url(AUTHORITY, &text, is_loopback)?;
        let what = format!("a token of client {} in tenant {}", self.id, self.tenant);
        let scope = format!("{}/.default", wanted.resource);
        let fields = [("grant_type", "client_credentials"), ("client_id", &self.id), ("scope", &scope)];
        let fields: Vec<(&str, &str)> = fields.into_iter().chain(proof.iter().copied()).collect();
        let question =
            Question::new(Method::POST, url, "Microsoft Entra", what).form(&fields).hiding(hidden).hint(hint);
        read(&question, &errand.ask_json(&question).await?, now)
    }
}

/// Entra says how long a token lives, managed identities when it ends; some write numbers as text.
pub(super) fn read(question: &Question, answer: &Value, now: Timestamp) -> Result<Given<Secret>, Error> {
    let token = answer.get("access_token").and_then(Value::as_str).filter(|text| is_word(text));
    let token = token.ok_or_else(|| question.odd("no token in the answer"))?;
    let number = |name: &str| match answer.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let end = number("expires_on").and_then(|end| Timestamp::from_second(end).ok());
    let lifetime = || now.checked_add(SignedDuration::from_secs(number("expires_in")?)).ok();
    let end = end.or_else(lifetime).ok_or_else(|| question.odd("the token's end is not a time"))?;
    Ok(Given { token: Secret::new(token), expires_at: end })
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.code {
        "invalid_client" => Some(
            "check the federated credential of the identity (issuer, subject system:serviceaccount:NS:NAME, audience), or AZURE_CLIENT_SECRET",
        ),
        "unauthorized_client" => {
            Some("check AZURE_CLIENT_ID and AZURE_TENANT_ID: the application must be of this tenant")
        }
        "invalid_request" => Some("check AZURE_TENANT_ID and AZURE_CLIENT_ID"),
        "invalid_resource" | "invalid_scope" => Some("this tenant does not know what the token is for"),
        _ => None,
    }
}
