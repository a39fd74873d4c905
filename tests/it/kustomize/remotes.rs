//! Entries that name repositories and files elsewhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tagwright::kustomize::{Failed, Options, Outcome, Remote, Remotes, build, remote_folder};
use tagwright::tree::{FileTree, Memory};

/// `wanted` is `URL PATH REFERENCE`, with `-` for what is empty.
fn check(entry: &str, wanted: &str) {
    let found = remote_folder(entry).unwrap_or_else(|| panic!("{entry} is a remote"));
    let or = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let reference = found.repository.reference.unwrap_or_default();
    assert_eq!(format!("{} {} {}", found.repository.url, or(&found.path), or(&reference)), wanted, "{entry}");
}

#[test]
fn entries_are_split_into_repository_and_folder() {
    check("https://github.com/org/repo", "https://github.com/org/repo - -");
    check("github.com/org/repo/path?ref=v1", "https://github.com/org/repo path v1");
    check("GitHub.com:org/repo", "https://github.com/org/repo - -");
    check("http://github.com/org/repo.git/dir", "https://github.com/org/repo.git dir -");
    check("git@github.com:org/repo/dir", "git@github.com:org/repo dir -");
    check("git@github.com/org/repo//dir", "git@github.com:org/repo dir -");
    check("ssh://git@github.com/org/repo//a/b?ref=v1", "git@github.com:org/repo a/b v1");
    check("org-12345@github.com/org/repo", "org-12345@github.com:org/repo - -");
    check("git::https://host.example/p/_git/repo", "https://host.example/p/_git/repo - -");
    check("https://host.example/p/_git/repo/dir?version=v1", "https://host.example/p/_git/repo dir v1");
    check("https://user@dev.azure.com/org/p/_git/repo//a/b", "https://user@dev.azure.com/org/p/_git/repo a/b -");
    check("https://host.example/path/to/repo//a/b/?ref=main", "https://host.example/path/to/repo a/b main");
    check("https://host.example/path/to/repo.git/a", "https://host.example/path/to/repo.git a -");
    check("https://host.example/org/repo/?ref=has.git/in", "https://host.example/org/repo - has.git/in");
    check("git@bitbucket.org:company/project.git//path?ref=b", "git@bitbucket.org:company/project.git path b");
    check("git@bitbucket.org/company/project.git//path", "git@bitbucket.org/company/project.git path -");
    check("ssh://git@ssh.github.com:443/me/repo.git", "ssh://git@ssh.github.com:443/me/repo.git - -");
    check("git@gitlab.com/user:name/repo.git/path", "git@gitlab.com/user:name/repo.git path -");
    check("git@gist.github.com:abc.git", "git@gist.github.com:abc.git - -");
    check("file:///a/b/repo?ref=main", "file:///a/b/repo - main");
    check("file://a/b/repo//dir", "file://a/b/repo dir -");
    check("file://git@home/repo.git//dir", "file://git@home/repo.git dir -");
    check("https://host.example/org/repo/100%/dir", "https://host.example/org/repo 100%/dir -");
}

#[test]
fn paths_of_this_machine_are_no_remotes() {
    let paths = [
        "/tmp",
        "../../tmp",
        "base",
        "src/github.com/org/repo/path",
        "htxxxtp://github.com/",
        "ssh://git.example.com",
        "git::___",
        "https://host?ref=group/version",
        "https://github.com/org/repo.git//path/../../exits/repo",
        "github.com!org/repo.git//path",
        "gh:org/repo",
        "https://github.com/thisisa404.yaml",
        "file:////tmp//path/to/whatever",
        "git@scp://github.com/org/repo.git//path",
    ];
    for path in paths {
        assert_eq!(remote_folder(path), None, "{path}");
    }
}

