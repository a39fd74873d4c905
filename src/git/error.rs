//! What can go wrong between Tagwright and a Git repository: one variant, one sentence.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use git2::Oid;

use super::allocation::WORK_BYTES_MAX;
use super::refspec::RefName;
use super::sign::SigningError;
use super::ssh::SshFault;
use super::url::RemoteUrl;
use crate::{cloud, net};

/// An error names at most that many branches.
const BRANCHES_NAMED_MAX: usize = 10;

/// What libgit2 says, without the class and code that it prints behind it. Its own error is no source, or the chain of
/// causes would tell them all the same.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message())]
pub struct Libgit2(git2::Error);

impl From<git2::Error> for Libgit2 {
    fn from(error: git2::Error) -> Self {
        Self(error)
    }
}

/// A step on a repository that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{doing} {url}")]
    Remote { doing: &'static str, url: Box<RemoteUrl>, source: Fault },
    #[error("branch name {name:?} is not valid: {reason}")]
    BranchName { name: String, reason: &'static str },
    #[error("{url} is empty: it has no branch")]
    Empty { url: Box<RemoteUrl> },
    #[error("{url} has no default branch")]
    NoDefaultBranch { url: Box<RemoteUrl> },
    #[error("{url} has no branch {branch:?}{}", listed(.present, *.more))]
    MissingBranch { url: Box<RemoteUrl>, branch: String, present: Vec<String>, more: usize },
    #[error("reference name {name:?} is not valid: {reason}")]
    ReferenceName { name: String, reason: &'static str },
    #[error("{url} has no {name:?}")]
    MissingReference { url: Box<RemoteUrl>, name: String },
    #[error("{name:?} of {url} is not at a commit")]
    NotCommit { url: Box<RemoteUrl>, name: String },
    #[error("{url} has no commit {commit} that can be fetched")]
    MissingCommit { url: Box<RemoteUrl>, commit: Oid },
    #[error("commit {commit} is not on branch {branch:?} of {url}")]
    NotOnBranch { url: Box<RemoteUrl>, commit: Oid, branch: String },
    #[error("{} is not a Git repository", path.display())]
    NotRepository { path: PathBuf, source: Libgit2 },
    #[error("opening the repository {}", path.display())]
    Open { path: PathBuf, source: Libgit2 },
    #[error("{} is not a bare repository", path.display())]
    NotBare { path: PathBuf },
    #[error("{} belongs to another user", path.display())]
    ForeignOwner { path: PathBuf },
    #[error("the object store {} is damaged; it is rebuilt when it is opened next", path.display())]
    Damaged { path: PathBuf, source: Libgit2 },
    #[error("the object store {} has been in use by another run for {} s", path.display(), waited.as_secs())]
    Busy { path: PathBuf, waited: Duration },
    #[error("{doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{doing}")]
    Git { doing: &'static str, source: Libgit2 },
    #[error("{path:?} cannot be written: {reason}")]
    Edit { path: String, reason: &'static str },
    #[error("the edits change nothing")]
    NothingChanged,
    #[error("the commit's {what}")]
    CommitText { what: &'static str },
    #[error("signing the commit")]
    Signing(#[source] SigningError),
}

/// What a server, or the way to it, did wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The server was not reached, or not in time; the text names the host.
    #[error(transparent)]
    Net(net::Error),
    /// Likewise over ssh.
    #[error(transparent)]
    Ssh(Box<SshFault>),
    /// There was no token to show the server.
    #[error(transparent)]
    Token(Box<cloud::Error>),
    #[error("the server asks for credentials and none are configured (401)")]
    CredentialsNeeded,
    #[error("the server does not accept the credentials (401)")]
    CredentialsRefused,
    /// One of the refusals below, with the server's own words.
    #[error("{fault} (remote: {text})")]
    Refused { fault: Box<Fault>, text: String },
    #[error("the server forbids this (403)")]
    Forbidden,
    #[error("the repository does not exist, or the credentials do not reach it (404)")]
    NotFound,
    #[error("the server answered with status {status}")]
    Status { status: u16 },
    #[error("the server answered with HTML instead of Git: this is the address of a web page")]
    Html,
    #[error("the server does not speak Git's smart HTTP protocol here (content type {content_type:?})")]
    NotGit { content_type: String },
    #[error("the server redirects to {to}, which is not followed")]
    Redirect { to: String },
    #[error("credentials are not sent over plain http to {host}")]
    ClearText { host: String },
    #[error("the credentials hold characters that an HTTP header cannot carry")]
    CredentialText,
    #[error("the answer ended early")]
    Truncated,
    #[error("more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("what it sent takes more than {} MiB of memory to read", WORK_BYTES_MAX >> 20)]
    Oversized,
    #[error("putting the objects together that it sent took longer than {} s", after.as_secs())]
    Unpacking { after: Duration },
    #[error("the repository's object format {format} is not supported")]
    ObjectFormat { format: String },
    #[error("the server breaks Git's protocol: {what}")]
    Protocol { what: String },
    #[error("the server says: {text}")]
    Says { text: String },
}

impl Fault {
    /// What a user can look at, in words that hold for objects and for `history`.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Net(net::Error::Tls { cause, .. }) if cause.contains("UnknownIssuer") => Some(
                "a certificate of an authority that is not trusted here: put the authority's into the Secret as ca.crt; \
                 on the command line --ca-file names a PEM file with it",
            ),
            Self::Net(net::Error::ClientCertificate { .. } | net::Error::Certificate { .. }) => {
                Some("see ca.crt, tls.crt and tls.key in the Secret of the GitRepository")
            }
            Self::Net(error) => error.hint(),
            Self::Token(error) => error.hint(),
            Self::CredentialsNeeded => Some(
                "name a Secret in spec.secretRef of the GitRepository; the command line takes --username --password-stdin",
            ),
            Self::CredentialsRefused => Some("many servers want an access token as the password, and tokens expire"),
            Self::Refused { fault, .. } => fault.hint(),
            Self::Forbidden => Some("the user or token may lack the right to read or to write this repository"),
            Self::NotFound => Some("check the URL; many servers say this too when credentials are missing"),
            _ => None,
        }
    }
}

/// Why a push did not move the branch.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Somebody else moved, made or deleted the branch: fetch, redo the work, push again.
    #[error("{target} {}", moved(.expected, .found))]
    Moved { target: RefName, expected: Option<Oid>, found: Option<Oid> },
    /// The server, or a hook of it, said no.
    #[error("push to {target} refused: {reason}{}", said(.output))]
    Refused { target: RefName, reason: String, output: String },
    /// A refspec without `+` met a reference that is ahead or elsewhere.
    #[error("{target} is at {found}, which is not behind the new commit: commits would get lost")]
    NotForward { target: RefName, found: Oid },
    #[error("push options are set, and the server takes none: nothing was pushed")]
    NoOptions,
    /// Of several references, some were moved.
    #[error("{} moved, but then: {source}", listed_names(.done))]
    Partly { done: Vec<RefName>, source: Box<PushError> },
    #[error(transparent)]
    Failed(#[from] Error),
}

impl PushError {
    /// Advice for the user, to be shown behind `hint:`.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failed(error) => error.hint(),
            Self::Partly { source, .. } => source.hint(),
            Self::NotForward { .. } => Some("a refspec with a leading + may replace them".to_owned()),
            // As GitHub, GitLab and Git itself put it.
            Self::Refused { reason, .. } if reason.contains("hook declined") => Some(
                "where the branch takes no direct pushes, propose the changes on another one: spec.git.push.branch"
                    .to_owned(),
            ),
            Self::NoOptions => {
                Some("remove spec.git.push.options, or allow them: receive.advertisePushOptions".to_owned())
            }
            _ => None,
        }
    }
}

