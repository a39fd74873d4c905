//! The time that facts get, from a clock that may jump.
//!
//! The ledger's time never goes back, so that the order of facts holds and a clock that is wrong for a while (a board
//! without a battery, before its first synchronisation) makes nothing look old. A clock that stays behind was ahead
//! before: after [`PATIENCE_MS`] the ledger believes it, and what lies in its future is dated to when it turned back.

/// How long a clock must run behind the ledger until it is believed.
pub(super) const PATIENCE_MS: i64 = 60 * 60 * 1000;

/// What the ledger knows of the clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    /// The greatest time that was recorded.
    pub(super) latest: Option<i64>,
    /// When the clock was first seen behind `latest`; it has not caught up since.
    pub(super) behind: Option<i64>,
}

/// What to do at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The time that facts get.
    pub(super) time: i64,
    pub(super) clock: Clock,
    /// All facts that are later than this get this time.
    pub(super) redate: Option<i64>,
}

/// Judges the clock's `now`.
pub(super) fn judge(clock: Clock, now: i64) -> Moment {
    let Some(latest) = clock.latest.filter(|latest| now < *latest) else {
        return Moment { time: now, clock: Clock { latest: Some(now), behind: None }, redate: None };
    };
    // Turned back once more: wait anew.
    let behind = clock.behind.filter(|behind| *behind <= now).unwrap_or(now);
    if now - behind < PATIENCE_MS {
        let clock = Clock { latest: Some(latest), behind: Some(behind) };
        return Moment { time: latest, clock, redate: None };
    }
    Moment { time: now, clock: Clock { latest: Some(now), behind: None }, redate: Some(behind) }
}
