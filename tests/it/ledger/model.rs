//! The ledger against a simple model of it, over random histories; and what holds whatever the clock does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tagwright::image::{Digest, Tag};
use tagwright::ledger::{ScanNews, Scanned, View};

use super::{Lab, at, digest, view};

#[derive(Clone, Debug)]
enum Step {
    Scan { view: u8, tags: BTreeSet<u8> },
    Touch { view: u8 },
    Digest { view: u8, tag: u8, digest: u32 },
    Wait { minutes: i64 },
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    let tags = prop::collection::btree_set(0..8u8, 0..6);
    prop_oneof![
        4 => (0..2u8, tags).prop_map(|(view, tags)| Step::Scan { view, tags }),
        1 => (0..2u8).prop_map(|view| Step::Touch { view }),
        4 => (0..2u8, 0..8u8, 0..3u32).prop_map(|(view, tag, digest)| Step::Digest { view, tag, digest }),
        3 => (1..3000i64).prop_map(|minutes| Step::Wait { minutes }),
        1 => Just(Step::Again),
    ]
}

/// What the ledger is to remember, said plainly.
#[derive(Default)]
struct Model {
    scans: BTreeMap<View, (Timestamp, BTreeSet<Tag>)>,
    tags: BTreeMap<(View, Tag), Known>,
}

#[derive(Clone, Default)]
struct Known {
    first_seen: Timestamp,
    vanished: Option<Timestamp>,
    digests: Vec<(Digest, Timestamp)>,
}

impl Model {
    fn scan(&mut self, view: &View, found: &BTreeSet<Tag>, now: Timestamp) -> ScanNews {
        let mut news = ScanNews { is_first: !self.scans.contains_key(view), ..ScanNews::default() };
        for tag in found {
            match self.tags.get_mut(&(view.clone(), tag.clone())) {
                None => {
                    self.tags.insert((view.clone(), tag.clone()), Known { first_seen: now, ..Known::default() });
                    news.added.push(tag.clone());
                }
                Some(known) => news.returned.extend(known.vanished.take().map(|_| tag.clone())),
            }
        }
        for ((of, tag), known) in &mut self.tags {
            if of == view && !found.contains(tag) && known.vanished.is_none() {
                known.vanished = Some(now);
                news.vanished.push(tag.clone());
            }
        }
        self.scans.insert(view.clone(), (now, found.clone()));
        news
    }

    fn digest(&mut self, view: &View, tag: &Tag, digest: &Digest, now: Timestamp) -> Option<(Digest, Timestamp)> {
        let new = Known { first_seen: now, ..Known::default() };
        let known = self.tags.entry((view.clone(), tag.clone())).or_insert(new);
        let last = known.digests.last().cloned();
        if last.as_ref().is_some_and(|(last, _)| last == digest) {
            return None;
        }
        known.vanished = None;
        known.digests.push((digest.clone(), now));
        last
    }

    fn check(&self, lab: &Lab, now: Timestamp) {
        for ((view, tag), known) in &self.tags {
            let facts = lab.ledger.tag(view, tag, now).expect("an answer").expect("facts");
            assert_eq!((facts.first_seen, facts.vanished), (known.first_seen, known.vanished), "{view:?} {tag}");
            assert_eq!(facts.digests, known.digests, "{view:?} {tag}");
        }
        for (view, (when, tags)) in &self.scans {
            let present =
                |(of, tag): &(View, Tag)| of == view && self.tags[&(of.clone(), tag.clone())].vanished.is_none();
            let all: BTreeSet<Tag> = self.tags.keys().filter(|key| present(key)).map(|(_, tag)| tag.clone()).collect();
            match lab.ledger.scan(view, now).expect("an answer") {
                Some(scan) => {
                    assert_eq!((scan.at, scan.tags), (*when, tags.iter().cloned().collect()), "{view:?}");
                }
                // A tag that only its digest tells of makes the next scan due.
                None => assert_ne!(&all, tags, "{view:?}"),
            }
        }
    }
}

fn view_of(number: u8) -> View {
    View { access: if number == 0 { String::new() } else { format!("secretRef=team-{number}/x") }, ..view() }
}