impl From<net::Error> for Fault {
    fn from(error: net::Error) -> Self {
        match error {
            net::Error::Broken { step: net::Step::Body, .. } => Self::Truncated,
            error => Self::Net(error),
        }
    }
}

impl From<cloud::Error> for Fault {
    fn from(error: cloud::Error) -> Self {
        Self::Token(Box::new(error))
    }
}

impl From<SshFault> for Fault {
    fn from(fault: SshFault) -> Self {
        Self::Ssh(Box::new(fault))
    }
}

impl Error {
    /// `branch` is none of the branches of the repository at `url`.
    pub(super) fn missing_branch(url: &RemoteUrl, branch: &str, mut present: Vec<String>) -> Self {
        let url = Box::new(url.clone());
        if present.is_empty() {
            return Self::Empty { url };
        }
        let more = present.len().saturating_sub(BRANCHES_NAMED_MAX);
        present.truncate(BRANCHES_NAMED_MAX);
        Self::MissingBranch { url, branch: branch.to_owned(), present, more }
    }

    /// The server wants a login, and none was given.
    pub fn wants_login(&self) -> bool {
        let Self::Remote { source, .. } = self else { return false };
        match source {
            Fault::CredentialsNeeded => true,
            Fault::Refused { fault, .. } => matches!(**fault, Fault::CredentialsNeeded),
            Fault::Ssh(fault) => matches!(**fault, SshFault::NoIdentity),
            _ => false,
        }
    }

