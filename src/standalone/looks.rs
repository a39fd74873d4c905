//! Looks: which repositories are to be asked, and which policies are to be decided, by now.
//!
//! Takes what is watched, hooks and what came of jobs; gives the jobs that are due. Does none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::agenda::{Agenda, Ended};
use super::inputs::World;
use super::jobs::{Done, Job};
use crate::api::{DigestReflectionPolicy, Object, Objects};
use crate::engine::tags::Watched;
use crate::image::Repository;
use crate::ledger::View;
use crate::object::NamespacedName;

/// What is watched, and when it was or will be looked at.
pub(super) struct Looks {
    /// Times are since then; wall clocks jump.
    started: Instant,
    watched: BTreeMap<View, Arc<Watched>>,
    /// The scans, at the intervals of the image repositories.
    scans: Agenda<View>,
    /// The looks at digests, at the intervals of the policies with `digestReflectionPolicy: Always`.
    digests: Agenda<NamespacedName>,
    /// Policies that must be decided anew, whatever a scan says.
    stale: BTreeSet<NamespacedName>,
}

impl Looks {
    pub(super) fn new(started: Instant) -> Self {
        let (watched, scans, digests) = Default::default();
        Self { started, watched, scans, digests, stale: BTreeSet::new() }
    }

    pub(super) fn watches(&self, view: &View) -> bool {
        self.watched.contains_key(view)
    }

    /// The policies that select from a view.
    pub(super) fn policies(&self, view: &View) -> &[NamespacedName] {
        self.watched.get(view).map_or(&[], |watched| &watched.policies)
    }

    /// This is watched from now on, where `before` were the objects and these are `now`; `age` says how long ago a view
    /// that is new was scanned, if it is remembered. Gives the policies that are to be decided anew.
    pub(super) fn adopt(
        &mut self,
        watched: BTreeMap<View, Arc<Watched>>,
        (before, now): (&Objects, &Objects),
        age: impl Fn(&View) -> Option<Duration>,
    ) -> BTreeSet<NamespacedName> {
        let repositories: BTreeSet<_> = changed(&before.image_repositories, &now.image_repositories).collect();
        let policies: BTreeSet<_> = changed(&before.image_policies, &now.image_policies).collect();
        let old = std::mem::replace(&mut self.watched, watched);
        self.scans.retain(&self.watched.keys().cloned().collect());
        let time = self.started.elapsed();
        for (view, watched) in &self.watched {
            let (old, is_touched) = (old.get(view), watched.repositories.iter().any(|id| repositories.contains(id)));
            let is_same = |old: &Watched| old.access == watched.access && old.repositories == watched.repositories;
            match old {
                Some(old) if is_same(old) && !is_touched => {}
                Some(_) => self.scans.renew(view, watched.interval, time),
                None => {
                    let name = format!("{} {}", view.repository, view.access);
                    self.scans.add(view.clone(), name, watched.interval, age(view), time);
                }
            }
            // Also one that selected from another view, or from none, since a Secret was missing.
            let is_new = |policy: &NamespacedName| old.is_none_or(|old| old.policies.binary_search(policy).is_err());
            let is_stale = |policy: &&NamespacedName| is_touched || policies.contains(*policy) || is_new(policy);
            self.stale.extend(watched.policies.iter().filter(is_stale).cloned());
        }
        self.reschedule_digests(now);
        self.stale.clone()
    }

    fn reschedule_digests(&mut self, objects: &Objects) {
        let time = self.started.elapsed();
        let wanted: BTreeMap<&NamespacedName, Duration> = (objects.image_policies.iter())
            .filter(|(_, policy)| policy.spec.digest_reflection_policy == DigestReflectionPolicy::Always)
            .filter_map(|(id, policy)| Some((id, policy.spec.interval?.get())))
            .collect();
        self.digests.retain(&wanted.keys().map(|id| (*id).clone()).collect());
        for (id, interval) in wanted {
            // What is decided anew is looked at with it, and then at its new interval.
            if self.stale.contains(id) || !self.digests.contains(id) {
                self.digests.add(id.clone(), id.to_string(), interval, Some(Duration::ZERO), time);
            }
        }
    }

    /// Somebody says that there is news in the repositories that `is_meant` names: by the name that they are asked under,
    /// or by the one that is written, whose registry a mirror stands in for.
    pub(super) fn hook(&mut self, is_meant: impl Fn(&Repository) -> bool) {
        let time = self.started.elapsed();
        let meant = |Watched { repository, asked, .. }: &Watched| {
            is_meant(repository) || (asked != repository && is_meant(asked))
        };
        for (view, _) in self.watched.iter().filter(|(_, watched)| meant(watched)) {
            self.scans.hook(view, time);
        }
    }

    /// Takes the jobs that are due. `is_wanted` says which policies are decided even when a scan brings no news.
    pub(super) fn begin(&mut self, world: &Arc<World>, is_wanted: impl Fn(&NamespacedName) -> bool) -> Vec<Job> {
        let time = self.started.elapsed();
        self.stale.extend(self.digests.begin(time));
        let mut jobs = Vec::new();
        for view in self.scans.begin(time) {
            let Some(watched) = self.watched.get(&view).cloned() else { continue };
            let policies = watched.policies.iter().filter(|policy| self.stale.contains(policy) || is_wanted(policy));
            let policies: Vec<NamespacedName> = policies.cloned().collect();
            for policy in &policies {
                self.stale.remove(policy);
            }
            jobs.push(Job { world: world.clone(), view, watched, scan: true, policies });
        }
        if !self.stale.is_empty() {
            jobs.extend(self.begin_without_scan(world));
        }
        jobs
    }

    /// Policies that changed, or whose digests are due, while the tags are fresh.
    fn begin_without_scan(&mut self, world: &Arc<World>) -> Vec<Job> {
        let stale = std::mem::take(&mut self.stale);
        let jobs = self.watched.iter().map(|(view, watched)| {
            let policies = watched.policies.iter().filter(|policy| stale.contains(policy)).cloned().collect();
            Job { world: world.clone(), view: view.clone(), watched: watched.clone(), scan: false, policies }
        });
        jobs.filter(|job| !job.policies.is_empty()).collect()
    }

    /// Records what came of a job, and when to look again.
    pub(super) fn done(&mut self, done: &Done) {
        let time = self.started.elapsed();
        if let Some(scanned) = &done.scanned {
            let ended = match scanned {
                Ok(true) => Ended::WithNews,
                Ok(false) => Ended::WithoutNews,
                Err(_) => Ended::Failed,
            };
            self.scans.done(&done.view, ended, time, fastrand::f64());
        }
        for (policy, decision) in &done.decisions {
            let ended = if decision.is_ok() { Ended::WithoutNews } else { Ended::Failed };
            self.digests.done(policy, ended, time, fastrand::f64());
        }
    }

    /// When a job is due next.
    pub(super) fn next(&self) -> Option<Instant> {
        let due = [self.scans.next(), self.digests.next()].into_iter().flatten().min();
        due.map(|due| self.started + due)
    }
}

/// The names of objects that are new or differ.
fn changed<'o, S: PartialEq>(
    before: &'o BTreeMap<NamespacedName, Object<S>>,
    now: &'o BTreeMap<NamespacedName, Object<S>>,
) -> impl Iterator<Item = NamespacedName> + 'o {
    now.iter().filter(|(id, object)| before.get(*id) != Some(object)).map(|(id, _)| id.clone())
}
