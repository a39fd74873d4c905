//! Keys of the machine that we run on, from its metadata service (IMDSv2; the version without a token is not asked).

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::keys::{self, AwsKeys};
use crate::net::header::HeaderName;
use crate::net::{Answer, Method, Url};
use crate::secret::Secret;

const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_LIFETIME: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const ROLES: &str = "latest/meta-data/iam/security-credentials/";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

pub(super) async fn ask(errand: &Errand<'_>) -> Result<Given<AwsKeys>, Error> {
    if errand.variable(DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        let why = "is true, and the environment names no other source of keys".to_owned();
        return Err(Error::Setting { name: DISABLED, why, hint: Some(NOTHING_SET) });
    }
    let base = base(errand)?;
    let opening = question(Method::PUT, &base, "latest/api/token").header(TOKEN_LIFETIME, "21600");
    let token = Secret::new(word(&opening, &errand.ask(&opening).await?, is_of_token)?);
    let roles = question(Method::GET, &base, ROLES).secret_header(TOKEN, "", &token)?.hint(no_role);
    let role = word(&roles, &errand.ask(&roles).await?, is_of_name)?;
    let of_role = question(Method::GET, &base, &format!("{ROLES}{role}")).secret_header(TOKEN, "", &token)?;
    let answer = errand.ask_json(&of_role).await?;
    keys::read(&of_role, &answer, "Token")
}

const NOTHING_SET: &str = "outside of AWS set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; on EKS give the service \
                           account a role (annotation eks.amazonaws.com/role-arn, or a pod identity association)";

fn base(errand: &Errand<'_>) -> Result<Url, Error> {
    let is_v6 =
        errand.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
    match errand.variable(ENDPOINT) {
        // It is set where the metadata service is somewhere else, which is plain http wherever it is.
        Some(text) => errand.named_url(ENDPOINT, &text, |_| true),
        None if is_v6 => Ok(errand.url("http://[fd00:ec2::254]/")),
        None => Ok(errand.url("http://169.254.169.254/")),
    }
}

fn question(method: Method, base: &Url, path: &str) -> Question {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    Question::new(method, url, "the metadata service of EC2", "keys of this machine").direct().hint(hint)
}

/// The token, or the name of the role: one line of text.
fn word(question: &Question, answer: &Answer, is_fit: fn(char) -> bool) -> Result<String, Error> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
    match !text.is_empty() && text.chars().all(is_fit) {
        true => Ok(text.to_owned()),
        false => Err(question.odd("not one word")),
    }
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_graphic() && c != '<'
}

/// As IAM names roles.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.status {
        0 => Some(NOTHING_SET),
        401 | 403 => Some("the metadata service may be turned off, or its hop limit too low for pods (2 is needed)"),
        _ => None,
    }
}

fn no_role(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.status {
        404 => Some("this machine has no instance profile: give it a role, or the pod one of its own"),
        _ => hint(refusal),
    }
}
