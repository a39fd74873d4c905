//! Where the objects of a verb come from: a directory of this machine, a revision of a repository, or a URL as
//! kustomize writes it.

use std::cell::OnceCell;
use std::env;
use std::io;
use std::path::Path;

use tokio::runtime::Runtime;

use super::failure::Failure;
use super::git::GitArgs;
use super::login::LoginArgs;
use super::{output, runtime};
use crate::engine::build::{Allowed, Build, Fetcher, Place, build};
use crate::git::{Auth, Git, Remote, RemoteUrl};
use crate::kustomize::{LoadRestrictor, Options, remote_folder};
use crate::net::Http;
use crate::tree::{Directory, FileTree};

/// What is built
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// A directory with a kustomization file, a repository (with --ref or --path), or a URL as kustomize takes it
    #[arg(value_name = "PATH|REPO|URL", default_value = ".")]
    source: String,

    /// The branch, tag or commit of REPO to read, without checkout (default: HEAD)
    #[arg(long, value_name = "REVISION")]
    r#ref: Option<String>,

    /// The directory in REPO (default: its root)
    #[arg(long, value_name = "DIR")]
    path: Option<String>,

    /// Which files a kustomization may name: those at or below its own directory, or any
    #[arg(long, value_enum, default_value_t, value_name = "RESTRICTION")]
    load_restrictor: Restriction,

    /// Fetch remote bases from here or below alone, such as github.com/acme (default: from anywhere)
    #[arg(long, value_name = "PLACE")]
    allow_remote: Vec<Place>,

    #[command(flatten)]
    login: LoginArgs,

    #[command(flatten)]
    git: GitArgs,
}

/// With the spellings of kustomize beside ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Restriction {
    #[default]
    #[value(alias = "LoadRestrictionsRootOnly")]
    RootOnly,
    #[value(alias = "LoadRestrictionsNone")]
    None,
}

/// A tree and the path of the root in it.
pub(super) struct Root {
    pub(super) tree: Box<dyn FileTree>,
    pub(super) path: String,
    /// The tree is all of this machine, seen from this folder.
    working: Option<String>,
}

/// How repositories and remotes are reached. Made when the first is: most builds need none, and what making it takes is
/// a fifth of the memory of a small one.
struct Reach {
    runtime: Runtime,
    http: Http,
    git: Git,
}

/// A directory of a repository at a revision.
struct Committed {
    url: RemoteUrl,
    revision: String,
    path: String,
}

impl Root {
    /// The path in the tree of a file that the build calls `name`.
    pub(super) fn path_of(&self, name: &str) -> String {
        match &self.working {
            Some(working) if !name.starts_with('/') => format!("{working}/{name}"),
            _ => name.to_owned(),
        }
    }
}

impl SourceArgs {
    /// Builds what the arguments name, and tells of warnings.
    pub(super) fn build(&self) -> Result<(Root, Build), Failure> {
        let reach = OnceCell::new();
        let progress = output::progress(format!("building {}", self.source));
        // Once, for a password is read from stdin.
        let login = self.login.remote(&"/".parse().expect("a path"))?;
        let root = self.root(&reach, &login)?;
        let build = self.build_root(&root, &reach, login.auth)?;
        progress.finish_and_clear();
        build.built.warnings.iter().for_each(|warning| output::warning(warning));
        Ok((root, build))
    }

    fn reach<'r>(&self, reach: &'r OnceCell<Reach>) -> Result<&'r Reach, Failure> {
        if let Some(reach) = reach.get() {
            return Ok(reach);
        }
        let (runtime, http) = (runtime()?, Http::new(Default::default())?);
        let git = self.git.open(http.clone(), runtime.handle().clone())?;
        Ok(reach.get_or_init(|| Reach { runtime, http, git }))
    }

    fn root(&self, reach: &OnceCell<Reach>, login: &Remote) -> Result<Root, Failure> {
        let Some(committed) = self.committed()? else { return directory(&self.source) };
        let remote = Remote { url: committed.url, ..login.clone() };
        let snapshot = self.reach(reach)?.git.snapshots(&remote, &[&committed.revision])?.pop();
        let tree = snapshot.expect("one revision was asked for");
        Ok(Root { tree: Box::new(tree), path: committed.path, working: None })
    }

    /// `None` where a directory is meant.
    fn committed(&self) -> Result<Option<Committed>, Failure> {
        if self.r#ref.is_some() || self.path.is_some() {
            let url = self.source.parse()?;
            let revision = self.r#ref.clone().unwrap_or_else(|| "HEAD".to_owned());
            return Ok(Some(Committed { url, revision, path: self.path.clone().unwrap_or_default() }));
        }
        if Path::new(&self.source).exists() {
            return Ok(None);
        }
        let Some(folder) = remote_folder(&self.source) else { return Ok(None) };
        let revision = folder.repository.reference.unwrap_or_else(|| "HEAD".to_owned());
        Ok(Some(Committed { url: folder.repository.url.parse()?, revision, path: folder.path }))
    }

    fn build_root(&self, root: &Root, reach: &OnceCell<Reach>, login: Auth) -> Result<Build, Failure> {
        let allowed = match self.allow_remote.as_slice() {
            [] => Allowed::Any,
            places => Allowed::Listed(places.to_vec()),
        };
        // A key opens remotes that are reached over ssh. A password is for the repository that it was given for.
        let ssh = if matches!(login, Auth::Ssh(_)) { login } else { Auth::None };
        let fetcher = || {
            let Reach { runtime, http, git } = self.reach(reach)?;
            Ok(Fetcher { git, http, runtime: runtime.handle(), allowed: &allowed, ssh: ssh.clone() })
        };
        let restrictor = match self.load_restrictor {
            Restriction::RootOnly => LoadRestrictor::RootOnly,
            Restriction::None => LoadRestrictor::None,
        };
        let (is_whole_machine, seen_from) = (root.working.is_some(), root.working.as_deref().unwrap_or_default());
        let options = Options { restrictor, is_whole_machine, seen_from, ..Options::default() };
        build(&*root.tree, &root.path, &options, fetcher)
    }
}

/// A base may lie beside its overlay, anywhere: the tree is all of this machine.
fn directory(path: &str) -> Result<Root, Failure> {
    let full = Path::new(path).canonicalize().map_err(|error| absent(path, error))?;
    let Some(full) = full.to_str() else { return Err(Failure::new(format!("the path of {path} is not UTF-8"))) };
    let working = env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    let working = working.unwrap_or_default().trim_start_matches('/').to_owned();
    Ok(Root { tree: Box::new(Directory::new("/")), path: full.to_owned(), working: Some(working) })
}

/// What is no directory may be meant for a repository.
fn absent(path: &str, error: io::Error) -> Failure {
    let failure = Failure::from(error).doing(format!("opening {path:?}"));
    if path.contains("://") || path.contains('@') {
        return failure.hint("a repository is named with --ref or --path, or as https://host/org/repo//path?ref=main");
    }
    failure
}
