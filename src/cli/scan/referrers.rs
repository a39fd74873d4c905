//! `tagwright scan --referrers`: what refers to one image.

use serde::Serialize;

use crate::cli::access::RegistryArgs;
use crate::cli::failure::Failure;
use crate::cli::{Format, Outcome, one_thread, output};
use crate::engine::referrers::{About, Found, referrers};
use crate::image::ImageRef;

#[derive(Serialize)]
struct Listed {
    image: String,
    digest: String,
    referrers: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    kind: String,
    artifact_type: Option<String>,
    predicate_type: Option<String>,
    digest: String,
    tag: Option<String>,
}

pub(super) fn run(image: &ImageRef, registry: &RegistryArgs, format: Format) -> Result<Outcome, Failure> {
    let progress = output::progress(format!("listing what refers to {image}"));
    let (client, requests) = registry.asking(std::slice::from_ref(&image.repository))?;
    let request = requests.first().expect("a request for each image");
    let About { digest, found } = one_thread()?.block_on(referrers(&client, image, &request.access))?;
    progress.finish_and_clear();
    let rows: Vec<Row> = found.into_iter().map(row).collect();
    match format {
        Format::Json => {
            output::json(&Listed { image: image.to_string(), digest: digest.to_string(), referrers: rows })?;
        }
        Format::Text if rows.is_empty() => output::talk(&format!("nothing refers to {}@{digest}", image.repository)),
        Format::Text => output::table(&["KIND", "TYPE", "DIGEST", "TAG"], rows.into_iter().map(cells).collect())?,
    }
    Ok(Outcome::Done)
}

/// An image that is told from others of its repository.
pub(super) fn one_image(text: &str) -> Result<ImageRef, String> {
    let image: ImageRef = text.parse().map_err(|error: crate::image::ParseError| error.to_string())?;
    match image.tag.is_some() || image.digest.is_some() {
        true => Ok(image),
        false => Err("expected a tag or a digest behind the name".to_owned()),
    }
}

fn row(Found { kind, digest, artifact_type, predicate_type, tag }: Found) -> Row {
    let (kind, digest, tag) = (kind.to_string(), digest.to_string(), tag.map(|tag| tag.to_string()));
    Row { kind, artifact_type, predicate_type, digest, tag }
}

fn cells(row: Row) -> Vec<String> {
    let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![row.kind, cell(row.artifact_type), row.digest, cell(row.tag)]
}
