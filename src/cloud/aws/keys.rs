//! The keys that requests are signed with, and where they come from: the first source that is set up, as in AWS's SDKs.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::super::errand::{Errand, Question, is_word};
use super::super::error::Error;
use super::super::tokens::{Given, Kept};
use super::{container, instance, web_identity};
use crate::secret::Secret;

/// An access key, and the session that it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKeys {
    pub id: String,
    pub secret: Secret,
    pub session: Option<Secret>,
}

/// The id is no secret, and tells whose keys they are.
impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsKeys({})", self.id)
    }
}

/// Where keys are wanted: STS is asked in this region.
#[derive(Clone, Copy)]
pub(super) struct Region<'a> {
    pub(super) name: &'a str,
    pub(super) suffix: &'a str,
}

/// Keys that are good for some minutes; others than `refused`, which AWS did not accept.
pub(super) async fn keys(
    errand: &Errand<'_>,
    region: Region<'_>,
    refused: Option<&AwsKeys>,
) -> Result<Kept<AwsKeys>, Error> {
    let key = errand.key(&["aws", region.name]);
    let ask = async |_| from_chain(errand, region).await;
    errand.caches.aws.get(key, refused, errand.deadline, ask, || errand.late("the services that give AWS keys")).await
}

async fn from_chain(errand: &Errand<'_>, region: Region<'_>) -> Result<Given<AwsKeys>, Error> {
    if let Some(keys) = from_environment(errand)? {
        return Ok(Given { token: keys, expires_at: Timestamp::MAX });
    }
    if let Some(path) = errand.variable(web_identity::TOKEN_FILE) {
        return web_identity::assume(errand, &path, region).await;
    }
    match container::address(errand)? {
        Some(address) => container::ask(errand, address).await,
        None => instance::ask(errand).await,
    }
}

fn from_environment(errand: &Errand<'_>) -> Result<Option<AwsKeys>, Error> {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let half = |name, other| {
        let hint = Some("both belong together, as does AWS_SESSION_TOKEN for temporary keys");
        Err(Error::Setting { name, why: format!("is not set, and {other} is"), hint })
    };
    match (errand.variable(id), errand.variable(secret)) {
        (Some(id), Some(secret)) => {
            let session = errand.variable("AWS_SESSION_TOKEN").map(Secret::new);
            Ok(Some(AwsKeys { id, secret: Secret::new(secret), session }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => half(secret, id),
        (None, Some(_)) => half(id, secret),
    }
}

/// Keys as AWS's services write them; the names differ only in that of the session.
pub(super) fn read(question: &Question, answer: &Value, session: &str) -> Result<Given<AwsKeys>, Error> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| is_word(text));
    let (Some(id), Some(secret), Some(token)) = (text("AccessKeyId"), text("SecretAccessKey"), text(session)) else {
        return Err(question.odd("no keys with a session in the answer"));
    };
    let end = answer.get("Expiration").and_then(time).ok_or_else(|| question.odd("the keys' end is not a time"))?;
    let keys = AwsKeys { id: id.to_owned(), secret: Secret::new(secret), session: Some(Secret::new(token)) };
    Ok(Given { token: keys, expires_at: end })
}

/// Seconds since 1970, or a time as text.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(seconds) => Timestamp::from_second(seconds.as_f64()? as i64).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
