//! Chooses among the tags of an image repository.
//!
//! Takes the rules of a policy (what is excluded, what is filtered and extracted, the order) and tags; gives the latest
//! tag, or a verdict with a reason for every tag. What it asks of the digests behind tags is a [`Guard`]'s. Knows nothing of
//! registries and Kubernetes objects.

mod guard;
mod key;
mod number;
mod verdict;

use std::borrow::Cow;
use std::cmp::Ordering;

use rayon::prelude::*;

use crate::goregex::{self, Matcher, Regex, Template};
use crate::semver::RangeError;
pub use guard::{Guard, Judgement, Moved, Moves, Refusal, Seen};
use key::{Key, Ranking};
use verdict::Why;
pub use verdict::{Outcome, Reason, Verdict};

/// So many tags are worth a thread.
const TAGS_PER_THREAD_MIN: usize = 4096;

/// So many candidates stay in the processor's cache while they are compared.
const TAGS_PER_BLOCK: usize = 512;

/// The rules of a policy as they are written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub order: Order,
    pub filter: Option<FilterRules>,
    /// Tags that any of these Go patterns matches are passed over.
    pub exclude: Vec<String>,
}

/// How tags are put in order, and which of them qualify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The highest version within the range. `loose` takes `1` and `1.2` for versions too, as Argo CD does; Flux asks
    /// for two dots.
    Semver {
        range: String,
        loose: bool,
    },
    Numerical(Direction),
    /// By bytes.
    Alphabetical(Direction),
}

/// Ascending orders select the greatest, descending ones the least, as in Flux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// Which tags are looked at, and what of them is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterRules {
    /// A Go pattern that a tag must match somewhere. The empty one matches every tag.
    pub pattern: String,
    /// A template of Go's `Expand` that makes what is compared; the whole tag when absent or empty.
    pub extract: Option<String>,
}

/// Rules that select nothing because they cannot be read. Names the field.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    #[error("semver.range {range:?}")]
    Range { range: String, source: RangeError },
    #[error("filterTags.pattern {pattern:?}")]
    Pattern { pattern: String, source: goregex::Error },
    #[error("exclusionList[{index}] {pattern:?}")]
    Exclude { index: usize, pattern: String, source: goregex::Error },
}

/// A policy whose rules have been checked.
#[derive(Clone, Debug)]
pub struct Selector {
    exclude: Vec<Regex>,
    filter: Option<Filter>,
    ranking: Ranking,
}

#[derive(Clone, Debug)]
struct Filter {
    regex: Regex,
    extract: Option<Template>,
}

/// A tag that passed the filter, and what is compared of it.
struct Candidate<'t> {
    tag: &'t str,
    key: Cow<'t, str>,
}

impl Selector {
    pub fn new(rules: &Rules) -> Result<Self, InvalidPolicy> {
        let exclude = rules.exclude.iter().enumerate().map(|(index, pattern)| {
            let invalid = |source| InvalidPolicy::Exclude { index, pattern: pattern.clone(), source };
            Regex::new(pattern).map_err(invalid)
        });
        Ok(Self {
            exclude: exclude.collect::<Result<_, _>>()?,
            filter: rules.filter.as_ref().map(Filter::new).transpose()?,
            ranking: Ranking::new(&rules.order)?,
        })
    }

