//! `tagwright crds`: the definitions of the kinds, for an API server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::Failure;
use super::{Format, Outcome, output};
use crate::api::{self, Crd};

/// Prints the CustomResourceDefinitions of the kinds, for clusters without Flux
///
/// ImageRepository, ImagePolicy, ImageUpdateAutomation and GitRepository, each in v1, v1beta2 and v1beta1. Where Flux's
/// own are installed they may stay: all but minAge, onMovedTag and a GitRepository's insecure works with them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright crds | kubectl apply --server-side -f -
  tagwright crds --split crds
  tagwright crds -o json | jq -r '.items[].metadata.name'")]
pub(super) struct Args {
    /// Write a file for each kind into a directory that exists
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    split: Option<PathBuf>,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let crds = api::crds();
    match (&args.split, args.output) {
        (Some(folder), _) => crds.iter().try_for_each(|crd| write(folder, crd))?,
        (None, Format::Text) => {
            let files: Vec<String> = crds.iter().map(Crd::yaml).collect();
            output::raw(files.join("---\n").as_bytes())?;
        }
        (None, Format::Json) => {
            let items: Vec<_> = crds.into_iter().map(|crd| crd.object).collect();
            output::json(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))?;
        }
    }
    Ok(Outcome::Done)
}

fn write(folder: &Path, crd: &Crd) -> Result<(), Failure> {
    let path = folder.join(&crd.file_name);
    fs::write(&path, crd.yaml()).map_err(|error| Failure::from(error).doing(format!("writing {}", path.display())))
}
