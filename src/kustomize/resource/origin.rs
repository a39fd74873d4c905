//! Where resources come from and what changed them, for `buildMetadata`.

use super::{ConfiguredBy, Origin, Resource};
use crate::kustomize::error::Error;
use crate::kustomize::load::remote_folder;
use crate::object::Node;
use crate::yaml::emit;

/// The place of a layer in the eyes of kustomize: the repository it is from, and its path from the root of the build.
#[derive(Clone, Debug, Default)]
pub(in crate::kustomize) struct Origins {
    here: Origin,
    file_name: &'static str,
}

impl Origins {
    pub(in crate::kustomize) fn of_file(mut self, file_name: &'static str) -> Self {
        self.file_name = file_name;
        self
    }

    /// The origin of what `entry` names.
    pub(in crate::kustomize) fn of_entry(&self, entry: &str) -> Origin {
        let mut origin = self.here.clone();
        match remote_folder(entry) {
            Some(remote) => {
                origin.repo = remote.repository.url;
                origin.r#ref = remote.repository.reference.unwrap_or_default();
                // kustomize calls the root of a repository after the folder that it would be cloned to.
                origin.path = if remote.path.is_empty() { "notCloned".to_owned() } else { remote.path };
            }
            None => origin.path = joined(&origin.path, entry),
        }
        origin
    }

    pub(in crate::kustomize) fn below(&self, entry: &str) -> Self {
        Self { here: self.of_entry(entry), file_name: self.file_name }
    }

    /// The origin of what the kustomization file itself says.
    pub(in crate::kustomize) fn of_own_file(&self) -> Origin {
        self.of_entry(self.file_name)
    }

    /// The origin of what the field for `kind` of the kustomization file makes or changes.
    pub(in crate::kustomize) fn of_builtin(&self, kind: &str) -> Origin {
        let by = ConfiguredBy {
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            name: String::new(),
            namespace: String::new(),
        };
        Origin {
            path: String::new(),
            repo: self.here.repo.clone(),
            r#ref: self.here.r#ref.clone(),
            configured_in: joined(&self.here.path, self.file_name),
            configured_by: Some(by),
        }
    }
}

/// The origin of what the plugin object `plugin` makes or changes.
pub(in crate::kustomize) fn of_plugin(plugin: &Resource) -> Option<Origin> {
    let origin = plugin.origin.as_ref()?;
    let by = ConfiguredBy {
        api_version: plugin.gvk().api_version(),
        kind: plugin.kind().to_owned(),
        name: plugin.name().to_owned(),
        namespace: plugin.namespace().to_owned(),
    };
    Some(Origin {
        path: String::new(),
        repo: origin.repo.clone(),
        r#ref: origin.r#ref.clone(),
        configured_in: origin.path.clone(),
        configured_by: Some(by),
    })
}

/// Writes down that something changed all `resources`; for one that has no origin, that is its origin.
pub(in crate::kustomize) fn record(resources: &mut [Resource], by: &Origin) {
    for resource in resources {
        if resource.origin.is_some() {
            resource.transformations.push(by.clone());
        } else {
            resource.origin = Some(by.clone());
        }
        resource.is_annotated = true;
    }
}

/// The text of an origin annotation.
pub(in crate::kustomize) fn text(origin: &Origin) -> Result<String, Error> {
    Ok(fields(origin)?.concat())
}

/// The text of an annotation with transformations: a list of origins.
pub(in crate::kustomize) fn list(origins: &[Origin]) -> Result<String, Error> {
    let mut text = String::new();
    for origin in origins {
        for (at, line) in fields(origin)?.concat().lines().enumerate() {
            text.push_str(if at == 0 { "- " } else { "  " });
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}

fn fields(origin: &Origin) -> Result<Vec<String>, Error> {
    let Origin { path, repo, r#ref, configured_in, configured_by } = origin;
    let mut lines = Vec::new();
    for (name, value) in [("path", path), ("repo", repo), ("ref", r#ref), ("configuredIn", configured_in)] {
        lines.extend(field("", name, value)?);
    }
    if let Some(ConfiguredBy { api_version, kind, name, namespace }) = configured_by {
        lines.push("configuredBy:\n".to_owned());
        for (key, value) in [("apiVersion", api_version), ("kind", kind), ("name", name), ("namespace", namespace)] {
            lines.extend(field("  ", key, value)?);
        }
    }
    Ok(lines)
}

/// Nothing, for an empty value.
fn field(indent: &str, name: &str, value: &str) -> Result<Option<String>, Error> {
    if value.is_empty() {
        return Ok(None);
    }
    let value = emit(&Node::string(value)).map_err(|error| Error::new("writing an origin").caused_by(error))?;
    Ok(Some(format!("{indent}{name}: {value}")))
}

/// `path` as seen from `folder`; may begin with `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