    /// The tag that the policy selects. Of tags with the same key, the greatest in byte order.
    pub fn latest<'t, T: AsRef<str> + Sync>(&self, tags: &'t [T]) -> Option<&'t str> {
        let best_of = |tags: &'t [T]| {
            let mut screen = Screen::new(self);
            tags.chunks(TAGS_PER_BLOCK).fold(None, |best: Option<Candidate<'t>>, block| {
                let candidates = block.iter().filter_map(|tag| screen.candidate(tag.as_ref()).ok());
                self.best(best.into_iter().chain(candidates).collect())
            })
        };
        let winners: Vec<Option<Candidate<'t>>> = tags.par_chunks(chunk_length(tags.len())).map(best_of).collect();
        self.best(winners.into_iter().flatten().collect()).map(|winner| winner.tag)
    }

    /// A verdict for every tag: the latest, the others that qualify from best to worst, then those that were passed over
    /// in the order given.
    pub fn explain<'a, T: AsRef<str> + Sync>(&'a self, tags: &'a [T]) -> Vec<Verdict<'a>> {
        verdict::explain(self, tags)
    }

    /// Which of two tags the policy prefers, whatever the range: the greater one. Tags with the same key are equal.
    /// `None` when one of them does not match the pattern or has no key.
    pub fn compare(&self, left: &str, right: &str) -> Option<Ordering> {
        let key = |tag: &'_ str| match &self.filter {
            Some(filter) => filter.extracted(&mut filter.regex.matcher(), tag).map(Cow::into_owned),
            None => Some(tag.to_owned()),
        };
        let (left, right) = (key(left)?, key(right)?);
        Some(self.ranking.compare(&self.ranking.key(&left).ok()?, &self.ranking.key(&right).ok()?))
    }

    fn best<'t>(&self, mut candidates: Vec<Candidate<'t>>) -> Option<Candidate<'t>> {
        let mut best: Option<(usize, Key<'_>)> = None;
        for (index, candidate) in candidates.iter().enumerate() {
            let Ok(key) = self.ranking.key(&candidate.key) else { continue };
            let is_better = best.as_ref().is_none_or(|(best, best_key)| {
                let order = self.ranking.compare(&key, best_key);
                order.then_with(|| candidate.tag.cmp(candidates[*best].tag)).is_gt()
            });
            // The range is asked last: few tags are better than all before them.
            if is_better && self.ranking.is_in_range(&key) {
                best = Some((index, key));
            }
        }
        let best = best.map(|(index, _)| index)?;
        Some(candidates.swap_remove(best))
    }
}

impl Filter {
    fn new(rules: &FilterRules) -> Result<Self, InvalidPolicy> {
        let invalid = |source| InvalidPolicy::Pattern { pattern: rules.pattern.clone(), source };
        let regex = Regex::new(&rules.pattern).map_err(invalid)?;
        let extract = rules.extract.as_deref().filter(|extract| !extract.is_empty());
        Ok(Self { extract: extract.map(|extract| regex.template(extract)), regex })
    }

    /// What is compared of the tag. `None` when the pattern does not match.
    fn extracted<'t>(&self, matcher: &mut Matcher, tag: &'t str) -> Option<Cow<'t, str>> {
        match &self.extract {
            Some(template) => matcher.expand(template, tag),
            None => matcher.is_match(tag).then_some(Cow::Borrowed(tag)),
        }
    }
}

/// What one thread needs to exclude and filter tags.
struct Screen<'s> {
    exclude: Vec<(&'s str, Matcher)>,
    filter: Option<(&'s Filter, Matcher)>,
}

impl<'s> Screen<'s> {
    fn new(selector: &'s Selector) -> Self {
        Self {
            exclude: selector.exclude.iter().map(|regex| (regex.as_str(), regex.matcher())).collect(),
            filter: selector.filter.as_ref().map(|filter| (filter, filter.regex.matcher())),
        }
    }

    fn candidate<'t>(&mut self, tag: &'t str) -> Result<Candidate<'t>, Why<'s>> {
        for (pattern, matcher) in &mut self.exclude {
            if matcher.is_match(tag) {
                return Err(Why::Excluded { pattern });
            }
        }
        let Some((filter, matcher)) = &mut self.filter else { return Ok(Candidate { tag, key: Cow::Borrowed(tag) }) };
        match filter.extracted(matcher, tag) {
            Some(key) => Ok(Candidate { tag, key }),
            None => Err(Why::Unmatched { pattern: filter.regex.as_str() }),
        }
    }
}

/// Tags per task: all threads get work, but none for a handful of tags.
fn chunk_length(tags: usize) -> usize {
    tags.div_ceil(2 * rayon::current_num_threads()).max(TAGS_PER_THREAD_MIN)
}
