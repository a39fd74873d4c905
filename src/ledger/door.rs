//! The ledger for one question, wherever it is: through the service that has it open, or in its file.

use std::fs;
use std::io::{self, BufReader};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::error::{LedgerError, Warning};
use super::fact::{Fact, Filter};
use super::socket::{self, Answer, REQUEST_BYTES_MAX, Request};
use super::{Ledger, file};

/// A way to the facts of a state directory.
#[derive(Debug)]
pub enum Door {
    /// A running service answers.
    Service { path: PathBuf, stream: BufReader<UnixStream> },
    /// No service runs.
    Own(Ledger),
}

/// So many facts go to a service in one request, which has room for the longest ones.
const BATCH: usize = 200;

impl Door {
    /// Asks the service of the state directory, or opens the ledger when none runs.
    pub fn open(state: &Path) -> Result<(Self, Option<Warning>), LedgerError> {
        if let Some(service) = Self::service(state)? {
            return Ok((service, None));
        }
        match Ledger::open(state) {
            Ok((ledger, warning)) => {
                // The ledger is ours, so nobody listens there, and nobody begins to.
                let _ = fs::remove_file(socket::path(state));
                Ok((Self::Own(ledger), warning))
            }
            // A service may just have begun.
            Err(busy) if busy.is_busy() => Ok((Self::service(state)?.ok_or(busy)?, None)),
            Err(error) => Err(error),
        }
    }

    /// True when there is something to ask.
    pub fn exists(state: &Path) -> Result<bool, LedgerError> {
        let path = state.join(file::NAME);
        path.try_exists().map_err(|source| LedgerError::Io { doing: "looking for", path, source: Arc::new(source) })
    }

    fn service(state: &Path) -> Result<Option<Self>, LedgerError> {
        let path = socket::path(state);
        let connected = socket::connect(state);
        let stream = connected.map_err(|source| LedgerError::Io {
            doing: "asking",
            path: path.clone(),
            source: Arc::new(source),
        })?;
        Ok(stream.map(|stream| Self::Service { path, stream: BufReader::new(stream) }))
    }

    /// As [`Ledger::facts`].
    pub fn facts(
        &mut self,
        filter: &Filter,
        now: Timestamp,
        mut each: impl FnMut(Fact) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        match self {
            Self::Own(ledger) => ledger.facts(filter, now, each),
            Self::Service { path, stream } => ask(path, stream, &Request::Facts(filter.clone()), &mut each),
        }
    }

    /// As [`Ledger::import`]; a service takes some facts at a time.
    pub fn import(&mut self, facts: &[Fact], now: Timestamp) -> Result<(), LedgerError> {
        match self {
            Self::Own(ledger) => ledger.import(facts.to_vec(), now).wait(),
            Self::Service { path, stream } => facts.chunks(BATCH).try_for_each(|facts| {
                let lines = facts.iter().map(Into::into).collect();
                ask(path, stream, &Request::Import(lines), &mut |_| ControlFlow::Continue(()))
            }),
        }
    }
}

fn ask(
    path: &Path,
    stream: &mut BufReader<UnixStream>,
    request: &Request,
    each: &mut dyn FnMut(Fact) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let error = |source: io::Error| LedgerError::Io {
        doing: "asking the service at",
        path: path.to_path_buf(),
        source: Arc::new(source),
    };
    let wrong = |what: String| error(io::Error::new(io::ErrorKind::InvalidData, what));
    socket::say(stream.get_mut(), request).map_err(error)?;
    loop {
        let line = socket::next_line(stream, REQUEST_BYTES_MAX).map_err(error)?;
        let line = line.ok_or_else(|| error(io::ErrorKind::UnexpectedEof.into()))?;
        match serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))? {
            Answer::Done => return Ok(()),
            Answer::Error(message) => return Err(LedgerError::Service { path: path.to_path_buf(), message }),
            Answer::Fact(line) => {
                let fact = Fact::try_from(line).map_err(|error| wrong(error.to_string()))?;
                if each(fact).is_break() {
                    return Ok(());
                }
            }
        }
    }
}
