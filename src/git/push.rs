//! Moves a branch by compare-and-swap: a push names the commit that it expects to replace.
//!
//! To a server the old id travels in the command, and the server compares it under the lock of the reference
//! (`git help receive-pack`). A local repository is compared by libgit2 under the same lock. Hooks run on servers alone.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use git2::{ErrorCode, Oid};
use tracing::warn;

use super::advertisement::Advertisement;
use super::branch::Branch;
use super::error::{Error, Fault, PushError};
use super::link::{Body, Link, Service};
use super::report::{self, Verdict};
use super::session::{Place, Session};
use super::swap;

/// How long another process may hold the lock of a local reference; Git itself waits 0.1 s.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// A push under way.
struct Push<'s> {
    session: &'s Session,
    branch: Branch,
    expected: Option<Oid>,
    new: Oid,
}

pub(super) fn push(session: &Session, branch: &str, expected: Option<Oid>, new: Oid) -> Result<(), PushError> {
    let push = Push { session, branch: Branch::new(branch)?, expected, new };
    match session.place() {
        Place::Remote(link) => push.over(link),
        Place::Local => push.locally(),
    }
}

impl Push<'_> {
    fn over(&self, link: &Arc<Link>) -> Result<(), PushError> {
        let pack = self.session.pending().pack(self.session.store(), self.new)?;
        let offer = self.offer(link)?;
        let found = self.found(&offer);
        if found != self.expected {
            return Err(self.moved(found));
        }
        let result = self.send(link, &offer, &pack);
        let result = match result {
            Ok(()) => Ok(()),
            Err(error) => self.after_failure(link, error),
        };
        if result.is_ok() {
            self.keep(&pack);
        }
        result
    }

    /// The server's branches as they are now.
    fn offer(&self, link: &Arc<Link>) -> Result<Advertisement, PushError> {
        link.begin();
        let body = link.list(Service::ReceivePack).map_err(|fault| self.fault(fault))?;
        Advertisement::parse(body).map_err(|fault| self.fault(fault))
    }

    fn found(&self, offer: &Advertisement) -> Option<Oid> {
        offer.refs.heads.get(self.branch.as_str()).copied()
    }

    fn send(&self, link: &Arc<Link>, offer: &Advertisement, pack: &[u8]) -> Result<(), PushError> {
        let reference = self.branch.reference();
        let mut request = report::command(offer, &reference, self.expected.unwrap_or(Oid::ZERO_SHA1), self.new);
        request.extend_from_slice(pack);
        let answer = link.post(Service::ReceivePack, request).and_then(Body::read_all);
        let verdict = answer.and_then(|answer| report::verdict(offer, &reference, &answer));
        match verdict.map_err(|fault| self.fault(fault))? {
            Verdict::Done => Ok(()),
            Verdict::Refused { reason, output } => Err(self.refused(reason, output)),
        }
    }

    /// What the remote shows after a push that did not end well: the answer may have been lost on its way,
    /// and a refusal does not always say that another writer came first.
    fn after_failure(&self, link: &Arc<Link>, error: PushError) -> Result<(), PushError> {
        let Ok(offer) = self.offer(link) else { return Err(error) };
        let found = self.found(&offer);
        match &error {
            _ if found == Some(self.new) => Ok(()),
            _ if found != self.expected => Err(self.moved(found)),
            PushError::Refused { reason, output, .. } if report::is_race(reason, output) => Err(self.moved(found)),
            _ => Err(error),
        }
    }

    /// Keeps the pushed objects, so that the next listing shows nothing that is not here. The push is done:
    /// what goes wrong now costs a fetch.
    fn keep(&self, pack: &[u8]) {
        let kept =
            self.write_pack(pack).and_then(|()| self.session.store().remember(&self.branch.reference(), self.new));
        if let Err(error) = kept {
            warn!(%error, commit = %self.new, "the pushed objects are not kept and will be fetched");
        }
    }

    fn write_pack(&self, pack: &[u8]) -> Result<(), Error> {
        let (session, doing) = (self.session, "writing a pack");
        if !session.pending().holds(self.new) {
            return Ok(());
        }
        let odb = session.store().odb()?;
        let mut writer = odb.packwriter().map_err(Error::git(doing))?;
        writer.write_all(pack).map_err(Error::io(doing, session.store().repository().path()))?;
        writer.commit().map_err(Error::git(doing))?;
        session.pending().settle(self.new);
        Ok(())
    }

    fn locally(&self) -> Result<(), PushError> {
        let pack = self.session.pending().pack(self.session.store(), self.new)?;
        self.write_pack(&pack)?;
        let home = self.session.store().home();
        swap::announce(home, &self.branch.reference(), self.new)?;
        let swapped = self.swap_when_unlocked();
        swap::withdraw(home)?;
        swapped.map_err(|error| self.local_refusal(&error))
    }

    fn swap_when_unlocked(&self) -> Result<(), git2::Error> {
        let start = Instant::now();
        loop {
            match self.swap() {
                Err(error) if error.code() == ErrorCode::Locked && start.elapsed() < LOCK_WAIT => {
                    thread::sleep(Duration::from_millis(10));
                }
                done => return done,
            }
        }
    }

    fn swap(&self) -> Result<(), git2::Error> {
        let (repository, name) = (self.session.store().repository(), self.branch.reference());
        let log = "tagwright: update";
        match self.expected {
            Some(expected) => repository.reference_matching(&name, self.new, true, expected, log).map(drop),
            None => repository.reference(&name, self.new, false, log).map(drop),
        }
    }

    fn local_refusal(&self, error: &git2::Error) -> PushError {
        let found = self.session.store().repository().refname_to_id(&self.branch.reference()).ok();
        match error.code() {
            _ if found != self.expected => self.moved(found),
            ErrorCode::Locked => self.refused(
                "another process holds the lock of the branch, or left it behind".to_owned(),
                error.message().to_owned(),
            ),
            _ => self.refused(error.message().to_owned(), String::new()),
        }
    }

    fn moved(&self, found: Option<Oid>) -> PushError {
        PushError::Moved { branch: self.branch.as_str().to_owned(), expected: self.expected, found }
    }

    fn refused(&self, reason: String, output: String) -> PushError {
        PushError::Refused { branch: self.branch.as_str().to_owned(), reason, output }
    }

    fn fault(&self, source: Fault) -> PushError {
        PushError::Failed(self.session.remote_error("pushing to", source))
    }
}
