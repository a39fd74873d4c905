//! Roots in one text file, each with what kustomize builds of it.
//!
//! A case begins with `== NAME`; `-- PATH` begins a file of it, the first being that of the root, and ends it with
//! `-- built` and the output of kustomize v5.8.2, or, where that refuses the root, `-- refused` and a part of our error.

use std::error::Error as StdError;

use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;

pub(super) fn check(cases: &str) {
    for (name, files) in sections(cases, "== ") {
        let mut files = sections(files, "-- ");
        let (kind, wanted) = files.pop().expect("an answer");
        let root = files[0].0.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let tree: Memory = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        match (kind, built(&tree, &root)) {
            ("built", Ok(built)) => assert_eq!(built, wanted, "{name}"),
            ("refused", Err(error)) => assert!(error.contains(wanted.trim()), "{name}: {error}"),
            (answer, built) => panic!("{name}: {answer}: {built:?}"),
        }
    }
}

/// The parts of a text, each behind a line of `mark` and a name.
fn sections<'t>(text: &'t str, mark: &str) -> Vec<(&'t str, &'t str)> {
    let is_line = |at: usize| at == 0 || text[..at].ends_with('\n');
    let starts = text.match_indices(mark).map(|(at, _)| at).filter(|at| is_line(*at));
    let bounds: Vec<usize> = starts.chain([text.len()]).collect();
    let part = |bounds: &[usize]| text[bounds[0] + mark.len()..bounds[1]].split_once('\n').expect("a line");
    bounds.windows(2).map(part).collect()
}

fn built(tree: &Memory, root: &str) -> Result<String, String> {
    match build(tree, root, &Options::default()).map_err(|error| told(&error))? {
        Outcome::Built(built) => built.yaml().map_err(|error| told(&error)),
        Outcome::Missing(remotes) => Err(format!("{remotes:?} are missing")),
    }
}

/// An error and its causes.
pub(super) fn told(error: &dyn StdError) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
