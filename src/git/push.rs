//! Moves a branch by compare-and-swap: a push names the commit that it expects to replace.
//!
//! To a server the old id travels in the command, and the server compares it under the lock of the reference
//! (`git help receive-pack`). A local repository is compared by libgit2 under the same lock. Hooks run on servers alone.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use git2::{ErrorCode, Oid};
use tracing::warn;

use super::advertisement::Advertisement;
use super::error::{Error, Fault, PushError};
use super::link::{Body, Link, Service};
use super::pack::Bases;
use super::refspec::{PushOptions, RefName};
use super::report::{self, Command, Verdict};
use super::session::{Place, Session};
use super::swap;

/// How long another process may hold the lock of a local reference; Git itself waits 0.1 s.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// One reference that a push moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub target: RefName,
    pub expected: Expected,
}

/// What a push may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The reference is at this commit, or absent.
    At(Option<Oid>),
    /// Whatever the server lists as the push begins; without `force` only a commit that is behind the new one.
    Listed { force: bool },
}

/// A push under way: all `moves` go to `new`.
struct Push<'s> {
    session: &'s Session,
    moves: &'s [Move],
    new: Oid,
    options: &'s PushOptions,
}

/// What a server lists before a push.
struct Offer {
    advertisement: Advertisement,
    /// Those of the references to be moved that exist.
    found: BTreeMap<RefName, Oid>,
}

pub(super) fn push(session: &Session, moves: &[Move], new: Oid, options: &PushOptions) -> Result<(), PushError> {
    let push = Push { session, moves, new, options };
    match session.place() {
        Place::Remote(link) => push.remotely(link),
        Place::Local => push.locally(),
    }
}

