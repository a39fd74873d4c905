//! The ledger: what it tells of what was recorded, in this run and the next.

mod bounds;
mod file;
mod group;
mod model;
mod verbs;

use jiff::{SignedDuration, Timestamp};
use tagwright::image::{Digest, Tag};
use tagwright::ledger::{Ledger, ScanNews, Scanned, View};
use tagwright::object::NamespacedName;
use tempfile::TempDir;

pub(crate) struct Lab {
    pub(crate) state: TempDir,
    pub(crate) ledger: Ledger,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let state = tempfile::tempdir().expect("a temporary folder");
        let ledger = open(&state);
        Self { state, ledger }
    }

    /// The next run.
    pub(crate) fn again(self) -> Self {
        let Self { state, ledger } = self;
        drop(ledger);
        let ledger = open(&state);
        Self { state, ledger }
    }
}

fn open(state: &TempDir) -> Ledger {
    let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
    assert_eq!(warning, None);
    ledger
}

pub(crate) fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    start + SignedDuration::from_mins(minutes)
}

pub(crate) fn view() -> View {
    View::new(&"nginx".parse().expect("a repository"), "")
}

pub(crate) fn tags(text: &str) -> Vec<Tag> {
    text.split_whitespace().map(|tag| tag.parse().expect("a tag")).collect()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

pub(crate) fn digest(number: u32) -> Digest {
    format!("sha256:{number:064x}").parse().expect("a digest")
}

pub(crate) fn scan(ledger: &Ledger, view: &View, found: &str, minutes: i64) -> ScanNews {
    let found = tags(found);
    ledger.record_scan(view, &Scanned { tags: &found, etag: None }, at(minutes)).wait().expect("a scan")
}

#[test]
fn scans_tell_what_is_new_across_runs() {
    let lab = Lab::new();
    let news = |is_first, added, vanished, returned| ScanNews {
        is_first,
        added: tags(added),
        vanished: tags(vanished),
        returned: tags(returned),
    };
    assert_eq!(lab.ledger.scan(&view(), at(0)).expect("an answer"), None);
    assert_eq!(scan(&lab.ledger, &view(), "b a", 0), news(true, "a b", "", ""));
    assert_eq!(scan(&lab.ledger, &view(), "a b", 1), news(false, "", "", ""));
    let lab = lab.again();
    assert_eq!(scan(&lab.ledger, &view(), "b c", 2), news(false, "c", "a", ""));
    assert_eq!(scan(&lab.ledger, &view(), "a c", 3), news(false, "", "b", "a"));
    lab.ledger.touch_scan(&view(), at(4)).wait().expect("a touch");
    let lab = lab.again();
    let stored = lab.ledger.scan(&view(), at(5)).expect("an answer").expect("a scan");
    assert_eq!((stored.at, stored.tags, stored.etag), (at(4), tags("a c"), None));
    let facts = |name: &str| lab.ledger.tag(&view(), &tag(name), at(9)).expect("an answer").expect("facts");
    assert_eq!((facts("a").first_seen, facts("a").vanished), (at(0), None));
    assert_eq!((facts("b").first_seen, facts("b").vanished), (at(0), Some(at(3))));
    assert_eq!(lab.ledger.tag(&view(), &tag("d"), at(9)).expect("an answer"), None);
    // Another credential is another view.
    let other = View { access: "secretRef=team/registry".to_owned(), ..view() };
    assert_eq!(lab.ledger.scan(&other, at(9)).expect("an answer"), None);
}

#[test]
fn a_tag_that_moved_is_told_with_where_it_was() {
    let lab = Lab::new();
    let record = |lab: &Lab, number, minutes| {
        lab.ledger.record_digest(&view(), &tag("a"), &digest(number), at(minutes)).wait().expect("a digest")
    };
    scan(&lab.ledger, &view(), "a", 0);
    let first = record(&lab, 1, 1);
    assert_eq!((first.first_seen, first.moved_from), (at(1), None));
    let same = record(&lab, 1, 2);
    assert_eq!((same.first_seen, same.moved_from), (at(1), None));
    let lab = lab.again();
    let moved = record(&lab, 2, 3);
    assert_eq!((moved.first_seen, moved.moved_from), (at(3), Some((digest(1), at(1)))));
    let back = record(&lab, 1, 4);
    assert_eq!((back.first_seen, back.moved_from), (at(4), Some((digest(2), at(3)))));
    let facts = lab.ledger.tag(&view(), &tag("a"), at(9)).expect("an answer").expect("facts");
    assert_eq!(facts.digests, [(digest(1), at(1)), (digest(2), at(3)), (digest(1), at(4))]);
}

#[test]
fn build_times_and_latest_images_are_kept() {
    let lab = Lab::new();
    let policy = NamespacedName::new("apps", "web");
    let image = |text: &str| text.parse().expect("an image");
    lab.ledger.record_created(&digest(1), at(-9), at(0)).wait().expect("a time");
    lab.ledger.record_latest(&policy, &image("nginx:1"), "x", at(1)).wait().expect("a latest");
    lab.ledger.record_latest(&policy, &image("nginx:1"), "y", at(2)).wait().expect("a latest");
    let lab = lab.again();
    assert_eq!(lab.ledger.created(&digest(1)).expect("an answer"), Some(at(-9)));
    assert_eq!(lab.ledger.created(&digest(2)).expect("an answer"), None);
    let latest = || lab.ledger.latest(&policy, at(9)).expect("an answer").expect("a latest");
    assert_eq!((latest().image.written(), latest().previous, latest().since), ("nginx:1".to_owned(), None, at(1)));
    assert_eq!(latest().specs, "y");
    lab.ledger.record_latest(&policy, &image("nginx:2"), "y", at(3)).wait().expect("a latest");
    assert_eq!((latest().image, latest().previous), (image("nginx:2"), Some(image("nginx:1"))));
    assert_eq!(latest().since, at(3));
    assert_eq!(lab.ledger.latest(&NamespacedName::new("apps", "other"), at(9)).expect("an answer"), None);
}
