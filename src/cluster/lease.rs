//! What to do about a lease: decided from how it looks, and since when it has looked so.
//!
//! Times are those of a local clock that only goes forward, counted from any moment. What others write into a lease is
//! compared with itself and never with our clock: a holder lives as long as its lease keeps changing.

use std::time::Duration;

/// What a holder may ask others to wait for; more is taken for a slip.
const LEASE_MAX: Duration = Duration::from_secs(600);

/// How long leases last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Others wait so long after the last sign of life.
    pub lease: Duration,
    /// The holder stops when it could not renew for so long.
    pub renew_deadline: Duration,
    /// The pause between two tries.
    pub retry: Duration,
}

impl Default for Terms {
    /// As Flux has them.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease: seconds(35), renew_deadline: seconds(30), retry: seconds(5) }
    }
}

/// What a lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Empty when it was released.
    pub holder: String,
    /// What its holder asks others to wait.
    pub lease: Duration,
    /// Any text that changes when the lease is renewed.
    pub renewed: String,
}

/// A lease as it was seen last, and the moment from which on it has looked like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// `None`: there is no such lease.
    pub record: Option<Record>,
    pub since: Duration,
}

impl Observed {
    /// Looks again: only what is different restarts the wait.
    pub fn seen(before: Option<Self>, record: Option<Record>, now: Duration) -> Self {
        match before {
            Some(before) if before.record == record => before,
            _ => Self { record, since: now },
        }
    }
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is none: make it.
    Create,
    /// Nobody holds it, or its holder has not been heard of for too long.
    Take,
    /// It is ours, and others should hear of us.
    Renew,
    /// It is ours; there is nothing to do before this moment.
    Keep { until: Duration },
    /// It is another's, who may be gone at this moment.
    Wait { holder: String, until: Duration },
}

/// Decides about a lease for `me`.
pub fn next(observed: &Observed, now: Duration, me: &str, terms: &Terms) -> Step {
    let Some(record) = &observed.record else { return Step::Create };
    if record.holder == me {
        // Three tries fit into the time after which others would take it.
        let until = observed.since + (terms.lease / 3).max(terms.retry);
        return if now >= until { Step::Renew } else { Step::Keep { until } };
    }
    let asked = if record.lease.is_zero() { terms.lease } else { record.lease.min(LEASE_MAX) };
    let until = observed.since + asked;
    if record.holder.is_empty() || now >= until {
        return Step::Take;
    }
    Step::Wait { holder: record.holder.clone(), until }
}
