//! `tagwright images`: which images a build would run, where each is written, and what keeps it up to date.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::failure::Failure;
use super::source::{Root, SourceArgs};
use super::{Format, Outcome, output};
use crate::image::ImageRef;
use crate::kustomize::Built;
use crate::manifest::{self, Image, Listed};
use crate::object::{Node, ObjectId, Place};
use crate::setter;
use crate::tree::{FileTree, Look};
use crate::yaml;

/// Lists the images that a build would run: where each is written, and what keeps it up to date
///
/// An image is managed by the marker on its line, or by an Application whose annotations list it for Argo CD Image
/// Updater. What is managed by nothing is what nobody updates.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright images overlays/production
  tagwright images . --ref main --path apps/web -o json
  tagwright images overlays/production --application argocd/web.yaml")]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// A file with Applications whose annotations count, besides those that the build itself has (repeatable)
    #[arg(long, value_name = "FILE")]
    application: Vec<PathBuf>,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (root, build) = args.source.build()?;
    let objects = || build.built.resources.iter().map(|resource| &resource.node);
    let mut listed = manifest::listed(objects());
    for file in &args.application {
        listed.extend(manifest::listed(&applications(file)?));
    }
    let images = manifest::images(objects());
    let mut lines = Lines { root: &root, built: &build.built, marked: HashMap::new() };
    let rows: Vec<Row<'_>> = images.iter().map(|image| lines.row(image, &listed)).collect();
    match args.output {
        Format::Json => output::json(&rows)?,
        Format::Text if rows.is_empty() => output::talk("the build runs no image"),
        Format::Text => {
            let headers = ["IMAGE", "OBJECT", "CONTAINER", "WRITTEN IN", "MANAGED BY"];
            output::table(&headers, rows.iter().map(Row::cells).collect())?;
        }
    }
    Ok(Outcome::Done)
}

fn applications(file: &Path) -> Result<Vec<Node>, Failure> {
    let reading = || format!("reading {}", file.display());
    let text = fs::read(file).map_err(|error| Failure::from(error).doing(reading()))?;
    yaml::nodes(&text, 0, yaml::Dialect::Resource).map_err(|error| Failure::from(error).doing(reading()))
}

/// One image as JSON (the shape is part of the interface).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    image: &'a str,
    object: &'a ObjectId,
    list: &'static str,
    container: &'a str,
    file: Option<String>,
    line: Option<u32>,
    managed_by: Option<Manager>,
}

/// What keeps an image up to date.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
enum Manager {
    /// The setter of the marker: `namespace:policy[:part]`.
    Marker(String),
    Application {
        namespace: String,
        name: String,
        alias: String,
    },
}

impl Row<'_> {
    fn cells(&self) -> Vec<String> {
        let place = match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.clone(),
            _ => "-".to_owned(),
        };
        let manager = match &self.managed_by {
            None => "-".to_owned(),
            Some(Manager::Marker(setter)) => format!("marker {setter}"),
            Some(Manager::Application { namespace, name, .. }) => format!("Application {namespace}/{name}"),
        };
        vec![self.image.to_owned(), self.object.short(), self.container.to_owned(), place, manager]
    }
}

/// The lines that images are written on.
struct Lines<'a> {
    root: &'a Root,
    built: &'a Built,
    /// The setters of a file's markers by line, read once.
    marked: HashMap<u32, HashMap<usize, String>>,
}

impl Lines<'_> {
    fn row<'i>(&mut self, image: &'i Image, listed: &[Listed]) -> Row<'i> {
        let marker = self.marker(image.place).map(Manager::Marker);
        Row {
            image: &image.text,
            object: &image.object,
            list: image.list.field(),
            container: &image.container,
            file: self.built.files.name(image.place.file).map(str::to_owned),
            line: (image.place.file > 0 && image.place.line > 0).then_some(image.place.line),
            managed_by: marker.or_else(|| updater(&image.text, listed)),
        }
    }

    fn marker(&mut self, place: Place) -> Option<String> {
        let (root, built) = (self.root, self.built);
        let marked = self.marked.entry(place.file).or_insert_with(|| marked(root, built, place.file));
        marked.get(&usize::try_from(place.line).ok()?).cloned()
    }
}

/// The markers of file `number` of the build; none where it came from elsewhere, for nobody writes there.
fn marked(root: &Root, built: &Built, number: u32) -> HashMap<usize, String> {
    let content =
        built.files.name(number).and_then(|name| content(&*root.tree, &root.path_of(name))).unwrap_or_default();
    setter::current(&content).into_iter().map(|current| (current.line, current.setter)).collect()
}

fn content(tree: &dyn FileTree, path: &str) -> Option<Vec<u8>> {
    let Look::File(entry) = tree.look(path).ok()? else { return None };
    tree.read(&entry).ok().map(|content| content.into_owned())
}

fn updater(image: &str, listed: &[Listed]) -> Option<Manager> {
    let image: ImageRef = image.parse().ok()?;
    let found = listed.iter().find(|listed| listed.repository == image.repository)?;
    let (application, alias) = (&found.application, found.alias.clone());
    let (namespace, name) = (application.namespace.clone(), application.name.clone());
    Some(Manager::Application { namespace, name, alias })
}
