//! Referrers: what is known about one image, such as signatures, attestations and bills of materials (SBOMs).
//!
//! Takes an image by tag or digest; gives what the registry lists for its manifest, and what cosign keeps under tags that
//! are made of its digest. Says what each claims to be, and checks nothing of it.

use super::cause::Cause;
use crate::image::{Digest, ImageRef, Tag};
use crate::registry::{Access, Client, Referrer, ReferrerKind};

/// What is about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Of the manifest that it is about: of the index, for an image of many platforms.
    pub digest: Digest,
    pub found: Vec<Found>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: ReferrerKind,
    pub digest: Digest,
    pub artifact_type: Option<String>,
    /// Of an attestation, what it states, where the list says so.
    pub predicate_type: Option<String>,
    /// Where it was found, if not in the list.
    pub tag: Option<Tag>,
}

/// The ends of the tags that cosign makes of a digest.
const TAGS: [(&str, ReferrerKind); 3] =
    [("sig", ReferrerKind::Signature), ("att", ReferrerKind::Attestation), ("sbom", ReferrerKind::Sbom)];

/// Lists what refers to `image`, by its digest where it has one.
pub async fn referrers(client: &Client, image: &ImageRef, access: &Access) -> Result<About, Cause> {
    let ImageRef { repository, tag, digest } = image;
    let digest = match (digest, tag) {
        (Some(digest), _) => digest.clone(),
        (None, Some(tag)) => client.digest(repository, tag, access).await?,
        (None, None) => return Err(Cause::new(format!("{image} has neither a tag nor a digest"))),
    };
    let listed = client.referrers(repository, &digest, None, access).await?;
    let mut found: Vec<Found> = listed.into_iter().map(Found::listed).collect();
    for (end, kind) in TAGS {
        // A tag has room for the shorter hashes only.
        let Ok(tag) = format!("{}-{}.{end}", digest.algorithm(), digest.hex()).parse::<Tag>() else { continue };
        match client.digest(repository, &tag, access).await {
            Ok(digest) if found.iter().any(|known| known.digest == digest) => {}
            Ok(digest) => {
                found.push(Found { kind, digest, artifact_type: None, predicate_type: None, tag: Some(tag) });
            }
            Err(error) if error.fault().is_absence() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(About { digest, found })
}

impl Found {
    fn listed(referrer: Referrer) -> Self {
        let kind = referrer.kind();
        let Referrer { digest, artifact_type, predicate_type } = referrer;
        Self { kind, digest, artifact_type, predicate_type, tag: None }
    }
}
