//! Watches the repositories of a world: scans what is due, decides, and runs the automations that this concerns.
//!
//! Takes worlds, hooks and ticks as they come; gives a [`Report`] for each round. One round may be of the whole world, or
//! of what a due scan touched. Runs of automations in one store do not overlap; scans go on meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::automate::offer;
use super::inputs::World;
use super::jobs::Done;
use super::looks::Looks;
use super::plan::{Plan, plan};
use super::report::{AutomationReport, Report};
use super::round::Context;
use super::rounds::{About, Rounds};
use super::runs::{Run, Runs, Work};
use super::workers::Workers;
use crate::api::Objects;
use crate::engine::decide::{Decision, Decisions, Undecided, repository_of};
use crate::image::Repository;
use crate::ledger::View;
use crate::object::NamespacedName;

/// Changes that come this close to each other go into one run of the automations, while scans are under way.
const TOGETHER: Duration = Duration::from_millis(100);

/// The first round waits so long for all scans, so that what belongs together becomes one commit.
const FIRST_MAX: Duration = Duration::from_secs(10);

/// Automations that wait for none of the scans under way need not wait for others': they begin before the first round, in
/// steps so far apart, since each step may be a push.
const FIRST_STEP: Duration = Duration::from_secs(2);

/// The state of a process that repeats.
pub struct Watch {
    context: Context,
    world: Arc<World>,
    started: Instant,
    looks: Looks,
    workers: Workers,
    /// Shared with the runs and the reports that are made of them.
    decisions: Arc<Decisions>,
    pending: Pending,
    rounds: Rounds,
    runs: Runs,
    /// Automations whose push waits for the budget, and until when.
    deferred: BTreeMap<NamespacedName, Instant>,
    is_first: bool,
    /// The automations that began before the first round.
    early: BTreeSet<NamespacedName>,
    /// When others may.
    next_early: Instant,
}

/// What the next round is about.
#[derive(Debug, Default)]
struct Pending {
    /// All automations run, and the report is of the whole world.
    whole: bool,
    policies: BTreeSet<NamespacedName>,
    automations: BTreeSet<NamespacedName>,
    since: Option<Instant>,
}

impl Watch {
    /// Begins with a round of the whole world.
    pub async fn new(context: Context, world: World) -> Self {
        let started = Instant::now();
        let mut watch = Self {
            workers: Workers::new(context.selecting.clone()),
            context,
            world: Arc::default(),
            started,
            looks: Looks::new(started),
            decisions: Arc::default(),
            pending: Pending { whole: true, ..Pending::default() },
            rounds: Rounds::default(),
            runs: Runs::default(),
            deferred: BTreeMap::new(),
            is_first: true,
            early: BTreeSet::new(),
            next_early: started + FIRST_STEP,
        };
        watch.adopt(world).await;
        watch
    }

    /// The objects are these from now on: what changed is looked at anew.
    pub async fn adopt(&mut self, world: World) {
        let selecting = &self.context.selecting;
        let Plan { watched, undecided } = plan(&world, selecting.registry.registries());
        let repositories: BTreeSet<&str> = watched.keys().map(|view| view.repository.as_str()).collect();
        selecting.metrics.keep_tags(|repository| repositories.contains(repository));
        let (new, wall) = (watched.keys().filter(|view| !self.looks.watches(view)), Timestamp::now());
        let known = selecting.memory.last_scans(new.cloned().collect(), wall).await;
        // A scan of tomorrow is one before the clock was set back.
        let age = |view: &View| Duration::try_from(wall.duration_since(known.get(view)?.at)).ok();
        let before = std::mem::replace(&mut self.world, Arc::new(world));
        let stale = self.looks.adopt(watched, (&before.objects, &self.world.objects), age);
        let objects = &self.world.objects;
        Arc::make_mut(&mut self.decisions).retain(|policy, _| objects.image_policies.contains_key(policy));
        self.runs.adopt(&self.world);
        self.rounds.retain(|automation| objects.image_update_automations.contains_key(automation));
        undecided.into_iter().for_each(|(policy, decision)| self.note(policy, decision));
        // What was decided by other objects is not pushed by these.
        stale.into_iter().for_each(|policy| self.note(policy, Err(Undecided::Waiting)));
    }

