//! What the demo works on: a bare repository with manifests, and the objects that watch it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::git::{Edit, create_bare};

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web   # odd spacing, comments and quotes stay as they are
          image:   "IMAGE:1.0.0" # {"$imagepolicy": "flux-system:web"}
          args: [--port=8080,   --verbose]
"#;

const VALUES: &str = r#"# Values of a chart: only the tag is marked.
web:
  image:
    repository: IMAGE
    tag: 1.0.0 # {"$imagepolicy": "flux-system:web:tag"}
"#;

const OBJECTS: &str = r#"apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: web, namespace: flux-system}
spec:
  image: IMAGE
  interval: 1m
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: web, namespace: flux-system}
spec:
  imageRepositoryRef: {name: web}
  policy:
    semver: {range: ^1.0}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: infrastructure, namespace: flux-system}
spec:
  url: file://REPOSITORY
  interval: 1m
  ref: {branch: main}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: web, namespace: flux-system}
spec:
  interval: 1m
  sourceRef: {kind: GitRepository, name: infrastructure}
  git:
    commit:
      author: {name: Tagwright, email: tagwright@example.com}
      messageTemplate: |
        chore: update {{ .Changed.Name }} to {{ .Changed.NewTag }}

        {{ range .Changed.Changes -}}
        - {{ .OldValue }} -> {{ .NewValue }}
        {{ end }}
  update:
    path: ./apps
"#;

/// The directory to keep everything in: made when absent, refused when something lies there.
pub(super) fn empty_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let doing = || format!("preparing {}", folder.display());
    fs::create_dir_all(folder).map_err(|error| Failure::from(error).doing(doing()))?;
    if fs::read_dir(folder).map_err(|error| Failure::from(error).doing(doing()))?.next().is_some() {
        return Err(Failure::new("the directory is not empty").doing(doing()));
    }
    Ok(folder.canonicalize()?)
}

/// Makes the repository and writes the objects.
pub(super) fn create(folder: &Path, image: &str) -> Result<(), Failure> {
    let repository = folder.join("infrastructure.git");
    let files = [("apps/web/deployment.yaml", DEPLOYMENT), ("apps/web/values.yaml", VALUES)];
    let edit = |(path, text): &(&str, &str)| Edit {
        path: (*path).to_owned(),
        content: text.replace("IMAGE", image).into_bytes(),
    };
    create_bare(&repository, &files.iter().map(edit).collect::<Vec<_>>())?;
    let objects = OBJECTS.replace("IMAGE", image).replace("REPOSITORY", &repository.display().to_string());
    fs::create_dir_all(folder.join("objects"))?;
    Ok(fs::write(folder.join("objects/web.yaml"), objects)?)
}
