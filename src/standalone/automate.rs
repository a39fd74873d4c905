//! Runs the automations of a world: gathers update requests from the objects and the decisions, by remote.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use jiff::Timestamp;

use super::advice::told;
use super::report::AutomationReport;
use super::round::Context;
use crate::api::{ImageUpdateAutomation, Objects};
use crate::engine::cause::Cause;
use crate::engine::decide::{Decision, Decisions, Undecided};
use crate::engine::remote::{self, Reached, Store};
use crate::engine::request;
use crate::engine::rewrite::Findings;
use crate::engine::update::{FailedUpdate, Terms, Update, UpdateRequest, update};
use crate::git::Remote;
use crate::image::ImageRef;
use crate::metrics::UpdateOutcome;
use crate::object::NamespacedName;

/// At most this many remotes are worked on at once.
const REMOTES_MAX: usize = 4;

/// The automations of one remote that is reached in one way, with the place of each among all.
struct Batch {
    remote: Remote,
    requests: Vec<(usize, UpdateRequest)>,
}

/// Runs all automations that are not suspended, or `only` some; reports come in the order of their names.
pub(super) async fn automate(
    context: &Context,
    objects: &Objects,
    decisions: &Decisions,
    only: Option<&BTreeSet<NamespacedName>>,
    now: Timestamp,
) -> Vec<AutomationReport> {
    let mut reports = Vec::new();
    let mut batches = Batches::default();
    let wanted = |id: &NamespacedName| only.is_none_or(|only| only.contains(id));
    for (id, automation) in objects.image_update_automations.iter().filter(|(id, _)| wanted(id)) {
        let mut report = AutomationReport::of(id);
        report.suspended = automation.spec.suspend;
        if !automation.spec.suspend {
            match gather(context, objects, automation, decisions, now) {
                Ok((Reached { remote, warnings }, request)) => {
                    report.warnings = warnings;
                    report.remote = Some(remote.url.to_string());
                    batches.add(remote, (reports.len(), request));
                }
                Err(cause) => report.error = Some(cause),
            }
        }
        reports.push(report);
    }
    let done = futures::stream::iter(batches.0.into_values())
        .map(|batches| run_all(context, batches, now))
        .buffer_unordered(REMOTES_MAX);
    for (place, outcome) in done.collect::<Vec<_>>().await.into_iter().flatten() {
        reports[place].record(outcome);
        observe_lag(context, decisions, &reports[place]);
    }
    reports
}

/// How long after it was first listed each image was pushed.
fn observe_lag(context: &Context, decisions: &Decisions, report: &AutomationReport) {
    if report.commit.is_none() {
        return;
    }
    let now = Timestamp::now();
    let policies: BTreeSet<&NamespacedName> = report.findings.changes.iter().map(|found| &found.what.policy).collect();
    for policy in policies {
        let settled = decisions.get(policy).and_then(|decision| decision.as_ref().ok());
        // What was listed before the clock was set back was not listed in the future.
        let lag = settled.and_then(|settled| Duration::try_from(now.duration_since(settled.first_seen?)).ok());
        lag.into_iter().for_each(|lag| context.selecting.metrics.count_lag(lag));
    }
}

/// By store. Objects that reach it in different ways are not worked
/// on together: what one allows (plain http, a proxy) the other may forbid.
#[derive(Default)]
struct Batches(BTreeMap<Store, Vec<Batch>>);

impl Batches {
    fn add(&mut self, remote: Remote, request: (usize, UpdateRequest)) {
        let batches = self.0.entry(Store::of(&remote)).or_default();
        match batches.iter_mut().find(|batch| batch.remote == remote) {
            Some(batch) => batch.requests.push(request),
            None => batches.push(Batch { remote, requests: vec![request] }),
        }
    }
}

/// One after the other, since they share a store.
async fn run_all(context: &Context, batches: Vec<Batch>, now: Timestamp) -> Vec<(usize, Outcome)> {
    let mut done = Vec::new();
    for batch in batches {
        done.extend(run(context, batch, now).await);
    }
    done
}

/// What an automation did, or why not and what was found until then.
type Outcome = Result<Update, (Cause, Findings)>;

async fn run(context: &Context, batch: Batch, now: Timestamp) -> Vec<(usize, Outcome)> {
    let (git, mode, budget) = (context.git.clone(), context.mode, context.budget.clone());
    let (places, requests): (Vec<usize>, Vec<UpdateRequest>) = batch.requests.into_iter().unzip();
    let work = tokio::task::spawn_blocking(move || {
        update(&git, &batch.remote, &requests, Terms { mode, now, budget: &budget })
    });
    let (start, worked) = (Instant::now(), work.await);
    match worked {
        Ok(outcomes) => {
            outcomes.iter().for_each(|outcome| context.selecting.metrics.count_update(kind(outcome), start.elapsed()));
            let told =
                outcomes.into_iter().map(|outcome| outcome.map_err(|failed| (failed.error.into(), failed.findings)));
            places.into_iter().zip(told).collect()
        }
        Err(error) => {
            let aborted = || (Cause::new(format!("the update was aborted: {error}")), Findings::default());
            places.into_iter().map(|place| (place, Err(aborted()))).collect()
        }
    }
}

fn kind(outcome: &Result<Update, FailedUpdate>) -> UpdateOutcome {
    match outcome {
        Err(_) => UpdateOutcome::Failed,
        Ok(update) if update.commit.is_some() => UpdateOutcome::Pushed,
        Ok(_) => UpdateOutcome::Unchanged,
    }
}

fn gather(
    context: &Context,
    objects: &Objects,
    automation: &ImageUpdateAutomation,
    decisions: &Decisions,
    now: Timestamp,
) -> Result<(Reached, UpdateRequest), Cause> {
    let reached = remote::remote(request::source(automation, objects)?, objects).map_err(told)?;
    let images = decisions.iter().map(|(id, decision)| (id.clone(), offer(id, decision)));
    let decided = |(id, decision): (&NamespacedName, &Decision)| Some((id.clone(), decision.as_ref().ok()?.decided?));
    let decided = decisions.iter().filter_map(decided).collect();
    let offered = (request::latest(automation, objects, images), decided);
    Ok((reached, request::request(automation, objects, &context.signers, offered, now)?))
}

/// The image that automations may write for a policy; without one, why its markers are left.
pub(super) fn offer(policy: &NamespacedName, decision: &Decision) -> Result<ImageRef, String> {
    match decision {
        Ok(settled) => Ok(settled.image.clone()),
        // Why is told with the policy, and may be another reason each time: what is noted of a file names the policy.
        Err(Undecided::Failed(_)) => Err(format!("policy {policy} has no latest image")),
        Err(undecided) => Err(format!("policy {policy} has no latest image: {}", undecided.message())),
    }
}

impl AutomationReport {
    fn record(&mut self, outcome: Outcome) {
        match outcome {
            Ok(update) => {
                self.branch = Some(update.branch);
                self.also = update.also;
                self.commit = update.commit;
                self.effect = update.effect;
                self.deferred_until = update.deferred_until;
                self.proposed = update.proposed;
                self.findings = update.findings;
                self.diff = update.diff;
            }
            Err((cause, findings)) => {
                self.findings = findings;
                self.error = Some(cause);
            }
        }
    }
}
