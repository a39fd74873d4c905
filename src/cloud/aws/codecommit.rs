//! Keys become user and password of CodeCommit: the password is a signature of the repository's URL, made here.
//!
//! The form is that of AWS's own `git-remote-codecommit`: <https://github.com/aws/git-remote-codecommit>.

use jiff::Timestamp;

use super::super::clouds::Login;
use super::super::errand::Errand;
use super::super::error::Error;
use super::super::tokens::Kept;
use super::keys::{AwsKeys, Region, keys};
use super::registry::{is_region, suffix_of};
use super::sigv4::signature;
use crate::secret::Secret;

/// Where a repository of CodeCommit lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct CodeCommit<'a> {
    host: &'a str,
    region: &'a str,
    suffix: &'static str,
}

impl<'a> CodeCommit<'a> {
    /// `git-codecommit.REGION.…`, its FIPS name, or that of an endpoint in a VPC.
    pub(in super::super) fn parse(host: &'a str) -> Option<Self> {
        let suffix = suffix_of(host)?;
        let mut labels = host.strip_suffix(suffix)?.trim_end_matches('.').split('.');
        labels.find(|label| ["git-codecommit", "git-codecommit-fips"].contains(label))?;
        let region = labels.next().filter(|region| is_region(region))?;
        if !matches!((labels.next(), labels.next()), (None | Some("vpce"), None)) {
            return None;
        }
        Some(Self { host, region, suffix })
    }
}

/// User and password for one repository, and the keys that they are made of.
pub(in super::super) async fn git_login(
    errand: &Errand<'_>,
    place: &CodeCommit<'_>,
    path: &str,
    refused: Option<&AwsKeys>,
) -> Result<(Login, Kept<AwsKeys>), Error> {
    let kept = keys(errand, Region { name: place.region, suffix: place.suffix }, refused).await?;
    Ok((sign(place, path, &kept.given.token, Timestamp::now()), kept))
}

/// The signed time has no `Z`, the password has one.
fn sign(place: &CodeCommit<'_>, path: &str, keys: &AwsKeys, now: Timestamp) -> Login {
    let written = now.strftime("%Y%m%dT%H%M%S").to_string();
    let canonical = format!("GIT\n{path}\n\nhost:{}\n\nhost\n", place.host);
    let signature = signature(&canonical, keys, (place.region, "codecommit"), now, &written);
    let session = keys.session.as_ref().and_then(Secret::expose_text);
    let session = session.map(|session| format!("%{session}")).unwrap_or_default();
    let username = format!("{}{session}", keys.id);
    Login { username, password: Secret::new(format!("{written}Z{signature}")) }
}
