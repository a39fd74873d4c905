//! The images that Argo CD Image Updater is told to update: the annotation `image-list` of an Application.
//!
//! Takes an Application; gives its images, an alias and a repository each. The grammar is that of
//! argocd-image-updater 0.x, `[alias=]image[:constraint]` with commas between.

use crate::image::Repository;
use crate::object::{NamespacedName, Node};

const IMAGE_LIST: &str = "argocd-image-updater.argoproj.io/image-list";

/// An image of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub application: NamespacedName,
    /// Empty where the list gives none.
    pub alias: String,
    pub repository: Repository,
}

/// The images that the Applications among `objects` list; an element that names no image is left out, as the updater
/// does.
pub fn listed<'n>(objects: impl IntoIterator<Item = &'n Node>) -> Vec<Listed> {
    objects.into_iter().filter(|object| is_application(object)).flat_map(of_application).collect()
}

fn is_application(object: &Node) -> bool {
    let text = |field: &str| object.get(field).and_then(Node::text).unwrap_or_default();
    text("kind") == "Application" && text("apiVersion").starts_with("argoproj.io/")
}

fn of_application(object: &Node) -> Vec<Listed> {
    let text = |path: &[&str]| object.at(path).and_then(Node::text).unwrap_or_default();
    let application = NamespacedName::new(text(&["metadata", "namespace"]), text(&["metadata", "name"]));
    let list = text(&["metadata", "annotations", IMAGE_LIST]);
    let listed = |element: &str| {
        let (alias, image) = element.split_once('=').unwrap_or(("", element));
        let repository = without_constraint(image.trim()).parse().ok()?;
        Some(Listed { application: application.clone(), alias: alias.trim().to_owned(), repository })
    };
    list.split(',').filter_map(listed).collect()
}

/// The image without its constraint or tag: a colon behind the last slash, for a registry may have a port.
fn without_constraint(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    name[last..].find(':').map_or(name, |colon| &name[..last + colon])
}