#[test]
fn queries_say_how_to_fetch() {
    let check = |query: &str, reference: Option<&str>, seconds: f64, submodules: bool| {
        let found = remote_folder(&format!("https://github.com/org/repo{query}")).expect("a remote").repository;
        let wanted = (reference, Duration::from_secs_f64(seconds), submodules);
        assert_eq!((found.reference.as_deref(), found.timeout, found.submodules), wanted, "{query}");
    };
    check("", None, 27.0, true);
    check("?ref=a&version=b", Some("a"), 27.0, true);
    check("?version=b&ref=", Some("b"), 27.0, true);
    check("?ref=feature%2Fa+b", Some("feature/a b"), 27.0, true);
    check("?timeout=61&submodules=false", None, 61.0, false);
    check("?timeout=1m1.5s&submodules=F", None, 61.5, false);
    check("?timeout=-1&submodules=no", None, 27.0, true);
    check("?ref=%zz&timeout=61", None, 27.0, true);
    check("?ref=a;b", None, 27.0, true);
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n";

fn tree(files: &[(&str, &str)]) -> Memory {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

#[test]
fn a_build_asks_for_all_remotes_and_goes_on_with_them() {
    let own =
        "namePrefix: a-\nresources:\n- https://host.example/org/repo//base?ref=v1\n- https://host.example/x.yaml\n";
    let here = tree(&[("app/kustomization.yaml", own)]);
    let Ok(Outcome::Missing(missing)) = build(&here, "app", &Options::default()) else { panic!("remotes are missing") };
    let [Remote::Repository(repository), Remote::File(file)] = &missing[..] else { panic!("both: {missing:?}") };
    assert_eq!(file, "https://host.example/x.yaml");

    let base = tree(&[("base/kustomization.yaml", "resources: [../web.yaml, web.yaml]"), ("web.yaml", DEPLOYMENT)]);
    let base: Arc<dyn FileTree + Send + Sync> = Arc::new(base);
    let service = DEPLOYMENT.replace("Deployment", "Other").into_bytes();
    let mut remotes = Remotes {
        repositories: HashMap::from([(repository.clone(), base)]),
        files: HashMap::from([(file.clone(), Some(service))]),
        ..Remotes::default()
    };
    let refused = build(&here, "app", &Options { remotes: Some(&remotes), ..Options::default() });
    let refused = refused.expect_err("a base reads only below itself").to_string();
    assert!(refused.contains("https://host.example/org/repo@v1//base"), "{refused}");

    let base = tree(&[("base/kustomization.yaml", "resources: [web.yaml]"), ("base/web.yaml", DEPLOYMENT)]);
    remotes.repositories.insert(repository.clone(), Arc::new(base));
    let built = build(&here, "app", &Options { remotes: Some(&remotes), ..Options::default() });
    let Ok(Outcome::Built(built)) = built else { panic!("nothing is missing: {built:?}") };
    let names: Vec<String> = built.resources.iter().map(|one| format!("{} {}", one.kind(), one.name())).collect();
    assert_eq!(names, ["Deployment a-web", "Other a-web"]);
}

#[test]
fn what_could_not_be_fetched_is_refused_at_its_entry() {
    let here = tree(&[("kustomization.yaml", "resources:\n- https://host.example/org/repo//base?ref=v1\n")]);
    let Ok(Outcome::Missing(missing)) = build(&here, "", &Options::default()) else { panic!("a remote is missing") };
    let failed = Failed { message: "it is not allowed".to_owned(), hint: Some("ask for it".to_owned()) };
    let failed = missing.into_iter().map(|remote| (remote, failed.clone())).collect();
    let remotes = Remotes { failed, ..Remotes::default() };
    let refused = build(&here, "", &Options { remotes: Some(&remotes), ..Options::default() });
    let refused = refused.expect_err("the remote is not there");
    assert!(refused.to_string().starts_with("kustomization.yaml:2: resources[0]: "), "{refused}");
    assert_eq!(refused.hint(), Some("ask for it"));
}

#[test]
fn a_url_that_is_no_file_is_tried_as_a_repository() {
    let here = tree(&[("kustomization.yaml", "resources: ['https://host.example/org/repo/dir']")]);
    let Ok(Outcome::Missing(missing)) = build(&here, "", &Options::default()) else { panic!("the file is missing") };
    assert_eq!(missing, [Remote::File("https://host.example/org/repo/dir".to_owned())]);
    let files = HashMap::from([("https://host.example/org/repo/dir".to_owned(), None)]);
    let remotes = Remotes { files, ..Remotes::default() };
    let outcome = build(&here, "", &Options { remotes: Some(&remotes), ..Options::default() });
    let Ok(Outcome::Missing(missing)) = outcome else { panic!("the repository is missing") };
    assert!(
        matches!(&missing[..], [Remote::Repository(repository)] if repository.url == "https://host.example/org/repo")
    );
}
