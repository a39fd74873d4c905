//! The objects that `sync` and `update` work on: flags, and where state is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::access::{registry_client, user_docker_config, user_docker_file};
use super::failure::Failure;
use super::registries::RegistriesArgs;
use super::{output, report, runtime};
use crate::engine::decide::{Selecting, Undecided};
use crate::engine::memory::Memory;
use crate::image::ImageRef;
use crate::object::NamespacedName;
use crate::standalone::{self, Inputs, SecretSource, World};

/// The objects to work on
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Objects")]
pub(super) struct ObjectArgs {
    /// Files or directories with ImageRepository, ImagePolicy, ImageUpdateAutomation, GitRepository and Secret
    /// objects (repeatable)
    #[arg(long, value_name = "PATH")]
    objects: Vec<PathBuf>,

    /// A Secret from outside: a directory with a file per key, or the environment variables PREFIX_KEY (repeatable)
    #[arg(long, value_name = "NS/NAME=DIR|env:PREFIX", requires = "objects")]
    secret: Vec<SecretSource>,

    /// Where objects without a namespace go
    #[arg(short, long, value_name = "NAMESPACE", default_value = "flux-system")]
    namespace: String,

    #[command(flatten)]
    pub(super) registries: RegistriesArgs,
}

impl ObjectArgs {
    /// Reads everything anew: objects, Secrets and the user's Docker credentials may have been renewed since.
    pub(super) fn read(&self) -> Result<World, Failure> {
        Ok(World { docker: user_docker_config()?, ..self.inputs().read()? })
    }

    /// The same when a file may be another one than at the last call with this `stamp`.
    pub(super) fn read_if_changed(&self, stamp: &mut Option<u64>) -> Result<Option<World>, Failure> {
        let before = stamp.take();
        let now = self.inputs().stamp(user_docker_file().as_ref());
        if now.is_some() && now == before {
            *stamp = now;
            return Ok(None);
        }
        let world = self.read()?;
        *stamp = now;
        Ok(Some(world))
    }

    fn inputs(&self) -> Inputs {
        Inputs { paths: self.objects.clone(), secrets: self.secret.clone(), namespace: self.namespace.clone() }
    }

    /// The latest image of every policy of the objects; nothing without `--objects`. Tells what failed.
    pub(super) fn latest(&self) -> Result<LatestImages, Failure> {
        if self.objects.is_empty() {
            return Ok(LatestImages::default());
        }
        let world = self.read()?;
        report::problems(&world.problems);
        let selecting = Selecting {
            registry: registry_client(self.registries.read()?)?,
            memory: Memory::default(),
            metrics: Default::default(),
            allow_older: false,
            patterns: Default::default(),
        };
        let mut latest = LatestImages { images: BTreeMap::new(), has_failures: world.has_errors() };
        let progress = output::progress("listing tags");
        let decided = runtime()?.block_on(standalone::latest(&selecting, world));
        progress.finish_and_clear();
        for (policy, decision) in decided {
            if let Err(Undecided::Failed(cause)) = &decision {
                output::failure(&cause.clone().doing(format!("ImagePolicy {policy}")));
                latest.has_failures = true;
            }
            latest.images.insert(policy, decision.map_err(|undecided| undecided.message().to_owned()));
        }
        Ok(latest)
    }
}

/// By policy the latest image, or why there is none; and whether an object failed.
#[derive(Debug, Default)]
pub(super) struct LatestImages {
    pub(super) images: BTreeMap<NamespacedName, Result<ImageRef, String>>,
    pub(super) has_failures: bool,
}
