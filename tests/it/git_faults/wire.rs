//! Each message of a fetch and a push, broken at each of its places: an end in bounded time, an error that names the
//! remote and the step, a next run that works, and nothing pushed twice.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use tagwright::git::{PushError, Remote};

use crate::git::{Lab, edit, meta, remote, told};
use crate::servers::git_http::GitServer;
use crate::servers::wire::{Harm, Place, Wire, head_length};

/// Where only the deadline ends a run.
const SHORT: Duration = Duration::from_secs(2);
/// A run has four operations at most, and waits a little before it asks again.
const BOUND: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_secs(60);
/// Cases wait more than they work, but each starts a dozen processes of Git.
const CASES_AT_ONCE: usize = 6;

/// A message, the step that an error about it names, and how a run with the fault may end.
struct Message {
    on: &'static str,
    step: &'static str,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// An error, and the remote is as it was.
    Error,
    /// The push was done before the fault: it is found to be done.
    Done,
    /// The push was done, and nobody can be asked: an error, and the next run has nothing to push.
    Unknown,
}

const LISTING: Message =
    Message { on: "info/refs?service=git-upload-pack", step: "listing the branches of", end: End::Error };
const FETCH: Message = Message { on: ".git/git-upload-pack", step: "fetching from", end: End::Error };
const OFFER: Message = Message { on: "info/refs?service=git-receive-pack", step: "pushing to", end: End::Error };
const PUSH: Message = Message { on: ".git/git-receive-pack", step: "pushing to", end: End::Error };
const REPORT: Message = Message { on: ".git/git-receive-pack", step: "pushing to", end: End::Done };
const LAST_REPORT: Message = Message { on: ".git/git-receive-pack", step: "pushing to", end: End::Unknown };

