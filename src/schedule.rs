//! What is due when: when an object is looked at again, how long a writer waits after a lost race, and when a push
//! budget allows the next push.
//!
//! Takes what happened and the time, gives times. No clock, no sleep, no dice: the caller brings all three.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What a budget counts in.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// The shortest a lost race is slept over.
const WAIT_MIN: Duration = Duration::from_millis(5);
/// The longest: that many attempts, but no less and no more than this. At a server that has time, two seconds are best for
/// 25 writers; at one that is slow, writers who come back as soon are in each other's way for ever.
const ATTEMPTS_APART: u32 = 12;
const LONGEST: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// A lost race, as the loser saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRace {
    /// How long an attempt takes at best, from the listing to the refusal.
    pub attempt: Duration,
    /// How many races were lost in a row, this one included.
    pub losses: u32,
    /// How many commits of others came in since the attempt before: what is known of the others.
    pub rivals: usize,
    /// Since the first attempt began.
    pub waited: Duration,
}

/// How long to wait after a lost race, for `dice` in `0..1`.
///
/// Writers are out of each other's way when they are spread over as many attempts as there are writers. How many there
/// are shows in the races that are lost: each one doubles the guess, and no guess is below what was seen. Who has waited
/// long waits less: they would otherwise lose to newcomers for ever.
pub fn wait_after(race: LostRace, dice: f64) -> Duration {
    let guess = 1u32 << race.losses.min(6);
    let writers = guess.max(u32::try_from(race.rivals.min(64)).unwrap_or(64));
    let longest = race.attempt.saturating_mul(ATTEMPTS_APART).clamp(LONGEST[0], LONGEST[1]);
    let spread = race.attempt.saturating_mul(writers).clamp(WAIT_MIN, longest);
    let patience = (1.0 / (1.0 + race.waited.as_secs_f64() / 8.0)).max(0.5);
    spread.mul_f64(dice.clamp(0.0, 1.0) * patience)
}

/// The pushes of the last minute to one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushWindow(VecDeque<Timestamp>);

impl PushWindow {
    /// Takes one push of `limit` a minute, or gives the time at which the next one is free.
    pub fn take(&mut self, limit: NonZeroU32, now: Timestamp) -> Result<(), Timestamp> {
        // A clock that was set back must not close the window for longer than a minute.
        self.0.retain(|at| *at <= now && now.duration_since(*at) < WINDOW);
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let spare = self.0.len().checked_sub(limit);
        match spare.and_then(|index| self.0.get(index)) {
            Some(oldest) => Err(oldest.saturating_add(WINDOW).unwrap_or(now)),
            None => {
                self.0.push_back(now);
                Ok(())
            }
        }
    }

    /// Gives back the push that was taken last: it moved nothing.
    pub fn give_back(&mut self) {
        self.0.pop_back();
    }
}

/// How far from its interval an object is looked at, and how far its first look is from the start, as parts of the interval.
const JITTER: f64 = 0.05;
/// No start takes longer to spread, however long the intervals are.
const SPREAD_MAX: Duration = Duration::from_secs(60);

/// An object that is looked at again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    pub interval: Duration,
    pub last: Option<Timestamp>,
    /// When this process began to look, or the object appeared.
    pub started: Timestamp,
}

/// When the object with this name is due; not after `now` when it is.
///
/// Each name has a place of its own within a twentieth of the interval: what starts together does not stay together, and
/// the same name has the same place after a restart. What was due already when the process started is spread in the same
/// way. No interval is exceeded by more than a tenth, and on the average they are kept.
pub fn due(name: &str, rhythm: Rhythm, now: Timestamp) -> Timestamp {
    let Rhythm { interval, last, started } = rhythm;
    if started > now {
        // The clock was set back; what it said then says nothing now.
        return now;
    }
    let (place, pace) = places(name);
    let first = later(started, interval.mul_f64(JITTER).min(SPREAD_MAX).mul_f64(place));
    match last.filter(|last| *last <= now) {
        None => first,
        Some(last) => later(last, interval.mul_f64(1.0 + JITTER * (2.0 * pace - 1.0))).max(first),
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Two numbers in `0..1` that are always the same for a name: FNV-1a, its bits mixed.
fn places(name: &str) -> (f64, f64) {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let part = |half: u64| half as f64 / (1u64 << 32) as f64;
    (part(mixed >> 32), part((mixed ^ (mixed >> 29)) & 0xffff_ffff))
}

/// How long what failed is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub min: Duration,
    /// At most, however many failures there were in a row.
    pub max: Duration,
}

/// As in Flux.
impl Default for Backoff {
    fn default() -> Self {
        Self { min: Duration::from_millis(750), max: Duration::from_secs(15 * 60) }
    }
}

impl Backoff {
    /// How long after the last of `failures` in a row it is tried again, for `dice` in `0..1`.
    pub fn after(self, failures: u32, dice: f64) -> Duration {
        let doubled = self.min.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.max);
        doubled.mul_f64(1.0 - JITTER * dice.clamp(0.0, 1.0))
    }
}
