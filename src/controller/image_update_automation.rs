//! Reconciles an ImageUpdateAutomation: writes the latest images of its policies to its repository.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::conclude::{News, all, conclude, next, release, subject};
use super::context::Context;
use super::gather;
use super::queue::Next;
use super::status::{self, Standing, Updated};
use crate::api::{
    FieldError, GitRepository, GitRepositorySpec, ImagePolicySpec, ImageUpdateAutomation, ImageUpdateAutomationSpec,
    Objects, ObservedImage,
};
use crate::cluster::{Live, Severity};
use crate::engine::cause::Cause;
use crate::engine::decide::repository_of;
use crate::engine::remote::remote;
use crate::engine::request::{latest, request};
use crate::engine::update::Update;
use crate::image::ImageRef;
use crate::object::NamespacedName;

type LiveAutomation = Live<ImageUpdateAutomationSpec>;

pub(super) async fn reconcile(context: &Context, name: &NamespacedName) -> Next {
    let Some(live) = context.objects.automations.get(name) else { return Next::Forget };
    if live.is_deleted {
        return release(context, &live).await;
    }
    let automation = match live.object() {
        Ok(automation) if automation.spec.suspend => return Next::Rest,
        Ok(automation) => automation,
        Err(errors) => return end(context, &live, Err(stalled(errors))).await,
    };
    let done = match source(context, &automation) {
        Ok(source) => run(context, &automation, &source).await,
        Err(standing) => Err(standing),
    };
    end(context, &live, done).await
}

/// The first field that is wrong says why.
fn stalled(errors: &[FieldError]) -> Standing {
    let field = errors.first().map(|error| error.field.as_str()).unwrap_or_default();
    let reason = match field {
        _ if field.starts_with("spec.policySelector") => "InvalidPolicySelector",
        _ if field.starts_with("spec.update") => "InvalidUpdateStrategy",
        _ => "InvalidSourceConfiguration",
    };
    Standing::Stalled { reason, message: all(errors) }
}

/// The source that the automation refers to. One of another namespace must be allowed.
fn source(context: &Context, automation: &ImageUpdateAutomation) -> Result<GitRepository, Standing> {
    let own = &automation.metadata.namespace;
    let name = automation.spec.source_ref.within(own);
    if name.namespace != *own && context.behaviour.no_cross_namespace_refs {
        let message = format!("GitRepository {name}: references to other namespaces are not allowed");
        return Err(Standing::Stalled { reason: "AccessDenied", message });
    }
    let failed = |message: String| Standing::Retrying { reason: "SourceManagerFailed", message };
    let live: Option<Arc<Live<GitRepositorySpec>>> = context.objects.git_repositories.get(&name);
    let live = live.ok_or_else(|| failed(format!("GitRepository {name} does not exist")))?;
    live.object().map_err(|_| failed(format!("GitRepository {name} is invalid")))
}

/// What a run did, and the images that it might write.
struct Done {
    update: Update,
    policies: BTreeMap<String, ObservedImage>,
}

async fn run(context: &Context, automation: &ImageUpdateAutomation, source: &GitRepository) -> Result<Done, Standing> {
    let failed = |message: String| Standing::Retrying { reason: "SourceManagerFailed", message };
    let gathered = gather::of_automation(&context.cluster, automation, source).await;
    let mut objects = gathered.map_err(|error| failed(error.chain()))?;
    let reached = remote(source, &objects).map_err(|error| failed(Cause::from(error).message))?;
    let policies = context.objects.image_policies.in_namespace(&automation.metadata.namespace);
    let offered = offered(context, &policies, &mut objects);
    let selected = selected(automation, &policies);
    let images = (latest(automation, &objects, offered.images), offered.decided);
    let request = request(automation, &objects, &context.signers, images, Timestamp::now());
    let request = request.map_err(|cause| failed(cause.message))?;
    let updated = context.batches.update(reached.remote, request).await;
    let update =
        updated.map_err(|cause| Standing::Retrying { reason: "GitOperationFailed", message: cause.message })?;
    Ok(Done { update, policies: selected })
}

