//! Select: chooses the latest image of each policy from the tags of its repository.
//!
//! Takes a batch of policies with their scans, gives an image reference and the reason for each. Asks the
//! registry for nothing but the digests that `digestReflectionPolicy` wants.

use super::lanes::in_lanes;
use crate::image::{Digest, ImageRef, ParseError, Repository, Tag};
use crate::policy::{Outcome, Selector, Verdict};
use crate::registry::{self, Access, Client};

/// When the digest of the latest image is written beside its tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reflection {
    #[default]
    Never,
    /// Asked for when the image repository or the tag is new; kept while both stay.
    IfNotPresent,
    Always,
}

/// One policy to be decided.
#[derive(Clone, Debug)]
pub struct SelectRequest<'a> {
    pub selector: &'a Selector,
    pub repository: &'a Repository,
    pub access: &'a Access,
    pub tags: &'a [Tag],
    pub reflection: Reflection,
    /// What was latest before, where that is known.
    pub previous: Option<&'a ImageRef>,
}

/// The latest image of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub image: ImageRef,
    /// Why this one, in a sentence.
    pub reason: String,
}

/// Why a policy has no latest image.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    #[error("no tag of {repository} qualifies: {reason}")]
    NoTag { repository: Repository, reason: String },
    #[error("selecting from {repository}: tag {tag:?} is not one that a registry may hold")]
    Tag { repository: Repository, tag: String, source: Box<ParseError> },
    #[error("digestReflectionPolicy")]
    Digest { source: registry::Error },
}

/// Decides all policies; the outcome at place `i` belongs to request `i`.
pub async fn select(client: &Client, requests: &[SelectRequest<'_>]) -> Vec<Result<Selection, SelectError>> {
    let requests = requests.iter().map(|request| (request.repository, request));
    in_lanes(client, requests, |request| select_one(client, request)).await
}

async fn select_one(client: &Client, request: &SelectRequest<'_>) -> Result<Selection, SelectError> {
    let mut selection = choose(request)?;
    if let Some(tag) = selection.image.tag.clone() {
        selection.image.digest = digest(client, request, &tag).await?;
    }
    Ok(selection)
}

fn choose(request: &SelectRequest<'_>) -> Result<Selection, SelectError> {
    let repository = request.repository.clone();
    let verdicts = request.selector.explain(request.tags);
    let Some(latest) = verdicts.first().filter(|verdict| verdict.outcome == Outcome::Latest) else {
        return Err(SelectError::NoTag { repository, reason: why_none(&verdicts) });
    };
    let unfit = |source| SelectError::Tag {
        repository: repository.clone(),
        tag: latest.tag.to_owned(),
        source: Box::new(source),
    };
    let tag = latest.tag.parse().map_err(unfit)?;
    let reason = format!("{} (of {} tags)", latest.reason, verdicts.len());
    Ok(Selection { image: ImageRef { repository, tag: Some(tag), digest: None }, reason })
}

fn why_none(verdicts: &[Verdict<'_>]) -> String {
    match verdicts {
        [] => "the repository has no tags".to_owned(),
        [only] => format!("{}: {}", only.tag, only.reason),
        [first, ..] => format!("none of {}, such as {}: {}", verdicts.len(), first.tag, first.reason),
    }
}

async fn digest(client: &Client, request: &SelectRequest<'_>, tag: &Tag) -> Result<Option<Digest>, SelectError> {
    let known = request
        .previous
        .filter(|previous| previous.repository == *request.repository && previous.tag.as_ref() == Some(tag))
        .and_then(|previous| previous.digest.clone());
    match (request.reflection, known) {
        (Reflection::Never, _) => Ok(None),
        (Reflection::IfNotPresent, Some(known)) => Ok(Some(known)),
        _ => {
            let asked = client.digest(request.repository, tag, request.access).await;
            asked.map(Some).map_err(|source| SelectError::Digest { source })
        }
    }
}
