//! The way to the registry of an ImageRepository: as whom it is asked, and under which name its tags are remembered.

use super::context::Context;
use super::gather;
use super::status::Standing;
use crate::api::{ImageRepository, Objects};
use crate::engine::access::{self, AccessError};
use crate::engine::cause::Cause;
use crate::engine::tags::Watched;
use crate::engine::view::view;
use crate::ledger::View;

/// An ImageRepository that can be asked.
pub(super) struct Way {
    pub(super) objects: Objects,
    pub(super) watched: Watched,
    pub(super) view: View,
}

/// Finds the way; where there is none, how the object stands that asks.
pub(super) async fn way(context: &Context, repository: &ImageRepository) -> Result<Way, Standing> {
    let registries = context.selecting.registry.registries();
    let image = repository.spec.repository().map_err(|error| invalid(&error.message))?;
    let rule = registries.rule(&image);
    let objects = gather::of_image_repository(&context.cluster, repository, rule).await.map_err(unauthenticated)?;
    let access = access::registry(repository, &objects, None, registries).map_err(refused)?;
    let name = access::access_name(repository, &access, rule);
    let view = view(&image, registries, &name);
    let watched = Watched {
        asked: registries.asked_as(&image),
        repository: image,
        access,
        interval: repository.spec.interval.get(),
        repositories: vec![repository.name()],
        policies: Vec::new(),
    };
    Ok(Way { objects, watched, view })
}

fn invalid(message: &str) -> Standing {
    Standing::Stalled { reason: "ImageURLInvalid", message: format!("spec.image {message}") }
}

fn unauthenticated(error: crate::cluster::Error) -> Standing {
    Standing::Retrying { reason: "AuthenticationFailed", message: error.chain() }
}

fn refused(error: AccessError) -> Standing {
    Standing::Retrying { reason: "AuthenticationFailed", message: Cause::from(error).message }
}
