//! What entries lead to: files, folders, links; and what is refused.

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::symlink;

use tagwright::kustomize::{Built, Error, LoadRestrictor, Options, Outcome, build};
use tagwright::tree::{Directory, FileTree, Memory};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";

fn built(tree: &dyn FileTree, path: &str, options: &Options<'_>) -> Result<Built, Error> {
    match build(tree, path, options)? {
        Outcome::Built(built) => Ok(built),
        Outcome::Missing(remotes) => panic!("{remotes:?} are missing"),
    }
}

fn tree(files: &[(&str, &str)]) -> Memory {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// The root `app` beside other files is refused, with a message that says all of `words`.
fn refused(files: &[(&str, &str)], words: &[&str]) {
    let error = built(&tree(files), "app", &Options::default()).expect_err("refused").to_string();
    for word in words {
        assert!(error.contains(word), "{error:?} says {word:?}");
    }
}

#[test]
fn entries_that_lead_nowhere_are_refused_with_file_and_entry() {
    let own = |text| ("app/kustomization.yaml", text);
    refused(&[own("resources: [none.yaml]")], &["app/kustomization.yaml:1: resources[0]", "none.yaml"]);
    refused(&[own("resources: [../x.yaml]"), ("x.yaml", SERVICE)], &["resources[0]", "not in or below app"]);
    refused(&[own("resources: [../../../x]")], &["leaves the tree"]);
    refused(&[own("resources: [/etc/passwd]")], &["absolute"]);
    refused(&[own("resources: ['../a - ../b']")], &["ambiguous"]);
    refused(&[own("resources: [base]"), ("app/base/x.yaml", SERVICE)], &["app/base has no kustomization file"]);
    refused(&[own("resources: [x.yaml]"), ("app/Kustomization", "namePrefix: a")], &["several kustomization files"]);
    refused(&[own("components: [../c]"), ("c/kustomization.yaml", "namePrefix: a")], &["no component"]);
    refused(&[own("resources: [x.yaml, x.yaml]"), ("app/x.yaml", SERVICE)], &["resources[1]", "already a resource"]);
    refused(&[("other", "")], &["\"app\" does not exist"]);
    refused(&[("app", "")], &["is a file"]);
}

/// The root `app` beside other files is refused; what is told of it, the hint behind.
fn told(files: &[(&str, &str)], options: &Options<'_>) -> String {
    let error = built(&tree(files), "app", options).expect_err("refused");
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause} ({})", error.hint().unwrap_or_default())
}

#[test]
fn refusals_name_the_line_of_the_entry_and_say_what_to_do() {
    let check = |text, wanted| {
        let files =
            [("app/kustomization.yaml", text), ("app/x.yaml", SERVICE), ("b/kustomization.yaml", "bases: [../c]")];
        let more =
            [("c/kustomization.yaml", "resources: [x.yaml]"), ("c/x.yaml", SERVICE), ("app/y.yaml", "a: b\nc: d\n")];
        assert_eq!(told(&[files, more].concat(), &Options::default()), format!("app/{wanted}"));
    };
    check(
        "resources:\n- x.yaml\n- ../b",
        "kustomization.yaml:3: resources[1]: there is already a resource Service.v1.[noGrp]/web.[noNs] \
         (it is in app/x.yaml:1 and in c/x.yaml:1)",
    );
    check(
        "resources:\n- x.yaml\n- ./x.yaml",
        "kustomization.yaml:3: resources[1]: there is already a resource Service.v1.[noGrp]/web.[noNs] \
         (app/x.yaml:1 is read twice)",
    );
    check(
        "resources:\n- y.yaml",
        "y.yaml:1: an object has no kind \
         (what is read here are Kubernetes objects, with apiVersion, kind and metadata.name)",
    );
    check(
        "configMapGenerator:\n- name: a\n  literals:\n  - a=b\n  - c\n",
        "kustomization.yaml:5: configMapGenerator[0].literals[1]: \"c\" is not of the form key=value ()",
    );
    check(
        "resources:\n- x.yaml\nreplicas:\n- {name: a, count: 1}\n- {name: b, count: 2}\n",
        "kustomization.yaml:4: replicas[0]: no resource of the kinds that have replicas is named \"a\" ()",
    );
    check(
        "resources: [x.yaml]\npatches:\n- path: y.yaml\n",
        "kustomization.yaml:3: patches[0]: reading the patch: app/y.yaml:1: an object has no kind \
         (what is read here are Kubernetes objects, with apiVersion, kind and metadata.name)",
    );
    check(
        "resources:\n- x.yaml\n  - y.yaml\n",
        "kustomization.yaml:2: resources[0]: there is neither a file nor a folder \"x.yaml - y.yaml\" \
         (is the list indented wrongly, so that two entries became one?)",
    );
}