    /// Advice for the user, to be shown behind `hint:`.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotBare { path } => {
                // Without a last slash, so that the new repository lies beside the old one and not in it.
                let path: PathBuf = path.components().collect();
                let path = path.display();
                Some(format!(
                    "commits go to a bare repository: git clone --bare {path} {path}.git, then use {path}.git"
                ))
            }
            Self::ForeignOwner { path } => {
                // Git compares whole paths: a relative one would match nothing.
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                Some(format!("git config --global --add safe.directory {}", path.display()))
            }
            Self::NoDefaultBranch { .. } => {
                Some("name the branch, in spec.git.checkout.ref.branch for instance".to_owned())
            }
            Self::BranchName { name, .. } if name.contains("{{") => {
                Some("only the commit message is a template; the name of a branch is taken as it is written".to_owned())
            }
            Self::Empty { .. } => Some("push a first commit to it".to_owned()),
            Self::Remote { source: Fault::ClearText { .. }, .. } => Some(
                "use https, or allow it: spec.insecure: true in the GitRepository, --insecure for history".to_owned(),
            ),
            Self::Damaged { .. } => Some("run it again".to_owned()),
            Self::Io { source, .. } => hint_of(source).map(str::to_owned),
            Self::Signing(error) => error.hint().map(str::to_owned),
            Self::Remote { source: Fault::Ssh(fault), .. } => fault.hint(),
            Self::Remote { source, .. } => source.hint().map(str::to_owned),
            _ => None,
        }
    }

    /// True when opening the repository again rebuilds the store and the step may be repeated at once.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    pub(super) fn git(doing: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Git { doing, source: source.into() }
    }

    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn hint_of(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => Some("make room on that disk"),
        PermissionDenied | ReadOnlyFilesystem => {
            Some("this user needs access to it; stores of Git repositories lie in the directory that --state names")
        }
        _ => None,
    }
}

/// Text of a server made fit for a terminal, a log and a status: no control characters, at most `max` bytes.
pub(super) fn printable(text: &[u8], max: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let mut clean = String::new();
    for c in text.chars().map(|c| if c == '\r' { '\n' } else { c }) {
        if clean.len() + c.len_utf8() > max {
            break;
        }
        if c == '\n' || !is_unprintable(c) {
            clean.push(c);
        }
    }
    clean.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Control characters, and the marks that turn the direction of the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn listed(present: &[String], more: usize) -> String {
    let names = present.join(", ");
    match more {
        _ if present.is_empty() => String::new(),
        0 => format!("; it has {names}"),
        more => format!("; it has {names} and {more} more"),
    }
}

fn listed_names(names: &[RefName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn moved(expected: &Option<Oid>, found: &Option<Oid>) -> String {
    let shown = |id: &Option<Oid>| id.map_or_else(|| "no branch".to_owned(), |id| id.to_string());
    match expected == found {
        true => format!("is being written by another: it was at {}", shown(found)),
        false => format!("moved: expected {}, found {}", shown(expected), shown(found)),
    }
}

fn said(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(" (remote: {})", output.replace('\n', "; ")) }
}
