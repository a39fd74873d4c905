//! Trees that nobody means well: refused with the file to blame, in bounded time and memory, never a panic.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;

use tagwright::kustomize::{Error, Options, Outcome, build};
use tagwright::tree::{Directory, FileTree, Memory};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n";

/// The refusal; what is built must print too.
fn refusal(tree: &dyn FileTree, root: &str) -> Result<(), Error> {
    match build(tree, root, &Options::default())? {
        Outcome::Built(built) => built.yaml().map(|_| ()),
        Outcome::Missing(remotes) => panic!("wants to fetch {remotes:?}"),
    }
}

/// Refused, and `file` is to blame.
fn check(files: &[(&str, &str)], file: &str) {
    let tree: Memory = files.iter().copied().collect();
    check_tree(&tree, "top", file, &format!("{files:.300?}"));
}

fn check_tree(tree: &dyn FileTree, root: &str, file: &str, what: &str) {
    let error = refusal(tree, root).expect_err(what);
    assert_eq!(error.file(), Some(file), "{what}: {error}");
}

fn top(text: &str) -> (&str, &str) {
    ("top/kustomization.yaml", text)
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    let outside = ("outside.yaml", POD);
    let here = "top/kustomization.yaml";
    for entry in ["../outside.yaml", "../top/../outside.yaml", "/etc/passwd", "../../..", "../../outside.yaml", "/"] {
        for field in ["resources", "components", "patchesStrategicMerge", "configurations", "crds", "transformers"] {
            check(&[top(&format!("{field}: [\"{entry}\"]\n")), outside], here);
        }
        for text in [
            format!("configMapGenerator: [{{name: a, files: [\"k={entry}\"]}}]\n"),
            format!("secretGenerator: [{{name: a, envs: [\"{entry}\"]}}]\n"),
            format!("resources: [a.yaml]\npatches: [{{path: \"{entry}\", target: {{kind: Pod}}}}]\n"),
            format!("resources: [a.yaml]\nreplacements: [{{path: \"{entry}\"}}]\n"),
            format!("resources: [a.yaml]\nopenapi: {{path: \"{entry}\"}}\n"),
        ] {
            check(&[top(&text), ("top/a.yaml", POD), outside], here);
        }
    }
}

#[test]
fn cycles_are_refused() {
    check(&[top("resources: [.]\n")], "top/kustomization.yaml");
    check(&[top("components: [.]\n")], "top/kustomization.yaml");
    check(&[top("resources: [a]\n"), ("top/a/kustomization.yaml", "resources: [..]\n")], "top/a/kustomization.yaml");
    let part = "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncomponents: [../../top/part]\n";
    check(&[top("components: [part]\n"), ("top/part/kustomization.yaml", part)], "top/part/kustomization.yaml");
}

#[test]
fn ten_thousand_bases_are_refused_before_the_stack_ends() {
    let folder = |n: usize| (format!("b{n}/kustomization.yaml"), format!("resources: [../b{}]\n", n + 1));
    let tree: Memory =
        (0..10_000).map(folder).chain([("b10000/kustomization.yaml".to_owned(), POD.to_owned())]).collect();
    refusal(&tree, "b0").expect_err("too deep");
}

/// Every folder names the next two, which name the next two: 2^64 roots of 130 files.
#[test]
fn bases_that_double_at_every_step_are_refused() {
    for field in ["resources", "components"] {
        let kind = if field == "components" { "kind: Component\n" } else { "" };
        let folder = |n: usize| {
            let text = format!("{kind}{field}: [../a{}, ../b{}]\n", n / 2 + 1, n / 2 + 1);
            (format!("{}{}/kustomization.yaml", ["a", "b"][n % 2], n / 2), text)
        };
        let ends = ["a64", "b64"].map(|end| (format!("{end}/kustomization.yaml"), format!("{kind}namePrefix: x\n")));
        let start = ("top/kustomization.yaml".to_owned(), format!("{field}: [../a0]\n"));
        let tree: Memory = (0..128).map(folder).chain(ends).chain([start]).collect();
        refusal(&tree, "top").expect_err("too many");
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..40 {
        let before = format!("*a{}, ", n - 1).repeat(9);
        writeln!(bomb, "a{n}: &a{n} [{before}]").expect("a String takes any text");
    }
    let resource = format!("{POD}{bomb}");
    check(&[top("resources: [a.yaml]\n"), ("top/a.yaml", &resource)], "top/a.yaml");
    check(&[top(&bomb)], "top/kustomization.yaml");
    let patched =
        [top("resources: [a.yaml]\npatches: [{path: p.yaml}]\n"), ("top/a.yaml", POD), ("top/p.yaml", &resource)];
    check(&patched, "top/kustomization.yaml");
}

#[test]
fn nesting_without_an_end_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        let resource = format!("{POD}spec:\n  {open}x{close}\n");
        check(&[top("resources: [a.yaml]\n"), ("top/a.yaml", &resource)], "top/a.yaml");
        check(&[top(&format!("resources: {open}x{close}\n"))], "top/kustomization.yaml");
    }
}

