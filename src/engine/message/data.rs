//! The data that message templates see.
//!
//! These are Flux's structs with their methods and printing (`TemplateData`, `Result`, `Change`,
//! `ObjectIdentifier`), the fields that Flux removed and old manifests still use (`.Updated`,
//! `.Changed.ImageResult`), and the short forms found in articles (`.Changed.NewTag`, `.NewImage`, …).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::engine::rewrite::InFile;
use crate::image::ImageRef;
use crate::object::{NamespacedName, ObjectId};
use crate::setter::{Change, Latest};
use crate::template::{Fields, List, Map, Method, Object, Type, Value, promoted};

const CHANGE: Type = Type::Object("update.Change");
const IDENTIFIER: Type = Type::Object("update.ObjectIdentifier");
const OBJECT_CHANGES: &str = "update.ObjectChanges";
const IMAGE: Type = Type::Object("update.imageRef");

/// The types that templates meet, and what can be asked of them: fields, methods and short forms.
pub(super) const TYPES: &[(&str, &[&str])] = &[
    (
        "source.TemplateData",
        &["AutomationObject", "Changed", "Values", "Updated", "AutomatedResource", "NewImage", "OldImage"],
    ),
    ("types.AutomatedResource", &["Kind", "Namespace", "Name"]),
    ("update.Result", &["FileChanges", "Objects", "Changes", "Summary", "ImageResult", "Name", "OldTag", "NewTag"]),
    ("update.Change", &["OldValue", "NewValue", "Setter"]),
    ("update.ObjectIdentifier", &["APIVersion", "Kind", "Name", "Namespace"]),
    ("update.ImageResult", &["Files", "Images", "Objects"]),
    ("update.FileResult", &["Objects"]),
    ("update.imageRef", &["Identifier", "Repository", "Registry", "Name", "Policy"]),
    ("types.NamespacedName", &["Namespace", "Name"]),
];

