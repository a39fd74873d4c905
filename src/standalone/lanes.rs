//! Work that waits for room, by the way it goes: in order on one way, and without regard to the others.
//!
//! Takes jobs, and how many may be under way at a time; gives those that may begin. Does nothing itself.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

/// Jobs `J` on ways `W`. What begins or ends costs the same however many wait.
#[derive(Clone, Debug)]
pub struct Lanes<W, J> {
    lanes: HashMap<W, Lane<J>>,
    /// How many jobs have come.
    count: u64,
}

#[derive(Clone, Debug)]
struct Lane<J> {
    busy: usize,
    /// Each with its place among all that came.
    waiting: VecDeque<(u64, J)>,
}

impl<W, J> Default for Lanes<W, J> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), count: 0 }
    }
}

impl<W: Clone + Eq + Hash, J> Lanes<W, J> {
    /// Puts `job` behind those that wait to go the same way.
    pub fn push(&mut self, way: W, job: J) {
        let new = || Lane { busy: 0, waiting: VecDeque::new() };
        self.count += 1;
        self.lanes.entry(way).or_insert_with(new).waiting.push_back((self.count, job));
    }

    /// Takes the next job that goes this way, if there is room for it; `width` says how many there may be then.
    pub fn begin(&mut self, way: &W, width: impl Fn(&J) -> usize) -> Option<J> {
        let lane = self.lanes.get_mut(way)?;
        let (_, job) = lane.waiting.pop_front_if(|(_, next)| lane.busy < width(next))?;
        lane.busy += 1;
        Some(job)
    }

    /// A job that went this way has ended.
    pub fn end(&mut self, way: &W) {
        let Some(lane) = self.lanes.get_mut(way) else { return };
        lane.busy = lane.busy.saturating_sub(1);
        if lane.busy == 0 && lane.waiting.is_empty() {
            self.lanes.remove(way);
        }
    }

    /// The ways on which jobs wait, those first whose next job has waited longest: where there is not room for all, each
    /// has its turn.
    pub fn waiting(&self) -> Vec<W> {
        let next = self.lanes.iter().filter_map(|(way, lane)| Some((lane.waiting.front()?.0, way)));
        // Two jobs never have the same place.
        let in_turn: BTreeMap<u64, &W> = next.collect();
        in_turn.into_values().cloned().collect()
    }
}