type Spot = (&'static str, Place);

const HEAD: &[Spot] =
    &[("before the answer", Place::Answer(|_| 0)), ("in the head", Place::Answer(|answer| body(answer) / 2))];
const PACKETS: &[Spot] = &[
    ("before the body", Place::Answer(body)),
    ("in the first packet", Place::Answer(|answer| body(answer) + 2)),
    ("in the middle", Place::Answer(|answer| (body(answer) + answer.len()) / 2)),
    ("in the last packet", Place::Answer(|answer| answer.len() - 3)),
];
const PACK: &[Spot] = &[
    ("in the pack header", Place::Answer(|answer| pack(answer) + 6)),
    ("in the pack", Place::Answer(|answer| (pack(answer) + answer.len()) / 2)),
    ("in the pack checksum", Place::Answer(pack_end)),
];
const REQUEST: &[Spot] = &[("after the request head", Place::Request(0.0)), ("in the request", Place::Request(0.5))];

const CUT: &[Harm] = &[Harm::Close, Harm::Stall];
const SLOW: &[Harm] = &[Harm::Slow];
const SPOILT: &[Harm] = &[Harm::Garbage];
const WRONG: &[Harm] = &[Harm::Short, Harm::Garbage];
const FLIPPED: &[Harm] = &[Harm::Flip];
const LAST: &[Harm] = &[Harm::Vanish];

#[test]
fn a_listing_that_breaks_anywhere() {
    check(&[
        (&LISTING, HEAD, CUT),
        (&LISTING, HEAD, SPOILT),
        (&LISTING, HEAD, SLOW),
        (&LISTING, PACKETS, CUT),
        (&LISTING, PACKETS, WRONG),
        (&LISTING, PACKETS, SLOW),
    ]);
}

#[test]
fn a_fetch_that_breaks_anywhere() {
    check(&[
        (&FETCH, REQUEST, CUT),
        (&FETCH, HEAD, CUT),
        (&FETCH, HEAD, SPOILT),
        (&FETCH, HEAD, SLOW),
        (&FETCH, &PACKETS[..2], CUT),
        (&FETCH, &PACKETS[..2], WRONG),
        (&FETCH, PACK, CUT),
        (&FETCH, PACK, WRONG),
        (&FETCH, PACK, FLIPPED),
        (&FETCH, PACK, SLOW),
    ]);
}

#[test]
fn a_push_that_breaks_before_the_branch_moves() {
    check(&[
        (&OFFER, HEAD, CUT),
        (&OFFER, HEAD, SPOILT),
        (&OFFER, PACKETS, CUT),
        (&OFFER, PACKETS, WRONG),
        (&PUSH, REQUEST, CUT),
        (&PUSH, REQUEST, SLOW),
    ]);
}

#[test]
fn a_push_that_breaks_after_the_branch_moved() {
    check(&[
        (&REPORT, HEAD, CUT),
        (&REPORT, HEAD, SPOILT),
        (&REPORT, HEAD, SLOW),
        (&REPORT, PACKETS, CUT),
        (&REPORT, PACKETS, WRONG),
        (&REPORT, PACKETS, FLIPPED),
        (&LAST_REPORT, HEAD, LAST),
        (&LAST_REPORT, PACKETS, LAST),
    ]);
}

/// Every harm of a row at every place of it.
#[track_caller]
fn check(rows: &[(&'static Message, &'static [Spot], &'static [Harm])]) {
    let cases: Vec<Case> = rows
        .iter()
        .flat_map(|(message, spots, harms)| {
            spots.iter().flat_map(move |spot| harms.iter().map(move |harm| Case { message, spot, harm: *harm }))
        })
        .collect();
    let server = GitServer::start();
    server.create("first.git", &[("a.yaml", &"a: 1\n".repeat(100)), ("b.yaml", &noise(20_000))]);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..CASES_AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(case) = cases.get(number) else { return };
                    if let Err(reason) = case.run(&server, &format!("{number}.git")) {
                        wrong.lock().expect("the list").push(format!("{}: {reason}", case.told()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("the list");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

struct Case {
    message: &'static Message,
    spot: &'static Spot,
    harm: Harm,
}

impl Case {
    fn told(&self) -> String {
        format!("{} {}, {:?}", self.message.on, self.spot.0, self.harm)
    }

    fn run(&self, server: &GitServer, repository: &str) -> Result<(), String> {
        copy(&server.path("first.git"), &server.path(repository));
        let (wire, lab) = (Wire::to(server.addr()), Lab::new());
        let url = format!("http://{}/{repository}", wire.addr());
        wire.break_at(self.message.on, self.spot.1, self.harm);
        let start = Instant::now();
        let broken = bring(&lab, &url, self.timeout(), self.content());
        let took = start.elapsed();
        ensure(took < BOUND, || format!("took {took:?}"))?;
        self.judge(&broken, &url)?;
        let done = tip(server, repository) != tip(server, "first.git");
        let expected = broken.is_ok() || self.message.end != End::Error;
        ensure(done == expected, || format!("ended with {broken:?}, and the commit is there: {done}"))?;

        wire.mend();
        let again = bring(&lab, &url, LONG, self.content()).map_err(|told| format!("next: {told}"))?;
        ensure(again != done, || format!("the commit was there: {done}, and the next run pushed: {again}"))?;
        let log = server.log(repository, "main");
        ensure(log == ["ours", "first"], || format!("the remote has {log:?}"))?;
        left_behind(lab.state.path())
    }

    fn judge(&self, broken: &Result<bool, String>, url: &str) -> Result<(), String> {
        let Err(told) = broken else {
            // A slow end of a message may come in time.
            let fine = self.message.end == End::Done || self.harm == Harm::Slow;
            return ensure(fine, || "no error".to_owned());
        };
        ensure(self.message.end != End::Done, || format!("the push was done, and yet: {told}"))?;
        let named = format!("{} {url}", self.message.step);
        ensure(told.contains(&named), || format!("{told:?} does not say {named:?}"))
    }

    fn timeout(&self) -> Duration {
        if matches!(self.harm, Harm::Stall | Harm::Slow) { SHORT } else { LONG }
    }

    /// A request that is not read must be larger than what the kernel takes of it.
    fn content(&self) -> &'static str {
        static LARGE: LazyLock<String> = LazyLock::new(|| noise(3 << 20));
        if self.message.end == End::Error && self.message.on == PUSH.on { &LARGE } else { "ours\n" }
    }
}

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

/// One run: brings the commit to the remote unless it is there. True when it was pushed.
fn bring(lab: &Lab, url: &str, timeout: Duration, content: &str) -> Result<bool, String> {
    let remote = Remote { timeout, ..remote(url) };
    push_once(lab, &remote, content).map_err(|error| told(&error))
}

fn push_once(lab: &Lab, remote: &Remote, content: &str) -> Result<bool, PushError> {
    let session = lab.git.open(remote)?;
    let base = session.fetch("main")?;
    if crate::git::files(&session, base).iter().any(|file| file.starts_with("ours.txt=")) {
        return Ok(false);
    }
    let new = session.commit(base, &[edit("ours.txt", content)], &meta("ours\n"))?;
    session.push("main", Some(base), new).map(|()| true)
}

fn tip(server: &GitServer, repository: &str) -> String {
    fs::read_to_string(server.path(repository).join("refs/heads/main")).expect("the branch")
}

/// What would hinder, or fill the disk in the long run.
fn left_behind(state: &Path) -> Result<(), String> {
    let mut folders = vec![state.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the state") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_stray = folder.ends_with("pack") && !name.starts_with("pack-");
            ensure(!is_stray && !name.ends_with(".lock") && !name.contains("tmp"), || format!("left {path:?}"))?;
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

fn body(answer: &[u8]) -> usize {
    head_length(answer).expect("an answer with a head")
}

fn pack(answer: &[u8]) -> usize {
    answer.windows(4).position(|window| window == b"PACK").expect("a pack in the answer")
}

/// The last byte of the pack: words about progress may come behind it.
fn pack_end(answer: &[u8]) -> usize {
    let (mut at, mut end) = (body(answer), 0);
    while let Some(digits) = answer.get(at..at + 4) {
        let length = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let length = length.expect("a packet").max(4);
        if answer.get(at + 4) == Some(&1) {
            end = at + length - 1;
        }
        at += length;
    }
    end
}

/// Text that does not compress.
fn noise(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    (0..length).map(|_| random.alphanumeric()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a repository") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).expect("a copy") }
    }
}
