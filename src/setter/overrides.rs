//! Images that Argo CD Image Updater writes instead of marked fields: the override file of an Application
//! (`.argocd-source-NAME.yaml`) and `images` of a kustomization.
//!
//! Takes a file's path and text; gives each override's key and the image it names. A file that does not parse
//! has none.

use crate::object::Value;
use crate::yaml;

/// One override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What is overridden: an image of the kustomization, a Helm parameter.
    pub key: String,
    /// The image, or its tag alone where no parameter names the image.
    pub value: String,
}

/// Whether the file at `path` may hold overrides.
pub fn may_override(path: &str) -> bool {
    is_kustomization(path) || application(path).is_some()
}

/// The Application whose override file lies at `path`.
pub fn application(path: &str) -> Option<&str> {
    let name = file_name(path).strip_prefix(".argocd-source-")?.strip_suffix(".yaml")?;
    (!name.is_empty()).then_some(name)
}

/// The overrides in the file at `path`, in their order.
pub fn overrides(path: &str, text: &str) -> Vec<Override> {
    let Ok(documents) = yaml::documents(text) else { return Vec::new() };
    let of_document = |document: &Value| match application(path) {
        Some(_) => {
            let mut found: Vec<Override> = list(document, "/kustomize/images").filter_map(of_image).collect();
            found.extend(of_parameters(document));
            found
        }
        None => list(document, "/images").filter_map(of_kustomization).collect(),
    };
    documents.iter().flat_map(|document| of_document(&document.value)).collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn is_kustomization(path: &str) -> bool {
    matches!(file_name(path), "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

fn list<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `[name=]image`.
fn of_image(value: &Value) -> Option<Override> {
    let text = value.as_str()?;
    let (key, value) = text.split_once('=').unwrap_or((without_version(text), text));
    Some(Override { key: key.to_owned(), value: value.to_owned() })
}

/// The image's name: without digest and tag.
fn without_version(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

fn of_kustomization(image: &Value) -> Option<Override> {
    let key = field(image, "name")?;
    let tag = field(image, "newTag").map(|tag| format!(":{tag}"));
    let digest = field(image, "digest").map(|digest| format!("@{digest}"));
    if tag.is_none() && digest.is_none() {
        return None;
    }
    let name = field(image, "newName").unwrap_or(key);
    let value = format!("{name}{}{}", tag.unwrap_or_default(), digest.unwrap_or_default());
    Some(Override { key: key.to_owned(), value })
}

/// Helm parameters that speak of images; older versions of the updater write all the others too.
fn of_parameters(document: &Value) -> Vec<Override> {
    let parameters: Vec<(&str, &str)> = list(document, "/helm/parameters")
        .filter_map(|parameter| Some((field(parameter, "name")?, field(parameter, "value")?)))
        .collect();
    let value_of = |name: String| parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let mut found = Vec::new();
    for (key, value) in &parameters {
        if let Some(prefix) = key.strip_suffix("tag") {
            let image = value_of(format!("{prefix}name")).or_else(|| value_of(format!("{prefix}repository")));
            let value = image.map_or_else(|| (*value).to_owned(), |image| format!("{image}:{value}"));
            found.push(Override { key: (*key).to_owned(), value });
        } else if value.contains(':') && key.to_ascii_lowercase().contains("image") {
            found.push(Override { key: (*key).to_owned(), value: (*value).to_owned() });
        }
    }
    found
}
