//! Agree: whether the trailers of one commit and its files say the same.
//!
//! Every change that a trailer lists must be in the diff, and every marked field that the diff changes in the
//! trailers. A squash merge answers for its commits together: what they list one after the other counts as one change.

use std::collections::HashSet;

use super::compare;
use crate::trailer::{ImageChange, Trail};

/// Whether trailers and files say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    Agrees,
    Disagrees(Differences),
    /// Why nobody knows.
    Unknown(String),
}

/// What trailers and files do not both say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Changes that the trailers list and the files do not show.
    pub not_made: Vec<ImageChange>,
    /// Changes that the files show and the trailers do not list.
    pub not_listed: Vec<ImageChange>,
    /// How many further changes the trailers speak of.
    pub omitted: usize,
}

/// Holds the trailers of a commit against what its files show.
pub(super) fn judge(trails: &[Trail], outcome: compare::Outcome) -> Agreement {
    let found = match outcome {
        Err(reason) => return Agreement::Unknown(reason),
        Ok(compare::Found { gap: Some(reason), .. }) => return Agreement::Unknown(reason),
        Ok(found) => found,
    };
    let made = found.changes.into_iter().filter_map(|change| {
        let (policy, old, new) = (change.policy?, change.old, change.new);
        Some(ImageChange { policy, old, new }.told())
    });
    let made: Vec<ImageChange> = distinct(made);
    let omitted = trails.iter().map(|trail| trail.omitted).fold(0, usize::saturating_add);
    let listed = distinct(trails.iter().flat_map(|trail| trail.changes.clone()));
    let one_by_one = differences(&listed, &made, omitted);
    let together = if trails.len() > 1 { differences(&net(trails), &made, omitted) } else { one_by_one.clone() };
    [one_by_one, together]
        .into_iter()
        .min_by_key(weight)
        .filter(|it| weight(it) > 0)
        .map_or(Agreement::Agrees, Agreement::Disagrees)
}

fn weight(differences: &Differences) -> usize {
    differences.not_made.len() + differences.not_listed.len() + differences.omitted
}

fn distinct(changes: impl Iterator<Item = ImageChange>) -> Vec<ImageChange> {
    let mut seen = HashSet::new();
    changes.filter(|change| seen.insert(change.clone())).collect()
}

/// What is on one side alone. As many changes as the trailers speak of without naming them may be unlisted.
fn differences(listed: &[ImageChange], made: &[ImageChange], omitted: usize) -> Differences {
    let (of_trailers, of_files): (HashSet<_>, HashSet<_>) = (listed.iter().collect(), made.iter().collect());
    let not_made = listed.iter().filter(|change| !of_files.contains(change)).cloned().collect();
    let not_listed: Vec<ImageChange> = made.iter().filter(|change| !of_trailers.contains(change)).cloned().collect();
    if not_listed.len() == omitted {
        return Differences { not_made, ..Differences::default() };
    }
    Differences { not_made, not_listed, omitted }
}

/// The changes of several trails as one: `1 -> 2` and `2 -> 3` are `1 -> 3`, whichever comes first in the message.
fn net(trails: &[Trail]) -> Vec<ImageChange> {
    let mut net: Vec<ImageChange> = Vec::new();
    for trail in trails {
        let earlier = net.len();
        for change in &trail.changes {
            let (known, of_this) = net.split_at_mut(earlier);
            let mut same = known.iter_mut().filter(|known| known.policy == change.policy);
            if let Some(known) = same.find(|known| known.new == change.old || known.old == change.new) {
                match known.new == change.old {
                    true => known.new.clone_from(&change.new),
                    false => known.old.clone_from(&change.old),
                }
            } else if !of_this.contains(change) {
                net.push(change.clone());
            }
        }
    }
    net.retain(|change| change.old != change.new);
    net
}
