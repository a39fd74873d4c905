//! Page sizes that registries took after they had refused larger ones, so that those are not asked for at each scan.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::net::{Fingerprint, Url, host};

/// How many tags a page may have, tried in this order while the registry refuses; `None` leaves it to the registry.
const SIZES: [Option<usize>; 3] = [Some(1000), Some(100), None];
/// Registries learn.
const LIFE: Duration = Duration::from_secs(24 * 3600);
const KNOWN_MAX: usize = 10_000;

/// By host and the way there; where no size at all was taken, by repository: with none, pages that lack a `Link` are not
/// followed, which one repository behind a host must not bring on the others.
#[derive(Debug, Default)]
pub(super) struct PageSizes(Mutex<HashMap<(String, Fingerprint), (usize, Instant)>>);

impl PageSizes {
    /// The sizes that are worth being asked for in the repository at `base`.
    pub(super) fn worth_asking(&self, base: &Url, way: Fingerprint) -> &'static [Option<usize>] {
        let known = self.known();
        let place =
            |name: String| known.get(&(name, way)).filter(|(_, at)| at.elapsed() < LIFE).map(|(place, _)| *place);
        let from = place(base.to_string()).or_else(|| place(host(base))).unwrap_or_default();
        &SIZES[from..]
    }

    /// The registry took `size`, and none before it.
    pub(super) fn note(&self, base: &Url, way: Fingerprint, size: Option<usize>) {
        let name = if size.is_none() { base.to_string() } else { host(base) };
        let Some(place) = SIZES.iter().position(|other| *other == size) else { return };
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert((name, way), (place, Instant::now()));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, Fingerprint), (usize, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
