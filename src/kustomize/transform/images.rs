//! `images`: other names, tags and digests for the images of containers, and of whatever else field specs lead to.
//!
//! Every item of a list `containers` or `initContainers` has an image, at any depth of any kind; definitions of
//! custom resources alone are left as they are.

use crate::goregex::{self, Regex};
use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing, Spec, scalar, shape, with_text};
use crate::kustomize::kustomization::Image;
use crate::kustomize::parallel::for_each;
use crate::kustomize::resource::Resource;
use crate::object::{Node, Place};

/// Changes the images that the entries name, one entry after the other. A changed image says that it comes from the
/// place of its entry, where that is known.
pub(super) fn apply(resources: &mut [Resource], images: &[(&Image, Place)], specs: &FieldSpecs) -> Result<(), Error> {
    let mut entries = Vec::with_capacity(images.len());
    for (at, (image, place)) in images.iter().enumerate() {
        entries.push(Entry::new(image, *place).map_err(|error| error.in_field(&format!("[{at}]")))?);
    }
    for_each(resources, |resource| match resource.gvk() {
        gvk if &*gvk.kind == "CustomResourceDefinition" || entries.is_empty() => Ok(()),
        gvk => change_images(resource, &entries, specs.of(&gvk)),
    })
}

/// kustomize goes by the lists of containers first and by the specs then, with each entry: an image that both lead to
/// is changed twice, which a `tagSuffix` shows.
fn change_images<'s>(
    resource: &mut Resource,
    entries: &[Entry],
    specs: impl Iterator<Item = &'s Spec>,
) -> Result<(), Error> {
    let mut routes = Routes::default();
    routes.collect(&resource.node)?;
    // Entries change texts alone, so that what leads to none now never will.
    let specs: Vec<&Spec> = specs.filter(|spec| spec.leads_somewhere(&resource.node)).collect();
    for entry in entries {
        for route in &routes.found {
            if let Some(changed) = at(&resource.node, route).map(|image| entry.changed(image)).transpose()?.flatten() {
                put(&mut resource.node, route, changed);
            }
        }
        for spec in &specs {
            spec.rewrite(resource, Missing::Stays, &|image| entry.changed(image))?;
        }
    }
    Ok(())
}

/// An entry, ready to be compared.
struct Entry<'i> {
    image: &'i Image,
    name: Name<'i>,
    place: Place,
}

/// The name in an entry. kustomize puts it into a regular expression as it is.
enum Name<'i> {
    /// No pattern but for its dots, each of which stands for any character.
    Plain(&'i str),
    Pattern(Regex),
    /// A pattern that Go refuses: it is that of no image.
    Nothing,
}

impl<'i> Entry<'i> {
    fn new(image: &'i Image, place: Place) -> Result<Self, Error> {
        Ok(Self { image, name: Name::new(&image.name)?, place })
    }

    /// The image as this entry has it; `None` where it stays as it is.
    fn changed(&self, node: &Node) -> Result<Option<Node>, Error> {
        let old = scalar(node)?;
        if !self.name.is_that_of(&old.text) {
            return Ok(None);
        }
        let changed = with_text(node, &self.applied_to(&Reference::split(&old.text)))?;
        Ok(changed.map(|node| match node {
            Node::Scalar(scalar) if self.place != Place::default() => scalar.at(self.place).into(),
            Node::Scalar(scalar) => scalar.at(old.place).into(),
            other => other,
        }))
    }

    fn applied_to(&self, old: &Reference) -> String {
        let Image { name: _, new_name, tag_suffix, new_tag, digest } = self.image;
        let suffixed = format!("{}{tag_suffix}", old.tag);
        let (tag, digest) = match (&**new_tag, &**digest) {
            ("", "") if tag_suffix.is_empty() => (old.tag, old.digest),
            ("", "") => (&*suffixed, ""),
            (tag, digest) => (tag, digest),
        };
        let mut text = if new_name.is_empty() { old.name.to_owned() } else { new_name.clone() };
        for (mark, part) in [(':', tag), ('@', digest)].into_iter().filter(|(_, part)| !part.is_empty()) {
            text.push(mark);
            text.push_str(part);
        }
        text
    }
}

impl<'i> Name<'i> {
    fn new(name: &'i str) -> Result<Self, Error> {
        // Nearly all are of this form, and a regular expression takes longer to compile than a small overlay to build.
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte)) {
            return Ok(Self::Plain(name));
        }
        let tag = "[a-zA-Z0-9_.{}-]*";
        let algorithm = "[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*";
        match Regex::new(&format!("^{name}(:{tag})?(@{algorithm}:{tag})?$")) {
            Ok(pattern) => Ok(Self::Pattern(pattern)),
            Err(goregex::Error::Syntax { .. }) => Ok(Self::Nothing),
            Err(source) => Err(Error::new("reading the name as a pattern").in_field("name").caused_by(source)),
        }
    }

    fn is_that_of(&self, image: &str) -> bool {
        match self {
            Self::Plain(name) => behind(name, image).is_some_and(is_tag_and_digest),
            Self::Pattern(pattern) => pattern.is_match(image),
            Self::Nothing => false,
        }
    }
}

