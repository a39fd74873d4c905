//! What became of each tag, and why, in sentences for people.
//!
//! Takes a policy and tags, gives verdicts. A reason is cheap to make and put into words only when it is printed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::key::{Ranking, Unfit};
use super::{Candidate, Direction, Screen, Selector, chunk_length};

/// What became of one tag.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    pub tag: &'a str,
    pub outcome: Outcome,
    pub reason: Reason<'a>,
}

/// Whether a tag was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tag that the policy selects.
    Latest,
    /// Would be selected if those before it were not there.
    Eligible,
    /// Passed over.
    Rejected,
}

/// Why a tag was selected or not. `Display` gives a sentence without a full stop, such as ``excluded by ^.*\.sig$``.
#[derive(Clone, Debug)]
pub struct Reason<'a>(Why<'a>);

#[derive(Clone, Debug)]
pub(super) enum Why<'a> {
    Excluded {
        pattern: &'a str,
    },
    Unmatched {
        pattern: &'a str,
    },
    Unfit {
        key: Cow<'a, str>,
        ranking: &'a Ranking,
    },
    Latest {
        key: Cow<'a, str>,
        ranking: &'a Ranking,
        eligible: usize,
    },
    /// Most tags of a large repository end here: what their sentences share is put together once.
    Outranked {
        key: Option<Cow<'a, str>>,
        shared: Arc<str>,
    },
    Tied {
        latest: &'a str,
    },
}

/// A tag's way through the policy; `None` once its verdict is made.
type Entry<'a> = Option<Result<Candidate<'a>, Why<'a>>>;

pub(super) fn explain<'a, T: AsRef<str> + Sync>(selector: &'a Selector, tags: &'a [T]) -> Vec<Verdict<'a>> {
    let mut entries: Vec<Entry<'a>> = screened(selector, tags);
    let places = places(&selector.ranking, &entries);
    let mut verdicts = Vec::with_capacity(tags.len());
    let mut places = places.into_iter();
    if let Some(best) = places.next().and_then(|place| candidate_at(&mut entries, place.index)) {
        let (latest, shared) = (best.tag, outranked_sentence(&selector.ranking, best.tag));
        verdicts.push(latest_verdict(best, &selector.ranking, 1 + places.len()));
        let eligible = places.filter_map(|place| Some((candidate_at(&mut entries, place.index)?, place.is_tied)));
        verdicts.extend(eligible.map(|(candidate, is_tied)| {
            let why = if is_tied { Why::Tied { latest } } else { outranked(candidate.key, &selector.ranking, &shared) };
            Verdict { tag: candidate.tag, outcome: Outcome::Eligible, reason: Reason(why) }
        }));
    }
    let rejected = tags.iter().zip(entries).filter_map(|(tag, entry)| Some((tag.as_ref(), entry?)));
    verdicts.extend(rejected.map(|(tag, entry)| rejected_verdict(tag, entry, &selector.ranking)));
    verdicts
}

fn candidate_at<'a>(entries: &mut [Entry<'a>], index: usize) -> Option<Candidate<'a>> {
    entries[index].take()?.ok()
}

fn screened<'a, T: AsRef<str> + Sync>(selector: &'a Selector, tags: &'a [T]) -> Vec<Entry<'a>> {
    tags.par_iter()
        .with_min_len(chunk_length(tags.len()))
        .map_init(|| Screen::new(selector), |screen, tag| Some(screen.candidate(tag.as_ref())))
        .collect()
}

/// Where a tag that qualifies stands among the others.
struct Place {
    index: usize,
    /// Has the same key as the latest tag.
    is_tied: bool,
}

