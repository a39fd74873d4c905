//! What `select` asks of the digests behind tags, by what the ledger remembers of them.

use jiff::Timestamp;

use super::access::RegistryArgs;
use super::failure::Failure;
use super::git::StateArgs;
use super::{memory, one_thread};
use crate::api;
use crate::engine::cause::Cause;
use crate::engine::scan::{Scan, scan};
use crate::engine::select::{Reflection, SelectRequest, Sieved, sieve};
use crate::image::Repository;
use crate::policy::{Guard, Moves, Selector};

/// What a tag must show beyond its name
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Digests")]
pub(super) struct GuardArgs {
    /// Only tags whose present digest has been seen for that long, such as 12h or 7d; the memory of --state knows
    #[arg(long, value_name = "AGE", requires = "image", conflicts_with = "tags_from", value_parser = api::Duration::age)]
    min_age: Option<api::Duration>,

    /// What becomes of a tag whose digest is not the one that was seen first
    #[arg(long, value_enum, default_value_t, requires = "image", value_name = "WHAT")]
    on_moved_tag: MovesArg,

    #[command(flatten)]
    state: StateArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum MovesArg {
    #[default]
    Ignore,
    Report,
    Block,
}

impl GuardArgs {
    pub(super) fn guard(&self) -> Guard {
        let on_moved = match self.on_moved_tag {
            MovesArg::Ignore => Moves::Ignore,
            MovesArg::Report => Moves::Report,
            MovesArg::Block => Moves::Block,
        };
        Guard { min_age: self.min_age.map(api::Duration::get).filter(|age| !age.is_zero()), on_moved }
    }

    /// Lists the tags of `image`, and sieves them by their digests. What is seen is remembered.
    pub(super) fn scan(
        &self,
        registry: &RegistryArgs,
        image: &Repository,
        selector: &Selector,
    ) -> Result<(Scan, Sieved), Failure> {
        let (client, requests) = registry.asking(std::slice::from_ref(image))?;
        let request = requests.first().expect("a request for each image");
        let (view, now) = (registry.view(request, client.registries()), Timestamp::now());
        let (memory, _copy) = memory::open_for(&self.state.folder()?, image);
        one_thread()?.block_on(async {
            let scan = scan(&client, &requests).await.into_iter().next().expect("an outcome for each request")?;
            memory.record_scan(&view, &scan.tags, None, now).await;
            let asked = SelectRequest {
                selector,
                guard: self.guard(),
                repository: image,
                access: &request.access,
                view: &view,
                tags: &scan.tags,
                reflection: Reflection::Never,
                previous: None,
            };
            let sieved = sieve(&client, &memory, &asked, now).await.map_err(Cause::from)?;
            Ok((scan, sieved))
        })
    }
}
