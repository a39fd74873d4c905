//! Rounds whose automations are under way: what each is about, and what came of it so far.
//!
//! Takes runs as they end; gives the reports of rounds that are complete, or have waited long enough. What comes later is
//! a round of its own.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::report::{AutomationReport, Report};
use super::round::policy_reports;
use super::runs::{PATIENCE, Run, Work};
use crate::object::NamespacedName;

/// The rounds that are not told yet, in the order in which they began.
#[derive(Default)]
pub(super) struct Rounds {
    rounds: Vec<Round>,
    /// How many have begun.
    count: u64,
}

/// What a round is about.
pub(super) struct About {
    /// It tells of all policies.
    pub(super) whole: bool,
    pub(super) policies: BTreeSet<NamespacedName>,
    pub(super) automations: BTreeSet<NamespacedName>,
    pub(super) work: Work,
}

struct Round {
    number: u64,
    whole: bool,
    policies: BTreeSet<NamespacedName>,
    work: Work,
    until: Instant,
    /// It waits for runs of these that begin after it did.
    missing: BTreeSet<NamespacedName>,
    /// It does not wait for these.
    late: BTreeSet<NamespacedName>,
    reports: BTreeMap<NamespacedName, AutomationReport>,
}

impl Rounds {
    /// Begins a round that does not wait for the automations that are stuck.
    pub(super) fn begin(&mut self, about: About, is_stuck: impl Fn(&NamespacedName) -> bool) {
        let About { whole, policies, automations, work } = about;
        let (late, missing) = automations.into_iter().partition(is_stuck);
        let (until, reports) = (Instant::now() + PATIENCE, BTreeMap::new());
        self.count += 1;
        self.rounds.push(Round { number: self.count, whole, policies, work, until, missing, late, reports });
    }

    /// Waits for no automation that is gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&NamespacedName) -> bool) {
        for round in &mut self.rounds {
            round.missing.retain(&is_there);
            round.late.retain(&is_there);
        }
    }

    /// The number of the newest round.
    pub(super) fn newest(&self) -> u64 {
        self.count
    }

    /// True while a round of the whole world is not told.
    pub(super) fn has_whole(&self) -> bool {
        self.rounds.iter().any(|round| round.whole)
    }

    /// When somebody has waited long enough.
    pub(super) fn next(&self) -> Option<Instant> {
        self.rounds.iter().map(|round| round.until).min()
    }

    /// Notes what came of a run, with the round that waits for it.
    pub(super) fn land(&mut self, run: Run) {
        let mut late = BTreeMap::new();
        for report in run.reports {
            let id = report.automation.clone();
            // Told once: with the whole, or with what began first.
            let waiting = self.rounds.iter_mut().filter(|round| round.number <= run.number);
            let waiting = waiting.filter_map(|round| round.missing.remove(&id).then_some(round));
            match waiting.min_by_key(|round| (!round.whole, round.number)) {
                Some(round) => drop(round.reports.insert(id, report)),
                None => drop(late.insert(id, report)),
            }
        }
        if !late.is_empty() {
            self.rounds.push(Round::late(run.number, run.work, late));
        }
    }

    /// The next round that can be told. What was told is not taken back by an older round that waited longer: that one is
    /// told before, or tells of the newer decisions.
    pub(super) fn tell(&mut self) -> Option<Report> {
        let mut round = self.rounds.remove(self.next_told()?);
        if !round.whole && round.missing.is_empty() {
            // What is complete at the same time is told as one.
            while let Some(place) = self.rounds.iter().position(|other| round.may_absorb(other)) {
                round.absorb(self.rounds.remove(place));
            }
        }
        for older in self.rounds.iter_mut().filter(|other| !other.missing.is_empty() && other.number < round.number) {
            older.work = round.work.clone();
        }
        Some(round.report())
    }

    /// The place of the first round that is due, or has heard of an automation that a newer one is about to tell of.
    fn next_told(&self) -> Option<usize> {
        let now = Instant::now();
        let is_due = |round: &Round| round.missing.is_empty() || round.until <= now;
        (0..self.rounds.len()).find(|place| {
            let (round, newer) = (&self.rounds[*place], &self.rounds[*place + 1..]);
            is_due(round) || newer.iter().any(|newer| is_due(newer) && round.shares_reports(newer))
        })
    }

    /// All rounds, told with what has ended.
    pub(super) fn finish(self) -> Vec<Report> {
        self.rounds.into_iter().map(Round::cut_short).filter(Round::says_something).map(Round::report).collect()
    }
}

impl Round {
    /// What came of a run for which nobody waited: the policies whose images it brought are told with it.
    fn late(number: u64, work: Work, reports: BTreeMap<NamespacedName, AutomationReport>) -> Self {
        let (missing, late) = (BTreeSet::new(), BTreeSet::new());
        let policies = changed_by(&reports);
        Self { number, whole: false, policies, work, until: Instant::now(), missing, late, reports }
    }

    /// Each run is told, also where another one of the same automation is.
    fn may_absorb(&self, other: &Self) -> bool {
        !other.whole && other.missing.is_empty() && !self.shares_reports(other)
    }

    fn shares_reports(&self, other: &Self) -> bool {
        self.reports.keys().any(|id| other.reports.contains_key(id))
    }

    fn absorb(&mut self, newer: Self) {
        self.work = newer.work;
        self.policies.extend(newer.policies);
        self.late.extend(newer.late);
        self.reports.extend(newer.reports);
    }

    /// Nothing runs any more: what did not is none of it.
    fn cut_short(mut self) -> Self {
        if self.whole && !(self.missing.is_empty() && self.late.is_empty()) {
            (self.whole, self.policies) = (false, changed_by(&self.reports));
        }
        self.missing.clear();
        self.late.clear();
        self
    }

    fn says_something(&self) -> bool {
        self.whole || !self.policies.is_empty() || !self.reports.is_empty()
    }

    fn report(self) -> Report {
        let Self { whole, policies, work, missing, late, mut reports, .. } = self;
        for id in missing.union(&late) {
            reports.entry(id.clone()).or_insert_with(|| AutomationReport::running(id));
        }
        let automations: Vec<AutomationReport> = reports.into_values().collect();
        let told = work.decisions.iter().filter(|(policy, _)| whole || policies.contains(policy));
        let policies = policy_reports(&work.world.objects, told, &automations);
        Report { is_whole: whole, policies, automations }
    }
}

/// The policies whose images were brought.
fn changed_by(reports: &BTreeMap<NamespacedName, AutomationReport>) -> BTreeSet<NamespacedName> {
    let changes = reports.values().flat_map(|report| &report.findings.changes);
    changes.map(|found| found.what.policy.clone()).collect()
}
