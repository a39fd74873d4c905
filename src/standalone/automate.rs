//! Runs the automations of a world: gathers update requests from the objects and the decisions, by remote.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use jiff::Timestamp;

use super::access::AccessError;
use super::decide::{Decision, Decisions, Undecided};
use super::remote::{self, Reached, Store};
use super::report::AutomationReport;
use super::round::Context;
use crate::api::{ImageUpdateAutomation, Kind, Objects, Push};
use crate::engine::cause::Cause;
use crate::engine::message::MessageTemplate;
use crate::engine::rewrite::Findings;
use crate::engine::update::{Checkout, FailedUpdate, PushTo, Terms, Update, UpdateRequest, update};
use crate::git::{Author, PushOptions, Refspec, Remote};
use crate::image::ImageRef;
use crate::metrics::UpdateOutcome;
use crate::object::NamespacedName;
use crate::setter::Latest;

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
    let (id, spec) = (automation.name(), &automation.spec);
    let source_id = spec.source_ref.within(&id.namespace);
    let absent = || Cause::new(objects.why_absent(Kind::GitRepository, &source_id));
    let source = objects.git_repositories.get(&source_id).ok_or_else(absent)?;
    let reached = remote::remote(source, objects).map_err(AccessError::cause)?;
    let git = spec.git()?;
    let signer = git.commit.signing_key.as_ref();
    let signer = signer
        .map(|key| context.signers.signer(key, "spec.git.commit.signingKey", &id.namespace, objects, now))
        .transpose()?;
    // The automation's own ref replaces the source's as a whole, as in Flux.
    let own = git.checkout.as_ref().map(|checkout| &checkout.reference);
    let reference = own.or(source.spec.reference.as_ref());
    let request = UpdateRequest {
        latest: latest(objects, automation, decisions),
        decided: decisions
            .iter()
            .filter_map(|(id, decision)| Some((id.clone(), decision.as_ref().ok()?.decided?)))
            .collect(),
        automation: id,
        checkout: reference.map(Checkout::from).unwrap_or_default(),
        push: git.push.as_ref().map(push_to).transpose()?.unwrap_or_default(),
        path: spec.update.path.clone().unwrap_or_default(),
        signer,
        author: author(&git.commit.author),
        message: MessageTemplate {
            text: git.commit.message_template().to_owned(),
            values: git.commit.message_template_values.clone(),
        },
    };
    Ok((reached, request))
}

/// Empty texts count as absent, as in Flux.
fn push_to(push: &Push) -> Result<PushTo, Cause> {
    let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let refspec = set(&push.refspec).map(|text| text.parse::<Refspec>()).transpose();
    Ok(PushTo {
        branch: set(&push.branch),
        refspec: refspec.map_err(|error| Cause::from(error).doing("spec.git.push.refspec"))?,
        options: PushOptions::new(&push.options).map_err(|error| Cause::from(error).doing("spec.git.push.options"))?,
    })
}

/// Objects need no name for their author, commits do.
fn author(author: &crate::api::Author) -> Author {
    let name = if author.name.trim().is_empty() { &author.email } else { &author.name };
    Author { name: name.clone(), email: author.email.clone() }
}

/// The images that the automation may write: those of its own namespace that its selector admits.
fn latest(objects: &Objects, automation: &ImageUpdateAutomation, decisions: &Decisions) -> Latest {
    let namespace = automation.metadata.namespace.clone();
    let mut images = BTreeMap::new();
    for (kind, policy) in objects.broken.keys().filter(|(kind, _)| *kind == Kind::ImagePolicy) {
        images.insert(policy.clone(), Err(objects.why_absent(*kind, policy)));
    }
    for (id, decision) in decisions.iter().filter(|(id, _)| id.namespace == namespace) {
        let policy = objects.image_policies.get(id);
        let image = match policy {
            Some(policy) if automation.spec.selects(&policy.metadata.labels) => offer(id, decision),
            _ => Err(format!("policy {id} is not selected by spec.policySelector")),
        };
        images.insert(id.clone(), image);
    }
    Latest { namespace: Some(namespace), images }
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
