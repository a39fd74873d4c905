//! One round: scan, select, update over all objects of a world.
//!
//! An object that fails is reported and does not stop the others.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::automate::automate;
use super::decide::{Undecided, decide, repository_of};
use super::inputs::World;
use super::report::{AutomationReport, PolicyReport, Report};
use super::signing::Signers;
use crate::api::Objects;
use crate::engine::budget::PushBudget;
use crate::engine::select::Selection;
use crate::engine::update::Mode;
use crate::git::Git;
use crate::image::ImageRef;
use crate::object::NamespacedName;
use crate::registry::Client;

/// The edges of a round.
#[derive(Clone)]
pub struct Context {
    pub registry: Client,
    pub git: Git,
    pub mode: Mode,
    pub signers: Signers,
    pub budget: PushBudget,
}

/// What a process remembers from round to round: the latest image of each policy.
pub type Memory = BTreeMap<NamespacedName, ImageRef>;

/// Runs the four steps over `world` once.
pub async fn round(context: &Context, world: &World, memory: &mut Memory, now: Timestamp) -> Report {
    let decisions = decide(&context.registry, world, memory).await;
    for (policy, decision) in &decisions {
        if let Ok(selection) = decision {
            memory.insert(policy.clone(), selection.image.clone());
        }
    }
    let automations = automate(context, &world.objects, &decisions, now).await;
    let policies =
        decisions.iter().map(|(policy, decision)| policy_report(&world.objects, policy, decision, &automations));
    Report { policies: policies.collect(), automations }
}

/// The latest image of every policy, without touching Git.
pub async fn latest(registry: &Client, world: &World) -> BTreeMap<NamespacedName, Result<ImageRef, Undecided>> {
    let decisions = decide(registry, world, &Memory::new()).await;
    decisions.into_iter().map(|(policy, decision)| (policy, decision.map(|selection| selection.image))).collect()
}

fn policy_report(
    objects: &Objects,
    policy: &NamespacedName,
    decision: &Result<Selection, Undecided>,
    automations: &[AutomationReport],
) -> PolicyReport {
    let mut report = PolicyReport {
        policy: policy.clone(),
        image: image_of(objects, policy),
        suspended: false,
        was: Vec::new(),
        latest: None,
        downgrade: false,
        reason: None,
        error: None,
    };
    match decision {
        Err(Undecided::Failed(cause)) => report.error = Some(cause.clone()),
        Err(Undecided::Suspended(reason)) => {
            report.suspended = true;
            report.reason = Some(reason.clone());
        }
        Ok(selection) => {
            report.was = values(policy, automations);
            report.downgrade = is_downgrade(objects, policy, &selection.image, &report.was);
            report.latest = Some((&selection.image).into());
            report.reason = Some(selection.reason.clone());
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
