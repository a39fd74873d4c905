//! `tagwright update`: rewrites the marked fields of a directory or file in place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::failure::Failure;
use super::objects::{LatestImages, ObjectArgs};
use super::replace::Replacer;
use super::{Format, Outcome, findings, output};
use crate::engine::diff::unified;
use crate::engine::rewrite::{ChangedFile, Findings, NoIndex, rewrite};
use crate::image::ImageRef;
use crate::object::NamespacedName;
use crate::setter::{self, Latest};
use crate::tree::Directory;

/// Rewrites the marked fields of a directory or file in place
///
/// The latest images come from `--image`, or from the objects of `--objects`, whose repositories are scanned then.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("latest").required(true).multiple(true).args(["image", "objects"]),
    after_help = "Examples:
  tagwright update ./deploy --image flux-system:podinfo=ghcr.io/stefanprodan/podinfo:6.5.1
  tagwright update ./deploy --objects ./clusters/production --dry-run"
)]
pub(super) struct Args {
    /// The directory or file to rewrite
    path: PathBuf,

    /// The latest image of a policy (repeatable)
    #[arg(long, value_name = "NS:POLICY=IMAGE")]
    image: Vec<PolicyImage>,

    /// Print the changes as a unified diff and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Exit with 1 when something changed, or would
    #[arg(long)]
    exit_code: bool,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    objects: ObjectArgs,
}

/// `ns:policy=name:tag[@digest]`
#[derive(Clone, Debug)]
struct PolicyImage(NamespacedName, ImageRef);

impl FromStr for PolicyImage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (policy, image) = text.split_once('=').ok_or("expected NS:POLICY=IMAGE")?;
        let (namespace, name) = policy.split_once(':').ok_or("expected NS:POLICY before the =")?;
        let image: ImageRef = image.parse().map_err(|error: crate::image::ParseError| error.to_string())?;
        if image.tag.is_none() && image.digest.is_none() {
            return Err(format!("{image} has neither a tag nor a digest"));
        }
        Ok(Self(NamespacedName::new(namespace, name), image))
    }
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let LatestImages { mut images, has_failures } = args.objects.latest()?;
    images.extend(args.image.iter().map(|PolicyImage(policy, image)| (policy.clone(), Ok(image.clone()))));
    let latest = Latest { namespace: None, images };
    let (root, under) = place(&args.path)?;
    let tree = Directory::new(root);
    let (mut files, mut unwritten) = (Vec::new(), BTreeMap::new());
    let mut replacer = Replacer::new(&tree.locate(""));
    let progress = output::progress(format!("rewriting {}", args.path.display()));
    let findings = rewrite(&tree, &under, &latest, &mut NoIndex, |file| {
        if args.dry_run {
            files.push(file);
        } else if let Err(error) = replacer.replace(&tree.locate(&file.path), file.after.as_bytes()) {
            unwritten.insert(file.path, error);
        }
    });
    progress.finish_and_clear();
    let mut findings = findings.map_err(|error| Failure::from(error).doing(doing(&args.path)))?;
    findings.changes.retain(|change| !unwritten.contains_key(&change.file));
    print(args, &findings, &files)?;
    let has_failures = has_failures || !unwritten.is_empty();
    for (path, error) in unwritten {
        output::failure(Failure::from(error).doing(format!("writing {}", tree.locate(&path).display())).cause());
    }
    if has_failures {
        return Ok(Outcome::PartlyFailed);
    }
    Ok(if args.exit_code && !findings.changes.is_empty() { Outcome::Negative } else { Outcome::Done })
}

fn doing(path: &Path) -> String {
    format!("updating {}", path.display())
}

/// The folder to work in, and the path in it: a file is named in its folder.
fn place(path: &Path) -> Result<(PathBuf, String), Failure> {
    let meta = std::fs::metadata(path).map_err(|error| Failure::from(error).doing(doing(path)))?;
    if meta.is_dir() {
        return Ok((path.to_owned(), String::new()));
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !setter::is_manifest(name) {
        return Err(Failure::new("the file is neither *.yaml, *.yml nor Kustomization").doing(doing(path)));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.to_owned(), name.to_owned()))
}

fn print(args: &Args, findings: &Findings, files: &[ChangedFile]) -> Result<(), Failure> {
    if args.output == Format::Json {
        return output::json(&findings::json(findings));
    }
    if args.dry_run {
        output::diff(&unified(files))?;
    } else {
        output::text(&findings::changes_text(findings, ""))?;
    }
    findings::tell_ignored(findings);
    Ok(())
}
