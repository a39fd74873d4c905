//! Every image that a set of objects would run, with the container and the place where it is written.
//!
//! Containers are found by the shape of a Pod's spec, at any depth: in Pods, in the templates of workloads and cron
//! jobs, in Lists, and in custom resources that hold such a spec.

use std::fmt;

use crate::object::{Mapping, Node, ObjectId, Place, Tag};

/// An image of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub object: ObjectId,
    pub list: List,
    /// The name of the container; empty where it has none.
    pub container: String,
    /// The reference as it is written.
    pub text: String,
    pub place: Place,
}

/// The list of a Pod's spec that a container stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Containers,
    InitContainers,
    EphemeralContainers,
}

impl List {
    const ALL: [Self; 3] = [Self::Containers, Self::InitContainers, Self::EphemeralContainers];

    fn of(field: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.field() == field)
    }

    pub fn field(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::InitContainers => "initContainers",
            Self::EphemeralContainers => "ephemeralContainers",
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field())
    }
}

/// The images of `objects`, in the order of their text.
pub fn images<'n>(objects: impl IntoIterator<Item = &'n Node>) -> Vec<Image> {
    objects.into_iter().flat_map(members).flat_map(images_of).collect()
}

/// The objects of a List; any other object is its own.
fn members(object: &Node) -> Vec<&Node> {
    let is_list = object.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    match object.get("items").and_then(Node::as_sequence) {
        Some(items) if is_list => items.iter().collect(),
        _ => vec![object],
    }
}

fn images_of(object: &Node) -> Vec<Image> {
    let id = ObjectId::of_node(object).unwrap_or_default();
    let mut images = Vec::new();
    // A stack in place of a recursion that hostile nesting could deepen; its last is the next in the text.
    let mut waiting: Vec<(Option<List>, &Node)> = vec![(None, object)];
    while let Some((list, node)) = waiting.pop() {
        match node {
            Node::Scalar(_) => {}
            Node::Sequence(items) => waiting.extend(items.iter().rev().map(|item| (list, item))),
            Node::Mapping(fields) => {
                images.extend(list.and_then(|list| image(&id, list, fields)));
                waiting.extend(fields.iter().rev().map(|(key, value)| (list_at(&key.text, value), value)));
            }
        }
    }
    images
}

/// The schema of a custom resource has a mapping under the same name.
fn list_at(field: &str, value: &Node) -> Option<List> {
    List::of(field).filter(|_| value.as_sequence().is_some())
}

fn image(object: &ObjectId, list: List, container: &Mapping) -> Option<Image> {
    let image = container.get("image")?.as_scalar().filter(|image| image.tag != Tag::Null && !image.text.is_empty())?;
    let name = container.get("name").and_then(Node::text).unwrap_or_default();
    let (object, container, text) = (object.clone(), name.to_owned(), image.text.to_string());
    Some(Image { object, list, container, text, place: image.place })
}
