//! The command line: what each verb prints, how it ends, what its help says.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::program::{Run, command, finish, run, run_with_input, stable};
use crate::servers::fake_registry::FakeRegistry;
use crate::world::{World, deployment, policy};

/// Compares with `snapshots/cli__NAME.snap`; `cargo insta` or `INSTA_UPDATE=always` renews it.
fn snapshot(name: &str, run: &Run, folder: &Path) {
    insta::assert_snapshot!(name, stable(&run.transcript(), folder));
}

#[test]
fn the_reference_is_what_the_parser_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let made = tagwright::cli::markdown();
    if std::env::var_os("TAGWRIGHT_RENEW").is_some() {
        fs::write(&file, &made).expect("docs/cli.md");
    }
    let kept = fs::read_to_string(&file).expect("docs/cli.md");
    assert!(
        kept == made,
        "docs/cli.md is not what the parser says; renew it with TAGWRIGHT_RENEW=1 cargo test --test it the_reference"
    );
}

#[test]
fn every_verb_has_an_example() {
    for verb in [
        "scan",
        "select",
        "update",
        "sync",
        "build",
        "images",
        "template",
        "history",
        "ledger",
        "crds",
        #[cfg(feature = "cluster")]
        "controller",
        "demo",
        "completion",
    ] {
        let help = run([verb, "--help"]).ok();
        assert!(help.contains("Examples:\n"), "{verb}");
    }
}

#[test]
fn crds_come_as_one_text_as_files_and_as_a_list() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let folder = tempfile::tempdir().expect("a folder");
    let split = [OsStr::new("crds"), OsStr::new("--split"), folder.path().as_os_str()];
    assert_eq!(run(split).ok(), "");
    let printed = run(["crds"]).ok();
    let list: serde_json::Value = run(["crds", "-o", "json"]).json();
    let items = list["items"].as_array().expect("a list");
    assert_eq!((list["kind"].as_str(), items.len()), (Some("List"), 4));
    assert_eq!(printed.split("---\n").count(), 4);
    for text in printed.split("---\n") {
        let name = text.lines().find_map(|line| line.strip_prefix("  name: ")).expect("a name");
        assert!(items.iter().any(|item| item["metadata"]["name"] == name), "{name}");
        let (plural, group) = name.split_once('.').expect("a group");
        let file = format!("{group}_{plural}.yaml");
        assert_eq!(fs::read_to_string(kept.join(&file)).expect("a file of crds/"), text, "{file}");
        assert_eq!(fs::read_to_string(folder.path().join(&file)).expect("a file"), text, "{file}");
    }
    let missing = folder.path().join("missing");
    let run = run([OsStr::new("crds"), OsStr::new("--split"), missing.as_os_str()]).code_is(2);
    assert!(run.stderr.contains("writing "), "{}", run.stderr);
}

#[test]
fn completions_are_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(["completion", shell]).ok().contains("tagwright"), "{shell}");
    }
}

const TAGS: &str = "1.0.0\n1.2.0\n1.10.0\n2.0.0-rc.1\nlatest\nsha256-abc.sig\nmain-0f0f0f0-1650000000\n";

#[test]
fn select_from_a_file() {
    let folder = Path::new("/nowhere");
    let select = |args: &[&str]| run_with_input(["select", "--tags-from", "-"].iter().chain(args), TAGS);
    snapshot("select", &select(&["--semver", "^1"]), folder);
    snapshot("select_json", &select(&["--semver", "^1", "-o", "json"]), folder);
    snapshot("select_explain", &select(&["--semver", "^1", "--explain", "--exclude", r"\.sig$"]), folder);
    snapshot("select_explain_json", &select(&["--semver", "^1", "--explain", "-o", "json"]), folder);
    snapshot("select_none", &select(&["--semver", "^7"]), folder);
    snapshot("select_bad_range", &select(&["--semver", "one", "-o", "json"]), folder);
    snapshot("select_bad_pattern", &select(&["--numerical", "asc", "--pattern", "("]), folder);
    snapshot(
        "select_extract",
        &select(&["--numerical", "asc", "--pattern", r"^main-[0-9a-f]+-(?P<ts>\d+)$", "--extract", "$ts"]),
        folder,
    );
    snapshot("select_missing_file", &run(["select", "--tags-from", "/nowhere/tags", "--semver", "*"]), folder);
    snapshot("select_no_order", &run(["select", "nginx"]), folder);
}

