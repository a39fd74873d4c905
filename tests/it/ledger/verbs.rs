//! `tagwright ledger`: show, export and import, from the file and through the service that has it open.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use tagwright::ledger::{Fact, Ledger, View};
use tagwright::object::NamespacedName;

use super::{Lab, at, digest, scan, tag, view};
use crate::program::{Run, command, finish, run_with_input};

fn ledger(state: &Path, args: &[&str]) -> Run {
    finish(&mut ledger_command(state, args))
}

fn ledger_command(state: &Path, args: &[&str]) -> Command {
    let mut command = command(["ledger"].iter().chain(args), state);
    command.env("TAGWRIGHT_STATE", state);
    command
}

/// A ledger with a tag that moved, one that vanished, and a second view.
fn told() -> Lab {
    let lab = Lab::new();
    scan(&lab.ledger, &view(), "1.0 1.1", 0);
    lab.ledger.record_digest(&view(), &tag("1.1"), &digest(1), at(1)).wait().expect("a digest");
    lab.ledger.record_digest(&view(), &tag("1.1"), &digest(2), at(2)).wait().expect("a digest");
    scan(&lab.ledger, &view(), "1.1 1.2", 3);
    scan(&lab.ledger, &View { access: "secretRef=team/registry".to_owned(), ..view() }, "secret-1", 4);
    lab.ledger.record_created(&digest(2), at(-60), at(5)).wait().expect("a build time");
    let policy = NamespacedName::new("apps", "web");
    for (image, minutes) in [("nginx:1.0", 6), ("nginx:1.1", 7)] {
        lab.ledger
            .record_latest(&policy, &image.parse().expect("an image"), "h", at(minutes))
            .wait()
            .expect("a latest");
    }
    lab
}

const SHOWN: &str = "\
docker.io/library/nginx (anonymous)
TAG   FIRST SEEN             DIGEST                MOVED                  VANISHED
1.0   2026-01-01T00:00:00Z   -                     -                      2026-01-01T00:03:00Z
1.1   2026-01-01T00:00:00Z   sha256:000000000000   2026-01-01T00:02:00Z   -
1.2   2026-01-01T00:03:00Z   -                     -                      -

docker.io/library/nginx (secretRef=team/registry)
TAG        FIRST SEEN             DIGEST   MOVED   VANISHED
secret-1   2026-01-01T00:04:00Z   -        -       -
";

const EXPORTED: &str = "\
{'kind':'scan','repository':'docker.io/library/nginx','access':'','at':'2026-01-01T00:03:00Z','fingerprint':'F','etag':null}
{'kind':'tag','repository':'docker.io/library/nginx','access':'','tag':'1.0','firstSeen':'2026-01-01T00:00:00Z','vanished':'2026-01-01T00:03:00Z'}
{'kind':'tag','repository':'docker.io/library/nginx','access':'','tag':'1.1','firstSeen':'2026-01-01T00:00:00Z','vanished':null}
{'kind':'digest','repository':'docker.io/library/nginx','access':'','tag':'1.1','digest':'sha256:1','since':'2026-01-01T00:01:00Z'}
{'kind':'digest','repository':'docker.io/library/nginx','access':'','tag':'1.1','digest':'sha256:2','since':'2026-01-01T00:02:00Z'}
{'kind':'tag','repository':'docker.io/library/nginx','access':'','tag':'1.2','firstSeen':'2026-01-01T00:03:00Z','vanished':null}
{'kind':'scan','repository':'docker.io/library/nginx','access':'secretRef=team/registry','at':'2026-01-01T00:04:00Z','fingerprint':'F','etag':null}
{'kind':'tag','repository':'docker.io/library/nginx','access':'secretRef=team/registry','tag':'secret-1','firstSeen':'2026-01-01T00:04:00Z','vanished':null}
{'kind':'created','digest':'sha256:2','created':'2025-12-31T23:00:00Z'}
{'kind':'latest','namespace':'apps','name':'web','image':'nginx:1.1','previous':'nginx:1.0','specs':'h','since':'2026-01-01T00:07:00Z'}
";

