//! One remote repository that is spoken to: list references, send a request, read the answer.
//!
//! Takes a remote; gives bodies, or a [`Fault`] that says what the server or the way to it did wrong. How bytes
//! travel is the wire's business; a link bounds them in size and time and keeps faults that libgit2 would lose.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};

use super::error::Fault;
use super::http;
use super::ssh::{self, SshPlace};
use super::{Git, Limits, Remote};
use crate::net::{Deadline, Url};

/// What a server may say about a push, the output of its hooks included.
const REPORT_BYTES_MAX: u64 = 16 << 20;

/// The half of Git that is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

/// A remote repository and the way to it.
pub(super) struct Link {
    wire: Wire,
    limits: Limits,
    timeout: Duration,
    operation: Mutex<Operation>,
}

/// How bytes travel.
enum Wire {
    Http(Box<http::Wire>),
    Ssh(Box<ssh::Wire>),
}

/// What is under way.
struct Operation {
    deadline: Deadline,
    fault: Option<Fault>,
}

impl Link {
    pub(super) fn http(git: &Git, base: &Url, remote: &Remote) -> Result<Self, Fault> {
        Ok(Self::over(Wire::Http(Box::new(http::Wire::new(git, base, remote)?)), git, remote))
    }

    pub(super) fn ssh(git: &Git, place: &SshPlace, remote: &Remote) -> Result<Self, Fault> {
        Ok(Self::over(Wire::Ssh(Box::new(ssh::Wire::new(git, place, remote)?)), git, remote))
    }

    fn over(wire: Wire, git: &Git, remote: &Remote) -> Self {
        let operation = Operation { deadline: Deadline::after(remote.timeout), fault: None };
        Self { wire, limits: git.limits, timeout: remote.timeout, operation: Mutex::new(operation) }
    }

    /// True where one conversation follows the listing it belongs to, false where each request stands alone.
    pub(super) fn is_stateful(&self) -> bool {
        matches!(self.wire, Wire::Ssh(_))
    }

    /// Starts an operation: a fresh deadline, no fault.
    pub(super) fn begin(&self) {
        *self.operation() = Operation { deadline: Deadline::after(self.timeout), fault: None };
    }

    /// Keeps a fault for the caller of libgit2, which would reduce it to a line of text.
    pub(super) fn keep(&self, fault: Fault) -> io::Error {
        // git2 makes a C string of it, and where it cannot, the process ends.
        let text = fault.to_string().replace('\0', "");
        self.operation().fault.get_or_insert(fault);
        io::Error::other(text)
    }

    pub(super) fn take_fault(&self) -> Option<Fault> {
        self.operation().fault.take()
    }

    /// False, with the fault kept, when the time of the operation is over.
    pub(super) fn is_in_time(&self) -> bool {
        let mut operation = self.operation();
        let (is_over, after) = (operation.deadline.remaining().is_zero(), operation.deadline.limit());
        if is_over {
            operation.fault.get_or_insert(Fault::Unpacking { after });
        }
        !is_over
    }

    /// The advertisement of `service`, at most [`Limits::refs_bytes`].
    pub(super) fn list(self: &Arc<Self>, service: Service) -> Result<Vec<u8>, Fault> {
        match &self.wire {
            Wire::Http(wire) => {
                let response = wire.list(service, self.deadline())?;
                self.body(Source::Http(Box::new(response)), self.limits.refs_bytes).read_all()
            }
            Wire::Ssh(wire) => wire.list(service, self.limits.refs_bytes, self.deadline()),
        }
    }

    /// Sends a request of `service`, once; the answer is read as it comes, at most [`Limits::pack_bytes`].
    pub(super) fn post(self: &Arc<Self>, service: Service, request: Vec<u8>) -> Result<Body, Fault> {
        let limit = if service == Service::UploadPack { self.limits.pack_bytes } else { REPORT_BYTES_MAX };
        match &self.wire {
            Wire::Http(wire) => {
                let response = wire.post(service, request, self.deadline())?;
                Ok(self.body(Source::Http(Box::new(response)), limit))
            }
            Wire::Ssh(wire) => {
                let answer = wire.post(service, request, self.limits.refs_bytes, self.deadline())?;
                Ok(self.body(Source::Ssh(Box::new(answer)), limit))
            }
        }
    }

    fn body(self: &Arc<Self>, source: Source, limit: u64) -> Body {
        Body { link: Arc::clone(self), source, piece: Bytes::new(), limit, seen: 0 }
    }

    fn next_piece(&self, source: &mut Source) -> Result<Option<Bytes>, Fault> {
        match (&self.wire, source) {
            (Wire::Http(wire), Source::Http(response)) => wire.next_piece(response, self.deadline()),
            (Wire::Ssh(wire), Source::Ssh(answer)) => wire.next_piece(answer, self.deadline()),
            _ => Ok(None),
        }
    }

    fn deadline(&self) -> Deadline {
        self.operation().deadline
    }

    fn operation(&self) -> MutexGuard<'_, Operation> {
        self.operation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is still arriving.
pub(super) struct Body {
    link: Arc<Link>,
    source: Source,
    piece: Bytes,
    limit: u64,
    seen: u64,
}

/// Where the pieces of a body come from.
enum Source {
    Http(Box<reqwest::Response>),
    Ssh(Box<ssh::Answer>),
}

impl Body {
    pub(super) fn read_all(mut self) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        while self.fill()? {
            all.extend_from_slice(&self.piece);
            self.piece.clear();
        }
        Ok(all)
    }

    /// Sends one more request of the conversation that this is the answer of.
    pub(super) fn say(&mut self, request: Vec<u8>) -> Result<(), Fault> {
        match (&self.link.wire, &mut self.source) {
            (Wire::Ssh(wire), Source::Ssh(answer)) => wire.say(answer, request, self.link.deadline()),
            _ => Err(Fault::Protocol { what: "a request of http has one answer".to_owned() }),
        }
    }

    /// What has arrived and was not read yet; empty at the end of the answer.
    pub(super) fn peek(&mut self) -> Result<&[u8], Fault> {
        self.fill().map(|_| self.piece.as_ref())
    }

    /// False at the end of the answer; otherwise `piece` is not empty.
    fn fill(&mut self) -> Result<bool, Fault> {
        while self.piece.is_empty() {
            let Some(piece) = self.link.next_piece(&mut self.source)? else { return Ok(false) };
            self.seen += piece.len() as u64;
            if self.seen > self.limit {
                return Err(Fault::TooLarge { limit: self.limit });
            }
            self.piece = piece;
        }
        Ok(true)
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        if buffer.is_empty() || !self.fill()? {
            return Ok(0);
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(|fault| self.link.keep(fault))
    }
}
