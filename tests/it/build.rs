//! `tagwright build` as a user runs it: directories, revisions without checkout, remotes over Git and http.

use std::fs;
use std::path::Path;

use crate::program::{Run, command, finish, run_with_input};
use crate::servers::git_http::{GitServer, git};

const BASE: &[(&str, &str)] = &[
    ("base/kustomization.yaml", "resources:\n- web.yaml\n"),
    (
        "base/web.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: acme/web:1\n",
    ),
];

/// A home, a folder to work in.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
            fs::write(path, text).expect("a new file");
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, args: &[&str]) -> Run {
        let home = self.path().join(".home");
        finish(command(args, &home).current_dir(self.path()))
    }
}

fn overlay(base: &str) -> String {
    format!("resources:\n- {base}\nnamePrefix: eu-\n")
}

const EU_WEB: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: eu-web\nspec:\n  containers:\n  - image: acme/web:1\n    name: web\n";

#[test]
fn a_directory_is_built_with_what_lies_beside_it() {
    let desk = Desk::new(BASE);
    let overlays = Desk::new(&[("eu/kustomization.yaml", &overlay(desk.path().join("base").to_str().expect("UTF-8")))]);
    assert_eq!(desk.run(&["build", "base"]).ok(), EU_WEB.replace("eu-", ""));
    let refused = overlays.run(&["build", "eu"]).code_is(2);
    assert!(
        refused.stderr.contains("absolute") || refused.stderr.contains("eu/kustomization.yaml"),
        "{}",
        refused.stderr
    );
    let beside = Desk::new(&[BASE[0], BASE[1], ("overlays/eu/kustomization.yaml", &overlay("../../base"))]);
    assert_eq!(beside.run(&["build", "overlays/eu"]).ok(), EU_WEB);
}

#[test]
fn a_revision_is_built_without_checkout() {
    let desk = Desk::new(&[BASE[0], BASE[1], ("eu/kustomization.yaml", &overlay("../base"))]);
    let inside = |args: &[&str]| git(desk.path(), args);
    inside(&["init", "-q", "-b", "main"]);
    inside(&["add", "base", "eu"]);
    inside(&["-c", "user.name=d", "-c", "user.email=d@example.com", "commit", "-qm", "first"]);
    inside(&["tag", "v1"]);
    fs::remove_dir_all(desk.path().join("base")).expect("a folder");
    for revision in ["main", "v1", "HEAD", inside(&["rev-parse", "HEAD"]).trim()] {
        assert_eq!(desk.run(&["build", ".", "--ref", revision, "--path", "eu"]).ok(), EU_WEB, "{revision}");
    }
    let absent = desk.run(&["build", ".", "--ref", "v2", "--path", "eu"]).code_is(2);
    assert!(absent.stderr.contains("v2"), "{}", absent.stderr);
}

#[test]
fn remote_bases_are_fetched_at_the_revision_they_name() {
    let (server, desk) = (GitServer::start(), Desk::new(&[]));
    server.create("infra.git", BASE);
    git(&server.path("infra.git"), &["tag", "v1", "main"]);
    server.commit("infra.git", "main", &[("base/web.yaml", &BASE[1].1.replace("web:1", "web:2"))], "second");
    let build = |reference: &str| {
        let base = format!("{}//base?ref={reference}", server.url("infra.git"));
        fs::write(desk.path().join("kustomization.yaml"), overlay(&base)).expect("a file");
        desk.run(&["build", "."]).ok()
    };
    assert_eq!(build("v1"), EU_WEB);
    assert_eq!(build("main"), EU_WEB.replace("web:1", "web:2"));
    let url = format!("{}//base?ref=v1", server.url("infra.git"));
    assert_eq!(desk.run(&["build", &url]).ok(), EU_WEB.replace("eu-", ""));
}

