//! Facts: what tags stand for now: their digests, and when their images were built.
//!
//! Takes a batch of tags with their access, gives a fact or a cause for each in the order of the batch. What was found for
//! a digest stays: who remembers it need not ask again.

use futures::StreamExt as _;

use jiff::Timestamp;

use super::cause::Cause;
use super::memory::Memory;
use crate::image::{Digest, Repository, Tag};
use crate::registry::{Access, Client, Created, Image, Platform, Reference};

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

/// When the image of each tag was built; of an index, the image for `platform` or the first. What a digest stands for
/// never changes: where memory lasts, it is read once.
pub async fn created(
    client: &Client,
    memory: &Memory,
    requests: &[FactRequest<'_>],
    platform: Option<&Platform>,
) -> Vec<Result<Created, Cause>> {
    in_batches(requests, async |request| match memory.ledger() {
        Some(_) => remembered(client, memory, request, platform).await,
        None => {
            let reference = Reference::Tag(request.tag.clone());
            Ok(client.created(request.repository, &reference, request.access, platform).await?)
        }
    })
    .await
}

async fn remembered(
    client: &Client,
    memory: &Memory,
    FactRequest { repository, tag, access }: FactRequest<'_>,
    platform: Option<&Platform>,
) -> Result<Created, Cause> {
    if platform.is_none() {
        // Which of an index's images is the first is said by the index's digest, which costs a HEAD.
        let digest = client.digest(repository, tag, access).await?;
        if let Some(at) = memory.created(&digest) {
            return Ok(Created { manifest: digest.clone(), digest, at: Some(at) });
        }
    }
    // The tag may have moved meanwhile: what is read now counts.
    let known = |image: &Image| memory.created(&image.manifest);
    let tag = Reference::Tag(tag.clone());
    let created = client.created_unless_known(repository, &tag, access, platform, &known).await?;
    if let Some(at) = created.at {
        let key = if platform.is_none() { &created.digest } else { &created.manifest };
        memory.record_created(key, at, Timestamp::now()).await;
    }
    Ok(created)
}

async fn in_batches<'a, T>(
    requests: &[FactRequest<'a>],
    ask: impl AsyncFn(FactRequest<'a>) -> Result<T, Cause>,
) -> Vec<Result<T, Cause>> {
    futures::stream::iter(requests.iter().copied()).map(|request| ask(request)).buffered(CONCURRENT_MAX).collect().await
}
