//! Names of branches and of other references, checked once.

use git2::Reference;

use super::error::Error;

/// Longer names do not fit in a file name, and no server takes them.
const BRANCH_BYTES_MAX: usize = 255;
/// `refs/heads/` and a branch.
const FULL_NAME_BYTES_MAX: usize = 11 + BRANCH_BYTES_MAX;

/// A branch name that `git check-ref-format --branch` would accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch(String);

impl Branch {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        match problem_with(name) {
            Some(reason) => Err(Error::BranchName { name: name.chars().take(80).collect(), reason }),
            None => Ok(Self(name.to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The full name, `refs/heads/…`.
    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

/// The full name of any reference, `refs/…`, as `git check-ref-format` would accept it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FullName(String);

impl FullName {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let problem = match name.strip_prefix("refs/") {
            None => Some("it does not start with \"refs/\""),
            Some(_) if name.len() > FULL_NAME_BYTES_MAX => Some("it is longer than 266 bytes"),
            Some(_) => (!Reference::is_valid_name(name)).then_some("git check-ref-format refuses it"),
        };
        match problem {
            Some(reason) => Err(Error::ReferenceName { name: name.chars().take(80).collect(), reason }),
            None => Ok(Self(name.to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn problem_with(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > BRANCH_BYTES_MAX {
        return Some("it is longer than 255 bytes");
    }
    if name.starts_with('-') {
        return Some("it starts with \"-\"");
    }
    if name == "HEAD" || name.starts_with("refs/heads/") {
        return Some("it is the name of a reference, not of a branch");
    }
    let valid = Reference::is_valid_name(&format!("refs/heads/{name}"));
    (!valid).then_some("git check-ref-format refuses it")
}