#[test]
fn a_remote_base_may_name_another_revision_of_its_own_repository() {
    let (server, desk) = (GitServer::start(), Desk::new(&[]));
    server.create("infra.git", BASE);
    git(&server.path("infra.git"), &["tag", "v1", "main"]);
    let base = format!("{}//base?ref=v1", server.url("infra.git"));
    server.commit("infra.git", "main", &[("eu/kustomization.yaml", &overlay(&base))], "second");
    let url = format!("{}//eu?ref=main", server.url("infra.git"));
    fs::write(desk.path().join("kustomization.yaml"), format!("resources:\n- {url}\n")).expect("a file");
    assert_eq!(desk.run(&["build"]).ok(), EU_WEB);
    assert_eq!(desk.run(&["build", &url]).ok(), EU_WEB);
}

#[test]
fn remotes_that_want_a_login_are_refused_with_advice() {
    let (server, desk) = (GitServer::start(), Desk::new(&[]));
    server.create("infra.git", BASE);
    server.protect("Basic dXNlcjpwYXNzd29yZA==");
    let base = format!("{}//base?ref=v1", server.url("infra.git"));
    fs::write(desk.path().join("kustomization.yaml"), overlay(&base)).expect("a file");
    let refused = desk.run(&["build"]).code_is(2);
    assert!(refused.stderr.contains("remotes are read without a login"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
}

#[test]
fn a_source_that_wants_a_login_takes_its_password_once() {
    let server = GitServer::start();
    server.create("infra.git", BASE);
    server.protect("Basic dXNlcjpwYXNzd29yZA==");
    let url = server.url("infra.git");
    let args = ["build", &url, "--path", "base", "--username", "user", "--password-stdin"];
    assert_eq!(run_with_input(args, "password\n").ok(), EU_WEB.replace("eu-", ""));
}

#[test]
fn messages_name_files_as_seen_from_the_working_directory() {
    let desk = Desk::new(&[BASE[0], ("eu/kustomization.yaml", &overlay("../base")), ("us/kustomization.yaml", "a: b")]);
    let refused = desk.run(&["build", "eu"]).code_is(2);
    assert!(refused.stderr.starts_with("error: base/kustomization.yaml:2: resources[0]: "), "{}", refused.stderr);
    let refused = desk.run(&["build", "us"]).code_is(2);
    assert!(refused.stderr.starts_with("error: us/kustomization.yaml:1: a: unknown field"), "{}", refused.stderr);
}

#[test]
fn only_allowed_places_are_asked() {
    let (server, desk) = (GitServer::start(), Desk::new(&[]));
    server.create("team/infra.git", BASE);
    let url = server.url("team/infra.git");
    fs::write(desk.path().join("kustomization.yaml"), overlay(&format!("{url}//base?ref=main"))).expect("a file");
    let place = url.strip_suffix("/infra.git").expect("the folder of the repository");
    assert_eq!(desk.run(&["build", ".", "--allow-remote", place]).ok(), EU_WEB);
    for other in ["github.com/acme", &format!("{place}s"), &format!("{place}/other")] {
        let denied = desk.run(&["build", ".", "--allow-remote", other]).code_is(2);
        assert!(denied.stderr.contains("kustomization.yaml:2: resources[0]: "), "{other}: {}", denied.stderr);
        assert!(denied.stderr.contains("is not allowed"), "{other}: {}", denied.stderr);
        assert!(denied.stderr.contains("--allow-remote"), "{other}: {}", denied.stderr);
    }
}

#[test]
fn the_output_goes_where_it_is_wanted() {
    let desk = Desk::new(BASE);
    desk.run(&["build", "base", "-o", "all.yaml"]).ok();
    assert_eq!(fs::read_to_string(desk.path().join("all.yaml")).expect("a file"), EU_WEB.replace("eu-", ""));
    fs::create_dir(desk.path().join("out")).expect("a folder");
    desk.run(&["build", "base", "-o", "out"]).ok();
    let one = fs::read_to_string(desk.path().join("out/v1_pod_web.yaml")).expect("a file for each object");
    assert_eq!(one, EU_WEB.replace("eu-", ""));
}

#[test]
fn what_cannot_be_a_file_each_is_not_written_at_all() {
    let objects = |names: &[&str]| -> String {
        let object = |name: &&str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n");
        names.iter().map(object).collect::<Vec<_>>().join("---\n")
    };
    for (names, wanted) in
        [(["a", "x/../../y"], "cannot be the name"), (["web", "Web"], "two objects would be written")]
    {
        let desk = Desk::new(&[("kustomization.yaml", "resources: [a.yaml]"), ("a.yaml", &objects(&names))]);
        fs::create_dir(desk.path().join("out")).expect("a folder");
        let refused = desk.run(&["build", "-o", "out"]).code_is(2);
        assert!(refused.stderr.contains(wanted), "{}", refused.stderr);
        assert_eq!(fs::read_dir(desk.path().join("out")).expect("a folder").count(), 0, "{wanted}");
    }
    let refused = Desk::new(BASE).run(&["build", "base", "-o", "none/"]).code_is(2);
    assert!(refused.stderr.contains("the directory none/ does not exist"), "{}", refused.stderr);
}

#[test]
fn images_are_listed_with_the_line_and_who_manages_them() {
    let kustomization = "resources:\n- ../base\nimages:\n- name: acme/web\n  newTag: \"2\" # {\"$imagepolicy\": \"flux-system:web:tag\"}\n";
    let marked = Desk::new(&[BASE[0], BASE[1], ("eu/kustomization.yaml", kustomization)]);
    let table = marked.run(&["images", "eu"]).ok();
    assert!(table.contains("acme/web:2") && table.contains("eu/kustomization.yaml:5"), "{table}");
    assert!(table.contains("marker flux-system:web:tag"), "{table}");
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: web\n  namespace: argocd\n  annotations:\n    argocd-image-updater.argoproj.io/image-list: web=acme/web:1.x\n";
    fs::write(marked.path().join("app.yaml"), application).expect("a file");
    let plain = marked.run(&["images", "base", "--application", "app.yaml", "-o", "json"]).code_is(0).json();
    let row = &plain[0];
    assert_eq!((row["file"].as_str(), row["line"].as_u64()), (Some("base/web.yaml"), Some(8)));
    assert_eq!(row["managedBy"]["application"]["name"], "web");
    assert_eq!(marked.run(&["images", "base", "-o", "json"]).json()[0]["managedBy"], serde_json::Value::Null);
}

#[test]
fn images_are_written_where_their_version_is() {
    let kustomization = "resources:\n- ../base\nimages:\n- name: acme/web\n  newName: mirror/web\npatches:\n- patch: |\n    kind: Pod\n    apiVersion: v1\n    metadata:\n      name: web\n    spec:\n      containers:\n      - name: inline\n        image: a:1\n- target: {kind: Pod}\n  path: p.yaml\n- target: {kind: Pod}\n  patch: |-\n    - op: add\n      path: /spec/containers/-\n      value: {name: operation, image: c:1}\n";
    let operation = "- op: add\n  path: /spec/containers/-\n  value:\n    name: file\n    image: b:1\n";
    let files = [BASE[0], BASE[1], ("eu/kustomization.yaml", kustomization), ("eu/p.yaml", operation)];
    let rows = Desk::new(&files).run(&["images", "eu", "-o", "json"]).code_is(0).json();
    let row = |row: &serde_json::Value| format!("{} {}:{}", row["image"], row["file"], row["line"]).replace('"', "");
    let rows: Vec<String> = rows.as_array().expect("a list").iter().map(row).collect();
    let own = "eu/kustomization.yaml";
    let wanted = [format!("a:1 {own}:15"), "mirror/web:1 base/web.yaml:8".into(), "b:1 eu/p.yaml:5".into()];
    assert_eq!(rows, [&wanted[..], &[format!("c:1 {own}:22")]].concat());
}
