//! A new bare repository with a first commit: what demos and tests start from.

use std::path::Path;

use git2::{RepositoryInitOptions, Signature};

use super::edit::Edit;
use super::error::Error;

/// Makes a bare repository at `path`, which must not exist, with one commit of `files` on `main`.
pub fn create_bare(path: &Path, files: &[Edit]) -> Result<(), Error> {
    seed(path, files).map_err(|source| Error::Open { path: path.to_path_buf(), source: source.into() })
}

fn seed(path: &Path, files: &[Edit]) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).mkpath(true).external_template(false).initial_head("main");
    let repository = git2::Repository::init_opts(path, &options)?;
    let mut editor = git2::build::TreeUpdateBuilder::new();
    for file in files {
        editor.upsert(&file.path, repository.blob(&file.content)?, git2::FileMode::Blob);
    }
    let empty = repository.find_tree(repository.treebuilder(None)?.write()?)?;
    let tree = repository.find_tree(editor.create_updated(&repository, &empty)?)?;
    let author = Signature::now("Tagwright", "tagwright@example.com")?;
    repository.commit(Some("refs/heads/main"), &author, &author, "first commit", &tree, &[]).map(drop)
}