/// What stands behind the name, if the image begins with it.
fn behind<'t>(name: &str, image: &'t str) -> Option<&'t str> {
    let mut rest = image.chars();
    let fits = |wanted: char, own: char| own == wanted || (wanted == '.' && own != '\n');
    name.chars().all(|wanted| rest.next().is_some_and(|own| fits(wanted, own))).then_some(rest.as_str())
}

/// `:TAG`, `@ALGORITHM:DIGEST`, both or nothing, by the letters that kustomize takes.
fn is_tag_and_digest(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_tag = |tag: &str| tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.{}-".contains(&byte));
    let is_digest = |digest: &str| match digest.split_once(':') {
        Some((algorithm, digest)) => algorithm.split(['.', '+', '_', '-']).all(is_word) && is_tag(digest),
        None => false,
    };
    let (tag, digest) = text.split_once('@').map_or((text, None), |(tag, digest)| (tag, Some(digest)));
    (tag.is_empty() || tag.strip_prefix(':').is_some_and(is_tag)) && digest.is_none_or(is_digest)
}

/// An image reference as kustomize takes it apart: a name, and what stands behind the first `:` and the first `@`.
struct Reference<'r> {
    name: &'r str,
    tag: &'r str,
    digest: &'r str,
}

impl<'r> Reference<'r> {
    fn split(text: &'r str) -> Self {
        // Before the first slash a colon is that of a registry's port.
        let start = text.find('/').unwrap_or(0);
        let find = |mark| text[start..].find(mark).map(|at| start + at);
        let (digest_at, tag_at) = (find('@'), find(':'));
        let end = digest_at.unwrap_or(text.len());
        let digest = text.get(end + 1..).unwrap_or_default();
        match tag_at.filter(|at| *at < end) {
            Some(at) => Self { name: &text[..at], tag: &text[at + 1..end], digest },
            None => Self { name: &text[..end], tag: "", digest },
        }
    }
}

/// The ways to the images of containers: which child to take at each level. Only their texts change on the way.
#[derive(Default)]
struct Routes {
    found: Vec<Vec<usize>>,
    here: Vec<usize>,
}

impl Routes {
    /// As deep as the node is nested, which its reader has bounded.
    fn collect(&mut self, node: &Node) -> Result<(), Error> {
        match node {
            Node::Scalar(_) => Ok(()),
            Node::Sequence(items) => {
                items.iter().enumerate().try_for_each(|(at, item)| self.below(at, |routes| routes.collect(item)))
            }
            Node::Mapping(fields) => fields.iter().enumerate().try_for_each(|(at, (key, value))| {
                self.below(at, |routes| match value {
                    Node::Sequence(items) if matches!(&*key.text, "containers" | "initContainers") => {
                        routes.collect(value)?;
                        let mut items = items.iter().enumerate();
                        items.try_for_each(|(at, item)| routes.below(at, |routes| routes.collect_image(item)))
                    }
                    _ => routes.collect(value),
                })
            }),
        }
    }

    fn collect_image(&mut self, container: &Node) -> Result<(), Error> {
        let fields = match container {
            Node::Mapping(fields) => fields,
            null if null.is_null() => return Ok(()),
            other => return Err(Error::new(format!("a container is {} instead of a mapping", shape(other)))),
        };
        let image = fields.iter().enumerate().find(|(_, (key, _))| &*key.text == "image");
        if let Some((at, (_, image))) = image {
            scalar(image)?;
            self.below(at, |routes| routes.found.push(routes.here.clone()));
        }
        Ok(())
    }

    fn below<T>(&mut self, at: usize, look: impl FnOnce(&mut Self) -> T) -> T {
        self.here.push(at);
        let seen = look(self);
        self.here.pop();
        seen
    }
}

fn at<'n>(node: &'n Node, route: &[usize]) -> Option<&'n Node> {
    route.iter().try_fold(node, |node, &at| match node {
        Node::Scalar(_) => None,
        Node::Sequence(items) => items.get(at),
        Node::Mapping(fields) => fields.iter().nth(at).map(|(_, value)| value),
    })
}

fn put(object: &mut Node, route: &[usize], image: Node) {
    let target = route.iter().try_fold(object, |node, &at| match node {
        Node::Scalar(_) => None,
        Node::Sequence(_) => node.as_sequence_mut()?.get_mut(at),
        Node::Mapping(fields) => fields.entries_mut().get_mut(at).map(|(_, value)| value),
    });
    if let Some(target) = target {
        *target = image;
    }
}
