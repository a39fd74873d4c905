//! A registry, a Git server and a folder of objects: what an end-to-end test works on.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::program::{Run, command, finish};
use crate::servers::fake_registry::FakeRegistry;
use crate::servers::git_http::GitServer;

pub(crate) struct World {
    pub(crate) registry: FakeRegistry,
    pub(crate) git: GitServer,
    pub(crate) folder: TempDir,
}

/// A policy `name` with its repository in the newest version.
pub(crate) fn policy(name: &str, range: &str) -> String {
    format!(
        "---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {{name: {name}, namespace: flux-system}}
spec: {{image: REGISTRY/acme/{name}, interval: 1m}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {{name: {name}, namespace: flux-system}}
spec:
  imageRepositoryRef: {{name: {name}}}
  policy: {{semver: {{range: '{range}'}}}}
"
    )
}

/// A GitRepository over http.
pub(crate) fn source(name: &str) -> String {
    format!(
        "---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: {name}, namespace: flux-system}}
spec: {{url: 'GIT/{name}.git', interval: 1m, ref: {{branch: main}}}}
"
    )
}

/// An automation over `path` of the repository `source`.
pub(crate) fn automation(name: &str, source: &str, path: &str) -> String {
    format!(
        "---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 1m
  sourceRef: {{kind: GitRepository, name: {source}}}
  git:
    commit:
      author: {{name: Bot, email: bot@example.com}}
      messageTemplate: 'update {name}'
  update: {{path: {path}}}
"
    )
}

/// A manifest whose image follows a policy.
pub(crate) fn deployment(image: &str, policy: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {policy}}}\nspec:\n  image: {image} # {{\"$imagepolicy\": \"flux-system:{policy}\"}}\n"
    )
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            registry: FakeRegistry::start(),
            git: GitServer::start(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// Writes a file of objects; `REGISTRY`, `GIT` and `FOLDER` stand for the servers and the folder.
    pub(crate) fn objects(&self, name: &str, text: &str) {
        let folder = self.path("objects");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(name), self.fill(text)).expect("a file");
    }

    pub(crate) fn fill(&self, text: &str) -> String {
        let git = self.git.url("");
        let text =
            text.replace("REGISTRY", &self.registry.addr().to_string()).replace("GIT", git.trim_end_matches('/'));
        text.replace("FOLDER", &self.folder.path().display().to_string())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `tagwright sync` over the objects, not started yet.
    pub(crate) fn sync_command(&self, state: &str, more: &[&str]) -> Command {
        let (objects, state) = (self.path("objects"), self.path(state));
        let mut args =
            vec!["sync".into(), "--objects".into(), objects.into_os_string(), "--state".into(), state.into_os_string()];
        args.extend(more.iter().map(Into::into));
        command(args, self.folder.path())
    }

    pub(crate) fn sync(&self, more: &[&str]) -> Run {
        finish(&mut self.sync_command("state", more))
    }

    /// A world with one policy and one automation over http; the manifest in `apps/web.yaml` runs 1.0.0, the registry
    /// has 1.0.1.
    pub(crate) fn simple() -> Self {
        let world = Self::new();
        world.registry.push("acme/web", "1.0.0");
        world.registry.push("acme/web", "1.0.1");
        let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
        world.git.create("app.git", &[("apps/web.yaml", &manifest), ("README.md", "hello\n")]);
        world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation("apps", "app", "./apps")));
        world
    }

    /// Sets the interval of all image repositories, which is a minute.
    pub(crate) fn scan_every(&self, interval: &str) {
        self.edit("interval: 1m}", &format!("interval: {interval}}}"));
    }

    /// Replaces text in the file of objects, in one step.
    pub(crate) fn edit(&self, old: &str, new: &str) {
        let (file, part) = (self.path("objects/all.yaml"), self.path("objects/all.yaml.part"));
        let text = std::fs::read_to_string(&file).expect("the objects");
        assert!(text.contains(old), "{old:?} in {text}");
        std::fs::write(&part, text.replace(old, new)).expect("a file");
        std::fs::rename(part, file).expect("the objects");
    }

    /// The image in `apps/web.yaml` on `branch`.
    pub(crate) fn web_image(&self, branch: &str) -> String {
        let text = self.git.read("app.git", branch, "apps/web.yaml");
        let line = text.lines().find(|line| line.contains("image:")).expect("an image").to_owned();
        line.split_whitespace().nth(1).expect("a value").to_owned()
    }
}
