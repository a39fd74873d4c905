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

/// What is told of a scan that succeeded.
pub(super) fn told(result: &ScanResult) -> String {
    let checksum = result.revision.as_deref().unwrap_or("none");
    format!("successful scan: found {} tags with checksum {checksum}", result.tag_count)
}

impl Scanned {
    pub fn standing(&self) -> Standing {
        Standing::Ready { reason: "Succeeded", message: told(&self.result) }
    }
}
