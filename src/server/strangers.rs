//! Who is refused too often. Pure: takes the time.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// So many refusals of one address in a window are answered as such.
const REFUSALS_MAX: u32 = 60;
const ADDRESSES_MAX: usize = 4096;

/// The refusals of the last minute, by address (as [`super::connections`] tells them apart).
#[derive(Debug, Default)]
pub(super) struct Strangers(HashMap<IpAddr, (Timestamp, u32)>);

/// What a refused address is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Refused,
    /// It has just become too much; told once a window.
    NowTooMany,
    TooMany,
}

impl Strangers {
    pub(super) fn refuse(&mut self, address: IpAddr, now: Timestamp) -> Refusal {
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&address) {
            self.0.retain(|_, (since, _)| is_current(*since, now));
            if self.0.len() >= ADDRESSES_MAX {
                return Refusal::TooMany;
            }
        }
        let (since, count) = self.0.entry(address).or_insert((now, 0));
        if !is_current(*since, now) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        match *count {
            ..=REFUSALS_MAX => Refusal::Refused,
            count if count == REFUSALS_MAX + 1 => Refusal::NowTooMany,
            _ => Refusal::TooMany,
        }
    }
}

/// A clock that was set back does not keep a window open.
fn is_current(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now.duration_since(since) < WINDOW
}
