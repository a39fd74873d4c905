//! What the Git tests share, and the tables of what is accepted at the border.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use tagwright::git::{
    Auth, Author, CommitMeta, Edit, Error, Git, Limits, Oid, PushError, Remote, RemoteUrl, Session, Transport,
};
use tagwright::net::{Http, Settings};
use tagwright::tree::FileTree as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A state folder and the door to Git over it.
pub(crate) struct Lab {
    pub(crate) state: TempDir,
    pub(crate) git: Git,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let state = TempDir::new().expect("a temporary folder");
        let git = git_in(state.path(), limits);
        Self { state, git }
    }

    pub(crate) fn open(&self, url: &str) -> Session {
        self.git.open(&remote(url)).expect("an open remote")
    }
}

pub(crate) fn git_in(state: &Path, limits: Limits) -> Git {
    let http = Http::new(Settings::default()).expect("HTTP clients");
    Git::new(state, http, RUNTIME.handle().clone(), limits)
}

pub(crate) fn remote(url: &str) -> Remote {
    Remote {
        url: url.parse().expect("a Git URL"),
        identity: String::new(),
        auth: Auth::None,
        connection: Default::default(),
        insecure: false,
        timeout: Duration::from_secs(30),
    }
}

pub(crate) fn edit(path: &str, content: &str) -> Edit {
    Edit { path: path.to_owned(), content: content.as_bytes().to_vec() }
}

pub(crate) fn meta(message: &str) -> CommitMeta {
    CommitMeta {
        author: Author { name: "Tagwright".to_owned(), email: "tagwright@example.com".to_owned() },
        time: "2024-05-06T07:08:09Z".parse().expect("a time"),
        message: message.to_owned(),
        signer: None,
    }
}

pub(crate) fn commit(session: &Session, base: Oid, edits: &[Edit], message: &str) -> Oid {
    session.commit(base, edits, &meta(message)).expect("a commit")
}

/// The files of a commit with their content, `path=content`.
pub(crate) fn files(session: &Session, commit: Oid) -> Vec<String> {
    let tree = session.tree(commit).expect("the tree of a commit");
    let entries = tree.files("", &|_| true).expect("its files");
    let read = |entry| String::from_utf8_lossy(&tree.read(entry).expect("a file")).into_owned();
    entries.iter().map(|entry| format!("{}={}", entry.path, read(entry))).collect()
}

/// Fetch, write the file, push; on a lost race once more on what is there then. Gives the number of attempts.
pub(crate) fn update(session: &mut Session, branch: &str, path: &str, content: &str) -> Result<usize, PushError> {
    for attempt in 1..=5 {
        let base = session.fetch(branch)?;
        let new = session.commit(base, &[edit(path, content)], &meta("update"))?;
        match session.push(branch, Some(base), new) {
            Ok(()) => return Ok(attempt),
            Err(PushError::Moved { .. }) => session.refresh().map(drop)?,
            Err(error) => return Err(error),
        }
    }
    panic!("five races lost");
}

/// The error and all its causes in one line.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub(crate) fn told_by<T>(result: Result<T, Error>) -> String {
    result.err().map_or_else(|| "no error".to_owned(), |error| told(&error))
}

/// Transport and printed form, or a part of the reason.
type Verdict<'t> = Result<(Transport, &'t str), &'t str>;

#[test]
fn urls_are_read_or_refused_with_a_reason() {
    let long = format!("https://example.com/{}", "a".repeat(3000));
    let table: &[(&str, Verdict)] = &[
        ("https://example.com/acme/app.git", Ok((Transport::Https, "https://example.com/acme/app.git"))),
        ("HTTPS://Example.COM/acme/app/", Ok((Transport::Https, "https://example.com/acme/app"))),
        ("http://example.com:8080/app", Ok((Transport::Http, "http://example.com:8080/app"))),
        ("https://example.com", Ok((Transport::Https, "https://example.com"))),
        ("http://[::1]:3000/app", Ok((Transport::Http, "http://[::1]:3000/app"))),
        ("file:///srv/git/app.git", Ok((Transport::Local, "file:///srv/git/app.git"))),
        ("/srv/git/app.git", Ok((Transport::Local, "/srv/git/app.git"))),
        ("../app.git", Ok((Transport::Local, "../app.git"))),
        ("./odd:name", Ok((Transport::Local, "./odd:name"))),
        ("", Err("empty")),
        ("  ", Err("empty")),
        (&long, Err("longer than")),
        ("https://example.com/a\nb", Err("control character")),
        ("https://example.com/a\u{7f}", Err("control character")),
        ("https://example.com/a b", Err("blank")),
        ("--upload-pack=touch /tmp/x", Err("starts with \"-\"")),
        ("-oProxyCommand=x:y", Err("starts with \"-\"")),
        ("https://user@example.com/app", Err("credentials belong in a Secret")),
        ("https://user:hunter2@example.com/app", Err("credentials belong in a Secret")),
        ("https://:hunter2@example.com/app", Err("credentials belong in a Secret")),
        ("https://example.com/app?token=hunter2", Err("query or a fragment")),
        ("https://example.com/app#main", Err("query or a fragment")),
        ("https://", Err("no host")),
        ("https://example.com:99999/app", Err("malformed")),
        ("ssh://git@example.com/app", Err("ssh remotes are not supported yet")),
        ("ssh://-oProxyCommand=x/app", Err("ssh remotes are not supported yet")),
        ("git@github.com:acme/app.git", Err("ssh remotes are not supported yet")),
        ("host:app.git", Err("ssh remotes are not supported yet")),
        ("git://example.com/app", Err("git remotes are not supported")),
        ("ext::sh -c x", Err("ssh remotes are not supported yet")),
        ("ftp://example.com/app", Err("ftp remotes are not supported")),
        ("file://otherhost/app", Err("not another host")),
    ];
    for (text, expected) in table {
        check_url(text, expected);
    }
}

fn check_url(text: &str, expected: &Verdict) {
    match (text.parse::<RemoteUrl>(), expected) {
        (Ok(url), Ok((transport, shown))) => {
            assert_eq!((url.transport(), url.to_string().as_str()), (*transport, *shown), "{text}")
        }
        (Err(error), Err(reason)) => {
            let error = error.to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{text} shows a secret: {error}");
        }
        (got, expected) => panic!("{text:?}: expected {expected:?}, got {got:?}"),
    }
}

#[test]
fn branch_names_are_checked_as_git_does() {
    let lab = Lab::new();
    let session = lab.open("http://127.0.0.1:1/app.git");
    let long = "a".repeat(256);
    let table = [
        ("-main", "starts with"),
        ("", "empty"),
        ("HEAD", "name of a reference"),
        ("refs/heads/main", "name of a reference"),
        ("a..b", "check-ref-format"),
        ("a b", "check-ref-format"),
        ("a~1", "check-ref-format"),
        ("a:b", "check-ref-format"),
        ("a\nb", "check-ref-format"),
        ("a.lock", "check-ref-format"),
        ("a/../b", "check-ref-format"),
        ("../../config", "check-ref-format"),
        ("/a", "check-ref-format"),
        ("a@{1}", "check-ref-format"),
        ("a*", "check-ref-format"),
        (&long, "longer than 255"),
    ];
    for (name, reason) in table {
        let error = told_by(session.fetch(name));
        assert!(error.contains("is not valid") && error.contains(reason), "{name:?}: {error}");
    }
}

#[test]
fn sessions_travel_between_threads_and_the_door_is_shared() {
    fn travels<T: Send>() {}
    fn is_shared<T: Send + Sync + Clone>() {}
    travels::<Session>();
    is_shared::<Git>();
}
