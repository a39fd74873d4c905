//! A token of the cluster becomes keys of a role (IAM roles for service accounts): `AssumeRoleWithWebIdentity` of STS.

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::endpoint::{self, Service};
use super::keys::{self, AwsKeys, Region};
use crate::net::Method;

pub(super) const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const SESSION: &str = "tagwright";

pub(super) async fn assume(errand: &Errand<'_>, path: &str, region: Region<'_>) -> Result<Given<AwsKeys>, Error> {
    let role = errand.variable("AWS_ROLE_ARN").ok_or_else(no_role)?;
    let token = errand.file(TOKEN_FILE, path)?;
    let text = token.expose_text().expect("files are read as text");
    let session = errand.variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION.to_owned());
    let url = endpoint::url(errand, Service::Sts, &format!("sts.{}.{}", region.name, region.suffix))?;
    let question =
        Question::new(Method::POST, url, "AWS STS", format!("keys of role {role}")).hiding(&token).hint(hint);
    let question = question.form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", &role),
        ("RoleSessionName", &session),
        ("WebIdentityToken", text),
    ]);
    let answer = errand.ask_json(&question).await?;
    let place = "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials";
    let keys = answer.pointer(place).ok_or_else(|| question.odd("no keys with a session in the answer"))?;
    keys::read(&question, keys, "SessionToken")
}

fn no_role() -> Error {
    Error::Setting {
        name: "AWS_ROLE_ARN",
        why: format!("is not set, and {TOKEN_FILE} is"),
        hint: Some(
            "the annotation eks.amazonaws.com/role-arn of the service account sets both; renew the pod after it",
        ),
    }
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.code {
        "AccessDenied" => {
            Some("the trust policy of the role must name this cluster's OIDC provider and service account")
        }
        "InvalidIdentityToken" => Some("IAM must know the cluster's OIDC provider, with audience sts.amazonaws.com"),
        "ExpiredTokenException" | "ExpiredToken" => {
            Some("check the clock of this machine, and that the token's file is renewed")
        }
        _ => None,
    }
}
