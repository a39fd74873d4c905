//! Keys from an agent beside the container: EKS Pod Identity and ECS.
//!
//! After <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::keys::{self, AwsKeys};
use crate::net::header::AUTHORIZATION;
use crate::net::{Method, Url, is_loopback};
use crate::secret::Secret;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// Plain http is for the agents of ECS and EKS and for this machine: whoever answers gets the pod's token.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Where the agent is, if the environment names one.
pub(super) fn address(errand: &Errand<'_>) -> Result<Option<Url>, Error> {
    if let Some(path) = errand.variable(RELATIVE) {
        if !path.starts_with('/') {
            return Err(Error::Setting { name: RELATIVE, why: "is not a path".to_owned(), hint: None });
        }
        return errand.named_url(RELATIVE, &format!("http://{}{path}", AGENTS[0]), is_agent).map(Some);
    }
    errand.variable(FULL).map(|text| errand.named_url(FULL, &text, is_agent)).transpose()
}

fn is_agent(url: &Url) -> bool {
    is_loopback(url) || url.host_str().is_some_and(|host| AGENTS.contains(&host))
}

pub(super) async fn ask(errand: &Errand<'_>, address: Url) -> Result<Given<AwsKeys>, Error> {
    let question = Question::new(Method::GET, address, "the credentials agent of EKS or ECS", "keys of this pod");
    let mut question = question.direct().hint(hint);
    if let Some(token) = token(errand)? {
        question = question.secret_header(AUTHORIZATION, "", &token)?;
    }
    let answer = errand.ask_json(&question).await?;
    keys::read(&question, &answer, "Token")
}

fn token(errand: &Errand<'_>) -> Result<Option<Secret>, Error> {
    match errand.variable(TOKEN_FILE) {
        Some(path) => errand.file(TOKEN_FILE, &path).map(Some),
        None => Ok(errand.variable(TOKEN).map(Secret::new)),
    }
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.status {
        0 => Some("check that the EKS Pod Identity agent runs on this node, or the ECS agent on this host"),
        400..=404 => Some("check the pod identity association of this service account, and renew the pod after it"),
        _ => None,
    }
}