/// The tags that qualify, best first.
fn places(ranking: &Ranking, entries: &[Entry<'_>]) -> Vec<Place> {
    let candidate = |index: usize| entries[index].as_ref().and_then(|entry| entry.as_ref().ok());
    let prefix = |index: usize| {
        let key = ranking.key(&candidate(index)?.key).ok().filter(|key| ranking.is_in_range(key))?;
        Some((ranking.prefix(&key), index))
    };
    let compare = |left: usize, right: usize| match (candidate(left), candidate(right)) {
        (Some(left), Some(right)) => compare_keys(ranking, left, right),
        _ => Ordering::Equal,
    };
    let mut qualified: Vec<(u128, usize)> = (0..entries.len()).into_par_iter().filter_map(prefix).collect();
    qualified.par_sort_unstable_by(|left, right| {
        let by_key = right.0.cmp(&left.0).then_with(|| compare(right.1, left.1));
        by_key.then_with(|| candidate(right.1).map(|right| right.tag).cmp(&candidate(left.1).map(|left| left.tag)))
    });
    let Some(&(best_prefix, best)) = qualified.first() else { return Vec::new() };
    let is_tied = |prefix, index| prefix == best_prefix && compare(index, best).is_eq();
    qualified.into_iter().map(|(prefix, index)| Place { index, is_tied: is_tied(prefix, index) }).collect()
}

fn compare_keys(ranking: &Ranking, left: &Candidate<'_>, right: &Candidate<'_>) -> Ordering {
    match (ranking.key(&left.key), ranking.key(&right.key)) {
        (Ok(left), Ok(right)) => ranking.compare(&left, &right),
        _ => Ordering::Equal,
    }
}

fn latest_verdict<'a>(candidate: Candidate<'a>, ranking: &'a Ranking, eligible: usize) -> Verdict<'a> {
    let reason = Reason(Why::Latest { key: candidate.key, ranking, eligible });
    Verdict { tag: candidate.tag, outcome: Outcome::Latest, reason }
}

/// Versions need no mention in the sentence: the tag is the subject already.
fn outranked<'a>(key: Cow<'a, str>, ranking: &Ranking, shared: &Arc<str>) -> Why<'a> {
    let needs_key = !matches!(ranking, Ranking::Version { .. });
    Why::Outranked { key: needs_key.then_some(key), shared: Arc::clone(shared) }
}

fn outranked_sentence(ranking: &Ranking, latest: &str) -> Arc<str> {
    let sentence = match ranking {
        Ranking::Version { range, .. } => format!("satisfies {} but {latest} is higher", range.as_str()),
        Ranking::Number(Direction::Ascending) => format!(" is lower than the number of {latest}"),
        Ranking::Number(Direction::Descending) => format!(" is higher than the number of {latest}"),
        Ranking::Text(Direction::Ascending) => format!(" comes before {latest} in byte order"),
        Ranking::Text(Direction::Descending) => format!(" comes after {latest} in byte order"),
    };
    sentence.into()
}

fn rejected_verdict<'a>(tag: &'a str, entry: Result<Candidate<'a>, Why<'a>>, ranking: &'a Ranking) -> Verdict<'a> {
    let why = entry.map_or_else(|why| why, |candidate| Why::Unfit { key: candidate.key, ranking });
    Verdict { tag, outcome: Outcome::Rejected, reason: Reason(why) }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Excluded { pattern } => write!(f, "excluded by {pattern}"),
            Why::Unmatched { pattern } => write!(f, "does not match pattern {pattern}"),
            Why::Unfit { key, ranking } => print_unfit(f, key, ranking),
            Why::Latest { key, ranking, eligible } => print_latest(f, key, ranking, *eligible),
            Why::Outranked { key, shared } => print_outranked(f, key.as_deref(), shared),
            Why::Tied { latest } => write!(f, "ranks the same as {latest}, which is greater in byte order"),
        }
    }
}

fn print_unfit(f: &mut fmt::Formatter<'_>, key: &str, ranking: &Ranking) -> fmt::Result {
    match ranking.unfit(key) {
        Some(Unfit::Version(error)) => write!(f, "{key:?} is not a semantic version ({error})"),
        Some(Unfit::Number(error)) => write!(f, "{key:?} {error}"),
        Some(Unfit::OutOfRange(mismatch)) => write!(f, "{key} {mismatch}"),
        None => unreachable!("only what is unfit gets this reason"),
    }
}

fn print_latest(f: &mut fmt::Formatter<'_>, key: &str, ranking: &Ranking, eligible: usize) -> fmt::Result {
    match ranking {
        Ranking::Version { range, .. } => write!(f, "satisfies {} and is the highest of {eligible}", range.as_str()),
        Ranking::Number(Direction::Ascending) => write!(f, "{key} is the highest number of {eligible}"),
        Ranking::Number(Direction::Descending) => write!(f, "{key} is the lowest number of {eligible}"),
        Ranking::Text(Direction::Ascending) => write!(f, "{} is the last of {eligible} in byte order", quoted(key)),
        Ranking::Text(Direction::Descending) => write!(f, "{} is the first of {eligible} in byte order", quoted(key)),
    }
}

fn print_outranked(f: &mut fmt::Formatter<'_>, key: Option<&str>, shared: &str) -> fmt::Result {
    if let Some(key) = key {
        f.write_str(&quoted(key))?;
    }
    f.write_str(shared)
}

/// A key as it is, or in quotes when it is empty or has something that would disturb a terminal.
fn quoted(key: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if key.is_empty() || !key.bytes().all(is_plain) { Cow::Owned(format!("{key:?}")) } else { Cow::Borrowed(key) }
}
