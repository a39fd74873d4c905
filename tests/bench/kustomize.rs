//! Builds of many roots in one process, out of a Git repository, on all cores.
//!
//! `kustomize first REPO FOLDER` builds every root below the folder at `main`; `kustomize again
//! REPO FOLDER COMMIT` builds them at the commit first, and asks then of each whether it would come out the same at
//! `main`. Either prints the seconds of its last step, the opening of the repository included.

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use tagwright::git::{Auth, Git, Limits, Remote, Snapshot};
use tagwright::kustomize::{Built, Documents, Options, Outcome, build};
use tagwright::net::{Http, Settings};
use tagwright::tree::{Entry, FileTree};
use tokio::runtime::Runtime;

/// What the roots of a repository may keep of the files that they share.
const DOCUMENTS_BYTES_MAX: usize = 64 << 20;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[allow(clippy::print_stdout, reason = "what it prints is read by the script that starts it")]
fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let last_step = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["first", repository, folder] => first(repository, folder)?,
        ["again", repository, folder, commit] => again(repository, folder, commit)?,
        _ => {
            println!("usage: kustomize first REPO FOLDER | kustomize again REPO FOLDER COMMIT");
            return Ok(());
        }
    };
    println!("{}", last_step.as_secs_f64());
    Ok(())
}

fn first(repository: &str, folder: &str) -> Result<Duration> {
    let git = Local::new(repository)?;
    let start = Instant::now();
    all(&git.at("main")?, folder)?.par_iter().try_for_each(|built| -> Result<()> {
        black_box(built.yaml()?);
        Ok(())
    })?;
    Ok(start.elapsed())
}

fn again(repository: &str, folder: &str, commit: &str) -> Result<Duration> {
    let git = Local::new(repository)?;
    let before = all(&git.at(commit)?, folder)?;
    let start = Instant::now();
    let now = git.at("main")?;
    let is_same = before.iter().all(|built| built.read.is_current(&now));
    if is_same { Ok(start.elapsed()) } else { Err("the commit changed what a root reads".into()) }
}

fn all(tree: &(dyn FileTree + Sync), folder: &str) -> Result<Vec<Built>> {
    let files = tree.files(folder, &|path| path.ends_with("/kustomization.yaml"))?;
    let documents = Documents::new(DOCUMENTS_BYTES_MAX);
    let root = |file: &Entry| Some(file.path.rsplit_once('/')?.0.to_owned());
    let roots: Vec<String> = files.iter().filter_map(root).collect();
    roots.par_iter().map(|root| one(tree, root, &documents)).collect()
}

fn one(tree: &dyn FileTree, root: &str, documents: &Documents) -> Result<Built> {
    match build(tree, root, &Options { documents: Some(documents), ..Options::default() })? {
        Outcome::Built(built) => Ok(built),
        Outcome::Missing(remotes) => Err(format!("{root} needs {remotes:?}").into()),
    }
}

/// A repository of this machine.
struct Local {
    git: Git,
    remote: Remote,
    /// Drives the HTTP clients, which nobody asks here.
    _runtime: Runtime,
}

impl Local {
    fn new(repository: &str) -> Result<Self> {
        let runtime = Runtime::new()?;
        let http = Http::new(Settings::default())?;
        let git = Git::new(env::temp_dir(), http, runtime.handle().clone(), Limits::default());
        let remote = Remote {
            url: repository.parse()?,
            identity: String::new(),
            auth: Auth::None,
            connection: Default::default(),
            insecure: false,
            timeout: Duration::from_secs(60),
        };
        Ok(Self { git, remote, _runtime: runtime })
    }

    fn at(&self, revision: &str) -> Result<Snapshot> {
        self.git.snapshots(&self.remote, &[revision])?.pop().ok_or_else(|| "no snapshot".into())
    }
}
