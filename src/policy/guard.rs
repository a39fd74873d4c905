//! What a policy asks of a tag beyond its name: for how long its digest has been seen, and that it did not move.
//!
//! Takes what has been seen of a tag; gives a judgement, which may be that the present digest must be asked for.

use std::fmt;
use std::time::Duration;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use crate::image::Digest;

/// A policy's demands on the digest behind a tag. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// A tag qualifies only when its present digest has been seen for that long.
    pub min_age: Option<Duration>,
    pub on_moved: Moves,
}

/// What becomes of a tag that names another image than it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moves {
    #[default]
    Ignore,
    /// It qualifies, and is told.
    Report,
    /// It does not qualify.
    Block,
}

/// What has been seen of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Each digest that the tag was seen with, and since when; the latest at the end.
    pub digests: Vec<(Digest, Timestamp)>,
    /// True when the last of them is what the registry says now.
    pub is_present: bool,
}

/// That a tag names another image than it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub from: Digest,
    pub to: Digest,
    /// When the new digest was seen first.
    pub at: Timestamp,
}

/// Whether a tag meets the demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    Qualifies,
    /// Not to be said before the registry told the tag's present digest.
    NeedsDigest,
    Refused(Refusal),
}

/// Why a tag that the rules select does not qualify. `Display` gives a clause such as `is blocked since …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its digest has not been seen for long enough; it will have been at `until`.
    Young {
        since: Timestamp,
        until: Timestamp,
        min_age: Duration,
    },
    Moved(Moved),
    /// Its digest is not known: those of better tags were asked for, and that was enough for one time.
    NotAsked,
    /// It was listed, and the registry does not have it.
    Gone,
}

impl Guard {
    /// True when the digests behind tags matter.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Asks for a digest only where that can make a difference.
    pub fn judge(&self, seen: &Seen, now: Timestamp) -> Judgement {
        if !self.is_set() {
            return Judgement::Qualifies;
        }
        let Some((_, since)) = seen.digests.last() else { return Judgement::NeedsDigest };
        if let Some(moved) = seen.moved().filter(|_| self.on_moved == Moves::Block) {
            return Judgement::Refused(Refusal::Moved(moved));
        }
        if let Some(refusal) = self.too_young(*since, now) {
            return Judgement::Refused(refusal);
        }
        if seen.is_present { Judgement::Qualifies } else { Judgement::NeedsDigest }
    }

    /// That a tag moved, where the policy wants to be told.
    pub fn moved(&self, seen: &Seen) -> Option<Moved> {
        seen.moved().filter(|_| self.on_moved == Moves::Report)
    }

    /// A clock that was set back makes nothing older than it is.
    fn too_young(&self, since: Timestamp, now: Timestamp) -> Option<Refusal> {
        let min_age = self.min_age?;
        let age = SignedDuration::try_from(min_age).unwrap_or(SignedDuration::MAX);
        let until = since.saturating_add(age).unwrap_or(Timestamp::MAX);
        (now < until).then_some(Refusal::Young { since, until, min_age })
    }
}

impl Seen {
    /// The last move of the tag.
    fn moved(&self) -> Option<Moved> {
        let [.., (from, _), (to, at)] = self.digests.as_slice() else { return None };
        Some(Moved { from: from.clone(), to: to.clone(), at: *at })
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "moved from {} to {}, seen since {}", self.from, self.to, begun(self.at))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Young { since, until, min_age } => {
                let (since, until) = (begun(*since), ended(*until));
                write!(f, "is too new: its digest is seen since {since}, and will be {} old at {until}", Age(*min_age))
            }
            Self::Moved(moved) => write!(f, "is blocked since it {moved}"),
            Self::NotAsked => write!(f, "has a digest that is not known yet: those of better tags are asked for first"),
            Self::Gone => write!(f, "is listed, but the registry does not have it"),
        }
    }
}

/// The second in which something began, as `ledger show` tells it.
fn begun(time: Timestamp) -> Timestamp {
    to_seconds(time, RoundMode::Floor)
}

/// The first whole second at which something is over.
fn ended(time: Timestamp) -> Timestamp {
    to_seconds(time, RoundMode::Ceil)
}

fn to_seconds(time: Timestamp, mode: RoundMode) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Second).mode(mode)).unwrap_or(time)
}

/// Prints `7d`, `1d12h`, `90s`: what people write.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];
        let mut rest = self.0.as_secs();
        for (seconds, unit) in UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        match (rest, self.0.subsec_millis()) {
            (0, 0) => Ok(()),
            (seconds, 0) => write!(f, "{seconds}s"),
            (seconds, milliseconds) => write!(f, "{}ms", seconds * 1000 + u64::from(milliseconds)),
        }
    }
}