fn check_answers(state: &Path) {
    assert_eq!(ledger(state, &["show", "nginx"]).ok(), SHOWN);
    let one = ledger(state, &["show", "nginx", "--tag", "1.1"]).ok();
    let rows: Vec<Vec<&str>> = one.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][2..4], [digest(2).as_str(), "2026-01-01T00:02:00Z"], "{one}");
    assert_eq!(rows[1][2..4], [digest(1).as_str(), "-"], "{one}");
    let json = ledger(state, &["show", "docker.io/library/nginx", "-o", "json"]).code_is(0).json();
    assert_eq!(json[0]["scanned"], "2026-01-01T00:03:00Z");
    assert_eq!(json[0]["tags"][1]["digests"][1]["digest"], digest(2).as_str());
    assert_eq!(json[1]["access"], "secretRef=team/registry");
    let unknown = ledger(state, &["show", "redis"]).code_is(1);
    assert_eq!(unknown.stderr, "nothing is remembered of docker.io/library/redis\n");
    let unknown = ledger(state, &["show", "nginx", "--tag", "9"]).code_is(1);
    assert_eq!(unknown.stderr, "nothing is remembered of docker.io/library/nginx:9\n");
    let exported = ledger(state, &["export"]).ok();
    let short = regex::Regex::new(r#""fingerprint":"[0-9a-f]{32}""#).expect("a pattern");
    let plain = short.replace_all(&exported, r#""fingerprint":"F""#).replace("sha256:000", "sha256:").replace('"', "'");
    let plain = regex::Regex::new("sha256:0+").expect("a pattern").replace_all(&plain, "sha256:").into_owned();
    assert_eq!(plain, EXPORTED);
}

#[test]
fn the_file_is_read_when_no_service_runs() {
    let Lab { state, ledger } = told();
    drop(ledger);
    check_answers(state.path());
}

#[test]
fn a_state_that_is_no_directory_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    let fact = Fact::Created { digest: digest(1), created: at(0) };
    fs::write(&file, fact.to_string()).expect("a file");
    for (args, expected) in [
        (&["show", "nginx"][..], "error: looking for STATE/ledger.redb: Not a directory"),
        (&["export"], "error: looking for STATE/ledger.redb: Not a directory"),
        (&["import", "file"], "error: creating STATE: File exists"),
    ] {
        let run = finish(ledger_command(&file, args).current_dir(folder.path())).code_is(2);
        let told = run.stderr.replace(&file.display().to_string(), "STATE");
        assert!(told.starts_with(expected) && told.ends_with("hint: --state names a directory\n"), "{told}");
    }
}

#[test]
fn a_running_service_is_asked() {
    let lab = told();
    let state = lab.state.path();
    let busy = ledger(state, &["export"]).code_is(2);
    assert!(busy.stderr.contains("is in use by another run"), "{}", busy.stderr);
    serving(&lab.ledger, || {
        check_answers(state);
        let mode = fs::metadata(state.join("ledger.sock")).expect("a socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let line = ledger(state, &["export"]).ok().lines().nth(1).expect("a line").replace(":1.0", ":0.9");
        fs::write(state.join("more"), line.replace("\"1.0\"", "\"0.9\"")).expect("a file");
        ledger(state, &["import", state.join("more").to_str().expect("text")]).ok();
    });
    let imported = lab.ledger.tag(&view(), &tag("0.9"), at(9)).expect("an answer").expect("facts");
    assert_eq!((imported.first_seen, imported.vanished), (at(0), Some(at(3))));
    assert!(!state.join("ledger.sock").exists(), "it goes with the service");
    assert_eq!(fs::read_dir(state).expect("a folder").filter(is_leftover).count(), 0);
}

fn is_leftover(entry: &std::io::Result<fs::DirEntry>) -> bool {
    entry.as_ref().expect("an entry").file_name().to_string_lossy().starts_with(".ledger-")
}

/// Runs `work` while the ledger answers on its socket.
fn serving(ledger: &Ledger, work: impl FnOnce()) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = ledger.clone();
    let service = runtime.spawn(async move { tagwright::ledger::serve(&served, async { drop(stopped.await) }).await });
    let socket = ledger.path().with_file_name("ledger.sock");
    let start = std::time::Instant::now();
    // A stale one may lie there before.
    while std::os::unix::net::UnixStream::connect(&socket).is_err() && socket.as_os_str().len() < 100 {
        assert!(start.elapsed().as_secs() < 20, "it never listens");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    work();
    stop.send(()).expect("a service");
    runtime.block_on(service).expect("it ends").expect("it served");
}

#[test]
fn the_socket_of_a_dead_process_is_replaced_or_removed() {
    let lab = told();
    let state = lab.state.path().to_owned();
    let socket = state.join("ledger.sock");
    drop(UnixListener::bind(&socket).expect("a socket"));
    serving(&lab.ledger, || check_answers(&state));
    drop(UnixListener::bind(&socket).expect("a socket"));
    let Lab { state: folder, ledger } = lab;
    drop(ledger);
    check_answers(&state);
    assert!(!socket.exists());
    drop(folder);
}

#[test]
fn a_state_directory_with_a_long_name_works() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let state = folder.path().join("a".repeat(120)).join("b");
    let (memory, _) = Ledger::open(&state).expect("a ledger");
    scan(&memory, &view(), "1.0", 0);
    serving(&memory, || {
        assert!(ledger(&state, &["show", "nginx"]).ok().contains("1.0"));
    });
}

