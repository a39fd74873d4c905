//! Runs automations: those of one store in sequence, those of different stores beside each other, so that a Git server
//! that stalls delays no other.
//!
//! Takes the names of automations that are to run; gives what came of each run. What is wanted while its store is busy
//! waits, and is one run then, by the world and the decisions of that time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::automate::automate;
use super::inputs::World;
use super::lanes::Lanes;
use super::report::AutomationReport;
use super::round::Context;
use crate::engine::cause::Cause;
use crate::engine::decide::Decisions;
use crate::engine::remote::{Place, Store, place};
use crate::net::LaneKey;
use crate::object::NamespacedName;

/// At most this many stores of one host are worked on at once: who stalls has no more of them.
const PER_HOST_MAX: usize = 4;

/// At most this many stores are worked on at once.
const STORES_MAX: usize = 32;

/// Nobody waits for a run that takes longer: what comes of it is told when it ends.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The runs under way and those that wait.
#[derive(Default)]
pub(super) struct Runs {
    places: BTreeMap<NamespacedName, Place>,
    /// The automations of the next run of each store.
    wanted: BTreeMap<Store, Wanted>,
    lanes: Lanes<LaneKey, Store>,
    busy: BTreeMap<Store, Busy>,
    running: JoinSet<(Store, Run)>,
}

/// A run that waits.
struct Wanted {
    automations: BTreeSet<NamespacedName>,
    since: Instant,
}

/// A run under way.
struct Busy {
    way: LaneKey,
    since: Instant,
}

/// A run that has ended.
pub(super) struct Run {
    /// The newest round when it began.
    pub(super) number: u64,
    pub(super) work: Work,
    pub(super) reports: Vec<AutomationReport>,
}

/// What a run works by.
#[derive(Clone, Default)]
pub(super) struct Work {
    pub(super) world: Arc<World>,
    pub(super) decisions: Arc<Decisions>,
}

impl Runs {
    /// The automations are those of this world from now on, and write to where it says.
    pub(super) fn adopt(&mut self, world: &World) {
        let objects = &world.objects;
        let automations = objects.image_update_automations.iter();
        self.places = automations.map(|(id, automation)| (id.clone(), place(automation, objects))).collect();
        let wanted = std::mem::take(&mut self.wanted);
        self.want(&wanted.into_values().flat_map(|wanted| wanted.automations).collect());
    }

    /// These run as soon as their stores are free.
    pub(super) fn want(&mut self, automations: &BTreeSet<NamespacedName>) {
        for id in automations {
            let Some(Place { store, way }) = self.places.get(id) else { continue };
            if !self.wanted.contains_key(store) && !self.busy.contains_key(store) {
                self.lanes.push(way.clone(), store.clone());
            }
            let new = || Wanted { automations: BTreeSet::new(), since: Instant::now() };
            self.wanted.entry(store.clone()).or_insert_with(new).automations.insert(id.clone());
        }
    }

    /// True when the store of an automation has been busy, or had no room, for longer than anybody waits.
    pub(super) fn is_stuck(&self, automation: &NamespacedName) -> bool {
        let Some(Place { store, .. }) = self.places.get(automation) else { return false };
        let busy = self.busy.get(store).map(|busy| busy.since);
        let wanted = self.wanted.get(store).map(|wanted| wanted.since);
        busy.into_iter().chain(wanted).any(|since| since.elapsed() >= PATIENCE)
    }

    /// Begins what there is room for.
    pub(super) fn start(&mut self, context: &Context, work: &Work, number: u64) {
        for way in self.lanes.waiting() {
            while self.running.len() < STORES_MAX
                && let Some(store) = self.lanes.begin(&way, |_| PER_HOST_MAX)
            {
                // It is in the lane again when its run ends.
                let is_free = !self.busy.contains_key(&store);
                match is_free.then(|| self.wanted.remove(&store)).flatten() {
                    Some(wanted) => self.spawn((context, work, number), (store, &way), wanted.automations),
                    // It was in the lane twice, or its automations write elsewhere now.
                    None => self.lanes.end(&way),
                }
            }
        }
    }

    fn spawn(
        &mut self,
        (context, work, number): (&Context, &Work, u64),
        (store, way): (Store, &LaneKey),
        automations: BTreeSet<NamespacedName>,
    ) {
        self.busy.insert(store.clone(), Busy { way: way.clone(), since: Instant::now() });
        let (context, work) = (context.clone(), work.clone());
        self.running.spawn(async move {
            let now = Timestamp::now();
            let running = automate(&context, &work.world.objects, &work.decisions, Some(&automations), now);
            let reports = AssertUnwindSafe(running).catch_unwind().await;
            let reports = reports.unwrap_or_else(|_| automations.iter().map(aborted).collect());
            (store, Run { number, work, reports })
        });
    }

    /// The next run that ends; `None` when none is under way. May be dropped while it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> Option<Run> {
        let (store, run) = self.running.join_next().await?.unwrap_or_else(|error| {
            // Panics are caught above, and nobody cancels it.
            std::panic::resume_unwind(error.into_panic())
        });
        if let Some(busy) = self.busy.remove(&store) {
            self.lanes.end(&busy.way);
        }
        if let Some(way) = self.way_of_wanted(&store) {
            self.lanes.push(way, store);
        }
        Some(run)
    }

    fn way_of_wanted(&self, store: &Store) -> Option<LaneKey> {
        let automation = self.wanted.get(store)?.automations.first()?;
        Some(self.places.get(automation)?.way.clone())
    }
}

/// What a fault of ours comes to: one store fails, and not the others with it.
fn aborted(automation: &NamespacedName) -> AutomationReport {
    let error = Some(Cause::new("the update was aborted".to_owned()));
    AutomationReport { error, ..AutomationReport::of(automation) }
}