/// A struct with everything that templates may ask for, worked out beforehand.
#[derive(Debug)]
struct Struct {
    type_name: &'static str,
    fields: Vec<(&'static str, Value)>,
    /// Whether the fields are structs embedded in this one.
    embeds: bool,
    /// Fields that are found by name and not printed: removed ones, short forms.
    hidden: Vec<(&'static str, Value)>,
    methods: Vec<(&'static str, Value)>,
    text: Option<String>,
}

impl Struct {
    fn new(type_name: &'static str, fields: Vec<(&'static str, Value)>) -> Self {
        Self { type_name, fields, embeds: false, hidden: Vec::new(), methods: Vec::new(), text: None }
    }

    /// A struct of embedded ones.
    fn of<const N: usize>(type_name: &'static str, embedded: [Struct; N]) -> Self {
        let fields = embedded.map(|inner| (type_of(inner.type_name), inner.into())).to_vec();
        Self { embeds: true, ..Self::new(type_name, fields) }
    }

    fn hidden(mut self, fields: Vec<(&'static str, Value)>) -> Self {
        self.hidden = fields;
        self
    }

    fn methods(mut self, methods: Vec<(&'static str, Value)>) -> Self {
        self.methods = methods;
        self
    }

    /// Go's `String` method.
    fn prints(mut self, text: String) -> Self {
        self.methods.push(("String", text.clone().into()));
        self.text = Some(text);
        self
    }
}

/// The name of a type without its package.
fn type_of(name: &'static str) -> &'static str {
    name.split_once('.').map_or(name, |(_, name)| name)
}

impl From<Struct> for Value {
    fn from(object: Struct) -> Self {
        Value::object(object)
    }
}

impl Object for Struct {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn fields(&self) -> Fields<'_> {
        (&self.fields).into()
    }

    fn field(&self, name: &str) -> Option<Value> {
        let own = self.fields.iter().chain(&self.hidden).find(|(known, _)| *known == name);
        let embedded = if self.embeds { &*self.fields } else { &[] };
        own.map(|(_, value)| value.clone()).or_else(|| promoted(embedded, name))
    }

    fn method(&self, name: &str) -> Option<Method> {
        self.methods.iter().find(|(known, _)| *known == name).map(|(_, value)| Method::returns(value.clone()))
    }

    fn stringer(&self) -> Option<String> {
        self.text.clone()
    }
}

/// What the text of a template names. Hidden fields and methods are found by name alone, so that the others need not be
/// worked out: changes may be thousands.
#[derive(Clone, Copy)]
struct Named<'a>(&'a str);

impl Named<'_> {
    fn of(self, all: &[(&'static str, &dyn Fn() -> Value)]) -> Vec<(&'static str, Value)> {
        all.iter().filter(|(name, _)| self.0.contains(name)).map(|(name, value)| (*name, value())).collect()
    }
}

/// `source.TemplateData` for the template `text`.
pub(super) fn template_data(
    text: &str,
    automation: &NamespacedName,
    changes: &[InFile<Change>],
    latest: &Latest,
    values: &BTreeMap<String, String>,
) -> Value {
    let named = Named(text);
    let images = ImageResult::new(changes, latest);
    let object = |value: fn(&ObjectId) -> &String| {
        let found = |found: &InFile<Change>, _: &ImageRef| Some(value(found.what.object.as_ref()?).clone());
        Value::from(images.join(found))
    };
    let resource = || {
        let fields = vec![
            ("Kind", object(|id| &id.kind)),
            ("Namespace", object(|id| &id.namespace)),
            ("Name", object(|id| &id.name)),
        ];
        Value::from(Struct::new("types.AutomatedResource", fields))
    };
    let fields = vec![
        ("AutomationObject", namespaced_name(automation)),
        ("Changed", result(named, changes, &images)),
        ("Values", Map::strings(values.iter().map(|(key, value)| (key.as_str(), value.as_str()))).into()),
    ];
    let hidden = named.of(&[
        ("Updated", &|| images.value()),
        ("AutomatedResource", &resource),
        ("NewImage", &|| images.join(|_, image| Some(image.written())).into()),
        ("OldImage", &|| images.join(old_image).into()),
    ]);
    Struct::new("source.TemplateData", fields).hidden(hidden).into()
}

/// A change and its value, which is the same wherever it appears.
type Valued<'a> = (&'a Change, Value);

/// `update.Result`.
fn result(named: Named<'_>, changes: &[InFile<Change>], images: &ImageResult<'_>) -> Value {
    let all: Vec<Valued<'_>> = changes.iter().map(|found| (&found.what, change_value(&found.what))).collect();
    let mut files: BTreeMap<&str, Vec<&Valued<'_>>> = BTreeMap::new();
    changes.iter().zip(&all).for_each(|(found, valued)| files.entry(&found.file).or_default().push(valued));
    let by_file = files.into_iter().map(|(file, changes)| (file.into(), by_object(changes))).collect();
    let file_changes =
        Map::new(&Type::String, &Type::NamedMap(OBJECT_CHANGES, &IDENTIFIER, &Type::List(&CHANGE)), by_file);
    let hidden = named.of(&[
        ("ImageResult", &|| images.value()),
        ("Summary", &|| summary(changes).into()),
        ("Name", &|| images.join(|found, _| Some(found.what.policy.name.clone())).into()),
        ("OldTag", &|| images.join(old_tag).into()),
        ("NewTag", &|| images.join(|_, image| image.tag.as_ref().map(ToString::to_string)).into()),
    ]);
    let methods = named.of(&[("Changes", &|| distinct(&all)), ("Objects", &|| by_object(&all))]);
    Struct::new("update.Result", vec![("FileChanges", file_changes.into())]).hidden(hidden).methods(methods).into()
}

/// `update.ObjectChanges`, a `map[update.ObjectIdentifier][]update.Change`.
fn by_object<'a>(changes: impl IntoIterator<Item = &'a Valued<'a>>) -> Value {
    let mut objects: BTreeMap<Option<&ObjectId>, Vec<Value>> = BTreeMap::new();
    for (change, value) in changes {
        objects.entry(change.object.as_ref()).or_default().push(value.clone());
    }
    let entries = objects.into_iter().map(|(id, changes)| (identifier(id), List::new(&CHANGE, changes).into()));
    Map::named(OBJECT_CHANGES, &IDENTIFIER, &Type::List(&CHANGE), entries.collect()).into()
}

/// `[]update.Change` without repetitions, in the order of files and lines; Flux's order is random.
fn distinct(changes: &[Valued<'_>]) -> Value {
    let mut seen = BTreeSet::new();
    let fresh = changes.iter().filter(|(change, _)| seen.insert((&change.old, &change.new, &change.setter)));
    List::new(&CHANGE, fresh.map(|(_, value)| value.clone()).collect()).into()
}

/// One `old -> new` a line.
fn summary(changes: &[InFile<Change>]) -> String {
    let line = |found: &InFile<Change>| format!("{} -> {}", found.what.old, found.what.new);
    let lines: BTreeSet<String> = changes.iter().map(line).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

fn change_value(change: &Change) -> Value {
    let fields = vec![
        ("OldValue", change.old.as_str().into()),
        ("NewValue", change.new.as_str().into()),
        ("Setter", change.setter.as_str().into()),
    ];
    Struct::new("update.Change", fields).into()
}

/// `update.ObjectIdentifier`, which embeds kyaml's structs. It is empty for fields outside of any object.
fn identifier(id: Option<&ObjectId>) -> Value {
    let nobody = ObjectId::default();
    let id = id.unwrap_or(&nobody);
    let type_meta = vec![("APIVersion", id.api_version.as_str().into()), ("Kind", id.kind.as_str().into())];
    let name_meta = vec![("Name", id.name.as_str().into()), ("Namespace", id.namespace.as_str().into())];
    let embedded = [Struct::new("yaml.TypeMeta", type_meta), Struct::new("yaml.NameMeta", name_meta)];
    Struct::of("update.ObjectIdentifier", [Struct::of("yaml.ResourceIdentifier", embedded)]).into()
}

fn namespaced_name(name: &NamespacedName) -> Value {
    let fields = vec![("Namespace", name.namespace.as_str().into()), ("Name", name.name.as_str().into())];
    Struct::new("types.NamespacedName", fields).prints(name.to_string()).into()
}

/// The changes with the images that they wrote: what Flux's removed fields spoke of.
struct ImageResult<'a> {
    written: Vec<(&'a InFile<Change>, &'a ImageRef)>,
}

impl<'a> ImageResult<'a> {
    fn new(changes: &'a [InFile<Change>], latest: &'a Latest) -> Self {
        let image = |found: &'a InFile<Change>| Some((found, latest.images.get(&found.what.policy)?.as_ref().ok()?));
        Self { written: changes.iter().filter_map(image).collect() }
    }

    /// The sorted, distinct values joined by `, `: a short form over several changes.
    fn join(&self, value: impl Fn(&InFile<Change>, &ImageRef) -> Option<String>) -> String {
        let values: BTreeSet<String> = self.written.iter().filter_map(|(found, image)| value(found, image)).collect();
        values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// The struct behind `.Updated`: `Files`, `Images`, `Objects`.
    fn value(&self) -> Value {
        let all = self.valued();
        let mut files: BTreeMap<&str, Vec<&Written<'_>>> = BTreeMap::new();
        self.written
            .iter()
            .zip(&all)
            .for_each(|((found, _), written)| files.entry(&found.file).or_default().push(written));
        let file = |(name, written): (&str, Vec<_>)| {
            let objects = Struct::new("update.FileResult", vec![("Objects", images_by_object(written))]);
            (Value::from(name), objects.into())
        };
        let files = Map::new(&Type::String, &Type::Object("update.FileResult"), files.into_iter().map(file).collect());
        let methods = vec![("Images", images(&all)), ("Objects", images_by_object(&all))];
        Struct::new("update.ImageResult", vec![("Files", files.into())]).methods(methods).into()
    }

    /// The value of each image, made once for all the changes that a policy brought.
    fn valued(&self) -> Vec<Written<'a>> {
        let mut known: BTreeMap<&NamespacedName, (Rc<str>, Value)> = BTreeMap::new();
        let valued = |(found, image): &(&'a InFile<Change>, &'a ImageRef)| {
            let policy = &found.what.policy;
            let known = known.entry(policy).or_insert_with(|| (image.written().into(), image_value(image, policy)));
            let (image, value) = known.clone();
            Written { object: found.what.object.as_ref(), image, value }
        };
        self.written.iter().map(valued).collect()
    }
}

/// An image that was written into an object.
struct Written<'a> {
    object: Option<&'a ObjectId>,
    image: Rc<str>,
    value: Value,
}

fn images<'w>(written: impl IntoIterator<Item = &'w Written<'w>>) -> Value {
    let distinct: BTreeMap<&str, &Value> =
        written.into_iter().map(|written| (&*written.image, &written.value)).collect();
    List::new(&IMAGE, distinct.into_values().cloned().collect()).into()
}

fn images_by_object<'w>(written: impl IntoIterator<Item = &'w Written<'w>>) -> Value {
    let mut objects: BTreeMap<Option<&ObjectId>, Vec<_>> = BTreeMap::new();
    written.into_iter().for_each(|written| objects.entry(written.object).or_default().push(written));
    let entries = objects.into_iter().map(|(id, written)| (identifier(id), images(written)));
    Map::new(&IDENTIFIER, &Type::List(&IMAGE), entries.collect()).into()
}

