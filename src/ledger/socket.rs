//! The socket through which other processes ask the one that has the ledger open.
//!
//! `STATE/ledger.sock`, for its owner alone. A request is one line of JSON; the answer is lines of JSON, the last of which
//! is `done` or `error`. Several requests may follow each other. Whoever has the ledger open has the socket: one that is
//! found there is a dead process's, and is replaced.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::fact::{Fact, Filter, Line};
use super::{Ledger, LedgerError};

const NAME: &str = "ledger.sock";
/// What the name of a socket may take on every Unix, its end included.
const NAME_BYTES_MAX: usize = 104;
pub(super) const REQUEST_BYTES_MAX: u64 = 4 << 20;
const CONNECTIONS_MAX: usize = 4;
/// For the next request of a connection, and for a reader to take more of an answer.
const WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Request {
    Facts(Filter),
    Import(Vec<Line>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    Fact(Line),
    Done,
    Error(String),
}

/// Answers other processes until `shutdown`.
pub async fn serve(ledger: &Ledger, shutdown: impl Future<Output = ()>) -> Result<(), LedgerError> {
    let path = path(ledger.state());
    let error = |source| LedgerError::Io { doing: "listening on", path: path.clone(), source: Arc::new(source) };
    let listener = bind(ledger.state(), &path).map_err(error)?;
    let listener = tokio::net::UnixListener::from_std(listener).map_err(error)?;
    tokio::pin!(shutdown);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        match accepted.and_then(|(stream, _)| stream.into_std()) {
            // A thread of its own, for which nothing waits when the process ends.
            Ok(stream) => {
                let ledger = ledger.clone();
                thread::spawn(move || {
                    let _place = place;
                    converse(&ledger, &stream).unwrap_or_else(|error| debug!(%error, "a conversation ended early"));
                });
            }
            Err(error) => {
                warn!(%error, "accepting on the socket of the memory");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    fs::remove_file(&path).map_err(error)
}

pub(super) fn path(state: &Path) -> PathBuf {
    state.join(NAME)
}

/// Connects to the process that has the ledger open; `None` where none listens.
pub(super) fn connect(state: &Path) -> io::Result<Option<UnixStream>> {
    use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
    let connected = File::open(state).and_then(|folder| UnixStream::connect(reachable(state, NAME, &folder)));
    match connected {
        Ok(stream) => patient(&stream).map(|()| Some(stream)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | ConnectionRefused) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Made in a folder that is ours alone and then moved, so that it is never there with other permissions.
fn bind(state: &Path, path: &Path) -> io::Result<UnixListener> {
    let home = tempfile::Builder::new().prefix(".ledger-").tempdir_in(state)?;
    let folder = File::open(home.path())?;
    let listener = UnixListener::bind(reachable(home.path(), NAME, &folder))?;
    listener.set_nonblocking(true)?;
    let made = home.path().join(NAME);
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(made, path)?;
    Ok(listener)
}

/// The name of a socket is short, so a long one leads through the open folder, where the system has such names.
fn reachable(path: &Path, name: &str, folder: &File) -> PathBuf {
    let whole = path.join(name);
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    if whole.as_os_str().as_bytes().len() >= NAME_BYTES_MAX && short.exists() { short.join(name) } else { whole }
}

fn patient(stream: &UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))
}

fn converse(ledger: &Ledger, stream: &UnixStream) -> io::Result<()> {
    patient(stream)?;
    let mut requests = BufReader::new(stream);
    let mut answers = BufWriter::new(stream);
    while let Some(line) = next_line(&mut requests, REQUEST_BYTES_MAX)? {
        let last = match answer(ledger, &line, &mut answers)? {
            Ok(()) => Answer::Done,
            Err(reason) => Answer::Error(reason),
        };
        say(&mut answers, &last)?;
        answers.flush()?;
    }
    Ok(())
}

/// The next line of at most `max` bytes; `None` at the end.
pub(super) fn next_line(from: &mut impl BufRead, max: u64) -> io::Result<Option<String>> {
    let mut line = String::new();
    from.take(max).read_line(&mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let ended = line.strip_suffix('\n').map(str::to_owned);
    ended.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a line without end"))
}

pub(super) fn say(to: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, what)?;
    to.write_all(b"\n")
}

fn answer(ledger: &Ledger, line: &str, to: &mut impl Write) -> io::Result<Result<(), String>> {
    let now = Timestamp::now();
    match serde_json::from_str(line) {
        Err(error) => Ok(Err(format!("not a request: {error}"))),
        Ok(Request::Facts(filter)) => {
            let mut said = Ok(());
            let done = ledger.facts(&filter, now, |fact| {
                said = say(to, &Answer::Fact((&fact).into()));
                if said.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            said.map(|()| done.map_err(told))
        }
        Ok(Request::Import(lines)) => {
            let facts = lines.into_iter().map(Fact::try_from).collect::<Result<Vec<_>, _>>();
            Ok(facts.map_err(told).and_then(|facts| ledger.import(facts, now).wait().map_err(told)))
        }
    }
}

fn told(error: impl std::error::Error) -> String {
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{cause}")
}
