//! Never backwards by accident: what was latest stays until somebody wants it otherwise.
//!
//! Takes what a policy selects now and what was latest before; gives what is latest, and why the old one was kept. A
//! policy moves to a lower tag only when its spec or that of its image repository was changed, or on explicit request.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::memory::Latest;
use super::select::{PassedOver, Reflection, SelectError, Selection};
use crate::api::{ImagePolicy, ImageRepository};
use crate::image::{ImageRef, Repository, Tag};
use crate::policy::{Moved, Selector};

/// On an `ImagePolicy`: `"true"`, or the one tag that it may go back to.
pub const ALLOW_OLDER: &str = "tagwright.dev/allow-older";

/// What is latest for a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub image: ImageRef,
    /// Why this one, in a sentence.
    pub reason: String,
    /// True when the policy would select an older image or none, and what was latest stays.
    pub kept: bool,
    pub passed_over: Vec<PassedOver>,
    pub moved: Option<Moved>,
    /// What was latest before, as far as it is remembered.
    pub before: Option<ImageRef>,
    /// When the tag was listed first.
    pub first_seen: Option<Timestamp>,
    /// When the tags were listed that this was selected from.
    pub decided: Option<Timestamp>,
}

/// What is known about a policy beside what it selects.
pub struct Terms<'t> {
    pub selector: &'t Selector,
    pub repository: &'t Repository,
    pub reflection: Reflection,
    /// The tags that the registry lists, sorted.
    pub tags: &'t [Tag],
    pub before: Option<&'t Latest>,
    pub specs: &'t str,
    pub may_go_back: &'t MayGoBack,
}

/// Whether somebody asked for an older image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayGoBack {
    No,
    Yes,
    To(String),
}

impl MayGoBack {
    /// What the flag and the annotation of the policy say.
    pub fn of(policy: &ImagePolicy, allow_older: bool) -> Self {
        match policy.metadata.annotations.get(ALLOW_OLDER).map(String::as_str) {
            _ if allow_older => Self::Yes,
            Some("true") => Self::Yes,
            None | Some("" | "false") => Self::No,
            Some(tag) => Self::To(tag.to_owned()),
        }
    }

    fn to(&self, tag: &Tag) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::To(wanted) => wanted == tag.as_str(),
        }
    }
}

/// Names what decides which tags a policy may select: as long as it stays the same, the policy does not go back. Times,
/// limits and guards are no part of it: who asks for more caution does not ask for an older image.
pub fn specs(policy: &ImagePolicy, repository: &ImageRepository) -> String {
    let (policy, source) = (&policy.spec, &repository.spec);
    let order = |order: &Option<crate::api::OrderPolicy>| order.as_ref().map(|order| format!("{:?}", order.order));
    let choice = json!({
        "semver": policy.policy.semver.as_ref().map(|semver| &semver.range),
        "alphabetical": order(&policy.policy.alphabetical),
        "numerical": order(&policy.policy.numerical),
        "pattern": policy.filter_tags.as_ref().map(|filter| &filter.pattern),
        "extract": policy.filter_tags.as_ref().map(|filter| &filter.extract),
    });
    let name = |reference: &Option<crate::api::LocalReference>| reference.as_ref().map(|r| r.name.clone());
    let source = json!({
        "repository": repository.name().to_string(),
        "image": source.image,
        "exclusionList": source.exclusion_list,
        "provider": format!("{:?}", source.provider),
        "secretRef": name(&source.secret_ref),
        "serviceAccountName": source.service_account_name,
    });
    let hash = Sha256::digest(format!("{choice}\n{source}"));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What is latest: what the policy selects now, unless that would be a step back which nobody asked for.
pub fn settle(selected: Result<Selection, SelectError>, terms: &Terms<'_>) -> Result<Settled, SelectError> {
    let before = terms.before.filter(|before| before.specs == terms.specs);
    let Some((before, old)) = before.and_then(|before| Some((before, before.image.tag.as_ref()?))) else {
        return selected.map(Settled::from);
    };
    match selected {
        Ok(selection) if is_step_back(old, &selection, terms) => {
            let new = selection.image.tag.as_ref().map(Tag::as_str).unwrap_or_default();
            let why = format!("{}; keeping it, since {new} is older", why_gone(old, &selection.passed_over, terms));
            Ok(keep(before, why, selection.passed_over, terms))
        }
        Err(SelectError::NoTag { passed_over, .. }) if *terms.may_go_back != MayGoBack::Yes => {
            let why = format!("{}; keeping it, since no other tag qualifies", why_gone(old, &passed_over, terms));
            Ok(keep(before, why, passed_over, terms))
        }
        other => other.map(Settled::from),
    }
}

fn is_step_back(old: &Tag, selection: &Selection, terms: &Terms<'_>) -> bool {
    let Some(new) = &selection.image.tag else { return false };
    let order = terms.selector.compare(old.as_str(), new.as_str());
    order == Some(Ordering::Greater) && !terms.may_go_back.to(new)
}

/// Why what was latest is not selected any more.
fn why_gone(old: &Tag, passed_over: &[PassedOver], terms: &Terms<'_>) -> String {
    match passed_over.iter().find(|over| over.tag == old.as_str()) {
        Some(over) => format!("{old} {}", over.why),
        None if terms.tags.binary_search(old).is_err() => format!("{old} vanished from the registry"),
        None => format!("{old} does not qualify any more"),
    }
}

fn keep(before: &Latest, reason: String, passed_over: Vec<PassedOver>, terms: &Terms<'_>) -> Settled {
    let digest = before.image.digest.clone().filter(|_| terms.reflection != Reflection::Never);
    let image = ImageRef { repository: terms.repository.clone(), tag: before.image.tag.clone(), digest };
    Settled { image, reason, kept: true, passed_over, moved: None, before: None, first_seen: None, decided: None }
}

impl From<Selection> for Settled {
    fn from(selection: Selection) -> Self {
        let Selection { image, reason, passed_over, moved } = selection;
        Self { image, reason, kept: false, passed_over, moved, before: None, first_seen: None, decided: None }
    }
}