/// What the policies of a namespace offer.
#[derive(Default)]
struct Offered {
    images: BTreeMap<NamespacedName, Result<ImageRef, String>>,
    /// When the tags were listed that each was selected from.
    decided: BTreeMap<NamespacedName, Timestamp>,
}

/// The latest image of each policy, also of one that fails now: it was good when it was selected.
fn offered(context: &Context, policies: &[Arc<Live<ImagePolicySpec>>], objects: &mut Objects) -> Offered {
    let mut offered = Offered::default();
    for live in policies {
        let name = live.name();
        let none = || format!("policy {name} has no latest image");
        let image = live.status.latest_ref.as_ref().ok_or_else(none).and_then(|image| {
            let text = image.to_string();
            text.parse::<ImageRef>().map_err(|error| format!("policy {name}: {error}"))
        });
        offered.images.insert(name.clone(), image);
        if let Ok(policy) = live.object() {
            let scan = context.objects.image_repositories.get(&repository_of(&policy));
            let scan = scan.and_then(|repository| repository.status.last_scan_result.as_ref()?.scan_time);
            offered.decided.extend(scan.map(|time| (name.clone(), time.get())));
            objects.image_policies.insert(name, policy);
        }
    }
    offered
}

/// The images that the automation may write, as its status shows them.
fn selected(
    automation: &ImageUpdateAutomation,
    policies: &[Arc<Live<ImagePolicySpec>>],
) -> BTreeMap<String, ObservedImage> {
    let admitted = policies.iter().filter(|policy| automation.spec.selects(&policy.metadata.labels));
    admitted.filter_map(|policy| Some((policy.metadata.name.clone(), policy.status.latest_ref.clone()?))).collect()
}

async fn end(context: &Context, live: &LiveAutomation, done: Result<Done, Standing>) -> Next {
    let now = Timestamp::now();
    let (standing, news, updated, deferred) = match done {
        Ok(Done { update, policies }) => {
            let standing = Standing::Ready { reason: "Succeeded", message: "repository up-to-date".to_owned() };
            let updated = Updated { policies, revision: Some(revision(&update)), pushed: update.commit.clone() };
            (standing, pushed(&update), Some(updated), update.deferred_until)
        }
        Err(standing) => (standing, None, None, None),
    };
    let status = status::image_update_automation(&live.status, subject(live), &standing, updated, now);
    let written = conclude(context, live, &status, &standing, news).await;
    next(&standing, written, Next::After(rest(context, live, deferred, now)))
}

/// The commit that the branch has now, as far as it is the one that is checked out; else the one that was.
fn revision(update: &Update) -> String {
    let branch = format!("{}@", update.branch);
    match &update.commit {
        Some(commit) if update.source.starts_with(&branch) => format!("{branch}sha1:{commit}"),
        _ => update.source.clone(),
    }
}

/// How long until the next run: by the interval, or when the push budget lets the changes out.
fn rest(context: &Context, live: &LiveAutomation, deferred: Option<Timestamp>, now: Timestamp) -> Duration {
    let interval = live.spec.as_ref().map_or(Duration::ZERO, |spec| spec.interval.get());
    match deferred {
        Some(until) => Duration::try_from(until.duration_since(now)).unwrap_or_default(),
        None => context.rest(&live.name(), interval, now, now),
    }
}

/// What is told of a push.
fn pushed(update: &Update) -> Option<News> {
    let commit = update.commit.as_ref()?;
    let refspec = update.also.as_ref().map(|also| format!(" and refspec '{also}'")).unwrap_or_default();
    let (short, message) = (&commit[..7.min(commit.len())], update.message.as_deref().unwrap_or_default());
    let message = format!("pushed commit '{short}' to branch '{}'{refspec}\n{message}", update.branch);
    let revision = ("revision".to_owned(), format!("{}@sha1:{commit}", update.branch));
    Some(News { severity: Severity::Info, reason: "Succeeded", message, metadata: [revision].into() })
}
