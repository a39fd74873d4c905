//! Select: chooses the latest image of each policy from the tags of its repository.
//!
//! Takes a batch of policies with their scans, gives an image reference and the reason for each. Asks the
//! registry for nothing but the digests that `digestReflectionPolicy` wants and those that a [`Guard`] must know.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::lanes::in_lanes;
use super::memory::Memory;
use crate::image::{Digest, ImageRef, ParseError, Repository, Tag};
use crate::ledger::View;
use crate::policy::{Guard, Judgement, Moved, Outcome, Refusal, Seen, Selector, Verdict};
use crate::registry::{self, Access, Client};

/// At most this many digests are asked for to decide one policy, and of this many best candidates; further down only
/// tags can qualify whose digests are known for long enough already.
const DIGESTS_MAX: usize = 20;
/// What is remembered of so many candidates is read at once; of fewer at first, since mostly one of the best qualifies.
const READ_TOGETHER: usize = 1000;

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
    pub guard: Guard,
    pub repository: &'a Repository,
    pub access: &'a Access,
    /// Whose eyes see the repository: what is remembered of it is remembered by view.
    pub view: &'a View,
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
    /// The better tags that the guard refuses, best first.
    pub passed_over: Vec<PassedOver>,
    /// That the tag moved since it was seen last, where the policy wants to be told.
    pub moved: Option<Moved>,
}

/// A tag that the rules select and the guard refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    pub tag: String,
    pub why: Refusal,
}

/// Why a policy has no latest image.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    #[error("no tag of {repository} qualifies: {reason}")]
    NoTag { repository: Repository, reason: String, passed_over: Vec<PassedOver> },
    #[error("selecting from {repository}: tag {tag:?} is not one that a registry may hold")]
    Tag { repository: Repository, tag: String, source: Box<ParseError> },
    #[error("digestReflectionPolicy")]
    Digest { source: registry::Error },
    #[error("minAge or onMovedTag")]
    Guard { source: registry::Error },
}

