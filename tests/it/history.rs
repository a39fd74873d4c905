//! History: what it tells of repositories that the real Git made, of every way a change gets onto a branch.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use tagwright::object::NamespacedName;
use tagwright::trailer::{ImageChange, append};
use tempfile::TempDir;

use crate::program::{Run, command, finish, stable};
use crate::servers::git_http::{self, create_bare, git, import};
use crate::signing::programs::ssh_key;

const FLUX: &str = "fluxcdbot <fluxcdbot@users.noreply.github.com>";
const TAGWRIGHT: &str = "Tagwright <bot@example.com>";
const PERSON: &str = "Ada <ada@example.com>";

/// A clone with a work tree; each commit is a minute younger than the one before.
struct Clone {
    folder: TempDir,
    minutes: Cell<u32>,
}

impl Clone {
    fn new() -> Self {
        let clone = Self { folder: tempfile::tempdir().expect("a temporary folder"), minutes: Cell::new(0) };
        fs::create_dir(clone.path()).expect("a folder");
        clone.git(&["init", "--quiet", "--initial-branch=main"]);
        clone.commit(PERSON, "first", &[("web.yaml", &image("web:1", "web")), ("README.md", "hello\n")]);
        clone
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("infra")
    }

    /// Git, as `who` and a minute later.
    fn git_as(&self, who: &str, arguments: &[&str]) -> String {
        self.minutes.set(self.minutes.get() + 1);
        let minutes = self.minutes.get();
        let date = format!("2024-05-06T{:02}:{:02}:00Z", minutes / 60, minutes % 60);
        let (name, email) = who.trim_end_matches('>').split_once(" <").expect("a name and an address");
        let mut git = git_http::command();
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), email);
            git.env(format!("GIT_{role}_DATE"), &date);
        }
        let output = git.arg("-C").arg(self.path()).args(arguments).output().expect(git_http::NEEDED);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.git_as(PERSON, arguments)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// Commits everything with `files` written; gives the commit's id.
    fn commit(&self, who: &str, message: &str, files: &[(&str, &str)]) -> String {
        files.iter().for_each(|(path, content)| self.write(path, content));
        self.git(&["add", "--all"]);
        self.git_as(who, &["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A commit as Tagwright makes it: `web.yaml` goes from one version to another.
    fn ours(&self, old: &str, new: &str) -> String {
        self.commit(TAGWRIGHT, &ours("update web", "web", old, new), &[("web.yaml", &image(new, "web"))])
    }

    fn history(&self, more: &[&str]) -> Run {
        history(&self.path(), more)
    }

    /// The rows, newest first, as `who old -> new source`.
    #[track_caller]
    fn tells(&self, more: &[&str], expected: &[&str]) {
        assert_eq!(rows(&self.history(&[more, &["-o", "json"]].concat())), expected);
    }
}

fn history(repository: &Path, more: &[&str]) -> Run {
    let home = tempfile::tempdir().expect("a temporary folder");
    finish(command(["history"], home.path()).arg(repository).args(more))
}

fn rows(run: &Run) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let row = |row: &serde_json::Value| {
        let who = row["policy"]["name"].as_str().map_or_else(|| text(&row["application"]), str::to_owned);
        let reverts = row["reverts"].as_str().map(|commit| format!(" reverts {commit}")).unwrap_or_default();
        format!("{who} {} -> {} {}{reverts}", text(&row["old"]), text(&row["new"]), text(&row["from"]))
    };
    run.clone().code_is(0).json().as_array().expect("rows").iter().map(row).collect()
}

fn image(image: &str, policy: &str) -> String {
    format!("kind: Deployment\nspec:\n  image: {image} # {{\"$imagepolicy\": \"flux-system:{policy}\"}}\n")
}

fn change(policy: &str, old: &str, new: &str) -> ImageChange {
    ImageChange { policy: NamespacedName::new("flux-system", policy), old: old.to_owned(), new: new.to_owned() }
}

fn ours(message: &str, policy: &str, old: &str, new: &str) -> String {
    append(message, &NamespacedName::new("flux-system", "apps"), &[change(policy, old, new)])
}

#[test]
fn a_change_that_came_by_a_merge_is_told_once() {
    let clone = Clone::new();
    clone.git(&["checkout", "--quiet", "-b", "updates"]);
    let one = clone.ours("web:1", "web:2");
    clone.git(&["checkout", "--quiet", "main"]);
    clone.commit(PERSON, "meanwhile", &[("README.md", "news\n")]);
    // What GitHub makes of it when it is told to put the description of the pull request into the merge.
    let message = format!("Merge pull request #1 from acme/updates\n\n{}", ours("update web", "web", "web:1", "web:2"));
    clone.git(&["merge", "--quiet", "--no-ff", "--message", &message, "updates"]);
    let expected = ["web web:1 -> web:2 trailer"];
    clone.tells(&[], &expected);
    clone.tells(&["--all-commits"], &expected);
    let json = clone.history(&["-o", "json"]).json();
    assert_eq!(
        (json[0]["commit"].as_str(), json[0]["automation"]["name"].as_str()),
        (Some(one.as_str()), Some("apps"))
    );
    clone.history(&["--check"]).code_is(0);
}

#[test]
fn what_a_merge_changes_itself_is_told_of_the_merge() {
    let clone = Clone::new();
    clone.git(&["checkout", "--quiet", "-b", "updates"]);
    clone.ours("web:1", "web:2");
    clone.git(&["checkout", "--quiet", "main"]);
    clone.commit(PERSON, "meanwhile", &[("README.md", "news\n")]);
    clone.git(&["merge", "--quiet", "--no-commit", "--no-ff", "updates"]);
    clone.write("web.yaml", &image("web:666", "web"));
    clone.git(&["add", "--all"]);
    clone.git(&["commit", "--quiet", "--message", "Merge branch updates"]);
    clone.tells(&[], &["web web:1 -> web:2 trailer"]);
    clone.tells(&["--all-commits"], &["web web:1 -> web:666 diff", "web web:1 -> web:2 trailer"]);
}

#[test]
fn rebase_and_squash_keep_the_trail() {
    let clone = Clone::new();
    clone.git(&["checkout", "--quiet", "-b", "updates"]);
    clone.ours("web:1", "web:2");
    clone.ours("web:2", "web:3");
    clone.git(&["checkout", "--quiet", "-b", "rebased", "main"]);
    clone.commit(PERSON, "meanwhile", &[("README.md", "news\n")]);
    clone.git(&["cherry-pick", "-x", "main..updates"]);
    clone.tells(&[], &["web web:2 -> web:3 trailer", "web web:1 -> web:2 trailer"]);
    clone.history(&["--check"]).code_is(0);
    clone.git(&["checkout", "--quiet", "main"]);
    clone.git(&["merge", "--quiet", "--squash", "updates"]);
    // Git's own message lists the newest commit first.
    clone.git(&["commit", "--quiet", "--no-edit"]);
    clone.tells(&[], &["web web:2 -> web:3 trailer", "web web:1 -> web:2 trailer"]);
    clone.history(&["--check"]).code_is(0);
    clone.git(&["reset", "--quiet", "--hard", "HEAD~"]);
    let (one, two) = (ours("update web", "web", "web:1", "web:2"), ours("update web", "web", "web:2", "web:3"));
    let message =
        format!("Image updates (#3)\n\n* {one}\n* {two}\n---------\n\nCo-authored-by: Ada <ada@example.com>\n");
    clone.commit("GitHub <noreply@github.com>", &message, &[("web.yaml", &image("web:3", "web"))]);
    clone.tells(&[], &["web web:1 -> web:2 trailer", "web web:2 -> web:3 trailer"]);
    clone.history(&["--check"]).code_is(0);
}

#[test]
fn a_revert_is_a_change_back() {
    let clone = Clone::new();
    let id = clone.ours("web:1", "web:2");
    clone.git(&["revert", "--no-edit", "HEAD"]);
    let back = format!("web web:2 -> web:1 diff reverts {id}");
    clone.tells(&[], &[&back, "web web:1 -> web:2 trailer"]);
    let revert = clone.git(&["rev-parse", "HEAD"]);
    clone.git(&["revert", "--no-edit", "HEAD"]);
    clone.tells(&["-n", "1"], &[&format!("web web:1 -> web:2 diff reverts {revert}")]);
    // A squashed pull request of GitHub says less, and one that quotes our lines says the opposite of what it does.
    let quoting = format!("Revert \"update web\" (#7)\n\n{}", ours("Reverts acme/infra#6", "web", "web:1", "web:2"));
    clone.commit(PERSON, &quoting, &[("web.yaml", &image("web:1", "web"))]);
    clone.tells(&["-n", "1"], &["web web:2 -> web:1 diff"]);
    let run = clone.history(&["--check", "-n", "1"]).code_is(1);
    assert!(run.stderr.contains("did not make: flux-system/web web:1 -> web:2"), "{}", run.stderr);
    clone.commit(PERSON, "Revert \"something else\"", &[("README.md", "old\n")]);
    clone.tells(&["-n", "1"], &["web web:2 -> web:1 diff"]);
}

#[test]
fn flux_is_told_by_what_it_changed() {
    let clone = Clone::new();
    let default = "Update from image update automation";
    clone.commit(FLUX, default, &[("web.yaml", &image("web:2", "web"))]);
    let listing =
        "Automated image update\n\nAutomation name: flux-system/apps\n\nFiles:\n- web.yaml\n\nImages:\n- web:3\n";
    clone.commit("Flux <flux@example.com>", listing, &[("web.yaml", &image("web:3", "web"))]);
    clone.commit(PERSON, "chore: update images to web:4", &[("web.yaml", &image("web:4", "web"))]);
    clone.commit(PERSON, "try something", &[("web.yaml", &image("web:5", "web"))]);
    clone.commit(FLUX, default, &[("README.md", "nothing of ours\n")]);
    let tools = ["web web:3 -> web:4 diff", "web web:2 -> web:3 diff", "web web:1 -> web:2 diff"];
    clone.tells(&[], &tools);
    clone.tells(&["--all-commits"], &[&["web web:4 -> web:5 diff"], &tools[..]].concat());
}

#[test]
fn fields_are_paired_by_their_markers() {
    let clone = Clone::new();
    let marked = |value: &str, setter: &str| format!("- {value} # {{\"$imagepolicy\": \"flux-system:{setter}\"}}\n");
    let file = |values: &[(&str, &str)]| values.iter().map(|(value, setter)| marked(value, setter)).collect::<String>();
    let before = file(&[("1.0", "web:tag"), ("acme/web", "web:name"), ("api:1", "api"), ("1.0", "web:tag")]);
    clone.commit(PERSON, "more", &[("more.yaml", &before), ("same/one.yaml", &before), ("same/two.yaml", &before)]);
    let after = file(&[("1.1", "web:tag"), ("acme/web", "web:name"), ("api:2", "api"), ("1.2", "web:tag")]);
    clone.commit(FLUX, "update", &[("more.yaml", &after)]);
    clone.tells(&[], &["api api:1 -> api:2 diff", "web 1.0 -> 1.1 diff", "web 1.0 -> 1.2 diff"]);
    // A field that came is no change, one that moved is none either.
    let added = format!("{}{after}", marked("9.9", "web:tag"));
    clone.commit(FLUX, "a field more", &[("more.yaml", &added)]);
    clone.git(&["mv", "same", "other"]);
    clone.git(&["mv", "more.yaml", "other/more.yaml"]);
    clone.commit(
        FLUX,
        "move",
        &[("other/more.yaml", &added.replace("9.9", "10.0")), ("web.yaml", &image("web:1", "other"))],
    );
    clone.tells(&["-n", "1"], &["web 9.9 -> 10.0 diff"]);
    fs::remove_file(clone.path().join("other/more.yaml")).expect("a file");
    clone.commit(FLUX, "remove", &[("broken.yaml", "a: [ # {\"$imagepolicy\": \"flux-system:web\"}\n")]);
    clone.tells(&["-n", "1"], &["web 9.9 -> 10.0 diff"]);
}

#[test]
fn argo_cd_image_updater_is_told_by_message_or_files() {
    const UPDATER: &str = "argocd-image-updater <noreply@argoproj.io>";
    let clone = Clone::new();
    let message = "build: automatic update of guestbook\n\nupdates image acme/web tag '1.0' to '1.1'\n\
        updates image acme/api tag '' to 'sha256:00'\n";
    clone.commit(UPDATER, message, &[]);
    let told = ["guestbook acme/web:1.0 -> acme/web:1.1 message", "guestbook acme/api -> acme/api@sha256:00 message"];
    clone.tells(&[], &told);
    clone.tells(&["--image", "acme/web"], &told[..1]);
    let parameters = |tag: &str| {
        format!(
            "helm:\n  parameters:\n  - name: image.name\n    value: acme/web\n    forcestring: true\n  - name: image.tag\n    value: '{tag}'\n    forcestring: true\n  - name: replicas\n    value: {tag}\n"
        )
    };
    let path = "apps/.argocd-source-guestbook.yaml";
    let kustomization =
        |tag: &str| format!("images:\n- name: web\n  newName: acme/web\n  newTag: '{tag}'\n- name: other\n");
    let images = |tag: &str| format!("kustomize:\n  images:\n  - web=acme/web:{tag}\n  - acme/api:{tag}@sha256:00\n");
    let other = "apps/.argocd-source-other.yaml";
    clone.commit(
        UPDATER,
        "own words",
        &[(path, &parameters("1")), ("kustomization.yaml", &kustomization("1")), (other, &images("1"))],
    );
    clone.tells(&["-n", "1"], &told);
    clone.commit(
        UPDATER,
        "own words",
        &[(path, &parameters("2")), ("kustomization.yaml", &kustomization("2")), (other, &images("2"))],
    );
    let files = [
        "guestbook acme/web:1 -> acme/web:2 diff",
        "other acme/web:1 -> acme/web:2 diff",
        "other acme/api:1@sha256:00 -> acme/api:2@sha256:00 diff",
        "- acme/web:1 -> acme/web:2 diff",
    ];
    clone.tells(&["-n", "1"], &files);
    clone.git(&["mv", "apps", "moved"]);
    let moved = path.replace("apps", "moved");
    clone.commit(UPDATER, "own words", &[(&moved, &parameters("3"))]);
    clone.tells(&["-n", "1"], &["guestbook acme/web:2 -> acme/web:3 diff"]);
}

#[test]
fn rows_are_chosen_by_policy_image_time_and_number() {
    let clone = Clone::new();
    clone.ours("web:1", "web:2");
    clone.commit(TAGWRIGHT, &ours("update", "api", "ghcr.io/acme/api:1", "ghcr.io/acme/api:2"), &[]);
    clone.ours("web:2", "docker.io/library/web:3");
    let all = [
        "web web:2 -> docker.io/library/web:3 trailer",
        "api ghcr.io/acme/api:1 -> ghcr.io/acme/api:2 trailer",
        "web web:1 -> web:2 trailer",
    ];
    let check = |more: &[&str], chosen: &[usize]| {
        clone.tells(more, &chosen.iter().map(|at| all[*at]).collect::<Vec<_>>());
    };
    check(&[], &[0, 1, 2]);
    check(&["-n", "2"], &[0, 1]);
    check(&["--policy", "flux-system/web"], &[0, 2]);
    check(&["--policy", "flux-system/web", "-n", "1"], &[0]);
    check(&["--policy", "other/web"], &[]);
    check(&["--image", "web"], &[0, 2]);
    check(&["--image", "web:2"], &[0, 2]);
    check(&["--image", "library/web:3"], &[0]);
    check(&["--image", "ghcr.io/acme/api"], &[1]);
    check(&["--image", "ghcr.io/acme/api:3"], &[]);
    check(&["--image", "acme/api"], &[]);
    check(&["--since", "2024-05-06"], &[0, 1, 2]);
    check(&["--since", "2024-05-07"], &[]);
    check(&["--since", "24h"], &[]);
    check(&["--until", "24h"], &[0, 1, 2]);
    let time = clone.history(&["-o", "json"]).json()[1]["time"].as_str().expect("a time").to_owned();
    check(&["--since", &time], &[0, 1]);
    check(&["--until", &time], &[1, 2]);
    check(&["--since", &time, "--until", &time], &[1]);
    let run = clone.history(&["--since", "2 weeks ago"]).code_is(2);
    assert!(run.stderr.contains("expected 2026-01-31T12:00:00Z, 2026-01-31 or 24h"), "{}", run.stderr);
}

#[test]
fn trailers_are_held_against_the_files() {
    let clone = Clone::new();
    clone.ours("web:1", "web:2");
    clone.history(&["--check"]).code_is(0);
    let forged = append(
        "update web",
        &NamespacedName::new("flux-system", "apps"),
        &[change("web", "web:2", "web:3"), change("api", "api:1", "api:2")],
    );
    clone.commit(TAGWRIGHT, &forged, &[("web.yaml", &image("web:666", "web"))]);
    let run = clone.history(&["--check", "-o", "json"]).code_is(1);
    let found = &run.json()[0];
    assert_eq!((found["trailers"].as_str(), found["signed"].as_bool()), (Some("disagrees"), Some(false)));
    assert_eq!(found["notMade"].as_array().map(Vec::len), Some(2));
    assert_eq!(found["notListed"][0]["new"], "web:666");
    assert_eq!(run.json()[1]["trailers"], "agrees");
    clone.history(&["--check", "--policy", "flux-system/nobody"]).code_is(0);
    insta::assert_snapshot!("history_check", stable(&clone.history(&["--check"]).transcript(), clone.folder.path()));
}

#[test]
fn signatures_are_checked_against_known_keys() {
    let clone = Clone::new();
    let [known, other] = ["known", "other"].map(|name| ssh_key(clone.folder.path(), name, &["-t", "ed25519"], ""));
    let sign = |with: &Path| {
        clone.git(&["config", "commit.gpgSign", "true"]);
        clone.git(&["config", "gpg.format", "ssh"]);
        clone.git(&["config", "user.signingKey", &with.display().to_string()]);
    };
    let allowed = clone.folder.path().join("allowed");
    fs::write(&allowed, known.allowed("bot@example.com", "") + "\n").expect("a file");
    let allowed = allowed.display().to_string();
    let verdicts = |code: i32| {
        let run = clone.history(&["--check", "--allowed-signers", &allowed, "-o", "json"]).code_is(code);
        let verdict = |row: &serde_json::Value| row["signature"]["verdict"].as_str().expect("a verdict").to_owned();
        run.json().as_array().expect("rows").iter().map(verdict).collect::<Vec<_>>()
    };
    sign(&known.path);
    clone.ours("web:1", "web:2");
    assert_eq!(verdicts(0), ["good"]);
    sign(&other.path);
    clone.ours("web:2", "web:3");
    assert_eq!(verdicts(1), ["unknown key", "good"]);
    clone.git(&["config", "commit.gpgSign", "false"]);
    clone.ours("web:3", "web:4");
    assert_eq!(verdicts(1), ["none", "unknown key", "good"]);
    let signed = clone.git(&["cat-file", "commit", "HEAD~2"]) + "\n";
    let file = clone.folder.path().join("tampered");
    fs::write(&file, signed.replace("web:2", "web:9")).expect("a file");
    let id = clone.git(&["hash-object", "-t", "commit", "-w", &file.display().to_string()]);
    clone.git(&["update-ref", "refs/heads/main", &id]);
    assert_eq!(verdicts(1), ["bad"]);
    let told = |more: &[&str]| stable(&clone.history(&[&["--check"], more].concat()).transcript(), clone.folder.path());
    insta::assert_snapshot!("history_signatures", told(&["--allowed-signers", &allowed]));
    insta::assert_snapshot!("history_no_keys", told(&["--gpg-keys", &allowed]));
    clone.history(&["--gpg-keys", &allowed]).code_is(2);
}

#[test]
fn changes_beyond_the_listed_ones_are_counted() {
    let clone = Clone::new();
    let file = |version: usize| {
        (0..600).map(|n| image(&format!("p{n}:{version}"), &format!("p{n}")) + "---\n").collect::<String>()
    };
    clone.commit(PERSON, "many", &[("many.yaml", &file(1))]);
    let changes: Vec<ImageChange> =
        (0..600).map(|n| change(&format!("p{n}"), &format!("p{n}:1"), &format!("p{n}:2"))).collect();
    let message = |changes: &[ImageChange]| append("update", &NamespacedName::new("flux-system", "apps"), changes);
    clone.commit(TAGWRIGHT, &message(&changes), &[("many.yaml", &file(2))]);
    let run = clone.history(&["--check"]).code_is(0);
    assert_eq!(run.stderr, "");
    let run = clone.history(&["-n", "1"]).code_is(0);
    assert!(run.stderr.contains("made 100 more changes than it lists"), "{}", run.stderr);
    clone.git(&["reset", "--quiet", "--hard", "HEAD~"]);
    clone.commit(TAGWRIGHT, &message(&changes[..550]), &[("many.yaml", &file(2))]);
    let run = clone.history(&["--check"]).code_is(1);
    assert!(run.stderr.contains("speaks of 50 changes that it does not list, and made 100"), "{}", run.stderr);
}

#[test]
fn a_shallow_clone_ends_where_it_was_cut() {
    let clone = Clone::new();
    clone.ours("web:1", "web:2");
    clone.commit(FLUX, "Automated\n\nImages:\n- web:2 -> web:3\n", &[("web.yaml", &image("web:3", "web"))]);
    let origin = format!("file://{}", clone.path().display());
    let at = |depth: &str| {
        let name = format!("depth-{depth}");
        git(clone.folder.path(), &["clone", "--quiet", "--depth", depth, &origin, &name]);
        history(&clone.folder.path().join(name), &["-o", "json"])
    };
    let run = at("1");
    assert_eq!(rows(&run), ["- web:2 -> web:3 message"]);
    assert!(
        run.stderr.contains("is cut at commit") && run.stderr.contains("hint: git fetch --unshallow"),
        "{}",
        run.stderr
    );
    assert_eq!(rows(&at("2")), ["web web:2 -> web:3 diff", "web web:1 -> web:2 trailer"]);
    let check = history(&clone.folder.path().join("depth-2"), &["--check"]).code_is(2);
    assert!(check.stderr.contains("could not be checked: its parent is not here"), "{}", check.stderr);
    assert_eq!(at("9").stderr, "");
}

#[test]
fn the_command_line_tells_it_as_a_table() {
    let clone = Clone::new();
    let snapshot = |name: &str, more: &[&str]| {
        insta::assert_snapshot!(name, stable(&clone.history(more).transcript(), clone.folder.path()));
    };
    snapshot("history_nothing", &[]);
    clone.ours("web:1", "web:2");
    clone.git(&["revert", "--no-edit", "HEAD"]);
    clone.commit(
        "argocd-image-updater <x@example.com>",
        "build: automatic update of shop\n\nupdates image acme/web tag '1' to '2'",
        &[],
    );
    snapshot("history_table", &[]);
    snapshot("history_rows_json", &["-o", "json"]);
    snapshot("history_missing_branch", &["--branch", "absent"]);
}

/// A bare repository from a stream of `git fast-import`.
fn imported(stream: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("infra.git");
    create_bare(&path);
    import(&path, stream);
    (folder, path)
}

fn commit(who: &str, time: u64, message: &str) -> String {
    format!("commit refs/heads/main\ncommitter {who} {time} +0000\ndata {}\n{message}\n", message.len())
}

#[test]
fn order_is_by_time_and_odd_clocks_lose_nothing() {
    let mut stream = String::new();
    for n in 0..300_u64 {
        // Every third clock is a year behind.
        let time = 1_700_000_000 + n * 60 - if n % 3 == 0 { 31_536_000 } else { 0 };
        stream += &commit(TAGWRIGHT, time, &ours("update", "web", &format!("web:{n}"), &format!("web:{}", n + 1)));
    }
    let (_folder, path) = imported(&stream);
    let all = rows(&history(&path, &["-o", "json"]));
    assert_eq!(all.len(), 300);
    assert_eq!(all[0], "web web:299 -> web:300 trailer");
    assert_eq!(rows(&history(&path, &["-o", "json", "--since", "2023-11-01"])).len(), 200);
}

#[test]
fn hostile_repositories_are_read_within_bounds() {
    let ours = ours("update", "web", "web:1", "web:2");
    let mut stream = commit(PERSON, 1, "first");
    // Ten megabytes of message, a forest of parents, a time that cannot be, a name that is none.
    stream += &commit(TAGWRIGHT, 2, &format!("{}\n\n{ours}", "x".repeat(10 << 20)));
    stream += &commit("Bot <bot@example.com>", 3, &"Image-Change: a/b c -> d\n".repeat(10));
    stream += &commit(PERSON, 99_999_999_999_999, &ours);
    let parents = 3_000;
    for n in 0..parents {
        stream += &format!("commit refs/heads/b{n}\ncommitter {PERSON} {n} +0000\ndata 0\n\n");
    }
    stream += &commit(PERSON, 4, "octopus");
    (0..parents).for_each(|n| stream += &format!("merge refs/heads/b{n}\n"));
    for n in 0..12_000 {
        stream += &format!("M 100644 inline d{}/f{n}.yaml\ndata 5\nx: 1\n\n", n % 100);
    }
    stream += &commit(FLUX, 5, "many files");
    for n in 0..12_000 {
        stream += &format!("M 100644 inline d{}/f{n}.yaml\ndata 5\nx: 2\n\n", n % 100);
    }
    let (_folder, path) = imported(&stream);
    let run = history(&path, &["-o", "json", "--all-commits"]);
    assert_eq!(rows(&run).len(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("has 3001 parents, and at most 16 are compared"), "{}", run.stderr);
    assert!(run.stderr.contains("only the first 10000 files that it changed were compared"), "{}", run.stderr);
    history(&path, &["--check"]).code_is(1);
}

#[test]
fn broken_encodings_and_headers_are_read_as_far_as_they_go() {
    let (_folder, path) = imported(&commit(PERSON, 1, "first"));
    let tree = git(&path, &["rev-parse", "main^{tree}"]).trim().to_owned();
    let raw = [
        format!("tree {tree}\nencoding nonsense\n\n{}", ours("no names", "web", "web:1", "web:2")).into_bytes(),
        [
            format!("tree {tree}\nauthor \u{e9} > 5\ncommitter < soon\n\n").as_bytes(),
            b"caf\xe9\n\nImage-Change: a/b \xff -> d\n",
        ]
        .concat(),
    ];
    for bytes in raw {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), bytes).expect("a file");
        let place = file.path().display().to_string();
        let id = git(&path, &["hash-object", "-t", "commit", "-w", "--literally", &place]);
        git(&path, &["update-ref", "refs/heads/main", id.trim()]);
        assert_eq!(rows(&history(&path, &["-o", "json"])).len(), 1);
    }
    assert_eq!(rows(&history(&path, &["-o", "json"])), ["b \u{fffd} -> d trailer"]);
}

