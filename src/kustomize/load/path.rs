//! Paths in a tree: parts between slashes, from its root.

use crate::kustomize::error::Error;

pub(super) fn is_at_or_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// `path` as seen from `folder`, without `.` and `..`; refused where it leaves the tree.
pub(super) fn joined(folder: &str, path: &str) -> Result<String, Error> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Err(Error::new(format!("the path {path:?} leaves the tree"))),
            ".." => {}
            _ => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}