fn tag_of(number: u8) -> Tag {
    format!("v{number}").parse().expect("a tag")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_remembers_what_a_simple_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let (mut lab, mut model, mut now) = (Lab::new(), Model::default(), at(0));
        let mut waited = 0;
        for step in steps {
            match step {
                Step::Scan { view, tags } => {
                    let (view, tags): (_, BTreeSet<Tag>) = (view_of(view), tags.into_iter().map(tag_of).collect());
                    let mut shuffled: Vec<Tag> = tags.iter().cloned().collect();
                    fastrand::shuffle(&mut shuffled);
                    let news = lab.ledger.record_scan(&view, &Scanned { tags: &shuffled, etag: None }, now);
                    assert_eq!(news.wait().expect("a scan"), model.scan(&view, &tags, now));
                }
                Step::Touch { view } => {
                    let view = view_of(view);
                    lab.ledger.touch_scan(&view, now).wait().expect("a touch");
                    if let Some((when, _)) = model.scans.get_mut(&view) {
                        *when = now;
                    }
                }
                Step::Digest { view, tag, digest: number } => {
                    let (view, tag) = (view_of(view), tag_of(tag));
                    let news = lab.ledger.record_digest(&view, &tag, &digest(number), now).wait().expect("a digest");
                    assert_eq!(news.moved_from, model.digest(&view, &tag, &digest(number), now));
                    assert_eq!(news.first_seen, model.tags[&(view, tag)].digests.last().expect("a digest").1);
                }
                // Vanished tags are forgotten only later than this test goes.
                Step::Wait { minutes } if waited + minutes < 29 * 24 * 60 => {
                    waited += minutes;
                    now += SignedDuration::from_mins(minutes);
                }
                Step::Wait { .. } => {}
                Step::Again => lab = lab.again(),
            }
            model.check(&lab, now);
        }
    }

    #[test]
    fn whatever_the_clock_does_nothing_is_seen_in_the_future_and_order_holds(
        steps in prop::collection::vec((step(), prop_oneof![
            6 => 0..120i64,
            1 => Just(365 * 24 * 60),
            1 => Just(-365 * 24 * 60),
            1 => -120..0i64,
        ]), 1..40)
    ) {
        let (mut lab, mut minutes) = (Lab::new(), 0);
        let mut order: BTreeMap<(u8, u8), Vec<Digest>> = BTreeMap::new();
        for (step, jump) in steps {
            minutes += jump;
            let now = at(minutes);
            match step {
                Step::Scan { view, tags } => {
                    let tags: Vec<Tag> = tags.into_iter().map(tag_of).collect();
                    let scanned = Scanned { tags: &tags, etag: None };
                    lab.ledger.record_scan(&view_of(view), &scanned, now).wait().expect("a scan");
                }
                Step::Touch { view } => lab.ledger.touch_scan(&view_of(view), now).wait().expect("a touch"),
                Step::Digest { view, tag, digest: number } => {
                    let (view_of, tag_of) = (view_of(view), tag_of(tag));
                    lab.ledger.record_digest(&view_of, &tag_of, &digest(number), now).wait().expect("a digest");
                    let seen = order.entry((view, tag)).or_default();
                    if seen.last() != Some(&digest(number)) {
                        seen.push(digest(number));
                    }
                }
                Step::Wait { .. } => {}
                Step::Again => lab = lab.again(),
            }
            for ((view, tag), seen) in &order {
                // A jump of a year may be a year without us: what had vanished before is then forgotten.
                let Some(facts) = lab.ledger.tag(&view_of(*view), &tag_of(*tag), now).expect("an answer") else { continue };
                prop_assert!(facts.first_seen <= now && facts.vanished.is_none_or(|time| time <= now));
                prop_assert!(facts.digests.iter().all(|(_, since)| *since <= now));
                prop_assert!(facts.digests.is_sorted_by_key(|(_, since)| *since));
                let digests: Vec<Digest> = facts.digests.into_iter().map(|(digest, _)| digest).collect();
                prop_assert!(seen.ends_with(&digests), "{seen:?} {digests:?}");
            }
            if let Some(scan) = lab.ledger.scan(&view_of(0), now).expect("an answer") {
                prop_assert!(scan.at <= now);
            }
        }
    }
}

#[test]
fn a_clock_that_is_wrong_for_a_while_makes_nothing_old_and_a_right_one_is_believed_in_the_end() {
    const YEAR: i64 = 365 * 24 * 60;
    let first_seen = |lab: &Lab, name: &str, now: i64| {
        let tag = name.parse().expect("a tag");
        lab.ledger.tag(&view(), &tag, at(now)).expect("an answer").expect("facts").first_seen
    };
    // Behind, as before its first synchronisation.
    let lab = Lab::new();
    super::scan(&lab.ledger, &view(), "a", 0);
    super::scan(&lab.ledger, &view(), "a b", -YEAR);
    super::scan(&lab.ledger, &view(), "a b c", 10);
    assert_eq!(["a", "b", "c"].map(|tag| first_seen(&lab, tag, 10)), [at(0), at(0), at(10)]);
    // Ahead, and put right: what was seen meanwhile is as old as the moment at which that showed.
    let lab = Lab::new();
    super::scan(&lab.ledger, &view(), "a", 0);
    super::scan(&lab.ledger, &view(), "a b", YEAR);
    super::scan(&lab.ledger, &view(), "a b c", 10);
    assert_eq!(["a", "b", "c"].map(|tag| first_seen(&lab, tag, 10)), [at(0), at(10), at(10)]);
    super::scan(&lab.ledger, &view(), "a b c d", 80);
    assert_eq!(["a", "b", "c", "d"].map(|tag| first_seen(&lab, tag, 99)), [at(0), at(10), at(10), at(80)]);
    assert_eq!(lab.ledger.scan(&view(), at(99)).expect("an answer").map(|scan| scan.at), Some(at(80)));
}
