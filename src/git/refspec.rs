//! Where pushes go and what they tell the server: names of references, refspecs, push options, each checked once.
//!
//! Takes the texts of an object; gives types whose values can be put on the wire as they are.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::branch::{Branch, FullName};
use super::error::Error;

/// Far more than any server knows.
const OPTIONS_MAX: usize = 64;
/// GitLab takes whole descriptions of merge requests as an option; one packet line holds 65,516 bytes.
const OPTION_BYTES_MAX: usize = 16 << 10;

/// The full name of a reference of the remote, `refs/…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(FullName);

/// One refspec of a push: the commit that was made goes to `target`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refspec {
    pub source: Source,
    pub target: RefName,
    /// With a leading `+`: the target may lose commits.
    pub force: bool,
}

/// The left side of a refspec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Head,
    Branch(String),
}

/// Why a text is no refspec that can be pushed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefspecError {
    #[error("refspec {0:?} has no colon: expected SOURCE:TARGET, such as HEAD:refs/heads/updates")]
    NoColon(String),
    #[error("refspec {0:?} holds a wildcard: one commit goes to one reference")]
    Wildcard(String),
    #[error("refspec {0:?} has no source: references are not deleted")]
    NoSource(String),
    #[error("refspec {text:?}: the source {found:?} is neither HEAD nor the full name of a branch (refs/heads/…)")]
    SourceName { text: String, found: String },
    #[error("refspec {text:?}: the target {found:?} is not the full name of a reference (refs/…)")]
    TargetName { text: String, found: String },
}

/// What a server is told beside the commands of a push, as `key=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PushOptions(Vec<String>);

/// Why push options cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushOptionError {
    #[error("a push option has no name")]
    NoName,
    #[error("push option {0:?}: a name holds no \"=\"")]
    EqualsSign(String),
    #[error("push option {0:?} holds a control character")]
    Control(String),
    #[error("push option {0:?} is longer than {OPTION_BYTES_MAX} bytes")]
    TooLong(String),
    #[error("{0} push options, and at most {OPTIONS_MAX} are sent")]
    TooMany(usize),
}

impl RefName {
    pub fn branch(name: &str) -> Result<Self, Error> {
        FullName::new(&Branch::new(name)?.reference()).map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// True for a name that stands for a review to be opened: servers take pushes to it and never list it.
    pub fn is_magic(&self) -> bool {
        ["refs/for/", "refs/drafts/"].iter().any(|prefix| self.as_str().starts_with(prefix))
    }

    pub(super) fn full(&self) -> &FullName {
        &self.0
    }

    /// The short name, where it is a branch.
    pub fn as_branch(&self) -> Option<&str> {
        self.as_str().strip_prefix("refs/heads/")
    }
}

/// As messages have it: `branch main`, `refs/for/main`.
impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_branch() {
            Some(branch) => write!(f, "branch {branch}"),
            None => f.write_str(self.as_str()),
        }
    }
}

impl FromStr for Refspec {
    type Err = RefspecError;

    fn from_str(text: &str) -> Result<Self, RefspecError> {
        let shown = || text.chars().take(80).collect::<String>();
        let (force, sides) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        if sides.contains('*') {
            return Err(RefspecError::Wildcard(shown()));
        }
        let (source, target) = sides.split_once(':').ok_or_else(|| RefspecError::NoColon(shown()))?;
        if source.is_empty() {
            return Err(RefspecError::NoSource(shown()));
        }
        let source =
            read_source(source).ok_or_else(|| RefspecError::SourceName { text: shown(), found: source.to_owned() })?;
        let target =
            read_target(target).ok_or_else(|| RefspecError::TargetName { text: shown(), found: target.to_owned() })?;
        Ok(Self { source, target, force })
    }
}

fn read_source(text: &str) -> Option<Source> {
    if matches!(text, "HEAD" | "@") {
        return Some(Source::Head);
    }
    let branch = Branch::new(text.strip_prefix("refs/heads/")?).ok()?;
    Some(Source::Branch(branch.as_str().to_owned()))
}

fn read_target(text: &str) -> Option<RefName> {
    match text.strip_prefix("refs/heads/") {
        Some(branch) => RefName::branch(branch).ok(),
        None => FullName::new(text).ok().map(RefName),
    }
}

impl PushOptions {
    /// An empty value is sent as `key=`, as go-git does it.
    pub fn new(options: &BTreeMap<String, String>) -> Result<Self, PushOptionError> {
        if options.len() > OPTIONS_MAX {
            return Err(PushOptionError::TooMany(options.len()));
        }
        options.iter().map(|(key, value)| option(key, value)).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// One option is one line; Git's own client refuses line feeds too.
fn option(key: &str, value: &str) -> Result<String, PushOptionError> {
    let shown = || key.chars().take(80).collect::<String>();
    if key.is_empty() {
        return Err(PushOptionError::NoName);
    }
    if key.contains('=') {
        return Err(PushOptionError::EqualsSign(shown()));
    }
    if key.chars().chain(value.chars()).any(char::is_control) {
        return Err(PushOptionError::Control(shown()));
    }
    if key.len() + 1 + value.len() > OPTION_BYTES_MAX {
        return Err(PushOptionError::TooLong(shown()));
    }
    Ok(format!("{key}={value}"))
}
