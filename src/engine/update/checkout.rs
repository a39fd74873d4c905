//! Which commit an update is built on: from what the objects say to a branch, or to a commit that stays where it is.
//!
//! Takes a [`Checkout`] and the references of the remote, gives a [`Base`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::UpdateError;
use crate::api::GitReference;
use crate::git::{self, Oid, Refs, Session};
use crate::policy::{Order, Rules, Selector};

/// What is checked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Checkout {
    /// The branch that the remote's `HEAD` names.
    #[default]
    Default,
    Branch(String),
    Tag(String),
    /// The highest version in this range among the tags.
    Semver(String),
    /// A full reference, such as `refs/pull/1/head`.
    Name(String),
    /// A commit by its id; with a branch that it must be on.
    Commit {
        id: String,
        branch: Option<String>,
    },
}

/// Where the commits of a chain start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    /// The tip of a branch, wherever it moves.
    Branch(String),
    Commit(Oid),
}

impl From<&GitReference> for Checkout {
    /// As in Flux: the first that is set of commit, name, tag, semver and branch.
    fn from(reference: &GitReference) -> Self {
        let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let branch = set(&reference.branch);
        if let Some(id) = set(&reference.commit) {
            return Self::Commit { id, branch };
        }
        let named = set(&reference.name).map(Self::Name);
        let tagged = named.or_else(|| set(&reference.tag).map(Self::Tag));
        let ranged = tagged.or_else(|| set(&reference.semver).map(Self::Semver));
        ranged.or(branch.map(Self::Branch)).unwrap_or_default()
    }
}

impl Checkout {
    /// Whether this names a branch, whatever the remote has.
    pub(super) fn is_branch(&self) -> bool {
        match self {
            Self::Default | Self::Branch(_) => true,
            Self::Name(name) => name == "HEAD" || name.starts_with("refs/heads/"),
            Self::Tag(_) | Self::Semver(_) | Self::Commit { .. } => false,
        }
    }
}

impl Base {
    pub(super) fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch(branch) => Some(branch),
            Self::Commit(_) => None,
        }
    }

    /// The commit to build on, which is here then.
    pub(super) fn fetch(&self, session: &Session) -> Result<Oid, git::Error> {
        match self {
            Self::Branch(branch) => session.fetch(branch),
            Self::Commit(commit) => Ok(*commit),
        }
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Branch(branch) => write!(f, "branch {branch}"),
            Self::Commit(commit) => write!(f, "commit {commit}"),
        }
    }
}

/// Finds out where to start. What is no branch is fetched at once.
pub(super) fn resolve(session: &Session, checkout: &Checkout) -> Result<Base, UpdateError> {
    Ok(match checkout {
        Checkout::Default => Base::Branch(session.default_branch()?),
        Checkout::Branch(branch) => Base::Branch(branch.clone()),
        Checkout::Name(name) => named(session, name)?,
        Checkout::Tag(tag) => Base::Commit(fetch_tag(session, tag)?),
        Checkout::Semver(range) => Base::Commit(highest(session, range)?),
        Checkout::Commit { id, branch } => Base::Commit(commit(session, id, branch.as_deref())?),
    })
}

fn named(session: &Session, name: &str) -> Result<Base, UpdateError> {
    match name.strip_prefix("refs/heads/") {
        Some(branch) => Ok(Base::Branch(branch.to_owned())),
        None if name == "HEAD" => Ok(Base::Branch(session.default_branch()?)),
        None => Ok(Base::Commit(session.fetch_reference(name)?)),
    }
}

fn fetch_tag(session: &Session, tag: &str) -> Result<Oid, git::Error> {
    session.fetch_reference(&format!("refs/tags/{tag}"))
}

/// The whole id alone: what a short one stands for changes as commits come.
fn commit(session: &Session, id: &str, branch: Option<&str>) -> Result<Oid, UpdateError> {
    let is_whole = id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parsed = id.parse().ok().filter(|_| is_whole);
    let commit = parsed.ok_or_else(|| UpdateError::CommitId { id: id.chars().take(80).collect() })?;
    Ok(match branch {
        Some(branch) => session.fetch_commit_on(branch, commit)?,
        None => session.fetch_commit(commit)?,
    })
}

/// The tag with the highest version in `range`. Of several with the same version, such as `v1.0.0` and `1.0.0+build`,
/// the one whose commit is the newest, as in Flux.
fn highest(session: &Session, range: &str) -> Result<Oid, UpdateError> {
    let order = Order::Semver { range: range.to_owned(), loose: false };
    let selector = Selector::new(&Rules { order, filter: None, exclude: Vec::new() })
        .map_err(|error| UpdateError::Range(Arc::new(error)))?;
    let refs = session.refs()?;
    let tied = highest_tags(&refs, &selector);
    let mut newest: Option<(i64, Oid)> = None;
    for tag in tied {
        let commit = fetch_tag(session, tag)?;
        let time = session.committed_at(commit)?;
        if newest.is_none_or(|(latest, _)| time > latest) {
            newest = Some((time, commit));
        }
    }
    let none = || UpdateError::NoVersion { remote: session.url().to_string(), range: range.to_owned() };
    newest.map(|(_, commit)| commit).ok_or_else(none)
}

/// The tags with the highest version, the greatest in byte order first.
fn highest_tags<'r>(refs: &'r Refs, selector: &Selector) -> Vec<&'r str> {
    let tags: Vec<&str> = refs.tags.keys().map(String::as_str).collect();
    let Some(best) = selector.latest(&tags) else { return Vec::new() };
    let is_tied = |tag: &&str| selector.compare(tag, best) == Some(Ordering::Equal);
    tags.iter().rev().copied().filter(is_tied).collect()
}
