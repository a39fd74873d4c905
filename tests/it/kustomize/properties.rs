//! What holds of every build, whatever comes of it: the same again, on any number of threads, under an overlay that
//! adds nothing, and from its own output.

use proptest::prelude::*;
use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;

use super::trees::{Files, tree};

/// What is printed, or why not.
pub(super) fn printed(files: &Files, root: &str) -> Result<String, String> {
    let tree: Memory = files.iter().map(|(path, text)| (path.clone(), text.clone())).collect();
    match build(&tree, root, &Options::default()) {
        Ok(Outcome::Built(built)) => built.yaml().map_err(|error| error.to_string()),
        Ok(Outcome::Missing(remotes)) => Err(format!("{remotes:?}")),
        Err(error) => Err(error.to_string()),
    }
}

fn with(files: &Files, more: &[(&str, &str)]) -> Files {
    let more = more.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    files.clone().into_iter().chain(more).collect()
}

fn on_threads(threads: usize, files: &Files) -> Result<String, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be made");
    pool.install(|| printed(files, "top"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_build_is_the_same_again_on_any_number_of_threads(files in tree()) {
        let once = printed(&files, "top");
        prop_assert_eq!(&printed(&files, "top"), &once);
        for threads in [1, 4] {
            prop_assert_eq!(&on_threads(threads, &files), &once);
        }
    }

    #[test]
    fn an_overlay_without_fields_changes_nothing(files in tree()) {
        let over = with(&files, &[("over/kustomization.yaml", "resources: [../top]\n")]);
        let (under, over) = (printed(&files, "top"), printed(&over, "over"));
        prop_assert_eq!(under.is_ok(), over.is_ok());
        if let Ok(text) = under {
            prop_assert_eq!(Ok(text), over);
        }
    }

    #[test]
    fn what_was_built_builds_to_itself(files in tree()) {
        if let Ok(text) = printed(&files, "top") {
            let root = ("again/kustomization.yaml", "resources: [all.yaml]\n");
            let again = with(&files, &[("again/all.yaml", &text), root]);
            prop_assert_eq!(printed(&again, "again"), Ok(text));
        }
    }
}
