//! Build: the Kubernetes objects that a source describes, remote bases included.
//!
//! Takes a tree of files, the path of a root in it and how remotes are reached; gives what [`kustomize::build`] makes of
//! them. The pure builder names the remotes it lacks, each is fetched once, at the commit that its revision names then,
//! and the build goes on until it lacks nothing: what could not be fetched is refused there, at the entry that names it.

mod allowed;
mod fetch;

use std::collections::BTreeMap;

use crate::kustomize::{self, Built, Options, Outcome, Remotes, Repository};
use crate::tree::FileTree;

pub use allowed::{Allowed, Place, UnreadablePlace};
use fetch::Fetched;
pub use fetch::Fetcher;

/// A remote base may name further ones: so many times more is asked for.
const ROUNDS_MAX: usize = 32;
/// Remotes of one build.
const REMOTES_MAX: usize = 200;

/// The objects of a source, and what they were made from.
pub struct Build {
    pub built: Built,
    /// The commit that each remote was read at.
    pub pinned: BTreeMap<Repository, String>,
}

/// Why a source was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Build(#[from] kustomize::Error),
    #[error("the build asks for more than {REMOTES_MAX} remotes")]
    TooMany,
    #[error("remote bases name further ones more than {ROUNDS_MAX} times over")]
    TooDeep,
}

impl BuildError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.hint().map(str::to_owned),
            _ => None,
        }
    }
}

/// Builds the root at `path` of `tree`, with the remotes that a fetcher may bring: who lacks none asks for no fetcher.
pub fn build<'f, E: From<BuildError>>(
    tree: &dyn FileTree,
    path: &str,
    options: &Options<'_>,
    fetcher: impl Fn() -> Result<Fetcher<'f>, E>,
) -> Result<Build, E> {
    let mut fetched = Fetched::default();
    for _ in 0..ROUNDS_MAX {
        let options = Options { remotes: Some(&fetched.remotes), ..*options };
        match kustomize::build(tree, path, &options).map_err(BuildError::Build)? {
            Outcome::Built(built) => return Ok(Build { built, pinned: fetched.pinned }),
            Outcome::Missing(missing) => {
                let Remotes { repositories, files, .. } = &fetched.remotes;
                if repositories.len() + files.len() + missing.len() > REMOTES_MAX {
                    return Err(BuildError::TooMany.into());
                }
                fetcher()?.fetch(missing, &mut fetched);
            }
        }
    }
    Err(BuildError::TooDeep.into())
}
