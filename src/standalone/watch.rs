//! Watches the repositories of a world: scans what is due, decides, and runs the automations that this concerns.
//!
//! Takes worlds, hooks and ticks as they come; gives a [`Report`] for each round. One round may be of the whole world, or
//! of what a due scan touched. Runs of automations in one store do not overlap; scans go on meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::agenda::{Agenda, Ended};
use super::automate::offer;
use super::decide::{Decision, Decisions, Done, Job, Undecided};
use super::inputs::World;
use super::plan::{Plan, Watched, plan};
use super::report::{AutomationReport, Report};
use super::round::Context;
use super::rounds::{About, Rounds};
use super::runs::{Run, Runs, Work};
use super::workers::Workers;
use crate::api::{DigestReflectionPolicy, Objects};
use crate::image::Repository;
use crate::ledger::{LastScan, View};
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
    plan: Plan,
    started: Instant,
    /// The scans, at the intervals of the image repositories.
    scans: Agenda<View>,
    /// The looks at digests, at the intervals of the policies with `digestReflectionPolicy: Always`.
    digests: Agenda<NamespacedName>,
    workers: Workers,
    /// Policies that must be decided anew, whatever a scan says.
    stale: BTreeSet<NamespacedName>,
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
        let mut watch = Self {
            workers: Workers::new(context.selecting.clone()),
            context,
            world: Arc::default(),
            plan: Plan::default(),
            started: Instant::now(),
            scans: Agenda::default(),
            digests: Agenda::default(),
            stale: BTreeSet::new(),
            decisions: Arc::default(),
            pending: Pending { whole: true, ..Pending::default() },
            rounds: Rounds::default(),
            runs: Runs::default(),
            deferred: BTreeMap::new(),
            is_first: true,
            early: BTreeSet::new(),
            next_early: Instant::now() + FIRST_STEP,
        };
        watch.adopt(world).await;
        watch
    }

    /// The objects are these from now on: what changed is looked at anew.
    pub async fn adopt(&mut self, world: World) {
        let plan = plan(&world, self.context.selecting.registry.registries());
        let new = plan.watched.keys().filter(|view| !self.plan.watched.contains_key(*view)).cloned().collect();
        let wall = Timestamp::now();
        let known = self.context.selecting.memory.last_scans(new, wall).await;
        let before = std::mem::replace(&mut self.world, Arc::new(world));
        let old = std::mem::replace(&mut self.plan, plan);
        self.reschedule(&before.objects, &old, &known, wall);
        let watched: BTreeSet<&str> = self.plan.watched.keys().map(|view| view.repository.as_str()).collect();
        self.context.selecting.metrics.keep_tags(|repository| watched.contains(repository));
        self.reschedule_digests();
        let world = self.world.clone();
        let policies = &world.objects.image_policies;
        self.stale.extend(changed(&before.objects.image_policies, policies));
        Arc::make_mut(&mut self.decisions).retain(|policy, _| policies.contains_key(policy));
        self.runs.adopt(&world);
        self.rounds.retain(|automation| world.objects.image_update_automations.contains_key(automation));
        for (policy, decision) in std::mem::take(&mut self.plan.undecided) {
            self.stale.remove(&policy);
            self.note(policy, decision);
        }
        let decisions = Arc::make_mut(&mut self.decisions);
        for policy in self.stale.iter().filter(|policy| policies.contains_key(policy)) {
            decisions.entry(policy.clone()).or_insert(Err(Undecided::Waiting));
        }
    }

    /// `known` is what is remembered of the views that are new.
    fn reschedule(&mut self, before: &Objects, old: &Plan, known: &BTreeMap<View, LastScan>, wall: Timestamp) {
        let now = self.now();
        let repositories = &self.world.objects.image_repositories;
        let touched: BTreeSet<NamespacedName> = changed(&before.image_repositories, repositories).collect();
        self.scans.retain(&self.plan.watched.keys().cloned().collect());
        let is_untouched = |watched: &Watched| !watched.repositories.iter().any(|id| touched.contains(id));
        for (view, watched) in &self.plan.watched {
            let is_same = |old: &Watched| old.access == watched.access && old.repositories == watched.repositories;
            match old.watched.get(view) {
                Some(old) if is_same(old) && is_untouched(watched) => {}
                Some(_) => self.scans.renew(view, watched.interval, now),
                None => {
                    // A scan of tomorrow is one before the clock was set back.
                    let age = known.get(view).and_then(|scan| Duration::try_from(wall.duration_since(scan.at)).ok());
                    let name = format!("{} {}", view.repository, view.access);
                    self.scans.add(view.clone(), name, watched.interval, age, now);
                }
            }
            if !is_untouched(watched) {
                self.stale.extend(watched.policies.iter().cloned());
            }
        }
    }

    fn reschedule_digests(&mut self) {
        let now = self.now();
        let policies = self.world.objects.image_policies.iter();
        let wanted: BTreeMap<&NamespacedName, Duration> = policies
            .filter(|(_, policy)| policy.spec.digest_reflection_policy == DigestReflectionPolicy::Always)
            .filter_map(|(id, policy)| Some((id, policy.spec.interval?.get())))
            .collect();
        self.digests.retain(&wanted.keys().map(|id| (*id).clone()).collect());
        for (id, interval) in wanted {
            if !self.digests.contains(id) {
                self.digests.add(id.clone(), id.to_string(), interval, Some(Duration::ZERO), now);
            }
        }
    }

    /// Somebody says that there is news in the repositories that `is_meant` names: by the name that they are asked under,
    /// or by the one that is written, whose registry a mirror stands in for.
    pub fn hook(&mut self, is_meant: impl Fn(&Repository) -> bool) {
        let now = self.now();
        let meant = |Watched { repository, asked, .. }: &Watched| {
            is_meant(repository) || (asked != repository && is_meant(asked))
        };
        for (view, _) in self.plan.watched.iter().filter(|(_, watched)| meant(watched)) {
            self.scans.hook(view, now);
        }
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

    /// Since the process began; wall clocks jump.
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn wake(&self) -> Instant {
        let due = [self.scans.next(), self.digests.next()].into_iter().flatten().min();
        let due = due.map(|due| self.started + due);
        let together = self.pending.since.filter(|_| !self.waits_for_first()).map(|since| since + TOGETHER);
        let first = self.waits_for_first().then(|| self.next_early.min(self.started + FIRST_MAX));
        let deferred = self.deferred.values().min().copied();
        let far = || Instant::now() + Duration::from_secs(3600);
        [due, together, first, deferred, self.rounds.next()].into_iter().flatten().min().unwrap_or_else(far)
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
        let now = self.now();
        self.stale.extend(self.digests.begin(now));
        for view in self.scans.begin(now) {
            let Some(watched) = self.plan.watched.get(&view) else { continue };
            let policies = watched.policies.iter().filter(|policy| self.is_wanted(policy)).cloned().collect();
            let job = Job { world: self.world.clone(), view, watched: watched.clone(), scan: true, policies };
            self.stale.retain(|policy| job.policies.binary_search(policy).is_err());
            self.workers.push(job);
        }
        if !self.stale.is_empty() {
            self.start_without_scan();
        }
    }

    /// Policies that changed, or whose digests are due, while the tags are fresh.
    fn start_without_scan(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        for (view, watched) in &self.plan.watched {
            let policies: Vec<_> = watched.policies.iter().filter(|policy| stale.contains(policy)).cloned().collect();
            if !policies.is_empty() {
                let (world, view) = (self.world.clone(), view.clone());
                self.workers.push(Job { world, view, watched: watched.clone(), scan: false, policies });
            }
        }
    }

    /// True when a scan without news says something about a policy all the same: tags get older, and failures end.
    fn is_wanted(&self, policy: &NamespacedName) -> bool {
        let is_guarded = || {
            let policy = self.world.objects.image_policies.get(policy);
            policy.is_some_and(|policy| policy.spec.guard().is_set())
        };
        self.stale.contains(policy) || !matches!(self.decisions.get(policy), Some(Ok(_))) || is_guarded()
    }

    fn merge(&mut self, done: Done) {
        let now = self.now();
        if let Some(scanned) = done.scanned {
            let ended = match scanned {
                Ok(true) => Ended::WithNews,
                Ok(false) => {
                    self.confirm(&done.view, done.at);
                    Ended::WithoutNews
                }
                Err(_) => Ended::Failed,
            };
            self.scans.done(&done.view, ended, now, fastrand::f64());
        }
        let (then, current) = (&done.world.objects.image_policies, self.world.clone());
        for (policy, decision) in done.decisions {
            let ended = if decision.is_ok() { Ended::WithoutNews } else { Ended::Failed };
            self.digests.done(&policy, ended, now, fastrand::f64());
            // What was decided by a policy that has changed meanwhile is decided again.
            if then.get(&policy) == current.objects.image_policies.get(&policy) {
                self.note(policy, decision);
            }
        }
    }

    /// What was decided by the tags of `view` holds at that time too.
    fn confirm(&mut self, view: &View, at: Timestamp) {
        let policies = self.plan.watched.get(view).map(|watched| &watched.policies);
        let decisions = Arc::make_mut(&mut self.decisions);
        for policy in policies.into_iter().flatten() {
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
        let waits = self.waits_for_first() || (together && !whole);
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

/// The names of objects that are new or differ.
fn changed<'o, S: PartialEq>(
    before: &'o BTreeMap<NamespacedName, crate::api::Object<S>>,
    now: &'o BTreeMap<NamespacedName, crate::api::Object<S>>,
) -> impl Iterator<Item = NamespacedName> + 'o {
    now.iter().filter(|(id, object)| before.get(*id) != Some(object)).map(|(id, _)| id.clone())
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
