//! What the ledger forgets, and when.

use tagwright::image::Tag;
use tagwright::ledger::{Fact, Ledger, LedgerError, Scanned, View};

use super::{Lab, at, digest, scan, tag, view};

const DAY: i64 = 24 * 60;

fn other(name: &str) -> View {
    View { repository: format!("docker.io/acme/{name}"), ..view() }
}

/// A service that scans one view each day.
fn days(ledger: &Ledger, range: std::ops::RangeInclusive<i64>) {
    for day in range {
        scan(ledger, &other("daily"), "x", day * DAY);
    }
}

fn is_known(ledger: &Ledger, view: &View, name: &str, day: i64) -> bool {
    ledger.tag(view, &tag(name), at(day * DAY)).expect("an answer").is_some()
}

#[test]
fn a_tag_that_vanished_is_known_for_thirty_days() {
    let lab = Lab::new();
    scan(&lab.ledger, &view(), "a b", 0);
    lab.ledger.record_digest(&view(), &tag("a"), &digest(1), at(1)).wait().expect("a digest");
    scan(&lab.ledger, &view(), "b", DAY);
    days(&lab.ledger, 2..=30);
    assert!(is_known(&lab.ledger, &view(), "a", 30));
    days(&lab.ledger, 31..=33);
    assert!(!is_known(&lab.ledger, &view(), "a", 33));
    assert!(is_known(&lab.ledger, &view(), "b", 33));
    assert_eq!(scan(&lab.ledger, &view(), "a b", 34 * DAY).added, super::tags("a"));
    let back = lab.ledger.tag(&view(), &tag("a"), at(34 * DAY)).expect("an answer").expect("facts");
    assert!(back.digests.is_empty());
}

#[test]
fn a_view_that_nothing_scans_goes_after_ninety_days_and_a_gap_forgets_nothing() {
    let lab = Lab::new();
    scan(&lab.ledger, &view(), "a b", 0);
    days(&lab.ledger, 0..=90);
    assert!(is_known(&lab.ledger, &view(), "a", 90));
    days(&lab.ledger, 91..=92);
    assert!(!is_known(&lab.ledger, &view(), "a", 92));
    assert!(is_known(&lab.ledger, &other("daily"), "x", 92));
    // It comes back as a new one.
    assert!(scan(&lab.ledger, &view(), "a", 93 * DAY).is_first);
    assert!(!is_known(&lab.ledger, &view(), "b", 93));

    let lab = Lab::new();
    scan(&lab.ledger, &view(), "a b", 0);
    scan(&lab.ledger, &view(), "a", 1);
    days(&lab.ledger, 0..=1);
    // A year off, or a clock that jumped: what is in use is seen again within a day.
    days(&lab.ledger, 366..=366);
    assert!(is_known(&lab.ledger, &view(), "b", 366));
    scan(&lab.ledger, &view(), "a", 366 * DAY + 10);
    days(&lab.ledger, 367..=368);
    assert!(is_known(&lab.ledger, &view(), "a", 368) && !is_known(&lab.ledger, &view(), "b", 368));
}

#[test]
fn the_first_digest_and_the_newest_ones_stay() {
    let lab = Lab::new();
    for number in 0..120 {
        lab.ledger.record_digest(&view(), &tag("a"), &digest(number), at(number.into())).wait().expect("a digest");
    }
    let facts = lab.ledger.tag(&view(), &tag("a"), at(999)).expect("an answer").expect("facts");
    let expected: Vec<_> =
        std::iter::once(0).chain(71..120).map(|number| (digest(number), at(number.into()))).collect();
    assert_eq!(facts.digests, expected);
}

#[test]
fn too_many_tags_are_refused_and_the_ledger_works_on() {
    let lab = Lab::new();
    let many: Vec<Tag> = (0..1_000_001).map(|number| tag(&number.to_string())).collect();
    let error =
        lab.ledger.record_scan(&view(), &Scanned { tags: &many, etag: None }, at(0)).wait().expect_err("too many");
    assert!(matches!(error, LedgerError::TooMany { what: "tags", max: 1_000_000, .. }), "{error:?}");
    assert_eq!(error.to_string(), "remembering docker.io/library/nginx: more than 1000000 tags");
    scan(&lab.ledger, &view(), "a", 1);
}

#[test]
fn what_is_imported_has_the_bounds_of_what_is_recorded() {
    let lab = Lab::new();
    scan(&lab.ledger, &view(), "a", 0);
    let import = |facts: Vec<Fact>| lab.ledger.import(facts, at(1)).wait();
    let fact = |number: u32, vanished| Fact::Tag {
        view: view(),
        tag: tag(&format!("v{number}")),
        first_seen: at(0),
        vanished,
    };
    let seen = |number: u32| Fact::Digest { view: view(), tag: tag("b"), digest: digest(number), since: at(0) };
    // The first line of them would have room: all or nothing.
    let error = import((0..1_000_000).map(|number| fact(number, None)).collect()).expect_err("too many");
    assert_eq!(error.to_string(), "remembering docker.io/library/nginx: more than 1000000 tags");
    assert!(!is_known(&lab.ledger, &view(), "v0", 1));
    import((0..100_000).map(|number| fact(number, Some(at(1)))).collect()).expect("room");
    // Those that are known already need none.
    import(vec![fact(1, Some(at(1))), seen(1)]).expect("room");
    let error = import(vec![seen(2), fact(100_000, Some(at(1)))]).expect_err("too many");
    assert_eq!(error.to_string(), "remembering docker.io/library/nginx: more than 100000 vanished tags");
    let facts = lab.ledger.tag(&view(), &tag("b"), at(1)).expect("an answer").expect("facts");
    assert_eq!(facts.digests, [(digest(1), at(0))]);
    let created = |number: u32| Fact::Created { digest: digest(number), created: at(0) };
    import((0..200_100).map(created).collect()).expect("room");
    let is_known = |number| lab.ledger.created(&digest(number)).expect("an answer").is_some();
    assert!(!is_known(99) && is_known(100) && is_known(200_099));
}

#[test]
fn of_too_many_views_the_one_goes_that_was_not_scanned_for_longest() {
    let lab = Lab::new();
    // Ten are of one age, the oldest.
    let when = |number: i64| at(0) + jiff::SignedDuration::from_secs(number.max(9));
    let name = |number: i64| other(&number.to_string());
    let record = |number: i64| {
        let found = [tag("a")];
        lab.ledger.record_scan(&name(number), &Scanned { tags: &found, etag: None }, when(number))
    };
    let recordings: Vec<_> = (0..10_000).map(record).collect();
    recordings.into_iter().for_each(|recording| drop(recording.wait().expect("a scan")));
    let is_there = |number| lab.ledger.scan(&name(number), at(DAY)).expect("an answer").is_some();
    assert!(is_there(0) && is_there(9_999));
    for new in 10_000..10_012 {
        record(new).wait().expect("a scan");
        let gone = new - 10_000;
        assert!(!is_there(gone) && is_there(gone + 1) && is_there(new), "{new}");
    }
    // What only confirms a scan that is gone makes no view.
    lab.ledger.touch_scan(&name(0), at(DAY)).wait().expect("a touch");
    assert!(!is_there(0) && is_there(12));
    assert!(lab.ledger.transactions() < 1000, "{}", lab.ledger.transactions());
}
