//! Tokens of a managed identity: from App Service and Container Apps where their variables are set, else from the
//! machine's metadata service.

use jiff::Timestamp;

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::entra::{CLIENT, read};
use crate::net::header::HeaderName;
use crate::net::{Method, Url};
use crate::secret::Secret;

const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";
const SHOWN: HeaderName = HeaderName::from_static("x-identity-header");
const METADATA: HeaderName = HeaderName::from_static("metadata");

pub(super) async fn ask(errand: &Errand<'_>, resource: &str, now: Timestamp) -> Result<Given<Secret>, Error> {
    let client = errand.variable(CLIENT);
    let question = match errand.variable(ENDPOINT) {
        Some(endpoint) => of_service(errand, &endpoint, resource, client.as_deref())?,
        None => of_machine(errand, resource, client.as_deref()),
    };
    read(&question, &errand.ask_json(&question).await?, now)
}

fn of_service(errand: &Errand<'_>, endpoint: &str, resource: &str, client: Option<&str>) -> Result<Question, Error> {
    let missing = || Error::Setting {
        name: HEADER,
        why: format!("is not set, and {ENDPOINT} is"),
        hint: Some("App Service and Container Apps set both; Azure Arc is not supported here"),
    };
    let header = errand.variable(HEADER).map(Secret::new).ok_or_else(missing)?;
    // The platform puts it on an address of its own choice, over plain http.
    let mut url = errand.named_url(ENDPOINT, endpoint, |_| true)?;
    ask_for(&mut url, "2019-08-01", resource, client);
    let question = Question::new(Method::GET, url, "a managed identity endpoint", what(client));
    question.direct().hint(hint).secret_header(SHOWN, "", &header)
}

fn of_machine(errand: &Errand<'_>, resource: &str, client: Option<&str>) -> Question {
    let mut url = errand.url("http://169.254.169.254/metadata/identity/oauth2/token");
    ask_for(&mut url, "2018-02-01", resource, client);
    Question::new(Method::GET, url, "Azure's metadata service", what(client))
        .direct()
        .header(METADATA, "true")
        .hint(hint)
}

fn ask_for(url: &mut Url, version: &str, resource: &str, client: Option<&str>) {
    let mut query = url.query_pairs_mut();
    query.append_pair("api-version", version).append_pair("resource", resource);
    if let Some(client) = client {
        query.append_pair("client_id", client);
    }
}

fn what(client: Option<&str>) -> String {
    match client {
        Some(client) => format!("a token of managed identity {client}"),
        None => "a token of this machine's managed identity".to_owned(),
    }
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.status {
        0 => Some(
            "no other identity is set up: workload identity sets AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID and \
             AZURE_TENANT_ID (label the pod azure.workload.identity/use: \"true\")",
        ),
        400 => Some("assign an identity to this machine; where it has several, AZURE_CLIENT_ID says which"),
        _ => None,
    }
}