/// Decides all policies; the outcome at place `i` belongs to request `i`.
pub async fn select(
    client: &Client,
    memory: &Memory,
    requests: &[SelectRequest<'_>],
    now: Timestamp,
) -> Vec<Result<Selection, SelectError>> {
    let deciding =
        requests.iter().map(|request| (request.repository, request.access, select_one(client, memory, request, now)));
    in_lanes(client, deciding, |deciding| deciding).await
}

async fn select_one(
    client: &Client,
    memory: &Memory,
    request: &SelectRequest<'_>,
    now: Timestamp,
) -> Result<Selection, SelectError> {
    let sieved = sieve(client, memory, request, now).await?;
    let mut selection = choose(request, sieved.passed_over)?;
    selection.moved = sieved.moved.filter(|_| sieved.is_news);
    if let Some(tag) = selection.image.tag.clone() {
        selection.image.digest = digest(client, memory, request, &tag, sieved.digest, now).await?;
    }
    Ok(selection)
}

/// What came of the walk down the candidates.
#[derive(Clone, Debug, Default)]
pub struct Sieved {
    /// Those that do not qualify, best first: all before the first that does.
    pub passed_over: Vec<PassedOver>,
    /// That the one that does has moved, where the policy wants to be told.
    pub moved: Option<Moved>,
    /// Whether it did since it was seen last.
    is_news: bool,
    /// The digest of the one that does, where it was asked for.
    pub digest: Option<Digest>,
}

/// Walks down the tags that the rules select, best first, to the one that the guard lets pass.
pub async fn sieve(
    client: &Client,
    memory: &Memory,
    request: &SelectRequest<'_>,
    now: Timestamp,
) -> Result<Sieved, SelectError> {
    let mut sieved = Sieved::default();
    if !request.guard.is_set() {
        return Ok(sieved);
    }
    let verdicts = request.selector.explain(request.tags);
    let candidates = verdicts.iter().take_while(|verdict| verdict.outcome != Outcome::Rejected);
    let candidates = candidates.map(|verdict| parse(request.repository, verdict.tag));
    let candidates = candidates.collect::<Result<Vec<Tag>, _>>()?;
    let mut asked = 0;
    let mut known = VecDeque::new();
    for (place, tag) in candidates.iter().enumerate() {
        if known.is_empty() {
            let next = candidates[place..].iter().take(READ_TOGETHER.min(DIGESTS_MAX + place)).cloned().collect();
            known = memory.all_seen(request.view, next, now).await.into();
        }
        let seen: Seen = known.pop_front().unwrap_or_default();
        let is_worth_it = asked < DIGESTS_MAX && (place < DIGESTS_MAX || !seen.digests.is_empty());
        let why = match request.guard.judge(&seen, now) {
            Judgement::Qualifies => break,
            Judgement::Refused(why) => why,
            Judgement::NeedsDigest if !is_worth_it => Refusal::NotAsked,
            Judgement::NeedsDigest => {
                asked += 1;
                match ask(client, memory, request, tag, now).await? {
                    Asked::Passes { digest, moved, is_news } => {
                        (sieved.digest, sieved.moved, sieved.is_news) = (Some(digest), moved, is_news);
                        break;
                    }
                    Asked::Refused(why) => why,
                }
            }
        };
        sieved.passed_over.push(PassedOver { tag: tag.to_string(), why });
    }
    Ok(sieved)
}

/// What became of a candidate whose digest was asked for.
enum Asked {
    Passes { digest: Digest, moved: Option<Moved>, is_news: bool },
    Refused(Refusal),
}

async fn ask(
    client: &Client,
    memory: &Memory,
    request: &SelectRequest<'_>,
    tag: &Tag,
    now: Timestamp,
) -> Result<Asked, SelectError> {
    let digest = match client.digest(request.repository, tag, request.access).await {
        Ok(digest) => digest,
        Err(error) if matches!(error.fault(), registry::Fault::NoTag { .. }) => {
            return Ok(Asked::Refused(Refusal::Gone));
        }
        Err(source) => return Err(SelectError::Guard { source }),
    };
    let (seen, is_news) = memory.record_digest(request.view, tag, &digest, now).await;
    Ok(match request.guard.judge(&seen, now) {
        Judgement::Refused(why) => Asked::Refused(why),
        _ => Asked::Passes { digest, moved: request.guard.moved(&seen), is_news },
    })
}

fn choose(request: &SelectRequest<'_>, passed_over: Vec<PassedOver>) -> Result<Selection, SelectError> {
    let repository = request.repository.clone();
    let tags = without(request.tags, &passed_over);
    let verdicts = request.selector.explain(&tags);
    let Some(latest) = verdicts.first().filter(|verdict| verdict.outcome == Outcome::Latest) else {
        let reason = match passed_over.first() {
            Some(best) => format!("{} {}", best.tag, best.why),
            None => why_none(&verdicts),
        };
        return Err(SelectError::NoTag { repository, reason, passed_over });
    };
    let tag = parse(&repository, latest.tag)?;
    let mut reason = format!("{} (of {} tags)", latest.reason, request.tags.len());
    if let Some(best) = passed_over.first() {
        reason += &format!("; {} {}", best.tag, best.why);
    }
    Ok(Selection { image: ImageRef { repository, tag: Some(tag), digest: None }, reason, passed_over, moved: None })
}

/// The tags that were not passed over.
pub fn without<'t>(tags: &'t [Tag], passed_over: &[PassedOver]) -> Vec<&'t Tag> {
    let passed_over: BTreeMap<&str, &Refusal> = passed_over.iter().map(|over| (over.tag.as_str(), &over.why)).collect();
    tags.iter().filter(|tag| !passed_over.contains_key(tag.as_str())).collect()
}

fn parse(repository: &Repository, tag: &str) -> Result<Tag, SelectError> {
    tag.parse().map_err(|source| SelectError::Tag {
        repository: repository.clone(),
        tag: tag.to_owned(),
        source: Box::new(source),
    })
}

fn why_none(verdicts: &[Verdict<'_>]) -> String {
    match verdicts {
        [] => "the repository has no tags".to_owned(),
        [only] => format!("{}: {}", only.tag, only.reason),
        [first, ..] => format!("none of {}, such as {}: {}", verdicts.len(), first.tag, first.reason),
    }
}

/// `told` is the digest that the registry gave in this round already.
async fn digest(
    client: &Client,
    memory: &Memory,
    request: &SelectRequest<'_>,
    tag: &Tag,
    told: Option<Digest>,
    now: Timestamp,
) -> Result<Option<Digest>, SelectError> {
    let known = request
        .previous
        .filter(|previous| previous.repository == *request.repository && previous.tag.as_ref() == Some(tag))
        .and_then(|previous| previous.digest.clone());
    match (request.reflection, known, told) {
        (Reflection::Never, ..) => Ok(None),
        (Reflection::IfNotPresent, Some(known), _) => Ok(Some(known)),
        (_, _, Some(told)) => Ok(Some(told)),
        _ => {
            let asked = client.digest(request.repository, tag, request.access).await;
            let digest = asked.map_err(|source| SelectError::Digest { source })?;
            memory.record_digest(request.view, tag, &digest, now).await;
            Ok(Some(digest))
        }
    }
}