#[test]
fn garbage_on_the_socket_gets_an_error_and_nothing_breaks() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let lab = told();
    serving(&lab.ledger, || {
        let socket = lab.state.path().join("ledger.sock");
        let mut stream = BufReader::new(std::os::unix::net::UnixStream::connect(&socket).expect("a connection"));
        for (request, expected) in [
            ("nonsense", "{\"error\":\"not a request: "),
            ("{\"facts\":{\"repository\":null,\"tag\":null,\"x\":1}}", "{\"error\":\"not a request: unknown field `x`"),
            (
                "{\"import\":[{\"kind\":\"created\",\"digest\":\"x\",\"created\":\"\"}]}",
                "{\"error\":\"digest \\\"x\\\" is not",
            ),
            ("{\"facts\":{\"repository\":\"none\",\"tag\":null}}", "\"done\"\n"),
        ] {
            stream.get_mut().write_all(format!("{request}\n").as_bytes()).expect("a request");
            let mut answer = String::new();
            stream.read_line(&mut answer).expect("an answer");
            assert!(answer.starts_with(expected), "{answer}");
        }
        // Without an end, and more than a request may have.
        let stream = std::os::unix::net::UnixStream::connect(&socket).expect("a connection");
        let endless = vec![b'x'; 5 << 20];
        let _ = (&stream).write_all(&endless);
        check_answers(lab.state.path());
    });
}

#[test]
fn what_was_exported_is_imported_and_twice_is_once() {
    let lab = told();
    let Lab { state, ledger: memory } = lab;
    drop(memory);
    let exported = ledger(state.path(), &["export"]).ok();
    let other = tempfile::tempdir().expect("a temporary folder");
    fs::write(other.path().join("all"), &exported).expect("a file");
    let import = || ledger(other.path(), &["import", other.path().join("all").to_str().expect("text")]).code_is(0);
    for _ in 0..2 {
        assert_eq!(import().stderr, "merged 10 facts\n");
        assert_eq!(ledger(other.path(), &["export"]).ok(), exported);
    }
    let (memory, _) = Ledger::open(other.path()).expect("a ledger");
    let stored = memory.scan(&view(), at(9)).expect("an answer").expect("a scan that may be relied on");
    assert_eq!(stored.tags, super::tags("1.1 1.2"));
    drop(memory);
    // A part of the tags is no scan.
    let part = tempfile::tempdir().expect("a temporary folder");
    let lines: Vec<&str> = exported.lines().filter(|line| !line.contains("\"1.2\"")).collect();
    let state = part.path().to_str().expect("text");
    run_with_input(["ledger", "import", "-", "--state", state], &lines.join("\n")).code_is(0);
    let (memory, _) = Ledger::open(part.path()).expect("a ledger");
    assert_eq!(memory.scan(&view(), at(9)).expect("an answer"), None);
    assert_eq!(scan(&memory, &view(), "1.1 1.2", 10).added, super::tags("1.2"));
    // Nor is one that lies in the future fresh.
    let late = tempfile::tempdir().expect("a temporary folder");
    let state = late.path().to_str().expect("text");
    let text = exported.replace("2026-01-01T00:03:00Z", "2999-01-01T00:03:00Z");
    run_with_input(["ledger", "import", "-", "--state", state], &text).code_is(0);
    let (memory, _) = Ledger::open(late.path()).expect("a ledger");
    assert_eq!(memory.scan(&view(), Timestamp::now()).expect("an answer"), None);
    let vanished = memory.tag(&view(), &tag("1.0"), Timestamp::now()).expect("an answer").expect("facts").vanished;
    assert!(vanished.is_some_and(|time| time <= Timestamp::now()));
}