#[test]
fn scan_and_select_ask_a_registry() {
    let registry = FakeRegistry::start();
    ["1.0.0", "1.1.0", "bad tag"].iter().for_each(|tag| drop(registry.push("acme/web", tag)));
    let (web, absent) = (registry.image("acme/web"), registry.image("acme/absent"));
    let folder = Path::new("/nowhere");
    snapshot("scan", &run(["scan", &web]), folder);
    snapshot("scan_json", &run(["scan", &web, &absent, "-o", "json"]), folder);
    snapshot("scan_absent", &run(["scan", &absent]), folder);
    snapshot("scan_tagged", &run(["scan", "nginx:latest"]), folder);
    snapshot("select_registry", &run(["select", &web, "--semver", ">=1"]), folder);
}

#[test]
fn select_says_what_is_no_image() {
    let hex = "0".repeat(64);
    let tags = format!("1.0.0\nsha256-{hex}\nsha256-{hex}.sig\nsha256-{hex}.att\nsha256-{hex}.sbom\n");
    let args = ["select", "--tags-from", "-", "--semver", "*", "--explain", "--exclude", r"\.sig$", "-o", "json"];
    let answer = run_with_input(args, &tags).json();
    let reasons: Vec<&str> =
        answer["tags"].as_array().expect("verdicts").iter().skip(1).flat_map(|tag| tag["reason"].as_str()).collect();
    let starts = [
        "a list of referrers: ",
        r"a signature: excluded by \.sig$",
        "an attestation: ",
        "a bill of materials (SBOM): ",
    ];
    assert_eq!(reasons.len(), starts.len());
    for (reason, start) in reasons.iter().zip(starts) {
        assert!(reason.starts_with(start), "{reason}");
    }
}