#[test]
fn messages_name_what_lies_below_where_the_user_stands_as_seen_from_there() {
    let files = [("app/kustomization.yaml", "resources: [../b]"), ("b/kustomization.yaml", "resources: [../app]")];
    let check = |seen_from, wanted: &str| {
        let options = Options { is_whole_machine: true, seen_from, ..Options::default() };
        assert_eq!(told(&files, &options), wanted);
    };
    let leads = "is, or contains, a root that leads to it:";
    check("", &format!("/b/kustomization.yaml:1: resources[0]: /app {leads} /app -> /b -> /app ()"));
    check("b", &format!("kustomization.yaml:1: resources[0]: /app {leads} /app -> . -> /app ()"));
    check("ap", &format!("/b/kustomization.yaml:1: resources[0]: /app {leads} /app -> /b -> /app ()"));
}

#[test]
fn what_a_submodule_would_hold_is_said_to_be_one() {
    let files = [
        ("app/kustomization.yaml", "resources: [../mods/infra/base]"),
        (".gitmodules", "[submodule \"infra\"]\n\tpath = mods/infra\n\turl = https://example.com/infra.git\n"),
    ];
    let wanted = "app/kustomization.yaml:1: resources[0]: \"../mods/infra/base\" lies in the submodule mods/infra, and \
                  submodules are not fetched (name the repository of the submodule as a remote base)";
    assert_eq!(told(&files, &Options::default()), wanted);
}

#[test]
fn cycles_are_refused_with_their_chain() {
    let files = [
        ("app/kustomization.yaml", "resources: [../b]"),
        ("b/kustomization.yaml", "resources: [../c]"),
        ("c/kustomization.yaml", "resources: [../app]"),
    ];
    refused(&files, &["c/kustomization.yaml", "app -> b -> c -> app"]);
    refused(&[("app/kustomization.yaml", "resources: [..]"), ("kustomization.yaml", "namePrefix: a")], &["app -> ."]);
}

#[test]
fn ten_thousand_bases_above_each_other_are_refused() {
    let root = |depth: usize| (format!("b{depth}/kustomization.yaml"), format!("resources: [../b{}]", depth + 1));
    let tree: Memory = (0..10_000).map(root).collect();
    let error = built(&tree, "b0", &Options::default()).expect_err("too deep").to_string();
    assert!(error.contains("more than 100 bases deep"), "{error}");
}

#[test]
fn bases_that_double_at_every_layer_end() {
    let root = |depth: usize| {
        let text = format!("resources: [../b{0}, ../b{0}/.]\nnamePrefix: a-\n", depth + 1);
        (format!("b{depth}/kustomization.yaml"), text)
    };
    let tree: Memory = (0..60).map(root).chain([("b60/kustomization.yaml".into(), "resources: []".into())]).collect();
    let error = built(&tree, "b0", &Options::default()).expect_err("too many").to_string();
    assert!(error.contains("more than 20000 roots"), "{error}");
}

#[test]
fn the_restriction_to_the_own_folder_can_be_lifted() {
    let files = [("app/kustomization.yaml", "resources: [../x.yaml]"), ("x.yaml", SERVICE)];
    let options = Options { restrictor: LoadRestrictor::None, ..Options::default() };
    let built = built(&tree(&files), "app", &options).expect("built");
    assert_eq!(built.resources.len(), 1);
    assert_eq!(built.files.name(2), Some("x.yaml"));
}

