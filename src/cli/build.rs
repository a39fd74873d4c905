//! `tagwright build`: the Kubernetes objects that a kustomization describes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::source::SourceArgs;
use super::{Outcome, output};
use crate::kustomize::{Built, Resource};

/// Prints the objects that a kustomization describes, as `kustomize build` does
///
/// Reads a directory, or a revision of a repository without checkout. The output is that of kustomize, byte for byte.
/// Remote bases are fetched through Git or https, each at one commit.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright build overlays/production
  tagwright build overlays/production -o rendered.yaml
  tagwright build . --ref main --path apps/web
  tagwright build https://github.com/acme/infrastructure --ref v1.2.0 --path clusters/eu
  tagwright build 'https://github.com/acme/infrastructure//clusters/eu?ref=v1.2.0'
  tagwright build overlays/production --load-restrictor none
  tagwright build overlays/production --allow-remote github.com/acme")]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// Write to a file, or a file for each object into a directory that exists
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (_, build) = args.source.build()?;
    match &args.output {
        None => output::raw(build.built.yaml()?.as_bytes())?,
        Some(folder) if folder.is_dir() => write_each(folder, &build.built)?,
        Some(folder) if folder.to_string_lossy().ends_with('/') => {
            return Err(Failure::new(format!("the directory {} does not exist", folder.display()))
                .hint("make it first, for what is mistyped is not to be made"));
        }
        Some(file) => write(file, &build.built.yaml()?)?,
    }
    Ok(Outcome::Done)
}

/// A file for each object, named as kustomize names it. Nothing is written where two objects would share a file.
fn write_each(folder: &Path, built: &Built) -> Result<(), Failure> {
    let namespaces: BTreeSet<String> = built.resources.iter().filter_map(|one| built.namespace(one)).collect();
    let mut files = BTreeMap::new();
    for resource in &built.resources {
        let namespace = built.namespace(resource).filter(|_| namespaces.len() > 1);
        let name = file_name(resource, namespace)?;
        if files.contains_key(&name) {
            return Err(Failure::new(format!("two objects would be written to {name}"))
                .hint("their names differ by upper and lower case or by underscores alone; write one FILE instead"));
        }
        files.insert(name, resource.yaml()?);
    }
    files.iter().try_for_each(|(name, text)| write(&folder.join(name), text))
}

/// `apps_v1_deployment_web.yaml`, with the namespace in front where there are several.
fn file_name(resource: &Resource, namespace: Option<String>) -> Result<String, Failure> {
    let gvk = resource.gvk();
    let parts = namespace.iter().map(String::as_str).chain([&*gvk.group, &*gvk.version, &*gvk.kind, resource.name()]);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let name = format!("{}.yaml", parts.join("_"));
    // A name comes from a manifest, and must not lead out of the directory.
    match name.contains(['/', '\0']) {
        true => Err(Failure::new(format!("{name:?} cannot be the name of a file"))),
        false => Ok(name),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::from(error).doing(format!("writing {}", path.display())))
}