#[test]
fn a_commit_that_is_missing_is_an_error() {
    let clone = Clone::new();
    let first = clone.git(&["rev-parse", "HEAD"]);
    clone.ours("web:1", "web:2");
    let object = clone.path().join(".git/objects").join(&first[..2]).join(&first[2..]);
    fs::remove_file(object).expect("a loose object");
    let run = clone.history(&[]).code_is(2);
    assert!(run.stderr.starts_with("error: reading commits: object not found"), "{}", run.stderr);
    assert!(!run.stderr.contains("class="), "{}", run.stderr);
}

#[test]
fn a_remote_is_read_like_a_clone() {
    let (server, home) = (git_http::GitServer::start(), tempfile::tempdir().expect("a temporary folder"));
    server.create("infra.git", &[("web.yaml", &image("web:1", "web"))]);
    server.commit("infra.git", "main", &[("web.yaml", &image("web:2", "web"))], "Update from image update automation");
    let run = |more: &[&str]| {
        finish(
            command(["history", &server.url("infra.git"), "-o", "json", "--state"], home.path())
                .arg(home.path())
                .args(more),
        )
    };
    assert_eq!(rows(&run(&[])), ["web web:1 -> web:2 diff"]);
    run(&["--branch", "absent"]).code_is(2);
}
