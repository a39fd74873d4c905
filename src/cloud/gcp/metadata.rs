//! The token of the service account that a machine, or a pod by workload identity, runs as.

use jiff::Timestamp;

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::{SCOPE, read};
use crate::net::Method;
use crate::net::header::HeaderName;
use crate::secret::Secret;

const HOST: &str = "GCE_METADATA_HOST";
/// The address and not the name: no server of names is asked.
const ADDRESS: &str = "169.254.169.254";
const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

pub(super) async fn ask(errand: &Errand<'_>) -> Result<Given<Secret>, Error> {
    let host = errand.variable(HOST).unwrap_or_else(|| ADDRESS.to_owned());
    let mut url = errand.named_url(HOST, &format!("http://{host}{PATH}"), |_| true)?;
    url.query_pairs_mut().append_pair("scopes", SCOPE);
    let what = "a token of this machine's service account";
    let question = Question::new(Method::GET, url, "Google's metadata service", what);
    let question = question.direct().header(FLAVOR, "Google").hint(hint);
    let answer = errand.ask(&question).await?;
    if answer.header(&FLAVOR) != Some("Google") {
        return Err(question.odd("no header Metadata-Flavor: Google"));
    }
    let body = serde_json::from_slice(&answer.body).map_err(|_| question.odd("no JSON"))?;
    read(&question, &body, Timestamp::now())
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.status {
        0 => Some("outside of Google Cloud, GOOGLE_APPLICATION_CREDENTIALS names a file with credentials"),
        403 => Some(
            "the service account must be bound: roles/iam.workloadIdentityUser for this Kubernetes service account",
        ),
        404 => Some("this machine runs without a service account"),
        _ => None,
    }
}