#[test]
fn what_was_seen_first_wins() {
    let [mine, other] = [Lab::new(), Lab::new()];
    let record = |lab: &Lab, tags: &str, digests: &[(u32, i64)], minutes: i64| {
        scan(&lab.ledger, &view(), tags, minutes);
        for (number, minutes) in digests {
            lab.ledger.record_digest(&view(), &tag("a"), &digest(*number), at(*minutes)).wait().expect("a digest");
        }
    };
    record(&mine, "a b", &[(2, 21), (3, 30)], 20);
    record(&other, "a c", &[(1, 5), (2, 11)], 4);
    let mut facts = Vec::new();
    let all = |fact| {
        facts.push(fact);
        std::ops::ControlFlow::Continue(())
    };
    other.ledger.facts(&Default::default(), at(99), all).expect("facts");
    mine.ledger.import(facts, at(99)).wait().expect("an import");
    let facts = |name: &str| mine.ledger.tag(&view(), &tag(name), at(99)).expect("an answer").expect("facts");
    assert_eq!(["a", "b", "c"].map(|tag| facts(tag).first_seen), [at(4), at(20), at(4)]);
    assert_eq!(facts("a").digests, [(digest(1), at(5)), (digest(2), at(11)), (digest(3), at(30))]);
    // The next scan finds that what the other saw is not there.
    assert_eq!(scan(&mine.ledger, &view(), "a b", 100).vanished, super::tags("c"));
}

#[test]
fn a_line_that_is_no_fact_is_named_and_nothing_is_imported() {
    let good = "{\"kind\":\"created\",\"digest\":\"DIGEST\",\"created\":\"2026-01-01T00:00:00Z\"}";
    let tag = "{\"kind\":\"tag\",\"repository\":\"REPO\",\"access\":\"A\",\"tag\":\"T\",\"firstSeen\":\"TIME\",\"vanished\":null}";
    let with = |repository: &str, access: &str, tag_name: &str, time: &str| {
        tag.replace("REPO", repository)
            .replace("\"A\"", &format!("\"{access}\""))
            .replace("\"T\"", &format!("\"{tag_name}\""))
            .replace("TIME", time)
    };
    let time = "2026-01-01T00:00:00Z";
    for (line, expected) in [
        ("nonsense".to_owned(), "line 2: expected a fact in JSON, as `tagwright ledger export` writes it (column 2)"),
        (good[..20].to_owned(), "line 2: expected a fact in JSON, as `tagwright ledger export` writes it (column 20)"),
        ("3".to_owned(), "line 2: invalid type: integer `3`, expected a fact\n"),
        ("{}".to_owned(), "line 2: missing field `kind`\n"),
        ("{\"kind\":\"password\"}".to_owned(), "line 2: unknown variant `password`, expected one of `scan`, `tag`"),
        (good.replace("created\",", "created\",\"more\":1,"), "line 2: unknown field `more`"),
        (with("nginx", "", "1", time), "line 2: repository \"nginx\" is not the whole name of an image repository"),
        (
            with("docker.io/library/nginx", "\\u0007", "1", time),
            "line 2: access \"\\u{7}\" is not text without control",
        ),
        (with("docker.io/library/nginx", &"x".repeat(3000), "1", time), "is not at most 2048 bytes"),
        (with("docker.io/library/nginx", "", "../1", time), "line 2: tag \"../1\" is not a tag"),
        (with("docker.io/library/nginx", "", "1", "yesterday"), "line 2: firstSeen \"yesterday\" is not a time"),
        (with("docker.io/library/nginx", &"x".repeat(20_000), "1", time), "line 2: longer than 16 KiB"),
    ] {
        let state = tempfile::tempdir().expect("a temporary folder");
        let text = format!("{}\n{line}\n", good.replace("DIGEST", digest(1).as_str()));
        let run = run_with_input(["ledger", "import", "-", "--state", state.path().to_str().expect("text")], &text);
        let run = run.code_is(2);
        assert!(run.stderr.contains("importing standard input: ") && run.stderr.contains(expected), "{}", run.stderr);
        assert!(run.stderr.matches("expected").count() <= 1 && !run.stderr.contains(" at line "), "{}", run.stderr);
        assert!(!state.path().join("ledger.redb").exists());
    }
}
