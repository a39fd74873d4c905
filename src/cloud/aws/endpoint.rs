//! Where the APIs of AWS are asked: by their region, or where the environment says.

use super::super::errand::Errand;
use super::super::error::Error;
use crate::net::{Url, is_loopback};

/// A service and the variable that moves it.
#[derive(Clone, Copy)]
pub(super) enum Service {
    Sts,
    Ecr,
    EcrPublic,
}

impl Service {
    fn variable(self) -> &'static str {
        match self {
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::Ecr => "AWS_ENDPOINT_URL_ECR",
            Self::EcrPublic => "AWS_ENDPOINT_URL_ECR_PUBLIC",
        }
    }
}

/// The URL of `service`, which stands on `host` unless a variable names another place.
pub(super) fn url(errand: &Errand<'_>, service: Service, host: &str) -> Result<Url, Error> {
    let is_ignored = errand.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|text| text == "true");
    let named =
        [service.variable(), "AWS_ENDPOINT_URL"].into_iter().find_map(|name| Some((name, errand.variable(name)?)));
    match named.filter(|_| !is_ignored) {
        Some((name, text)) => errand.named_url(name, &text, is_loopback),
        None => Ok(errand.url(&format!("https://{host}/"))),
    }
}
