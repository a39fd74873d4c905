//! The status of an ImageRepository.

use jiff::Timestamp;

use super::conditions::{Standing, Subject};
use crate::api::{ImageRepositoryStatus, ScanResult};

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    pub result: ScanResult,
    /// The image repository with its registry.
    pub canonical_name: String,
    pub exclusions: Vec<String>,
}

/// The status after a reconcile; `scanned` is what was found where the registry was asked and answered.
pub fn image_repository(
    before: &ImageRepositoryStatus,
    subject: Subject<'_>,
    standing: &Standing,
    scanned: Option<Scanned>,
    now: Timestamp,
) -> ImageRepositoryStatus {
    let mut status = before.clone();
    if let Some(Scanned { result, canonical_name, exclusions }) = scanned {
        status.last_scan_result = Some(result);
        status.canonical_image_name = Some(canonical_name);
        status.observed_exclusion_list = exclusions;
    }
    status.conditions = standing.conditions(&before.conditions, subject.generation, now);
    status.observed_generation = standing.observed(before.observed_generation, subject.generation);
    status.last_handled_reconcile_at = subject.requested.map(str::to_owned).or(status.last_handled_reconcile_at);
    status
}

impl Scanned {
    pub fn standing(&self) -> Standing {
        let ScanResult { tag_count, revision, .. } = &self.result;
        let checksum = revision.as_deref().unwrap_or("none");
        let message = format!("successful scan: found {tag_count} tags with checksum {checksum}");
        Standing::Ready { reason: "Succeeded", message }
    }
}
