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

    pub(crate) fn with_settings(settings: Settings) -> Self {
        let state = TempDir::new().expect("a temporary folder");
        let http = Http::new(settings).expect("HTTP clients");
        let git = Git::new(state.path(), http, RUNTIME.handle().clone(), Limits::default());
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
        // No test waits for it; a machine that is busy elsewhere must not reach it.
        timeout: Duration::from_secs(120),
    }
}

pub(crate) fn edit(path: &str, content: &str) -> Edit {
    Edit { path: path.to_owned(), content: content.as_bytes().to_vec() }
}

pub(crate) fn meta(message: &str) -> CommitMeta {
    CommitMeta {
        author: Author { name: "Tagwright".to_owned(), email: "tagwright@example.com".to_owned() },
        decided: "2024-05-06T07:08:09Z".parse().expect("a time"),
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
    let (long_host, long_path) = (format!("{}:app", "a".repeat(254)), format!("host:{}", "a".repeat(1025)));
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
        ("ssh://git@example.com/app", Ok((Transport::Ssh, "ssh://git@example.com/app"))),
        ("SSH://example.com:2222/acme/app.git/", Ok((Transport::Ssh, "SSH://example.com:2222/acme/app.git"))),
        ("git+ssh://example.com/app", Ok((Transport::Ssh, "git+ssh://example.com/app"))),
        ("ssh+git://me@[::1]:22/app", Ok((Transport::Ssh, "ssh+git://me@[::1]:22/app"))),
        ("ssh://example.com:/app", Ok((Transport::Ssh, "ssh://example.com:/app"))),
        ("ssh://example.com/~me/app", Ok((Transport::Ssh, "ssh://example.com/~me/app"))),
        (
            "ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.us-east-2.amazonaws.com/v1/repos/a",
            Ok((Transport::Ssh, "ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.us-east-2.amazonaws.com/v1/repos/a")),
        ),
        ("git@github.com:acme/app.git", Ok((Transport::Ssh, "git@github.com:acme/app.git"))),
        ("host:app.git", Ok((Transport::Ssh, "host:app.git"))),
        ("host:/~me/app.git", Ok((Transport::Ssh, "host:/~me/app.git"))),
        ("me@corp.example@host:app.git", Ok((Transport::Ssh, "me@corp.example@host:app.git"))),
        ("git@[2001:db8::1]:app.git", Ok((Transport::Ssh, "git@[2001:db8::1]:app.git"))),
        ("ssh://-oProxyCommand=x/app", Err("the host of the Git URL starts with \"-\"")),
        ("ssh://-oProxyCommand=x@example.com/app", Err("the user of the Git URL starts with \"-\"")),
        ("ssh://%2doProxyCommand=x@example.com/app", Err("the user of the Git URL starts with \"-\"")),
        ("ssh://git@-example.com/app", Err("the host of the Git URL starts with \"-\"")),
        ("git@-oProxyCommand=x:app", Err("the host of the Git URL starts with \"-\"")),
        ("host:-app", Err("the path of the Git URL starts with \"-\"")),
        ("host:--upload-pack=x", Err("the path of the Git URL starts with \"-\"")),
        ("ssh://git:hunter2@example.com/app", Err("holds a password; credentials belong in a Secret")),
        ("ssh://git%3ahunter2@example.com/app", Err("holds a password")),
        ("ssh://@example.com/app", Err("the user of the Git URL is empty")),
        ("ssh://a;b@example.com/app", Err("the user of the Git URL holds more than")),
        ("ssh://a%0ab@example.com/app", Err("the user of the Git URL holds more than")),
        ("ssh://a%20b@example.com/app", Err("the user of the Git URL holds more than")),
        ("a'b@example.com:app", Err("the user of the Git URL holds more than")),
        ("ssh://$(x)/app", Err("the host of the Git URL holds more than")),
        ("ssh://exa%6dple.com/app", Err("the host of the Git URL holds more than")),
        ("ssh://ex\u{e4}mple.com/app", Err("the host of the Git URL holds more than")),
        ("ssh://a..b/app", Err("the host of the Git URL has an empty label")),
        ("ssh://[::1/app", Err("the host of the Git URL lacks the closing bracket")),
        ("ssh://[fe80::1%25eth0]/app", Err("the host of the Git URL holds more than")),
        ("ssh://[::1]x/app", Err("the port of the Git URL is not a number")),
        ("ssh://example.com:0/app", Err("the port of the Git URL is not between")),
        ("ssh://example.com:65536/app", Err("the port of the Git URL is not between")),
        ("ssh://example.com:22x/app", Err("the port of the Git URL is not a number")),
        ("ssh://example.com:+22/app", Err("the port of the Git URL is not a number")),
        ("ssh:///app", Err("no host")),
        (":app", Err("no host")),
        ("ssh://example.com", Err("the path of the Git URL is missing")),
        ("ssh://example.com/", Err("the path of the Git URL is missing")),
        ("host:", Err("the path of the Git URL is missing")),
        ("ssh://example.com/a/../b", Err("the path of the Git URL leads through")),
        ("ssh://example.com/a/%2e%2E/b", Err("the path of the Git URL leads through")),
        ("host:../b", Err("the path of the Git URL leads through")),
        ("ssh://example.com/a%0atouch%20x", Err("control character")),
        ("ssh://example.com/a%00", Err("control character")),
        ("ssh://example.com/a%ff", Err("the path of the Git URL is not percent-encoded UTF-8")),
        ("ssh://example.com/a%5c'b", Err("the path of the Git URL holds a backslash")),
        ("host:a\\b", Err("the path of the Git URL holds a backslash")),
        ("ssh://example.com/a b", Err("blank")),
        ("ssh://example.com/a?b", Err("query or a fragment")),
        ("ssh://example.com/a#b", Err("query or a fragment")),
        (&long_host, Err("the host of the Git URL is longer than 253 bytes")),
        (&long_path, Err("the path of the Git URL is longer than 1024 bytes")),
        ("ext::sh -c x", Err("ext remotes are not supported")),
        ("git://example.com/app", Err("git remotes are not supported")),
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