impl Push<'_> {
    /// All references in one exchange where the server moves all or none, else one after the other.
    fn remotely(&self, link: &Arc<Link>) -> Result<(), PushError> {
        let offer = match self.session.take_offer() {
            Some(advertisement) => self.found_in(advertisement),
            None => self.offer(link)?,
        };
        if !self.options.is_empty() && !offer.advertisement.can("push-options") {
            return Err(PushError::NoOptions);
        }
        let commands = self.commands(self.moves, &offer.found)?;
        if commands.len() < 2 || offer.advertisement.can("atomic") {
            return self.exchange(link, &offer, &commands);
        }
        let mut done = Vec::new();
        for one in self.moves {
            let offer = self.offer(link).map_err(|error| partly(&done, error))?;
            let commands = self.commands(std::slice::from_ref(one), &offer.found);
            let moved = commands.and_then(|commands| self.exchange(link, &offer, &commands));
            moved.map_err(|error| partly(&done, error))?;
            done.push(one.target.clone());
        }
        Ok(())
    }

    /// The commands for `moves`, without those that are at the new commit already.
    fn commands(&self, moves: &[Move], found: &BTreeMap<RefName, Oid>) -> Result<Vec<Command>, PushError> {
        let mut commands = Vec::new();
        for Move { target, expected } in moves {
            let old = found.get(target).copied();
            match expected {
                _ if old == Some(self.new) => continue,
                Expected::At(expected) if old != *expected => return Err(moved(target, *expected, old)),
                Expected::Listed { force: false } => self.check_forward(target, old)?,
                _ => {}
            }
            commands.push(Command { target: target.clone(), old, new: self.new });
        }
        Ok(commands)
    }

    /// The server cannot know whether commits of a reference may get lost: Git's own client checks it too.
    fn check_forward(&self, target: &RefName, old: Option<Oid>) -> Result<(), PushError> {
        let Some(old) = old else { return Ok(()) };
        let repository = self.session.store().repository();
        // What is not here cannot be behind a commit that was made here.
        match repository.graph_descendant_of(self.new, old) {
            Ok(true) => Ok(()),
            _ => Err(PushError::NotForward { target: target.clone(), found: old }),
        }
    }

    /// The server's references as they are now.
    fn offer(&self, link: &Arc<Link>) -> Result<Offer, PushError> {
        link.begin();
        let body = link.list(Service::ReceivePack).map_err(|fault| self.fault(fault))?;
        let advertisement = Advertisement::parse(body).map_err(|fault| self.fault(fault))?;
        Ok(self.found_in(advertisement))
    }

    fn found_in(&self, advertisement: Advertisement) -> Offer {
        let found = |one: &Move| Some((one.target.clone(), advertisement.find(one.target.full())?.object));
        let found = self.moves.iter().filter_map(found).collect();
        Offer { advertisement, found }
    }

    fn exchange(&self, link: &Arc<Link>, offer: &Offer, commands: &[Command]) -> Result<(), PushError> {
        if commands.is_empty() {
            return Ok(());
        }
        let bases = if offer.advertisement.can("no-thin") { Bases::InPack } else { Bases::AtReceiver };
        let pack = self.session.pending().pack(self.session.store(), self.new, bases)?;
        match self.send(link, &offer.advertisement, commands, &pack) {
            Ok(()) => {}
            Err(error) => self.after_failure(link, commands, error)?,
        }
        self.keep(&pack);
        Ok(())
    }

    fn send(
        &self,
        link: &Arc<Link>,
        offer: &Advertisement,
        commands: &[Command],
        pack: &[u8],
    ) -> Result<(), PushError> {
        let mut request = report::commands(offer, commands, self.options);
        request.extend_from_slice(pack);
        let answer = link.post(Service::ReceivePack, request).and_then(Body::read_all);
        let verdict = answer.and_then(|answer| report::verdict(offer, commands, &answer));
        match verdict.map_err(|fault| self.fault(fault))? {
            Verdict::Done => Ok(()),
            Verdict::Refused { target, reason, output } => Err(PushError::Refused { target, reason, output }),
        }
    }

    /// What the remote shows after a push that did not end well: the answer may have been lost on its way,
    /// and a refusal does not always say that another writer came first.
    fn after_failure(&self, link: &Arc<Link>, commands: &[Command], error: PushError) -> Result<(), PushError> {
        let race = matches!(&error, PushError::Refused { reason, output, .. } if report::is_race(reason, output));
        if let (true, [command]) = (race, commands) {
            return Err(moved(&command.target, command.old, command.old));
        }
        let Ok(offer) = self.offer(link) else { return Err(error) };
        let found = |command: &Command| offer.found.get(&command.target).copied();
        if commands.iter().all(|command| found(command) == Some(command.new)) {
            return Ok(());
        }
        match commands.iter().find(|command| found(command) != command.old) {
            Some(lost) => Err(moved(&lost.target, lost.old, found(lost))),
            None if race => Err(moved(&commands[0].target, commands[0].old, commands[0].old)),
            None => Err(error),
        }
    }

    /// Keeps the pushed objects, so that the next listing shows nothing that is not here. The push is done:
    /// what goes wrong now costs a fetch.
    fn keep(&self, pack: &[u8]) {
        let kept = self.write_pack(pack).and_then(|()| self.remember());
        if let Err(error) = kept {
            warn!(%error, commit = %self.new, "the pushed objects are not kept and will be fetched");
        }
    }

    fn remember(&self) -> Result<(), Error> {
        self.moves.iter().try_for_each(|one| self.session.store().remember(one.target.as_str(), self.new))
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

    /// A local repository moves one reference at a time, and tells nobody: hooks do not run there.
    fn locally(&self) -> Result<(), PushError> {
        if !self.options.is_empty() {
            return Err(PushError::NoOptions);
        }
        let found = self.moves.iter().filter_map(|one| Some((one.target.clone(), self.local_tip(&one.target)?)));
        let commands = self.commands(self.moves, &found.collect())?;
        if !commands.is_empty() {
            let pack = self.session.pending().pack(self.session.store(), self.new, Bases::AtReceiver)?;
            self.write_pack(&pack)?;
        }
        let mut done = Vec::new();
        for command in &commands {
            self.move_locally(command).map_err(|error| partly(&done, error))?;
            done.push(command.target.clone());
        }
        Ok(())
    }

    fn local_tip(&self, target: &RefName) -> Option<Oid> {
        self.session.store().repository().refname_to_id(target.as_str()).ok()
    }

    fn move_locally(&self, command: &Command) -> Result<(), PushError> {
        let home = self.session.store().home();
        swap::announce(home, command.target.as_str(), self.new)?;
        let swapped = self.swap_when_unlocked(command);
        swap::withdraw(home)?;
        swapped.map_err(|error| self.local_refusal(command, &error))
    }

    fn swap_when_unlocked(&self, command: &Command) -> Result<(), git2::Error> {
        let start = Instant::now();
        loop {
            match self.swap(command) {
                Err(error) if error.code() == ErrorCode::Locked && start.elapsed() < LOCK_WAIT => {
                    thread::sleep(Duration::from_millis(10));
                }
                done => return done,
            }
        }
    }

    fn swap(&self, Command { target, old, new }: &Command) -> Result<(), git2::Error> {
        let repository = self.session.store().repository();
        let log = "tagwright: update";
        match old {
            Some(old) => repository.reference_matching(target.as_str(), *new, true, *old, log).map(drop),
            None => repository.reference(target.as_str(), *new, false, log).map(drop),
        }
    }

    fn local_refusal(&self, Command { target, old, .. }: &Command, error: &git2::Error) -> PushError {
        let refused = |reason: &str, output: &str| PushError::Refused {
            target: target.clone(),
            reason: reason.to_owned(),
            output: output.to_owned(),
        };
        let found = self.local_tip(target);
        match error.code() {
            _ if found != *old => moved(target, *old, found),
            ErrorCode::Locked => {
                refused("another process holds the lock of the branch, or left it behind", error.message())
            }
            _ => refused(error.message(), ""),
        }
    }

    fn fault(&self, source: Fault) -> PushError {
        PushError::Failed(self.session.remote_error("pushing to", source))
    }
}

fn moved(target: &RefName, expected: Option<Oid>, found: Option<Oid>) -> PushError {
    PushError::Moved { target: target.clone(), expected, found }
}

/// An error behind references that were moved.
fn partly(done: &[RefName], error: PushError) -> PushError {
    if done.is_empty() { error } else { PushError::Partly { done: done.to_vec(), source: Box::new(error) } }
}
