//! A token of Entra becomes a login of an Azure container registry: the registry itself exchanges it.
//!
//! After <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use super::super::clouds::{Login, Provider, stranger};
use super::super::endpoints::is_host_name;
use super::super::errand::{Errand, Question, Refusal, is_word};
use super::super::error::Error;
use super::super::tokens::Given;
use super::entra::{Wanted, token};
use super::stack::Stack;
use crate::net::{Method, StatusCode};
use crate::secret::Secret;

/// What ACR takes as the user of a refresh token.
const USERNAME: &str = "00000000-0000-0000-0000-000000000000";
/// What tokens for any registry are for, in every part of Azure.
const RESOURCE: &str = "https://containerregistry.azure.net";
/// The ends of names of registries, and where Entra of their part of Azure is.
const PARTS: [(&str, &str); 4] = [
    (".azurecr.io", "https://login.microsoftonline.com/"),
    (".azurecr.cn", "https://login.chinacloudapi.cn/"),
    (".azurecr.us", "https://login.microsoftonline.us/"),
    (".azurecr.de", "https://login.microsoftonline.de/"),
];

/// What a token for a registry is for, and where Entra is.
struct Part {
    resource: String,
    authority: String,
}

pub(in super::super) fn check_registry(errand: &Errand<'_>, host: &str) -> Result<(), Error> {
    part(errand, host).map(|_| ())
}

fn part(errand: &Errand<'_>, host: &str) -> Result<Part, Error> {
    let public = PARTS.iter().find(|(end, _)| host.strip_suffix(end).is_some_and(is_host_name));
    let stack = Stack::read(errand)?;
    match (stack.filter(|stack| stack.has(host)), public) {
        (Some(stack), _) if is_host_name(host) => {
            let resource = stack.resource_manager_endpoint.trim_end_matches('/').to_owned();
            let authority = stack.active_directory_endpoint.unwrap_or_else(|| PARTS[0].1.to_owned());
            Ok(Part { resource, authority })
        }
        (_, Some((_, authority))) => Ok(Part { resource: RESOURCE.to_owned(), authority: (*authority).to_owned() }),
        _ => Err(stranger(host, Provider::Azure, Provider::Azure.registries())),
    }
}

/// A login for the registry; a kept token that the registry refuses is asked for again, once.
pub(in super::super) async fn acr_login(errand: &Errand<'_>, host: &str) -> Result<Given<Login>, Error> {
    let Part { resource, authority } = part(errand, host)?;
    let wanted = Wanted { resource: &resource, authority: &authority };
    let kept = token(errand, &wanted, None).await?;
    match exchange(errand, host, &kept.given.token).await {
        Err(Error::Refused { status: StatusCode::UNAUTHORIZED, .. }) if !kept.is_new => {
            let other = token(errand, &wanted, Some(&kept.given.token)).await?;
            exchange(errand, host, &other.given.token).await
        }
        outcome => outcome,
    }
}

async fn exchange(errand: &Errand<'_>, host: &str, access: &Secret) -> Result<Given<Login>, Error> {
    let url = errand.url(&format!("https://{host}/oauth2/exchange"));
    let text = access.expose_text().unwrap_or_default();
    let fields = [("grant_type", "access_token"), ("service", host), ("access_token", text)];
    let question = Question::new(Method::POST, url, "an Azure container registry", format!("a login of {host}"));
    let question = question.form(&fields).hiding(access).hint(hint);
    let answer = errand.ask_json(&question).await?;
    let token = answer.get("refresh_token").and_then(Value::as_str).filter(|text| is_word(text));
    let token = token.ok_or_else(|| question.odd("no refresh token in the answer"))?;
    let end = end(token).ok_or_else(|| question.odd("the refresh token does not say when it ends"))?;
    let login = Login { username: USERNAME.to_owned(), password: Secret::new(token) };
    Ok(Given { token: login, expires_at: end })
}

/// The `exp` of a JWT that is not ours to check.
fn end(token: &str) -> Option<Timestamp> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.status {
        401 | 403 => Some("give the identity the role AcrPull on this registry; both must be of the same tenant"),
        404 => Some("what stands there does not exchange tokens: check spec.image"),
        _ => None,
    }
}
