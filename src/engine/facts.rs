//! Facts: what tags stand for now: their digests, and when their images were built.
//!
//! Takes a batch of tags with their access, gives a fact or a cause for each in the order of the batch. What was found for
//! a digest stays: who remembers it need not ask again.

use futures::StreamExt as _;

use super::cause::Cause;
use crate::image::{Digest, Repository, Tag};
use crate::registry::{Access, Client, Created, Platform, Reference};

/// At most so many requests are under way for one batch.
const CONCURRENT_MAX: usize = 8;

/// One tag of a repository.
#[derive(Clone, Copy, Debug)]
pub struct FactRequest<'a> {
    pub repository: &'a Repository,
    pub tag: &'a Tag,
    pub access: &'a Access,
}

/// The digest of each tag.
pub async fn digests(client: &Client, requests: &[FactRequest<'_>]) -> Vec<Result<Digest, Cause>> {
    in_batches(requests, async |request| Ok(client.digest(request.repository, request.tag, request.access).await?))
        .await
}

/// When the image of each tag was built; of an index, the image for `platform` or the first.
pub async fn created(
    client: &Client,
    requests: &[FactRequest<'_>],
    platform: Option<&Platform>,
) -> Vec<Result<Created, Cause>> {
    in_batches(requests, async |request| {
        let reference = Reference::Tag(request.tag.clone());
        Ok(client.created(request.repository, &reference, request.access, platform).await?)
    })
    .await
}

async fn in_batches<'a, T>(
    requests: &[FactRequest<'a>],
    ask: impl AsyncFn(FactRequest<'a>) -> Result<T, Cause>,
) -> Vec<Result<T, Cause>> {
    futures::stream::iter(requests.iter().copied()).map(|request| ask(request)).buffered(CONCURRENT_MAX).collect().await
}