/// A folder `tree/app` whose `x.yaml` is a link to `target`, built from `tree` as its root.
fn linked(target: &str, restrictor: LoadRestrictor) -> Result<Built, Error> {
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("tree");
    fs::create_dir_all(root.join("app/sub")).expect("made");
    for (path, text) in [("app/kustomization.yaml", "resources: [x.yaml]"), ("app/sub/y.yaml", SERVICE)] {
        fs::write(root.join(path), text).expect("written");
    }
    fs::write(root.join("outside.yaml"), SERVICE).expect("written");
    fs::write(home.path().join("secret.yaml"), SERVICE).expect("written");
    symlink(target, root.join("app/x.yaml")).expect("linked");
    symlink("sub", root.join("app/folder")).expect("linked");
    built(&Directory::new(&root), "app", &Options { restrictor, ..Options::default() })
}

#[test]
fn links_are_followed_inside_of_the_root_only() {
    let check = |target: &str, restrictor: LoadRestrictor, refusal: Option<&str>| {
        let outcome = linked(target, restrictor).map(|built| built.resources.len()).map_err(|error| error.to_string());
        match (&outcome, refusal) {
            (Ok(1), None) => {}
            (Err(error), Some(word)) if error.contains(word) => {}
            _ => panic!("a link to {target}: {outcome:?}"),
        }
    };
    check("sub/y.yaml", LoadRestrictor::RootOnly, None);
    check("./folder/y.yaml", LoadRestrictor::RootOnly, None);
    check("../app/sub/y.yaml", LoadRestrictor::RootOnly, None);
    check("../outside.yaml", LoadRestrictor::RootOnly, Some("not in or below app"));
    check("../outside.yaml", LoadRestrictor::None, None);
    check("../../secret.yaml", LoadRestrictor::None, Some("the symbolic link app/x.yaml is not followed"));
    check("/etc/passwd", LoadRestrictor::None, Some("is absolute"));
    check("x.yaml", LoadRestrictor::RootOnly, Some("more than 40 symbolic links"));
    check("nowhere.yaml", LoadRestrictor::RootOnly, Some("neither a file nor a folder"));
}

#[test]
fn a_build_knows_when_what_it_read_has_changed() {
    let files = |service: &str| {
        let own = "resources: [x.yaml, base]\nconfigMapGenerator:\n- name: c\n  files: [a.txt]\n";
        tree(&[
            ("app/kustomization.yaml", own),
            ("app/x.yaml", service),
            ("app/a.txt", "a"),
            ("app/base/kustomization.yaml", "namePrefix: a-"),
            ("other/x.yaml", service),
        ])
    };
    let first = files(SERVICE);
    let read = built(&first, "app", &Options::default()).expect("built").read;
    assert!(read.is_current(&first));
    assert!(!read.is_current(&files(&format!("{SERVICE}# more\n"))), "a file has other content");
    let with = |path: &str, text: &str| {
        let mut paths: Vec<(String, Vec<u8>)> = Vec::new();
        for entry in first.files("", &|_| true).expect("listed") {
            paths.push((entry.path.clone(), first.read(&entry).expect("read").into_owned()));
        }
        paths.push((path.to_owned(), text.as_bytes().to_vec()));
        paths.into_iter().collect::<Memory>()
    };
    assert!(read.is_current(&with("app/README.md", "new")), "nobody asked for it");
    assert!(read.is_current(&with("other/x.yaml", "changed")), "nobody asked for it");
    assert!(!read.is_current(&with("app/Kustomization", "new")), "a second kustomization file");
    assert!(!read.is_current(&with("app/a.txt", "b")), "a generator reads it");
    assert!(!read.is_current(&tree(&[])), "nothing is there any more");
}

#[test]
fn items_of_lists_go_through_json() {
    super::cases::check(include_str!("../../../fixtures/kustomize/lists.txt"));
}
