//! Reconciles an ImageRepository: lists its tags when that is due, and tells how many there are.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::conclude::{all, conclude, is_ready, next, release, subject};
use super::context::Context;
use super::queue::Next;
use super::status::{self, Scanned, Standing};
use super::way::{Way, way};
use crate::api::{FieldError, ImageRepository, ImageRepositorySpec, ImageRepositoryStatus, ScanResult};
use crate::cluster::Live;
use crate::engine::cause::Cause;
use crate::engine::decide::without_excluded;
use crate::engine::scan::Scan;
use crate::engine::tags::{Tags, tags};
use crate::object::NamespacedName;

type LiveRepository = Live<ImageRepositorySpec>;

pub(super) async fn reconcile(context: &Context, name: &NamespacedName) -> Next {
    let Some(live) = context.objects.image_repositories.get(name) else { return Next::Forget };
    if live.is_deleted {
        return release(context, &live).await;
    }
    let repository = match live.object() {
        Ok(repository) if repository.spec.suspend => return Next::Rest,
        Ok(repository) => repository,
        Err(errors) => return end(context, &live, Err(stalled(errors))).await,
    };
    let way = match way(context, &repository).await {
        Ok(way) => way,
        Err(standing) => return end(context, &live, Err(standing)).await,
    };
    match wait(context, &live, &repository, &way).await {
        Some(wait) => Next::After(wait),
        None => end(context, &live, scan(context, &repository, &way).await).await,
    }
}

fn stalled(errors: &[FieldError]) -> Standing {
    Standing::Stalled { reason: "ImageURLInvalid", message: all(errors) }
}

/// How long a scan is not due yet; `None` when it is.
async fn wait(context: &Context, live: &LiveRepository, repository: &ImageRepository, way: &Way) -> Option<Duration> {
    let now = Timestamp::now();
    let scan = live.status.last_scan_result.as_ref()?.scan_time?.get();
    let is_known = context.selecting.memory.last_scan(&way.view, now).await.is_some();
    if !is_known || is_asked(live) || is_other(live, repository, way) {
        return None;
    }
    Some(context.rest(&live.name(), way.watched.interval, scan, now)).filter(|wait| !wait.is_zero())
}

/// Somebody wants a scan now.
fn is_asked(live: &LiveRepository) -> bool {
    let requested = subject(live).requested;
    requested.is_some() && requested != live.status.last_handled_reconcile_at.as_deref()
}

/// What was scanned is not what is wanted now, or it was scanned in another way.
fn is_other(live: &LiveRepository, repository: &ImageRepository, way: &Way) -> bool {
    let ImageRepositoryStatus { canonical_image_name, observed_exclusion_list, observed_generation, .. } = &live.status;
    canonical_image_name.as_deref() != Some(&way.watched.repository.canonical_name())
        || *observed_exclusion_list != repository.spec.exclusion_list
        || *observed_generation != Some(live.generation)
        || !is_ready(&live.status.conditions)
}

async fn scan(context: &Context, repository: &ImageRepository, way: &Way) -> Result<Scanned, Standing> {
    let Way { watched, view, .. } = way;
    let width = context.selecting.registry.concurrency(&watched.repository);
    let _pass = context.listings.enter(watched.access.connection.lane(watched.repository.registry()), width).await;
    let mut recordings = Vec::new();
    let now = Timestamp::now();
    let listed = tags(&context.selecting, watched, (view, true), &mut recordings, now)
        .await
        .map_err(|error| Standing::Retrying { reason: "ReadOperationFailed", message: Cause::from(error).message })?;
    // Policies read what is remembered, and are woken by what is written next.
    join_all(recordings).await;
    let result = result(context, repository, &listed)?;
    Ok(Scanned {
        result,
        canonical_name: watched.repository.canonical_name(),
        exclusions: repository.spec.exclusion_list.clone(),
    })
}

fn result(context: &Context, repository: &ImageRepository, listed: &Tags) -> Result<ScanResult, Standing> {
    let kept = without_excluded(&context.selecting.patterns, repository, &listed.tags)
        .map_err(|error| Standing::Stalled { reason: "InvalidExclusionList", message: error.to_string() })?;
    let scan = Scan { excluded: listed.tags.len() - kept.len(), tags: kept, skipped: 0, samples: Vec::new() };
    Ok(ScanResult {
        tag_count: scan.tags.len() as u64,
        scan_time: Some(listed.at.into()),
        revision: Some(scan.revision().to_string()),
        latest_tags: scan.latest_tags().into_iter().map(ToString::to_string).collect(),
    })
}

async fn end(context: &Context, live: &LiveRepository, scanned: Result<Scanned, Standing>) -> Next {
    let now = Timestamp::now();
    let (standing, scanned) = match scanned {
        Ok(scanned) => (scanned.standing(), Some(scanned)),
        Err(standing) => (standing, None),
    };
    let status = status::image_repository(&live.status, subject(live), &standing, scanned, now);
    let written = conclude(context, live, &status, &standing, None).await;
    let interval = live.spec.as_ref().map_or(Duration::ZERO, |spec| spec.interval.get());
    next(&standing, written, Next::After(context.rest(&live.name(), interval, now, now)))
}
