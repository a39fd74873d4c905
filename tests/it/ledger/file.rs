//! The file of the ledger: killed writers, full disks, damage, other versions, other processes.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redb::{Database, TableDefinition};
use tagwright::engine::memory::Memory;
use tagwright::ledger::{Fact, Ledger, LedgerError, Scanned};

use super::{Lab, at, digest, scan, tag, view};
use crate::servers::block_on;

/// Where the child of a test writes, and nothing in other processes.
const CHILD: &str = "TAGWRIGHT_TEST_LEDGER";

/// No test: what the children of the tests below do. Tells the number of each fact once it is recorded.
#[test]
fn child_that_writes_until_it_fails() {
    let Some(state) = std::env::var_os(CHILD) else { return };
    let (ledger, _) = Ledger::open(Path::new(&state)).expect("a ledger");
    let mut out = std::io::stdout();
    for number in first_unwritten(&ledger).. {
        match write(&ledger, number) {
            Ok(()) => writeln!(out, "wrote {number}").and_then(|()| out.flush()).expect("a pipe"),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                println!("failed {error}: {cause}; hint: {}", error.hint().unwrap_or_default());
                let error = write(&ledger, number).expect_err("it is off");
                let cause = tagwright::engine::cause::Cause::from(error);
                println!("then {}; hint: {}", cause.message, cause.hint.unwrap_or_default());
                return;
            }
        }
    }
}

fn first_unwritten(ledger: &Ledger) -> u32 {
    (1..).find(|number| ledger.created(&digest(*number)).expect("an answer").is_none()).expect("an end")
}

fn write(ledger: &Ledger, number: u32) -> Result<(), LedgerError> {
    // Each scan finds a hundred new tags, so that the file grows.
    let tags: Vec<_> = (0..100).map(|of| tag(&format!("v{}", number * 100 + of))).collect();
    let etag = number.to_string();
    ledger.record_scan(&view(), &Scanned { tags: &tags, etag: Some(&etag) }, at(number.into())).wait()?;
    ledger.record_digest(&view(), &tag("moving"), &digest(number), at(number.into())).wait()?;
    ledger.record_created(&digest(number), at(0), at(number.into())).wait()
}

fn check_written(ledger: &Ledger, acknowledged: u32) {
    let now = at(10_000_000);
    for number in 1..=acknowledged {
        assert_eq!(ledger.created(&digest(number)).expect("an answer"), Some(at(0)), "{number} of {acknowledged}");
    }
    if acknowledged > 0 {
        // A writer may have been killed before it could tell of what it had written.
        let next = first_unwritten(ledger);
        let moving = ledger.tag(&view(), &tag("moving"), now).expect("an answer").expect("facts");
        let last = moving.digests.last().expect("a digest").clone();
        assert!([next - 1, next].map(|number| (digest(number), at(number.into()))).contains(&last), "{next}: {last:?}");
    }
}

fn child(state: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "ledger::file::child_that_writes_until_it_fails", "--nocapture"]);
    command.env(CHILD, state).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What a child said it had written last, read until its end.
fn acknowledged(child: &mut Child) -> (u32, Vec<String>) {
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let (wrote, other): (Vec<String>, Vec<String>) = lines.partition(|line| line.starts_with("wrote "));
    (wrote.last().map_or(0, |line| line["wrote ".len()..].parse().expect("a number")), other)
}

#[test]
fn killed_at_any_write_it_holds_all_that_was_acknowledged() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let mut last = 0;
    for _ in 0..20 {
        let mut writer = child(state.path()).spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..250)));
        writer.kill().expect("a child of ours");
        last = acknowledged(&mut writer).0.max(last);
        writer.wait().expect("it ends");
        let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
        assert_eq!(warning, None);
        check_written(&ledger, last);
    }
    assert!(last > 5, "only {last} facts were written");
}

