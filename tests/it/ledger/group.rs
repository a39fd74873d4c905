//! Many who record at once: they share transactions, and each is told what became of its own.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tagwright::image::Tag;
use tagwright::ledger::{Ledger, LedgerError, Scanned, View};

use super::{Lab, at, digest, scan, tag, view};

/// Where the child of a test writes, and nothing in other processes.
const CHILD: &str = "TAGWRIGHT_TEST_LEDGER_AT_ONCE";
const WRITERS: u32 = 32;

/// No test: what the children of the test below do. Each thread tells the number of each fact once it is recorded.
#[test]
fn child_that_writes_at_once() {
    let Some(state) = std::env::var_os(CHILD) else { return };
    let (ledger, _) = Ledger::open(Path::new(&state)).expect("a ledger");
    let write = || {
        loop {
            let number = fastrand::u32(..);
            ledger.record_created(&digest(number), at(1), at(2)).wait().expect("a time");
            let mut out = std::io::stdout().lock();
            writeln!(out, "wrote {number}").and_then(|()| out.flush()).expect("a pipe");
        }
    };
    thread::scope(|scope| (0..WRITERS).for_each(|_| drop(scope.spawn(write))));
}

#[test]
fn killed_while_many_write_it_holds_all_that_was_acknowledged() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = BTreeSet::new();
    for _ in 0..8 {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "ledger::group::child_that_writes_at_once", "--nocapture"]);
        command.env(CHILD, state.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut writers = command.spawn().expect("the program starts");
        let lines = BufReader::new(writers.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let reader = thread::spawn(move || {
            let numbers = lines.filter_map(|line| line.strip_prefix("wrote ")?.parse::<u32>().ok());
            numbers.collect::<Vec<u32>>()
        });
        thread::sleep(Duration::from_millis(fastrand::u64(100..400)));
        writers.kill().expect("a child of ours");
        writers.wait().expect("it ends");
        acknowledged.extend(reader.join().expect("a reader"));
        let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
        assert_eq!(warning, None);
        for number in &acknowledged {
            let known = ledger.created(&digest(*number)).expect("an answer");
            assert_eq!(known, Some(at(1)), "{number} of {}", acknowledged.len());
        }
    }
    assert!(acknowledged.len() > 100, "only {} facts were written", acknowledged.len());
}

#[test]
fn those_who_write_at_once_share_transactions() {
    let lab = Lab::new();
    let write = |writer: u32| {
        for number in writer * 50..(writer + 1) * 50 {
            lab.ledger.record_created(&digest(number), at(1), at(2)).wait().expect("a time");
        }
    };
    thread::scope(|scope| (0..WRITERS).for_each(|writer| drop(scope.spawn(move || write(writer)))));
    let transactions = lab.ledger.transactions();
    assert!(transactions < 50 * u64::from(WRITERS) / 4, "{transactions} transactions");
    let lab = lab.again();
    for number in 0..50 * WRITERS {
        assert_eq!(lab.ledger.created(&digest(number)).expect("an answer"), Some(at(1)));
    }
}

#[test]
fn what_one_may_not_record_does_not_concern_the_others() {
    let lab = Lab::new();
    let many: Vec<Tag> = (0..1_000_001).map(|number| tag(&number.to_string())).collect();
    let (few, etag) = (&many[..100], None);
    // The first transaction is under way while the others wait together.
    let first = lab.ledger.record_scan(&view(), &Scanned { tags: few, etag }, at(0));
    let before = lab.ledger.record_digest(&view(), &tag("1"), &digest(1), at(1));
    let refused = lab.ledger.record_scan(&view(), &Scanned { tags: &many, etag }, at(2));
    let after = lab.ledger.record_digest(&view(), &tag("1"), &digest(2), at(3));
    let error = refused.wait().expect_err("too many");
    assert!(matches!(error, LedgerError::TooMany { what: "tags", max: 1_000_000, .. }), "{error:?}");
    assert_eq!(first.wait().expect("a scan").added.len(), 100);
    assert_eq!(before.wait().expect("a digest").moved_from, None);
    assert_eq!(after.wait().expect("a digest").moved_from, Some((digest(1), at(1))));
    assert_eq!(lab.ledger.scan(&view(), at(9)).expect("an answer").expect("a scan").tags.len(), 100);
}

#[tokio::test]
async fn tasks_await_what_they_record_and_need_not() {
    let lab = Lab::new();
    let forgotten = lab.ledger.record_created(&digest(1), at(1), at(2));
    drop(forgotten);
    lab.ledger.record_created(&digest(2), at(1), at(2)).await.expect("a time");
    assert_eq!(lab.ledger.created(&digest(1)).expect("an answer"), Some(at(1)));
    // What is known is told at once, and what waits is not passed over.
    let image = |text: &str| text.parse().expect("an image");
    let policy = tagwright::object::NamespacedName::new("apps", "web");
    for name in ["nginx:1", "nginx:2", "nginx:1", "nginx:1"] {
        drop(lab.ledger.record_latest(&policy, &image(name), "x", at(3)));
    }
    lab.ledger.record_latest(&policy, &image("nginx:1"), "x", at(4)).await.expect("a latest");
    let latest = lab.ledger.latest(&policy, at(9)).expect("an answer").expect("a latest");
    assert_eq!((latest.image, latest.previous), (image("nginx:1"), Some(image("nginx:2"))));
}

#[test]
fn a_scan_without_its_tags_tells_whether_they_are_the_same() {
    let lab = Lab::new();
    let last_scan = |minutes| {
        let other = View { access: "other".to_owned(), ..view() };
        let mut scans = lab.ledger.last_scans(&[view(), other], at(minutes)).expect("an answer");
        assert_eq!((scans.len(), scans.pop()), (2, Some(None)));
        scans.pop().flatten()
    };
    assert_eq!(last_scan(0), None);
    scan(&lab.ledger, &view(), "b a", 1);
    let last = last_scan(2).expect("a scan");
    assert_eq!((last.at, &last.etag), (at(1), &None));
    assert!(last.found(&super::tags("a b")) && !last.found(&super::tags("a b c")));
    // It is not whole any more.
    lab.ledger.record_digest(&view(), &tag("c"), &digest(1), at(3)).wait().expect("a digest");
    assert_eq!(last_scan(4), None);
}