#[test]
fn scan_asks_what_tags_stand_for() {
    let registry = FakeRegistry::start();
    let signature = format!("sha256-{}.sig", "0".repeat(64));
    for (tag, created) in [("1.0.0", "2024-01-02T03:04:05Z"), ("1.1.0", "1970-01-01T00:00:00Z"), (&signature, "")] {
        let config = registry.push_content(format!(r#"{{"created":"{created}"}}"#).as_bytes());
        registry.push_manifest("acme/web", tag, format!(r#"{{"config":{{"digest":"{config}"}}}}"#).as_bytes());
    }
    registry.push_manifest("acme/web", "broken", b"{");
    let web = registry.image("acme/web");
    let state = tempfile::tempdir().expect("a temporary folder");
    let state = state.path().to_str().expect("a path");
    let scan = |more: &[&str]| run(["scan", &web, "--state", state].iter().chain(more));
    let folder = Path::new("/nowhere");
    snapshot("scan_facts", &scan(&["--digests", "--created", "--images-only"]), folder);
    snapshot("scan_facts_json", &scan(&["--created", "-o", "json"]), folder);
    snapshot("scan_digests", &scan(&["--digests"]), folder);
    snapshot("scan_platform", &scan(&["--created", "--platform", "linux"]), folder);
    assert_eq!(scan(&["--images-only"]).ok(), "1.0.0\n1.1.0\nbroken\n");
    let before = registry.requests().len();
    scan(&["--created"]);
    let asked: Vec<String> = registry.requests().into_iter().skip(before).map(|asked| asked.path).collect();
    let configs = asked.iter().filter(|path| path.contains("/blobs/")).count();
    assert_eq!(configs, 1, "build times are remembered, and the signature has none: {asked:?}");
}

#[test]
fn update_rewrites_a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("app.yaml");
    let marked =
        "image: acme/web:1.0.0 # {\"$imagepolicy\": \"apps:web\"}\nother: x # {\"$imagepolicy\": \"apps:nobody\"}\n";
    fs::write(&file, marked).expect("a file");
    fs::write(folder.path().join("broken.yaml"), "a: [ # {\"$imagepolicy\": \"apps:web\"}\n").expect("a file");
    let path = folder.path().display().to_string();
    let update = |more: &[&str]| {
        run(["update", &path, "--image", "apps:web=acme/web:1.1.0"].iter().copied().chain(more.iter().copied()))
    };
    snapshot("update_dry_run", &update(&["--dry-run", "--exit-code"]), folder.path());
    assert_eq!(fs::read_to_string(&file).expect("the file"), marked);
    snapshot("update_json", &update(&["-o", "json"]), folder.path());
    assert_eq!(fs::read_to_string(&file).expect("the file"), marked.replace("1.0.0", "1.1.0"));
    snapshot("update_again", &update(&["--exit-code"]), folder.path());
    snapshot("update_missing", &run(["update", &format!("{path}/absent"), "--image", "apps:web=a:1"]), folder.path());
    snapshot("update_bad_image", &run(["update", &path, "--image", "apps:web=A:1"]), folder.path());
    snapshot("update_no_image", &run(["update", &path]), folder.path());
}

#[test]
fn update_keeps_the_permissions_and_never_follows_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let marked = "image: acme/web:1.0.0 # {\"$imagepolicy\": \"apps:web\"}\n";
    let (own, foreign) = (folder.path().join("own.yaml"), outside.path().join("foreign.yaml"));
    fs::write(&own, marked).expect("a file");
    fs::write(&foreign, marked).expect("a file");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o640)).expect("permissions");
    symlink(&foreign, folder.path().join("link.yaml")).expect("a link");
    symlink(outside.path(), folder.path().join("folder")).expect("a link");
    run(["update", &folder.path().display().to_string(), "--image", "apps:web=acme/web:2.0.0"]).ok();
    assert!(fs::read_to_string(&own).expect("the file").contains("2.0.0"));
    assert_eq!(fs::metadata(&own).expect("the file").permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(&foreign).expect("the file"), marked);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let program = env!("CARGO_BIN_EXE_tagwright");
    let script = format!(
        "seq 200000 | sed 's/^/1.0./' | {program} select --tags-from - --semver '*' --explain | head -1; echo ${{PIPESTATUS[2]}}"
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.ends_with("\n0\n"), "{text} {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn update_fails_when_a_policy_of_the_objects_does() {
    let world = World::simple();
    world.objects("more.yaml", &policy("gone", "^1"));
    let file = world.path("app.yaml");
    fs::write(&file, world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"))).expect("a file");
    let args = [OsStr::new("update"), file.as_os_str(), OsStr::new("--objects")];
    let run = finish(command(args, world.folder.path()).arg(world.path("objects"))).code_is(2);
    assert!(run.stderr.contains("error: ImagePolicy flux-system/gone: listing tags of"), "{}", run.stderr);
    assert!(fs::read_to_string(&file).expect("the file").contains("web:1.0.1"));
}

#[test]
fn objects_are_one_path_for_each_flag() {
    let world = World::simple();
    std::fs::rename(world.path("objects/all.yaml"), world.path("all.yaml")).expect("a file");
    world.objects("more.yaml", &policy("gone", "^1"));
    let file = world.path("app.yaml");
    fs::write(&file, world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"))).expect("a file");
    let (one, two) = (world.path("all.yaml"), world.path("objects"));
    let mut command = command([OsStr::new("update"), OsStr::new("--objects")], world.folder.path());
    let run = finish(command.args([&one, Path::new("--objects"), &two, &file])).code_is(2);
    assert!(run.stderr.contains("error: ImagePolicy flux-system/gone: listing tags of"), "{}", run.stderr);
    assert!(fs::read_to_string(&file).expect("the file").contains("web:1.0.1"));
}

#[test]
fn update_goes_on_where_a_file_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let marked = "image: acme/web:1.0.0 # {\"$imagepolicy\": \"apps:web\"}\n";
    let large = format!("{marked}# {}\n", "x".repeat(4096));
    fs::write(folder.path().join("large.yaml"), &large).expect("a file");
    fs::write(folder.path().join("small.yaml"), marked).expect("a file");
    // A limit on the size of files stops even root.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} update {} --image apps:web=acme/web:2.0.0",
        env!("CARGO_BIN_EXE_tagwright"),
        folder.path().display()
    );
    let run = finish(std::process::Command::new("bash").args(["-c", &script])).code_is(2);
    assert!(run.stderr.contains("error: writing ") && run.stderr.contains("large.yaml"), "{}", run.stderr);
    assert_eq!(run.stdout, "small.yaml:1: acme/web:1.0.0 -> acme/web:2.0.0 (apps:web)\n");
    assert_eq!(fs::read_to_string(folder.path().join("large.yaml")).expect("the file"), large);
    assert!(fs::read_to_string(folder.path().join("small.yaml")).expect("the file").contains("2.0.0"));
}

#[test]
fn select_takes_an_image_with_tags_from_a_file() {
    let select = |more: &[&str]| {
        run_with_input(["select", "acme/web", "--tags-from", "-", "--semver", "^1"].iter().chain(more), TAGS)
    };
    assert_eq!(select(&[]).ok(), "docker.io/acme/web:1.10.0\n");
    assert_eq!(select(&["-o", "json"]).json()["image"], "docker.io/acme/web");
}

#[test]
fn select_refuses_more_tags_than_it_reads() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file().set_len((256 << 20) + 1).expect("a file with a hole");
    let run = run(["select", "--tags-from", &file.path().display().to_string(), "--semver", "*"]).code_is(2);
    assert!(run.stderr.contains("larger than"), "{}", run.stderr);
}

