//! Reconciles an ImagePolicy: selects from the tags that the last scan of its ImageRepository found.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::conclude::{all, conclude, next, release, subject};
use super::context::Context;
use super::queue::Next;
use super::status::{self, Selected, Standing};
use super::way::{Way, way};
use crate::api::{
    DigestReflectionPolicy, FieldError, ImagePolicy, ImagePolicySpec, ImageRepositorySpec, ObservedImage,
};
use crate::cluster::Live;
use crate::engine::decide::{Decision, decide, repository_of};
use crate::engine::tags::Tags;
use crate::object::NamespacedName;

type LivePolicy = Live<ImagePolicySpec>;

/// A policy that cannot be decided yet is not told so before: most repositories are scanned by then.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn reconcile(context: &Context, name: &NamespacedName) -> Next {
    let Some(live) = context.objects.image_policies.get(name) else { return Next::Forget };
    if live.is_deleted {
        return release(context, &live).await;
    }
    let policy = match live.object() {
        Ok(policy) if policy.spec.suspend => return Next::Rest,
        Ok(policy) => policy,
        Err(errors) => return end(context, &live, Err(stalled(errors))).await,
    };
    let repository = match repository(context, &policy).await {
        Ok(repository) => repository,
        Err(standing) => return end(context, &live, Err(standing)).await,
    };
    if is_about_to_be_scanned(&repository) {
        return Next::After(GRACE);
    }
    end(context, &live, select(context, policy, &repository).await).await
}

fn stalled(errors: &[FieldError]) -> Standing {
    let is_interval = errors.iter().all(|error| error.field == "spec.interval");
    let reason = if is_interval { "IntervalNotConfigured" } else { "InvalidPolicy" };
    Standing::Stalled { reason, message: all(errors) }
}

/// The repository that `policy` selects from. In another namespace than its own it cannot find out what there is: a
/// repository that does not admit it and one that does not exist are told in the same words.
async fn repository(context: &Context, policy: &ImagePolicy) -> Result<Arc<Live<ImageRepositorySpec>>, Standing> {
    let (own, name) = (&policy.metadata.namespace, repository_of(policy));
    let found = context.objects.image_repositories.get(&name).filter(|repository| !repository.is_deleted);
    if name.namespace == *own {
        let waiting = || Standing::Retrying {
            reason: "DependencyNotReady",
            message: format!("ImageRepository {name} does not exist"),
        };
        return found.ok_or_else(waiting);
    }
    if context.behaviour.no_cross_namespace_refs {
        let message = format!("ImageRepository {name}: references to other namespaces are not allowed");
        return Err(Standing::Retrying { reason: "AccessDenied", message });
    }
    let labels = context.cluster.namespace_labels(own).await;
    let labels = labels.map_err(|error| Standing::Retrying { reason: "Failure", message: error.chain() })?;
    let admits = |repository: &Arc<Live<ImageRepositorySpec>>| {
        let access = repository.spec.as_ref().ok().and_then(|spec| spec.access_from.as_ref());
        access.is_some_and(|access| access.admits(labels.as_ref().unwrap_or(&Default::default())))
    };
    found.filter(admits).ok_or_else(|| Standing::Retrying {
        reason: "AccessDenied",
        message: format!("ImageRepository {name} does not admit namespace {own} (spec.accessFrom), or does not exist"),
    })
}

/// A new repository is not worth telling of: its first scan is under way.
fn is_about_to_be_scanned(repository: &Live<ImageRepositorySpec>) -> bool {
    let age = repository.created.and_then(|at| Duration::try_from(Timestamp::now().duration_since(at)).ok());
    repository.status.last_scan_result.is_none()
        && repository.status.conditions.is_empty()
        && age.is_some_and(|age| age < GRACE)
}

async fn select(
    context: &Context,
    policy: ImagePolicy,
    live: &Live<ImageRepositorySpec>,
) -> Result<Selected, Standing> {
    let waiting = |message: String| Standing::Retrying { reason: "DependencyNotReady", message };
    let name = live.name();
    let repository = live.object().map_err(|_| waiting(format!("ImageRepository {name} is invalid")))?;
    let mut way = way(context, &repository).await?;
    let Some(tags) = known_tags(context, &way).await else {
        // Its memory was lost: it scans as soon as it sees that.
        context.lines.image_repositories.wake(&name);
        return Err(waiting(format!("ImageRepository {name} has not been scanned")));
    };
    let decision = decision(context, policy, &mut way, &tags).await;
    let settled = decision
        .map_err(|undecided| Standing::Retrying { reason: "Failure", message: undecided.message().to_owned() })?;
    let tag = settled.image.tag.as_ref().expect("what is selected has a tag");
    let image = ObservedImage::new(&repository.spec.image, tag, settled.image.digest.as_ref());
    Ok(Selected { image, remark: settled.kept.then_some(settled.reason) })
}

async fn known_tags(context: &Context, way: &Way) -> Option<Tags> {
    let known = context.selecting.memory.scan(&way.view, Timestamp::now()).await?;
    Some(Tags { tags: known.tags, at: known.at, news: None })
}

async fn decision(context: &Context, policy: ImagePolicy, way: &mut Way, tags: &Tags) -> Decision {
    let id = policy.name();
    way.watched.policies = vec![id.clone()];
    way.objects.image_policies.insert(id.clone(), policy);
    let mut recordings = Vec::new();
    let basis = (&way.objects, &way.watched, &way.view);
    let decisions =
        decide(&context.selecting, basis, std::slice::from_ref(&id), tags, &mut recordings, Timestamp::now()).await;
    // Nothing is done about an image that a crash would forget.
    join_all(recordings).await;
    decisions.into_iter().next().expect("one policy was to be decided").1
}

async fn end(context: &Context, live: &LivePolicy, selected: Result<Selected, Standing>) -> Next {
    let (standing, selected) = match selected {
        Ok(selected) => (selected.standing(&live.status), Some(selected)),
        Err(standing) => (standing, None),
    };
    let now = Timestamp::now();
    let status = status::image_policy(&live.status, subject(live), &standing, selected.as_ref(), now);
    let written = conclude(context, live, &status, &standing, None).await;
    if written.is_ok() && standing.reason() == "DependencyNotReady" {
        return Next::After(context.behaviour.requeue_dependency);
    }
    next(&standing, written, rest(context, live))
}

/// A policy is decided anew when its repository has news. One that always reflects the digest is by its interval too, and
/// one with a guard as often as its repository is scanned: a tag comes of age without news.
fn rest(context: &Context, live: &LivePolicy) -> Next {
    let Ok(spec) = &live.spec else { return Next::Rest };
    let always = spec.interval.filter(|_| spec.digest_reflection_policy == DigestReflectionPolicy::Always);
    let repository = spec.image_repository_ref.within(&live.metadata.namespace);
    let guarded = || {
        let repository = context.objects.image_repositories.get(&repository).filter(|_| spec.guard().is_set())?;
        repository.spec.as_ref().ok().map(|spec| spec.interval)
    };
    always.or_else(guarded).map_or(Next::Rest, |interval| Next::After(interval.get()))
}
