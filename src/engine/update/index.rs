//! The marker index: what rewrites found in files that they did not change, kept as notes on blobs in the store.
//!
//! A rewrite depends on the text and on the latest images of the policies that the text names, and on nothing else. So
//! a note holds what was found together with a fingerprint of those images; it is used where the fingerprint is the
//! same now. Automations of several namespaces may share a store, so a blob may have several such findings.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::rewrite::MarkerIndex;
use crate::git::Session;
use crate::object::NamespacedName;
use crate::setter::{Current, Ignored, Latest, Rewrite};
use crate::tree::ContentId;

/// That many findings are kept for one blob, the newest first.
const VARIANTS_MAX: usize = 4;

/// What one rewrite found in a blob; tuples, since there are thousands.
#[derive(Serialize, Deserialize)]
struct Variant {
    #[serde(rename = "f")]
    fingerprint: u128,
    /// Line, marker, reason.
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<(usize, String, String)>,
    /// Line, namespace and name of the policy, setter, value.
    #[serde(rename = "c")]
    current: Vec<(usize, String, String, String, String)>,
}

/// The index of one run over one tree.
pub(super) struct StoreIndex<'s> {
    session: &'s Session,
    prints: Fingerprints<'s>,
    fresh: Vec<(ContentId, Vec<u8>)>,
}

impl<'s> StoreIndex<'s> {
    pub(super) fn new(session: &'s Session, latest: &'s Latest) -> Self {
        Self {
            session,
            prints: Fingerprints { latest, each: RefCell::default(), all: OnceCell::new() },
            fresh: Vec::new(),
        }
    }

    /// The notes that this run adds.
    pub(super) fn into_fresh(self) -> Vec<(ContentId, Vec<u8>)> {
        self.fresh
    }
}

impl MarkerIndex for StoreIndex<'_> {
    fn recall(&self, content: ContentId) -> Option<Rewrite> {
        let note = self.session.recall(content)?;
        if note.is_empty() {
            return Some(Rewrite::default());
        }
        let mut known = variants(&note).into_iter().map(|variant| (variant.fingerprint, variant.into_rewrite()));
        known.find(|(fingerprint, rewrite)| *fingerprint == self.prints.of(rewrite)).map(|(_, rewrite)| rewrite)
    }

    fn remember(&mut self, content: ContentId, rewrite: &Rewrite) {
        if *rewrite == Rewrite::default() {
            self.fresh.push((content, Vec::new()));
            return;
        }
        let mut variants = vec![Variant::new(self.prints.of(rewrite), rewrite)];
        variants.extend(self.session.recall(content).iter().flat_map(|note| self::variants(note)));
        variants.truncate(VARIANTS_MAX);
        if let Ok(note) = serde_json::to_vec(&variants) {
            self.fresh.push((content, note));
        }
    }
}

fn variants(note: &[u8]) -> Vec<Variant> {
    serde_json::from_slice(note).unwrap_or_default()
}

impl Variant {
    fn new(fingerprint: u128, rewrite: &Rewrite) -> Self {
        let ignored = |found: &Ignored| (found.line, found.marker.clone(), found.reason.clone());
        let current = |found: &Current| {
            let NamespacedName { namespace, name } = found.policy.clone();
            (found.line, namespace, name, found.setter.clone(), found.value.clone())
        };
        Self {
            fingerprint,
            ignored: rewrite.ignored.iter().map(ignored).collect(),
            current: rewrite.current.iter().map(current).collect(),
        }
    }

    fn into_rewrite(self) -> Rewrite {
        let ignored = |(line, marker, reason)| Ignored { line, marker, reason };
        let current = |(line, namespace, name, setter, value)| {
            let policy = NamespacedName { namespace, name };
            Current { line, policy, setter, value }
        };
        Rewrite {
            ignored: self.ignored.into_iter().map(ignored).collect(),
            current: self.current.into_iter().map(current).collect(),
            ..Rewrite::default()
        }
    }
}

/// What findings depend on beside the text, in a few bytes.
struct Fingerprints<'l> {
    latest: &'l Latest,
    each: RefCell<HashMap<NamespacedName, u128>>,
    all: OnceCell<u128>,
}

impl Fingerprints<'_> {
    /// Markers that were applied name their policies. Those that were ignored do not, so that all policies count.
    fn of(&self, rewrite: &Rewrite) -> u128 {
        if !rewrite.ignored.is_empty() {
            return *self.all.get_or_init(|| digest(format!("{:?}", self.latest)));
        }
        let prints = rewrite.current.iter().flat_map(|current| self.of_policy(&current.policy).to_le_bytes());
        digest(prints.collect::<Vec<u8>>())
    }

    fn of_policy(&self, policy: &NamespacedName) -> u128 {
        if let Some(known) = self.each.borrow().get(policy) {
            return *known;
        }
        let print = digest(format!("{:?} {policy:?} {:?}", self.latest.namespace, self.latest.images.get(policy)));
        self.each.borrow_mut().insert(policy.clone(), print);
        print
    }
}

fn digest(text: impl AsRef<[u8]>) -> u128 {
    let digest = Sha256::digest(text);
    digest.first_chunk().map_or(0, |first| u128::from_le_bytes(*first))
}
