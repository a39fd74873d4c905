//! What a commit message tells of image changes: our trailers, the lines of Argo CD Image Updater, reverts; and
//! whether the commit looks like one of a tool, so that its files are worth comparing. Pure.

use memchr::memmem;

use super::{Change, Source};
use crate::git::LogEntry;
use crate::trailer::{self, Trail};

/// At most this many lines of another tool are read from one message.
const LINES_MAX: usize = 10_000;

/// What a message tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) changes: Vec<Change>,
    pub(super) omitted: usize,
    /// The commit that this one takes back.
    pub(super) reverts: Option<String>,
    /// Whether the files must be compared to know more; then `changes` hold where that cannot be done.
    pub(super) compare: bool,
}

/// Reads the message of `commit`.
pub(super) fn read(commit: &LogEntry, all_commits: bool) -> Reading {
    if commit.parents.len() > 1 {
        // Its changes are told at the commits that it merges; what it changed itself only its files show.
        return Reading { compare: all_commits, ..Reading::default() };
    }
    let message = commit.message.as_str();
    let trails =
        if memmem::find(message.as_bytes(), b"Image-").is_some() { trailer::read_all(message) } else { vec![] };
    let reading = of_trails(trails);
    let subject = message.trim_start().lines().next().unwrap_or_default();
    let reverts = reverted(message);
    if reverts.is_some() || subject.starts_with("Revert \"") || subject.starts_with("Reapply \"") {
        return Reading { reverts, compare: true, ..reading };
    }
    if !reading.changes.is_empty() || reading.omitted > 0 {
        return reading;
    }
    let changes = of_image_updater(message);
    if !changes.is_empty() {
        return Reading { changes, ..Reading::default() };
    }
    if !all_commits && !is_like_a_tool(commit, subject) {
        return Reading::default();
    }
    // A clone may lack the files to compare; many templates list what they changed.
    let changes = if commit.is_cut { of_arrows(message) } else { Vec::new() };
    Reading { changes, compare: !commit.is_cut, ..Reading::default() }
}

fn of_trails(trails: Vec<Trail>) -> Reading {
    let omitted = trails.iter().map(|trail| trail.omitted).fold(0, usize::saturating_add);
    let changes = trails.into_iter().flat_map(|trail| {
        let automation = trail.automation;
        trail.changes.into_iter().map(move |change| Change {
            policy: Some(change.policy),
            automation: automation.clone(),
            application: None,
            old: change.old,
            new: change.new,
            from: Source::Trailer,
        })
    });
    Reading { changes: changes.collect(), omitted, ..Reading::default() }
}

/// The id in `This reverts commit ID`, as `git revert` and the servers write it.
fn reverted(message: &str) -> Option<String> {
    const WORDS: &str = "This reverts commit ";
    let at = memmem::find(message.as_bytes(), WORDS.as_bytes())?;
    let id: &str = message[at + WORDS.len()..].split(|c: char| !c.is_ascii_hexdigit()).next()?;
    (7..=64).contains(&id.len()).then(|| id.to_owned())
}

/// The lines of Argo CD Image Updater's default message: `updates image IMAGE tag 'OLD' to 'NEW'`, under
/// `build: automatic update of APPLICATION`; a squash merge may hold several.
fn of_image_updater(message: &str) -> Vec<Change> {
    if memmem::find(message.as_bytes(), b"updates image ").is_none() {
        return Vec::new();
    }
    let mut application = None;
    let mut changes = Vec::new();
    for line in message.lines().map(|line| line.trim().trim_start_matches("* ")).take(LINES_MAX) {
        if let Some(name) = line.strip_prefix("build: automatic update of ") {
            // Servers put the number of the pull request behind a title.
            application = name.split_whitespace().next().map(str::to_owned);
        } else if let Some((image, old, new)) = image_updated(line) {
            let [old, new] = [old, new].map(|version| with_version(image, version));
            let application = application.clone();
            changes.push(Change { policy: None, automation: None, application, old, new, from: Source::Message });
        }
    }
    changes
}

fn image_updated(line: &str) -> Option<(&str, &str, &str)> {
    let (image, versions) = line.strip_prefix("updates image ")?.split_once(" tag '")?;
    let (old, new) = versions.strip_suffix('\'')?.split_once("' to '")?;
    (!image.is_empty()).then_some((image, old, new))
}

/// The updater names a digest in the place of a tag, and nothing where an image had neither.
fn with_version(image: &str, version: &str) -> String {
    match version {
        "" => image.to_owned(),
        digest if digest.starts_with("sha256:") => format!("{image}@{digest}"),
        tag => format!("{image}:{tag}"),
    }
}

/// Lines `OLD -> NEW`, as Flux's own examples of templates print them.
fn of_arrows(message: &str) -> Vec<Change> {
    let arrow = |line: &str| {
        let (old, new) = line.trim().trim_start_matches("- ").split_once(" -> ")?;
        let is_value = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        let (old, new) = (old.to_owned(), new.to_owned());
        let change = Change { policy: None, automation: None, application: None, old, new, from: Source::Message };
        (is_value(&change.old) && is_value(&change.new)).then_some(change)
    };
    message.lines().skip(1).take(LINES_MAX).filter_map(arrow).collect()
}

/// Whether author or title are such as the tools that update images have. A mistake costs a comparison, no more.
fn is_like_a_tool(commit: &LogEntry, subject: &str) -> bool {
    const AUTHORS: [&str; 7] = ["flux", "bot", "image-updater", "argocd", "automation", "tagwright", "ci@"];
    let author = format!("{} {}", commit.author.name, commit.author.email).to_ascii_lowercase();
    if AUTHORS.iter().any(|word| author.contains(word)) {
        return true;
    }
    let end = subject.floor_char_boundary(200);
    let subject = subject[..end].to_ascii_lowercase();
    subject.contains("image") || subject.contains("automat")
}
