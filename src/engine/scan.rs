//! Scan: lists the tags of image repositories.
//!
//! Takes a batch of repositories with their access, gives the tags of each in the order of the batch.
//! Requests for the same repository with the same access share one listing.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::cause::Cause;
use super::lanes::in_lanes;
use crate::goregex::Regex;
use crate::image::{Digest, Repository, Tag};
use crate::registry::{Access, Client, SkippedTag, TagList};

/// One image repository to be scanned.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    pub repository: Repository,
    pub access: Access,
    /// Tags that match one of these are dropped (`spec.exclusionList`).
    pub exclusions: Vec<Regex>,
}

/// The tags of a repository as the registry listed them, without the excluded ones.
#[derive(Clone, Debug)]
pub struct Scan {
    pub tags: Vec<Tag>,
    /// How many tags the exclusion list dropped.
    pub excluded: usize,
    /// How many entries of the list were passed over, since they are no tags, and the first of them.
    pub skipped: usize,
    pub samples: Vec<SkippedTag>,
}

/// How many tags a status shows.
const LATEST_TAGS: usize = 10;

impl Scan {
    /// A sample for people: the last tags in byte order, the very last first (`status.lastScanResult.latestTags`).
    pub fn latest_tags(&self) -> Vec<&Tag> {
        self.in_descending_order().into_iter().take(LATEST_TAGS).collect()
    }

    /// The same for the same tags (`status.lastScanResult.revision`): `sha256:` and the hash of the tags in descending byte
    /// order, each on a line.
    pub fn revision(&self) -> Digest {
        let mut hash = Sha256::new();
        for tag in self.in_descending_order() {
            hash.update(tag.as_str());
            hash.update("\n");
        }
        Digest::of_hash("sha256", &hash.finalize()).expect("a hash in hexadecimal is a digest")
    }

    fn in_descending_order(&self) -> Vec<&Tag> {
        let mut tags: Vec<&Tag> = self.tags.iter().collect();
        tags.sort_unstable_by(|a, b| b.as_str().cmp(a.as_str()));
        tags
    }
}

/// Scans all repositories; the outcome at place `i` belongs to request `i`.
pub async fn scan(client: &Client, requests: &[ScanRequest]) -> Vec<Result<Scan, Cause>> {
    let (listings, places) = share(requests);
    let listings = listings.into_iter().map(|request| (&request.repository, &request.access, request));
    let listed: Vec<Result<Arc<TagList>, Cause>> = in_lanes(client, listings, |request| async move {
        let tags = client.tags(&request.repository, &request.access).await;
        tags.map(Arc::new).map_err(Cause::from)
    })
    .await;
    requests
        .iter()
        .zip(places)
        .map(|(request, place)| listed[place].clone().map(|tags| exclude(&tags, request)))
        .collect()
}

/// The distinct listings, and for each request the place of its listing.
fn share(requests: &[ScanRequest]) -> (Vec<&ScanRequest>, Vec<usize>) {
    let (mut distinct, mut known) = (Vec::new(), HashMap::new());
    let place = |request| {
        let ScanRequest { repository, access, .. }: &ScanRequest = request;
        *known.entry((repository, access)).or_insert_with(|| {
            distinct.push(request);
            distinct.len() - 1
        })
    };
    let places = requests.iter().map(place).collect();
    (distinct, places)
}

fn exclude(listed: &TagList, request: &ScanRequest) -> Scan {
    let kept = |tag: &&Tag| !request.exclusions.iter().any(|pattern| pattern.is_match(tag.as_str()));
    let tags: Vec<Tag> = listed.tags.iter().filter(kept).cloned().collect();
    Scan { excluded: listed.tags.len() - tags.len(), tags, skipped: listed.skipped, samples: listed.samples.clone() }
}
