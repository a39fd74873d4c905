//! `tagwright scan`: the tags of image repositories.

use serde::Serialize;

use super::access::RegistryArgs;
use super::failure::Failure;
use super::{Format, Outcome, output};
use crate::engine::cause::Cause;
use crate::engine::scan::Scan;
use crate::image::Repository;

/// Lists the tags of image repositories
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright scan ghcr.io/stefanprodan/podinfo
  tagwright scan -o json nginx localhost:5000/web | jq -r '.[].tags[]'")]
pub(super) struct Args {
    /// Image repositories, without tag
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<Repository>,

    #[command(flatten)]
    registry: RegistryArgs,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Serialize)]
struct Listed {
    image: String,
    tags: Vec<String>,
    /// How many entries are no tags, and the first of them.
    skipped: usize,
    samples: Vec<Sample>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Sample {
    tag: String,
    reason: &'static str,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let progress = output::progress("listing tags");
    let scans = args.registry.scan(&args.images)?;
    progress.finish_and_clear();
    let failed = scans.iter().any(Result::is_err);
    match args.output {
        Format::Json => {
            output::json(&args.images.iter().zip(&scans).map(|(image, scan)| listed(image, scan)).collect::<Vec<_>>())?
        }
        Format::Text => print(&args.images, &scans)?,
    }
    Ok(if failed { Outcome::PartlyFailed } else { Outcome::Done })
}

fn listed(image: &Repository, scan: &Result<Scan, Cause>) -> Listed {
    let image = image.to_string();
    match scan {
        Err(cause) => {
            Listed { image, tags: Vec::new(), skipped: 0, samples: Vec::new(), error: Some(cause.message.clone()) }
        }
        Ok(scan) => Listed {
            image,
            tags: scan.tags.iter().map(ToString::to_string).collect(),
            skipped: scan.skipped,
            samples: scan.samples.iter().map(|tag| Sample { tag: tag.shown.clone(), reason: tag.reason }).collect(),
            error: None,
        },
    }
}

/// One repository prints its tags alone, several print `IMAGE:TAG`.
fn print(images: &[Repository], scans: &[Result<Scan, Cause>]) -> Result<(), Failure> {
    let mut text = String::new();
    for (image, scan) in images.iter().zip(scans) {
        match scan {
            Ok(scan) => {
                let prefix = if images.len() > 1 { format!("{image}:") } else { String::new() };
                scan.tags.iter().for_each(|tag| text.push_str(&format!("{prefix}{tag}\n")));
                tell_skipped(image, scan);
            }
            Err(cause) => output::failure(cause),
        }
    }
    output::text(&text)
}

/// Tells of the entries of a list that are no tags.
pub(super) fn tell_skipped(image: &Repository, scan: &Scan) {
    for tag in &scan.samples {
        output::warning(&format!("{image}: passed over {}: {}", tag.shown, tag.reason));
    }
    if scan.skipped > scan.samples.len() {
        output::warning(&format!("{image}: passed over {} tags in all", scan.skipped));
    }
}
