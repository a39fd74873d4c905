//! A build from its start to its documents.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::documents::Documents;
use super::error::Error;
use super::finish;
use super::layer::{self, Accumulation, Chosen};
use super::load::{Closure, Files, LoadRestrictor, Loader, Remote, Remotes};
use super::parallel;
use super::resource::Resource;
use crate::tree::FileTree;
use crate::yaml::emit;

/// What the documents of a build may take together. A long label at many resources is much more than what was read.
const OUTPUT_BYTES_MAX: usize = 512 << 20;

/// How to build.
#[derive(Default)]
pub struct Options<'t> {
    pub restrictor: LoadRestrictor,
    /// The tree's root is that of the machine: paths and links that begin with `/` mean what they mean there.
    /// Otherwise they are refused.
    pub is_whole_machine: bool,
    /// The folder that the user stands in, from the root of the tree: messages name what lies below as seen from it.
    pub seen_from: &'t str,
    /// What was fetched, as far as it was.
    pub remotes: Option<&'t Remotes>,
    /// What other builds read already, for trees that know the ids of their contents.
    pub documents: Option<&'t Documents>,
}

/// How a build came out.
#[derive(Debug)]
pub enum Outcome {
    Built(Built),
    /// These have to be fetched first; more may turn out to be missing then. Sorted, at least one.
    Missing(Vec<Remote>),
}

/// What a root comes to.
#[derive(Debug)]
pub struct Built {
    /// In kustomize's order.
    pub resources: Vec<Resource>,
    /// What is deprecated or was passed over, one sentence each.
    pub warnings: Vec<String>,
    /// What the numbers in the places of the resources' scalars mean.
    pub files: Files,
    pub read: Closure,
    schema: Chosen,
}

impl Built {
    /// The namespace that a resource ends up in, `default` where none is written; `None` for what has none.
    pub fn namespace(&self, resource: &Resource) -> Option<String> {
        let id = resource.id(&self.schema);
        (!id.is_cluster_scoped).then(|| id.effective_namespace().to_owned())
    }

    /// The documents as `kustomize build` prints them.
    pub fn yaml(&self) -> Result<String, Error> {
        let bytes = AtomicUsize::new(0);
        let documents = parallel::map(&self.resources, |resource| {
            // What is too much already is not added to.
            if bytes.load(Ordering::Relaxed) > OUTPUT_BYTES_MAX {
                return Ok(String::new());
            }
            let document = resource.yaml();
            bytes.fetch_add(document.as_ref().map_or(0, String::len), Ordering::Relaxed);
            document
        });
        if bytes.into_inner() > OUTPUT_BYTES_MAX {
            return Err(Error::new(format!("the build comes to more than {} MiB", OUTPUT_BYTES_MAX >> 20)));
        }
        let documents: Vec<String> = documents.into_iter().collect::<Result<_, _>>()?;
        Ok(documents.join("---\n"))
    }
}

impl Resource {
    /// The document as `kustomize build` prints it.
    pub fn yaml(&self) -> Result<String, Error> {
        let named = || format!("writing the {} {:?}", self.kind(), self.name());
        emit(&self.node).map_err(|error| Error::new(named()).caused_by(error))
    }
}

/// Builds the root at `path` of `tree`, as kustomize v5.8.2 does.
pub fn build(tree: &dyn FileTree, path: &str, options: &Options<'_>) -> Result<Outcome, Error> {
    let mut accumulation = Accumulation::new(Loader::new(tree, options));
    let resources = resources(&mut accumulation, path);
    let Accumulation { mut loader, warnings, schema, .. } = accumulation;
    // What is missing explains what went wrong after it.
    if !loader.missing.is_empty() {
        return Ok(Outcome::Missing(loader.missing.into_iter().collect()));
    }
    let (resources, read) = (resources?, loader.take_closure());
    Ok(Outcome::Built(Built { resources, warnings, files: loader.files, read, schema }))
}

fn resources(accumulation: &mut Accumulation<'_>, path: &str) -> Result<Vec<Resource>, Error> {
    let root = accumulation.loader.start(path)?;
    let top = layer::open(accumulation, root, None)?;
    accumulation.set_schema(&top)?;
    let accumulated = accumulation.accumulate(&top, Default::default())?;
    finish::finish(&top, accumulated, &accumulation.schema, &mut accumulation.warnings)
}
