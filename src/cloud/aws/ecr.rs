//! Keys become a login of ECR, private or public: `GetAuthorizationToken`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::super::clouds::Login;
use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::endpoint::{self, Service};
use super::keys::{AwsKeys, Region, keys, time};
use super::registry::Registry;
use super::sigv4::{Signable, aws_authorization, long_date};
use crate::net::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use crate::net::{Method, Url};
use crate::secret::Secret;

const CONTENT: &str = "application/x-amz-json-1.1";
/// Refusals that other keys may end.
const OF_KEYS: [&str; 4] =
    ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"];

/// A login for the registry; keys that were kept and are refused are asked for again, once.
pub(in super::super) async fn ecr_login(errand: &Errand<'_>, registry: &Registry) -> Result<Given<Login>, Error> {
    let region = Region { name: &registry.region, suffix: registry.suffix };
    let kept = keys(errand, region, None).await?;
    match ask(errand, registry, &kept.given.token).await {
        Err(Error::Refused { code, .. }) if !kept.is_new && OF_KEYS.contains(&code.as_str()) => {
            let other = keys(errand, region, Some(&kept.given.token)).await?;
            ask(errand, registry, &other.given.token).await
        }
        outcome => outcome,
    }
}

async fn ask(errand: &Errand<'_>, registry: &Registry, keys: &AwsKeys) -> Result<Given<Login>, Error> {
    let question = question(errand, registry, keys, Timestamp::now())?;
    let answer = errand.ask_json(&question).await?;
    let data = answer.get("authorizationData");
    // One object of the public registry, a list of one of a private one.
    let data = data.and_then(|data| data.get(0).or(Some(data))).unwrap_or(&Value::Null);
    let token = data.get("authorizationToken").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
    let pair = token.and_then(|token| String::from_utf8(token).ok());
    let (username, password) =
        pair.as_deref().and_then(|pair| pair.split_once(':')).ok_or_else(|| question.odd("no login in the answer"))?;
    let end = data.get("expiresAt").and_then(time).ok_or_else(|| question.odd("the login's end is not a time"))?;
    let login = Login { username: username.to_owned(), password: Secret::new(password) };
    Ok(Given { token: login, expires_at: end })
}

fn question(errand: &Errand<'_>, registry: &Registry, keys: &AwsKeys, now: Timestamp) -> Result<Question, Error> {
    let (service, name, target) = match registry.is_public {
        true => (Service::EcrPublic, "ecr-public", "SpencerFrontendService.GetAuthorizationToken"),
        false => (Service::Ecr, "ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
    };
    let url = endpoint::url(errand, service, registry.api_host())?;
    let (host, path, date) = (host_header(&url), url.path().to_owned(), long_date(now));
    let session = keys.session.as_ref().and_then(Secret::expose_text);
    let mut headers = vec![("content-type", CONTENT), ("host", &host), ("x-amz-date", &date), ("x-amz-target", target)];
    headers.extend(session.map(|session| ("x-amz-security-token", session)));
    let body = b"{}";
    let signable = Signable {
        method: "POST",
        path: &path,
        query: &[],
        headers: &headers,
        body,
        region: &registry.region,
        service: name,
    };
    let authorization = aws_authorization(&signable, keys, now);
    let mut question = Question::new(Method::POST, url, "Amazon ECR", "a login of its registries")
        .json(&Value::Object(serde_json::Map::new()))
        .header(CONTENT_TYPE, CONTENT)
        .header(HeaderName::from_static("x-amz-target"), target)
        .secret_header(HeaderName::from_static("x-amz-date"), "", &Secret::new(date.clone()))?
        .secret_header(AUTHORIZATION, "", &Secret::new(authorization))?
        .hint(if registry.is_public { hint_public } else { hint });
    if let Some(session) = &keys.session {
        question = question.secret_header(HeaderName::from_static("x-amz-security-token"), "", session)?;
    }
    Ok(question)
}

/// As the client writes it: a port that is not the scheme's own belongs to it.
fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.code {
        "AccessDeniedException" => {
            Some("the role needs ecr:GetAuthorizationToken on *, and to list tags ecr:ListImages")
        }
        code => hint_keys(code),
    }
}

fn hint_public(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.code {
        "AccessDeniedException" => {
            Some("the role needs ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken")
        }
        code => hint_keys(code),
    }
}

fn hint_keys(code: &str) -> Option<&'static str> {
    match code {
        "InvalidSignatureException" => Some("check AWS_SECRET_ACCESS_KEY, and the clock of this machine"),
        code if OF_KEYS.contains(&code) => {
            Some("check that the keys are of this part of AWS, and AWS_SESSION_TOKEN of them")
        }
        _ => None,
    }
}
