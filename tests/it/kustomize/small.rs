//! Small roots, each written as one text, and what is built of them.

use std::error::Error;

use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;

/// `text` is a kustomization file and, behind lines `=== PATH`, the other files.
pub(super) fn check(text: &str, want: &str) {
    check_in("", text, want);
}

/// The root is the folder `over`.
pub(super) fn check_overlay(text: &str, want: &str) {
    check_in("over", text, want);
}

pub(super) fn refuse(text: &str) {
    if let Ok(built) = built("", text) {
        panic!("{text}\nis built:\n{built}");
    }
}

fn check_in(root: &str, text: &str, want: &str) {
    match built(root, text) {
        Ok(got) => assert_eq!(got, want.trim_start(), "{text}"),
        Err(error) => panic!("{text}\nis refused: {error}"),
    }
}

fn built(root: &str, text: &str) -> Result<String, Box<dyn Error>> {
    let files = text.split("\n=== ").enumerate().map(|(at, file)| match at {
        0 => ("kustomization.yaml", file),
        _ => file.split_once('\n').expect("a path and a file"),
    });
    let tree: Memory = files.map(|(path, content)| (path, format!("{}\n", content.trim_end()))).collect();
    match build(&tree, root, &Options::default())? {
        Outcome::Built(built) => Ok(built.yaml()?),
        Outcome::Missing(remotes) => Err(format!("remotes are missing: {remotes:?}").into()),
    }
}
