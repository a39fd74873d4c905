//! Webhooks of believed senders that could not be read: why, and which of them are told of. Pure: takes the time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// One line for each sender and reason in this time.
const QUIET: SignedDuration = SignedDuration::from_mins(5);

/// Why a webhook was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unread {
    NotJson,
    OtherShape,
    TooLarge,
    TooSlow,
    Broken,
}

impl Unread {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotJson => "its body is no JSON",
            Self::OtherShape => "its body is not what this sender writes",
            Self::TooLarge => "its body is larger than 1 MiB",
            Self::TooSlow => "its body did not come within 10 seconds",
            Self::Broken => "its body broke off",
        }
    }
}

/// What was told when, and how much has not been told since. There are only so many senders and reasons.
#[derive(Debug, Default)]
pub(super) struct Complaints(BTreeMap<(&'static str, Unread), (Timestamp, u64)>);

impl Complaints {
    /// Whether it is time for a line about this, and then how many were left out since the one before.
    pub(super) fn tell(&mut self, sender: &'static str, unread: Unread, now: Timestamp) -> Option<u64> {
        let Some((told, silent)) = self.0.get_mut(&(sender, unread)) else {
            self.0.insert((sender, unread), (now, 0));
            return Some(0);
        };
        // A clock that was set back does not keep us quiet.
        if *told <= now && now.duration_since(*told) < QUIET {
            *silent = silent.saturating_add(1);
            return None;
        }
        *told = now;
        Some(std::mem::take(silent))
    }
}
