//! One round over a whole world: scan, select, update, and the report of it.
//!
//! An object that fails is reported and does not stop the others.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::automate::automate;
use super::inputs::World;
use super::jobs::Job;
use super::plan::plan;
use super::report::{AutomationReport, LatestReport, PassedOverReport, PolicyReport, Report};
use super::workers::Workers;
use crate::api::Objects;
use crate::engine::budget::PushBudget;
use crate::engine::decide::{Decision, Decisions, Selecting, Undecided, repository_of};
use crate::engine::signing::Signers;
use crate::engine::update::Mode;
use crate::git::Git;
use crate::image::{ImageRef, Tag};
use crate::object::NamespacedName;
use crate::policy::Moved;

/// What a round works with.
#[derive(Clone)]
pub struct Context {
    pub selecting: Selecting,
    pub git: Git,
    pub mode: Mode,
    pub signers: Signers,
    pub budget: PushBudget,
}

/// Runs the four steps over `world` once. Every repository is scanned: somebody asks now.
pub async fn round(context: &Context, world: World) -> Report {
    let world = Arc::new(world);
    let decisions = decide_all(&context.selecting, &world).await;
    let now = Timestamp::now();
    let automations = automate(context, &world.objects, &decisions, None, now).await;
    Report { is_whole: true, policies: policy_reports(&world.objects, &decisions, &automations), automations }
}

/// The latest image of every policy, without touching Git.
pub async fn latest(selecting: &Selecting, world: World) -> BTreeMap<NamespacedName, Result<ImageRef, Undecided>> {
    let decisions = decide_all(selecting, &Arc::new(world)).await;
    decisions.into_iter().map(|(policy, decision)| (policy, decision.map(|settled| settled.image))).collect()
}

async fn decide_all(selecting: &Selecting, world: &Arc<World>) -> Decisions {
    let plan = plan(world, selecting.registry.registries());
    let mut workers = Workers::new(selecting.clone());
    for (view, watched) in plan.watched {
        let policies = watched.policies.clone();
        workers.push(Job { world: world.clone(), view, watched, scan: true, policies });
    }
    let mut decisions = plan.undecided;
    while let Some(done) = workers.next().await {
        decisions.extend(done.decisions);
    }
    decisions
}

pub(super) fn policy_reports<'d>(
    objects: &Objects,
    decisions: impl IntoIterator<Item = (&'d NamespacedName, &'d Decision)>,
    automations: &[AutomationReport],
) -> Vec<PolicyReport> {
    decisions.into_iter().map(|(policy, decision)| policy_report(objects, policy, decision, automations)).collect()
}

fn policy_report(
    objects: &Objects,
    policy: &NamespacedName,
    decision: &Decision,
    automations: &[AutomationReport],
) -> PolicyReport {
    let mut report = PolicyReport::of(policy, image_of(objects, policy));
    match decision {
        Err(Undecided::Failed(cause)) => report.error = Some(cause.clone()),
        Err(undecided) => {
            report.suspended = matches!(undecided, Undecided::Suspended(_));
            report.reason = Some(undecided.message().to_owned());
        }
        Ok(settled) => {
            report.was = values(policy, automations);
            if report.was.is_empty() {
                report.was.extend(settled.before.as_ref().map(written));
            }
            report.downgrade = is_downgrade(objects, policy, &settled.image, &report.was);
            report.latest = Some((&settled.image).into());
            report.reason = Some(settled.reason.clone());
            report.kept = settled.kept;
            report.passed_over = PassedOverReport::of(&settled.passed_over);
            let tag = settled.image.tag.as_ref().map(Tag::as_str).unwrap_or_default();
            let told = |moved: &Moved| format!("ImagePolicy {policy}: tag {tag} {moved}");
            report.warnings = settled.moved.iter().map(told).collect();
        }
    }
    report
}

fn image_of(objects: &Objects, policy: &NamespacedName) -> Option<String> {
    let repository = repository_of(objects.image_policies.get(policy)?);
    Some(objects.image_repositories.get(&repository)?.spec.image.clone())
}

/// The distinct values that fields of `policy` held before.
fn values(policy: &NamespacedName, automations: &[AutomationReport]) -> Vec<String> {
    let held = automations.iter().flat_map(|automation| &automation.findings.current).map(|found| &found.what);
    let held: BTreeSet<&String> = held.filter(|held| held.policy == *policy).map(|held| &held.value).collect();
    held.into_iter().cloned().collect()
}

/// A whole reference with the name as the user wrote it.
fn written(image: &ImageRef) -> String {
    let LatestReport { name, tag, digest } = image.into();
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    name + &tag + &digest.map(|digest| format!("@{digest}")).unwrap_or_default()
}

/// True when a value held a tag that the policy orders above the latest one.
fn is_downgrade(objects: &Objects, policy: &NamespacedName, latest: &ImageRef, was: &[String]) -> bool {
    let selector = objects.image_policies.get(policy).and_then(|policy| policy.spec.selector().ok());
    let Some((selector, tag)) = selector.zip(latest.tag.as_ref()) else { return false };
    was.iter().any(|value| {
        let old = value
            .parse::<ImageRef>()
            .ok()
            .and_then(|image| image.tag)
            .map_or_else(|| value.clone(), |tag| tag.to_string());
        selector.compare(&old, tag.as_str()) == Some(Ordering::Greater)
    })
}
