//! Documents that are kept for further builds: they change neither what is built nor what is said of what is wrong.

use std::borrow::Cow;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tagwright::kustomize::{Documents, Options, Outcome, build};
use tagwright::tree::{ContentId, Entry, FileTree, Look, Memory, TreeError};

/// Files in memory that know the ids of their contents, as those of a Git tree do.
struct Identified(Memory);

impl FileTree for Identified {
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError> {
        self.0.files(under, wanted)
    }

    fn look(&self, path: &str) -> Result<Look, TreeError> {
        let Look::File(entry) = self.0.look(path)? else { return self.0.look(path) };
        let hash = Sha256::digest(self.0.read(&entry)?);
        let content_id = Some(ContentId(hash[..20].try_into().expect("the hash is longer")));
        Ok(Look::File(Entry { content_id, ..entry }))
    }

    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError> {
        self.0.read(entry)
    }
}

fn tree(files: &[(&str, &str)]) -> Identified {
    Identified(files.iter().copied().collect())
}

/// What is printed, with the places of all names and images, or everything that is said of the refusal.
fn told(tree: &Identified, root: &str, documents: Option<&Documents>) -> String {
    match build(tree, root, &Options { documents, ..Options::default() }) {
        Ok(Outcome::Missing(remotes)) => format!("{remotes:?}"),
        Err(error) => format!("{error:?}"),
        Ok(Outcome::Built(built)) => {
            let place = |resource: &tagwright::kustomize::Resource| {
                let place = resource.node.at(&["metadata", "name"]).map(|name| name.place()).unwrap_or_default();
                format!("{:?}:{}", built.files.name(place.file), place.line)
            };
            let places: Vec<String> = built.resources.iter().map(place).collect();
            let yaml = built.yaml().expect("it can be written");
            format!("{yaml}{places:?} {:?} {:?}", built.warnings, built.read)
        }
    }
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n";
const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n";
const OVERLAY: &str = "resources: [../base]\nnamePrefix: a-\npatches:\n- path: patch.yaml\n";

/// Each root builds to the same with documents that are kept and without, in any order.
fn check(tree: &Identified, roots: &[&str]) {
    let plain: Vec<String> = roots.iter().map(|root| told(tree, root, None)).collect();
    for bytes_max in [0, 4 << 10, 1 << 20] {
        let documents = Documents::new(bytes_max);
        for (root, plain) in roots.iter().zip(&plain).chain(roots.iter().zip(&plain).rev()) {
            assert_eq!(&told(tree, root, Some(&documents)), plain, "{root} with {bytes_max} bytes");
        }
    }
}

#[test]
fn roots_that_share_files_build_as_alone() {
    let more = "resources: [own.yaml, ../base, more.yaml]\nnameSuffix: -b\n";
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {a: b}\n";
    let all = tree(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\ncommonLabels: {team: shop}\n"),
        ("base/web.yaml", DEPLOYMENT),
        ("one/kustomization.yaml", OVERLAY),
        ("one/patch.yaml", PATCH),
        ("two/kustomization.yaml", OVERLAY),
        ("two/patch.yaml", PATCH),
        ("three/kustomization.yaml", more),
        ("three/own.yaml", own),
        ("three/more.yaml", &own.replace("own", "more")),
        // The same content under another path, and as something else.
        ("four/kustomization.yaml", "resources: [copy.yaml]\nconfigMapGenerator:\n- {name: c, files: [copy.yaml]}\n"),
        ("four/copy.yaml", DEPLOYMENT),
        ("five/kustomization.yaml", DEPLOYMENT),
        ("five/x.yaml", OVERLAY),
    ]);
    check(&all, &["one", "two", "three", "four", "five", "base"]);
}

#[test]
fn an_error_names_the_file_of_its_own_build() {
    let strict = "resources: [../base, web.yaml]\n";
    let odd = "resources: [web.yaml]\nnamespace: [a]\n";
    let all = tree(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", DEPLOYMENT),
        ("one/kustomization.yaml", strict),
        ("one/web.yaml", DEPLOYMENT),
        ("two/kustomization.yaml", strict),
        ("two/web.yaml", DEPLOYMENT),
        ("three/kustomization.yaml", odd),
        ("four/kustomization.yaml", odd),
        ("five/kustomization.yaml", "resources: [x.yaml]\n"),
        ("five/x.yaml", "a: [\n"),
        ("six/kustomization.yaml", "resources: [y.yaml]\n"),
        ("six/y.yaml", "a: [\n"),
    ]);
    check(&all, &["one", "two", "three", "four", "five", "six"]);
    let documents = Documents::new(1 << 20);
    for (root, file) in [("one", "one/web.yaml"), ("two", "two/web.yaml"), ("four", "four/"), ("six", "six/y.yaml")] {
        let told = told(&all, root, Some(&documents));
        assert!(told.contains(file), "{root}: {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_builds_the_same(files in super::trees::tree()) {
        let all = Identified(files.iter().map(|(path, text)| (path.clone(), text.clone())).collect());
        let roots: Vec<&str> = files.keys().filter_map(|path| path.strip_suffix("/kustomization.yaml")).collect();
        check(&all, &roots);
    }
}