#[test]
fn huge_scalars_and_files_are_refused() {
    let scalar = format!("{POD}spec: {}\n", "x".repeat(50 << 20));
    check(&[top("resources: [a.yaml]\n"), ("top/a.yaml", &scalar)], "top/a.yaml");
    check(&[top(&format!("namePrefix: {}\n", "x".repeat(50 << 20)))], "top/kustomization.yaml");
}

#[test]
fn places_far_beyond_a_list_are_refused() {
    let pod = format!("{POD}spec: {{containers: [{{name: a, image: b}}]}}\n");
    for index in ["999999999", "99999999999999999999", "-5"] {
        let patch = format!("- {{op: add, path: /spec/containers/{index}, value: {{}}}}");
        let patched = format!("resources: [a.yaml]\npatches:\n- target: {{kind: Pod}}\n  patch: '{patch}'\n");
        let replaced = replacement(&format!("spec.containers.{index}.name"), "{create: true}");
        for text in [patched, replaced] {
            check(&[top(&text), ("top/a.yaml", &pod)], "top/kustomization.yaml");
        }
    }
}

#[test]
fn a_part_far_beyond_the_others_is_one_more_part() {
    for index in ["999999999", "-999999999"] {
        let text = replacement("metadata.name", &format!("{{delimiter: '-', index: {index}}}"));
        let tree: Memory = [top(&text), ("top/a.yaml", POD)].into_iter().collect();
        refusal(&tree, "top").expect("a build, as kustomize's");
    }
}

/// Of a Pod's name, to a field of the same.
fn replacement(path: &str, options: &str) -> String {
    format!(
        "resources: [a.yaml]
replacements:
- source: {{kind: Pod, fieldPath: metadata.name}}
  targets:
  - select: {{kind: Pod}}
    fieldPaths: [{path}]
    options: {options}
"
    )
}

#[test]
fn links_out_of_the_tree_and_in_circles_are_refused() {
    let place = tempfile::tempdir().expect("a folder for the test");
    let inside = place.path().join("tree");
    fs::create_dir_all(inside.join("top")).expect("a folder");
    fs::write(place.path().join("secret.yaml"), POD).expect("a file");
    for (name, target) in [
        ("out.yaml", "../../secret.yaml"),
        ("absolute.yaml", "/etc/hostname"),
        ("folder", "../.."),
        ("self.yaml", "self.yaml"),
        ("one", "two"),
        ("two", "one"),
    ] {
        symlink(target, inside.join("top").join(name)).expect("a link");
    }
    let tree = Directory::new(&inside);
    for entry in ["out.yaml", "absolute.yaml", "folder", "folder/secret.yaml", "self.yaml", "one", "one/a.yaml"] {
        fs::write(inside.join("top/kustomization.yaml"), format!("resources: [{entry}]\n")).expect("a file");
        check_tree(&tree, "top", "top/kustomization.yaml", entry);
    }
}

#[test]
fn names_that_grow_with_every_layer_are_refused() {
    let prefix = format!("resources: [a.yaml]\nnamePrefix: {}\n", "x".repeat(1 << 20));
    check(&[top(&prefix), ("top/a.yaml", POD)], "top/kustomization.yaml");
}