#[test]
fn a_full_disk_is_an_error_with_advice_and_nothing_is_lost() {
    let state = tempfile::tempdir().expect("a temporary folder");
    drop(Ledger::open(state.path()).expect("a ledger"));
    let kilobytes = fs::metadata(state.path().join("ledger.redb")).expect("a file").len() / 1024;
    // A limit on the size of files fails writes as a full disk does, and needs no disk of its own.
    for room in [0, 100] {
        let program = child(state.path());
        let mut limited = Command::new("bash");
        let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kilobytes + room);
        limited.args(["-c", &limit, "bash"]).arg(program.get_program()).args(program.get_args());
        limited.env(CHILD, state.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut writer = limited.spawn().expect("bash runs");
        let (last, said) = acknowledged(&mut writer);
        writer.wait().expect("it ends");
        let said = said.join("\n");
        assert!(said.contains("failed recording in") && said.contains("File too large"), "{said}");
        assert!(said.contains("hint: make room on the disk of the state directory"), "{said}");
        let then = said.lines().find(|line| line.starts_with("then ")).expect("what is told later");
        assert!(then.contains("is off after an error, and tried again in a while: recording in "), "{said}");
        assert!(then.contains("File too large") && then.contains("hint: make room on the disk"), "{said}");
        let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
        assert_eq!(warning, None);
        check_written(&ledger, last);
    }
}

/// A ledger of many pages, and its facts.
fn full() -> (Lab, Vec<Fact>) {
    let lab = Lab::new();
    let names: String = (0..1000).map(|number| format!("tag-of-some-length-{number} ")).collect();
    scan(&lab.ledger, &view(), &names, 0);
    for number in 0..100 {
        let tag = tag(&format!("tag-of-some-length-{number}"));
        lab.ledger.record_digest(&view(), &tag, &digest(number), at(1)).wait().expect("a digest");
    }
    let facts = facts(&lab.ledger);
    (lab, facts)
}

fn facts(ledger: &Ledger) -> Vec<Fact> {
    let mut facts = Vec::new();
    let take = |fact| {
        facts.push(fact);
        std::ops::ControlFlow::Continue(())
    };
    ledger.facts(&Default::default(), at(100), take).expect("facts");
    facts
}

fn damaged(state: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(state).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().contains("ledger.redb.damaged-")).collect()
}

#[test]
fn a_damaged_file_is_set_aside_and_never_tells_a_wrong_fact() {
    let (Lab { state, ledger }, truth) = full();
    drop(ledger);
    let path = state.path().join("ledger.redb");
    let whole = fs::read(&path).expect("the file");
    let mut set_aside = 0;
    for round in 0..60 {
        fs::write(&path, &whole).expect("a write");
        let file = File::options().write(true).open(&path).expect("the file");
        // The header, then anywhere.
        let end = if round % 3 == 0 { 4096 } else { whole.len() as u64 };
        let at = fastrand::u64(0..end);
        let what = match round % 5 {
            0 => file.set_len(at).map(|()| "cut off"),
            1 => file.write_all_at(&[0; 4096], at).map(|()| "zeros"),
            2 => file.write_all_at(&std::array::from_fn::<u8, 64, _>(|_| fastrand::u8(..)), at).map(|()| "noise"),
            _ => file.write_all_at(&[whole[at as usize] ^ (1 << fastrand::u8(0..8))], at).map(|()| "a bit"),
        };
        let what = what.expect("a write");
        let (ledger, warning) = match Ledger::open(state.path()) {
            Ok(opened) => opened,
            // One byte tells the version of the file's layout, and a newer one is not touched.
            Err(LedgerError::Newer { .. }) => continue,
            Err(error) => panic!("{what} at {at}: {error}"),
        };
        match warning {
            None => assert!([truth.len(), 0].contains(&facts(&ledger).len()), "{what} at {at}"),
            Some(warning) => {
                set_aside += 1;
                assert!(warning.to_string().contains("is damaged") && warning.set_aside.exists(), "{warning}");
                assert!(facts(&ledger).is_empty(), "{what} at {at}");
            }
        }
        assert!(facts(&ledger).iter().all(|fact| truth.contains(fact)), "{what} at {at}");
        scan(&ledger, &view(), "works", 200);
    }
    assert!(set_aside > 5, "{set_aside}");
    assert_eq!(damaged(state.path()).len(), 3);
}

#[test]
fn damage_under_an_open_ledger_costs_the_memory_alone() {
    let (Lab { state, ledger }, _) = full();
    let ledger = {
        // Reopened, so that little of it is in the cache.
        drop(ledger);
        Ledger::open(state.path()).expect("a ledger").0
    };
    let path = state.path().join("ledger.redb");
    let length = fs::metadata(&path).expect("the file").len();
    let file = File::options().write(true).open(&path).expect("the file");
    file.write_all_at(&vec![0xa5; length as usize - 4096], 4096).expect("a write");
    for number in 0..200 {
        let tag = tag(&format!("tag-of-some-length-{number}"));
        // Whatever it says: it neither panics nor hangs.
        let _ = ledger.tag(&view(), &tag, at(9));
        let _ = ledger.record_digest(&view(), &tag, &digest(number + 500), at(9)).wait();
    }
    drop(ledger);
    let (ledger, _) = Ledger::open(state.path()).expect("a ledger");
    scan(&ledger, &view(), "works", 10);
    assert!(!damaged(state.path()).is_empty());
}