/// Flux's `ImageRef` interface.
fn image_value(image: &ImageRef, policy: &NamespacedName) -> Value {
    let repository = &image.repository;
    // The library under Flux calls Docker Hub so.
    let registry = if repository.registry() == "docker.io" { "index.docker.io" } else { repository.registry() };
    // And to it a digest is the identifier, whatever the tag.
    let (sign, identifier) = match (&image.digest, &image.tag) {
        (Some(digest), _) => ("@", digest.to_string()),
        (None, tag) => (":", tag.as_ref().map(ToString::to_string).unwrap_or_default()),
    };
    let methods = vec![
        ("Identifier", Value::from(identifier.as_str())),
        ("Repository", repository.path().into()),
        ("Registry", registry.into()),
        ("Name", format!("{registry}/{}{sign}{identifier}", repository.path()).into()),
        ("Policy", namespaced_name(policy)),
    ];
    Struct::new("update.imageRef", Vec::new()).methods(methods).prints(image.written()).into()
}

/// The tag that a changed field held.
fn old_tag(found: &InFile<Change>, _: &ImageRef) -> Option<String> {
    match suffix(&found.what) {
        "tag" => Some(found.what.old.clone()),
        "" => Some(found.what.old.parse::<ImageRef>().ok()?.tag?.to_string()),
        _ => None,
    }
}

/// The image that a changed field meant.
fn old_image(found: &InFile<Change>, image: &ImageRef) -> Option<String> {
    match suffix(&found.what) {
        "tag" => Some(format!("{}:{}", image.repository.written(), found.what.old)),
        "" => Some(found.what.old.clone()),
        _ => None,
    }
}

/// What stands behind the policy in the setter: `tag`, `name`, `digest` or nothing.
fn suffix(change: &Change) -> &str {
    change.setter.splitn(3, ':').nth(2).unwrap_or_default()
}