    /// Somebody says that there is news in the repositories that `is_meant` names.
    pub fn hook(&mut self, is_meant: impl Fn(&Repository) -> bool) {
        self.looks.hook(is_meant);
    }

    /// All automations run next.
    pub fn tick(&mut self) {
        self.pending.whole = true;
    }

    /// The next round that did something. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Report {
        loop {
            self.start_jobs();
            self.resume_deferred();
            self.start_round();
            self.start_early();
            self.runs.start(&self.context, &self.work(), self.rounds.newest());
            if let Some(report) = self.rounds.tell() {
                return report;
            }
            let wake = self.wake();
            tokio::select! {
                Some(done) = self.workers.next() => self.merge(done),
                Some(run) = self.runs.next() => self.land(run),
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Waits for the runs under way, and begins no other.
    pub async fn finish(mut self) -> Vec<Report> {
        while let Some(run) = self.runs.next().await {
            self.rounds.land(run);
        }
        self.rounds.finish()
    }

    fn land(&mut self, run: Run) {
        self.defer(&run.reports);
        self.rounds.land(run);
    }

    /// What is known now.
    fn work(&self) -> Work {
        Work { world: self.world.clone(), decisions: self.decisions.clone() }
    }

    fn wake(&self) -> Instant {
        let together = self.pending.since.map(|since| since + TOGETHER);
        let first = self.waits_for_first().then(|| self.next_early.min(self.started + FIRST_MAX));
        let deferred = self.deferred.values().min().copied();
        let far = || Instant::now() + Duration::from_secs(3600);
        [self.looks.next(), together, first, deferred, self.rounds.next()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(far)
    }

    /// Notes what waits for the push budget.
    fn defer(&mut self, automations: &[AutomationReport]) {
        for report in automations {
            match report.deferred_until {
                None => drop(self.deferred.remove(&report.automation)),
                Some(until) => {
                    let wait = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
                    // A little later, so that clocks that differ a little make one run of it.
                    self.deferred.insert(report.automation.clone(), Instant::now() + wait + TOGETHER);
                }
            }
        }
    }

    /// What has waited for the push budget runs again.
    fn resume_deferred(&mut self) {
        let now = Instant::now();
        let automations = &self.world.objects.image_update_automations;
        for (automation, _) in self.deferred.extract_if(.., |_, until| *until <= now) {
            if automations.contains_key(&automation) {
                self.pending.automations.insert(automation);
                self.pending.since.get_or_insert(now);
            }
        }
    }

    fn waits_for_first(&self) -> bool {
        self.is_first && self.started.elapsed() < FIRST_MAX
    }

    /// While the first round waits for slow registries: runs the automations whose policies are all decided.
    fn start_early(&mut self) {
        if !self.waits_for_first() || Instant::now() < self.next_early {
            return;
        }
        self.next_early += FIRST_STEP;
        let objects = &self.world.objects;
        let waiting = self.decisions.iter().filter(|(_, decision)| matches!(decision, Err(Undecided::Waiting)));
        let held: BTreeSet<NamespacedName> = waiting.flat_map(|(policy, _)| concerned(objects, policy)).collect();
        let all = objects.image_update_automations.keys();
        let early: BTreeSet<NamespacedName> =
            all.filter(|id| !held.contains(id) && !self.early.contains(id)).cloned().collect();
        self.runs.want(&early);
        self.early.extend(early);
    }

    fn start_jobs(&mut self) {
        let is_wanted = |policy: &NamespacedName| {
            let is_decided = matches!(self.decisions.get(policy), Some(Ok(_)));
            !is_decided || is_guarded(&self.world.objects, policy)
        };
        for job in self.looks.begin(&self.world, is_wanted) {
            self.workers.push(job);
        }
    }

    fn merge(&mut self, done: Done) {
        self.looks.done(&done);
        if done.scanned == Some(Ok(false)) {
            self.confirm(&done.view, done.at);
        }
        // What was decided by objects that have changed meanwhile is decided again.
        let (then, current) = (&done.world.objects, self.world.clone());
        for (policy, decision) in done.decisions {
            let is_selecting = self.looks.policies(&done.view).binary_search(&policy).is_ok();
            if is_selecting && is_decided_alike(&policy, then, &current.objects) {
                self.note(policy, decision);
            }
        }
    }

    /// What was decided by the tags of `view` holds at that time too.
    fn confirm(&mut self, view: &View, at: Timestamp) {
        let decisions = Arc::make_mut(&mut self.decisions);
        for policy in self.looks.policies(view) {
            if let Some(Ok(settled)) = decisions.get_mut(policy) {
                settled.decided = settled.decided.max(Some(at));
            }
        }
    }

    /// Keeps a decision; one that offers another image, or none, concerns the automations that may write it.
    fn note(&mut self, policy: NamespacedName, mut decision: Decision) {
        let mut before = self.decisions.get(&policy).cloned();
        if let (Some(Ok(before)), Ok(new)) = (&mut before, &mut decision) {
            // The same decision again is no news.
            before.decided = new.decided;
            if before.image == new.image {
                // Told until there is another image, so that the same round is not told in two ways.
                new.moved = new.moved.take().or_else(|| before.moved.clone());
                new.before = before.before.clone();
            }
        }
        if before.as_ref() != Some(&decision) && !self.is_first {
            // Also where there is no image any more: the markers that this leaves are told with the policy, not later.
            let before = before.map(|before| offer(&policy, &before));
            if before.as_ref() != Some(&offer(&policy, &decision)) {
                self.pending.automations.extend(concerned(&self.world.objects, &policy));
            }
            self.pending.since.get_or_insert_with(Instant::now);
            self.pending.policies.insert(policy.clone());
        }
        Arc::make_mut(&mut self.decisions).insert(policy, decision);
    }

    /// Begins a round when something waits for one. Nobody waits for the remotes of another round, unless both are of the
    /// whole world.
    fn start_round(&mut self) {
        let whole = self.pending.whole && !self.rounds.has_whole();
        let has_work = whole || self.pending.since.is_some();
        let together = self.pending.since.is_some_and(|since| since.elapsed() < TOGETHER);
        // The first round is told as a whole.
        let waits = self.waits_for_first() || together;
        if !has_work || (!self.workers.is_idle() && waits) {
            return;
        }
        self.is_first = false;
        let left = Pending { whole: self.pending.whole && !whole, ..Pending::default() };
        let Pending { policies, mut automations, .. } = std::mem::replace(&mut self.pending, left);
        if whole {
            automations = self.world.objects.image_update_automations.keys().cloned().collect();
        }
        self.runs.want(&automations);
        let about = About { whole, policies, automations, work: self.work() };
        self.rounds.begin(about, |automation| self.runs.is_stuck(automation));
    }
}

/// True when a scan without news says something about a policy all the same: tags get older.
fn is_guarded(objects: &Objects, policy: &NamespacedName) -> bool {
    objects.image_policies.get(policy).is_some_and(|policy| policy.spec.guard().is_set())
}

/// True when a policy and its image repository are what they were.
fn is_decided_alike(policy: &NamespacedName, then: &Objects, now: &Objects) -> bool {
    let Some(current) = now.image_policies.get(policy) else { return false };
    let repository = repository_of(current);
    then.image_policies.get(policy) == Some(current)
        && then.image_repositories.get(&repository) == now.image_repositories.get(&repository)
}

/// The automations that may write the image of a policy.
fn concerned<'o>(objects: &'o Objects, policy: &'o NamespacedName) -> impl Iterator<Item = NamespacedName> + 'o {
    let labels = objects.image_policies.get(policy).map(|policy| &policy.metadata.labels);
    let automations = objects.image_update_automations.iter();
    let automations = automations.filter(move |(id, automation)| {
        id.namespace == policy.namespace && labels.is_some_and(|labels| automation.spec.selects(labels))
    });
    automations.map(|(id, _)| id.clone())
}