const META: TableDefinition<&str, i64> = TableDefinition::new("meta");

/// Makes a file of another version.
fn versioned(state: &Path, version: Option<i64>) {
    let database = Database::create(state.join("ledger.redb")).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    if let Some(version) = version {
        transaction.open_table(META).expect("a table").insert("schema", version).expect("a row");
    }
    transaction.commit().expect("a commit");
}

#[test]
fn a_newer_file_is_refused_and_left_alone_and_an_older_one_is_migrated() {
    let state = tempfile::tempdir().expect("a temporary folder");
    versioned(state.path(), Some(99));
    let before = fs::read(state.path().join("ledger.redb")).expect("the file").len();
    let error = Ledger::open(state.path()).expect_err("a newer file");
    assert!(error.to_string().contains("written by a newer tagwright (version 99 of its tables; this one knows 1)"));
    assert!(error.hint().is_some());
    assert_eq!(fs::read(state.path().join("ledger.redb")).expect("the file").len(), before);
    assert!(damaged(state.path()).is_empty());

    // Version 0 is a file without tables.
    for version in [None, Some(0)] {
        let state = tempfile::tempdir().expect("a temporary folder");
        versioned(state.path(), version);
        let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
        assert_eq!(warning, None);
        scan(&ledger, &view(), "a", 0);
        drop(ledger);
        drop(Ledger::open(state.path()).expect("a ledger"));
    }
    // A table that is not ours, under a name of ours.
    let state = tempfile::tempdir().expect("a temporary folder");
    let database = Database::create(state.path().join("ledger.redb")).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(TableDefinition::<u64, u64>::new("views")).expect("a table");
    transaction.commit().expect("a commit");
    drop(database);
    assert!(Ledger::open(state.path()).expect("a ledger").1.is_some());
}

#[test]
fn a_file_that_was_half_made_or_is_empty_is_made_anew_without_a_word() {
    for left in [vec![], vec![0; 8192]] {
        let state = tempfile::tempdir().expect("a temporary folder");
        fs::write(state.path().join("ledger.redb"), left).expect("a file");
        let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
        assert_eq!(warning, None);
        scan(&ledger, &view(), "a", 0);
        assert!(damaged(state.path()).is_empty());
    }
}

#[test]
fn it_is_its_owners_alone_one_process_has_it_and_a_symbolic_link_is_none() {
    let lab = Lab::new();
    let state = lab.state.path().join("deep/state");
    let (ledger, _) = Ledger::open(&state).expect("a ledger");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&state.join("ledger.redb"))), (0o700, 0o600));
    let busy = Ledger::open(&state).expect_err("it is open");
    assert!(busy.is_busy() && busy.to_string().contains("is in use by another run"), "{busy}");
    drop(ledger);
    drop(Ledger::open(&state).expect("it is free"));
    let elsewhere = lab.state.path().join("elsewhere");
    fs::rename(state.join("ledger.redb"), &elsewhere).expect("a move");
    std::os::unix::fs::symlink(&elsewhere, state.join("ledger.redb")).expect("a link");
    let error = Ledger::open(&state).expect_err("a link");
    assert!(matches!(error, LedgerError::Io { doing: "opening", .. }), "{error:?}");
    assert!(elsewhere.exists());
}