#[test]
fn one_password_from_stdin_serves_all_images() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "1.0.0");
    registry.push("acme/api", "2.0.0");
    registry.require_login("bot", "secret");
    let (web, api) = (registry.image("acme/web"), registry.image("acme/api"));
    let scan = |input: &str| run_with_input(["scan", &web, &api, "--username", "bot", "--password-stdin"], input);
    assert_eq!(scan("secret\n").ok(), format!("{web}:1.0.0\n{api}:2.0.0\n"));
    let run = scan("").code_is(2);
    assert!(run.stderr.contains("stdin holds no password"), "{}", run.stderr);
}

#[test]
fn sync_and_history_tell_what_was_done() {
    let world = World::simple();
    let odd = "a: b # {\"$imagepolicy\": \"flux-system:nobody\"}\n";
    world.git.commit("app.git", "main", &[("apps/odd.yaml", odd)], "odd");
    let folder = world.folder.path();
    snapshot("sync_dry_run", &world.sync(&["--dry-run"]), folder);
    snapshot("sync", &world.sync(&[]), folder);
    snapshot("sync_again_json", &world.sync(&["-o", "json"]), folder);
    let url = world.git.url("app.git");
    let history =
        |more: &[&str]| finish(command(["history", &url, "--state"], folder).arg(world.path("state")).args(more));
    snapshot("history", &history(&[]), folder);
    snapshot("history_json", &history(&["-o", "json"]), folder);
    snapshot("history_of_nobody", &history(&["--policy", "flux-system/nobody"]), folder);
    assert_eq!(history(&["--check", "-o", "json"]).code_is(0).json()[0]["trailers"], "agrees");
}

#[test]
fn an_output_that_cannot_be_written_is_told_as_such() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device that is always full");
    let output = command(["completion", "bash"], home.path()).stdout(full).output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("error: writing the output: No space left on device"), "{told}");
    assert_eq!(output.status.code(), Some(2));
}