#[test]
fn rows_that_no_version_wrote_are_told_and_the_file_is_set_aside() {
    const TAGS: TableDefinition<(u32, &str), (i64, Option<i64>)> = TableDefinition::new("tags");
    const DIGESTS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("digests");
    type Spoil = fn(&redb::WriteTransaction);
    let spoils: [Spoil; 2] = [
        |file| drop(file.open_table(TAGS).expect("a table").insert((1, "no tag"), (0, None)).expect("a row")),
        |file| drop(file.open_table(DIGESTS).expect("a table").insert((1, "a"), [7; 20].as_slice()).expect("a row")),
    ];
    for spoil in spoils {
        let lab = Lab::new();
        scan(&lab.ledger, &view(), "a", 0);
        let Lab { state, ledger } = lab;
        drop(ledger);
        let database = Database::create(state.path().join("ledger.redb")).expect("a database");
        let transaction = database.begin_write().expect("a transaction");
        spoil(&transaction);
        transaction.commit().expect("a commit");
        drop(database);
        let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
        assert_eq!(warning, None);
        let told =
            ledger.facts(&Default::default(), at(1), |_| std::ops::ControlFlow::Continue(())).expect_err("a row");
        assert!(matches!(told, LedgerError::Damaged { .. }), "{told:?}");
        assert_eq!(damaged(state.path()).len(), 1);
        let (ledger, _) = Ledger::open(state.path()).expect("a new one");
        assert!(facts(&ledger).is_empty());
    }
}

#[test]
fn a_file_that_is_mostly_free_is_made_smaller_when_it_is_opened() {
    const BALLAST: TableDefinition<u32, &[u8]> = TableDefinition::new("ballast");
    const AFTER: TableDefinition<u32, &[u8]> = TableDefinition::new("after");
    let (Lab { state, ledger }, truth) = full();
    drop(ledger);
    let path = state.path().join("ledger.redb");
    let database = Database::create(&path).expect("a database");
    let change = |work: &dyn Fn(&redb::WriteTransaction)| {
        let transaction = database.begin_write().expect("a transaction");
        work(&transaction);
        transaction.commit().expect("a commit");
    };
    let fill = |table, rows: u32, size: usize| {
        change(&|file| {
            let mut table = file.open_table(table).expect("a table");
            (0..rows).for_each(|row| drop(table.insert(row, vec![7; size].as_slice()).expect("a row")));
        });
    };
    fill(BALLAST, 16, 1 << 20);
    // It lies behind what is to be free.
    fill(AFTER, 16, 1 << 16);
    change(&|file| assert!(file.delete_table(BALLAST).expect("a table")));
    drop(database);
    let length = || fs::metadata(&path).expect("a file").len();
    let before = length();
    assert!(before > 16 << 20, "{before}");
    let (ledger, warning) = Ledger::open(state.path()).expect("a ledger");
    assert_eq!((warning, facts(&ledger)), (None, truth));
    drop(ledger);
    assert!(length() < before / 2, "{} of {before}", length());
}

#[test]
fn a_ledger_that_failed_is_opened_again_after_half_a_minute() {
    let (Lab { state, ledger }, _) = full();
    let path = state.path().join("ledger.redb");
    drop(ledger);
    let database = Database::create(&path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    let tags = TableDefinition::<(u32, &str), (i64, Option<i64>)>::new("tags");
    transaction.open_table(tags).expect("a table").insert((1, "no tag"), (0, None)).expect("a row");
    transaction.commit().expect("a commit");
    drop(database);
    let (ledger, _) = Ledger::open(state.path()).expect("a ledger");
    let record = || {
        let found = [tag("a")];
        ledger.record_scan(&view(), &Scanned { tags: &found, etag: None }, at(2)).wait()
    };
    let error = record().expect_err("a row");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    assert!(matches!(record().expect_err("it is off"), LedgerError::Off { .. }));
    let memory = Memory::new(Some(ledger.clone()));
    let see = |number, minutes| {
        let memory = memory.clone();
        block_on(async move { memory.record_digest(&view(), &tag("a"), &digest(number), at(minutes)).await })
    };
    assert_eq!(see(1, 1).0.digests, [(digest(1), at(1))]);
    std::thread::sleep(Duration::from_secs(31));
    // Who reads does not wait until the whole file is checked.
    assert!(matches!(ledger.scan(&view(), at(3)).expect_err("it is off"), LedgerError::Off { .. }));
    assert!(record().expect("a scan").is_first);
    assert!(ledger.scan(&view(), at(3)).expect("an answer").is_some());
    // What only the process remembered meanwhile lasts now.
    let (seen, has_moved) = see(2, 4);
    assert!(has_moved && seen.is_present);
    assert_eq!(seen.digests, [(digest(1), at(1)), (digest(2), at(4))]);
    assert_eq!(ledger.tag(&view(), &tag("a"), at(5)).expect("an answer").expect("facts").digests, seen.digests);
    assert_eq!(damaged(state.path()).len(), 1);
}
