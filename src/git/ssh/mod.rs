//! Git over ssh, in process: a command on the server for each exchange, all on one connection.
//!
//! Takes a place, a private key and known_hosts; gives advertisements and answers, or a fault that says what the
//! server or the way to it did wrong. Nothing of the user's own set-up is read: no agent, no configuration, no files.

mod algorithms;
mod connection;
mod error;
mod known_hosts;
mod place;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::warn;

use self::connection::{Connection, Login, within};
use self::error::{Step, numbers};
use self::stream::Stream;
use super::credentials::{Auth, SshAuth};
use super::error::{Fault, printable};
use super::link::Service;
use super::pktline::Packets;
use super::{Git, Remote, private_key};
use crate::net::Deadline;

pub use self::algorithms::{SshAlgorithms, UnknownAlgorithm};
pub(super) use self::error::SshFault;
pub use self::known_hosts::{HostVerdict, KnownHosts};
pub(super) use self::place::SshPlace;

/// How long a farewell may take.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// One remote repository over ssh.
pub(super) struct Wire {
    runtime: Handle,
    login: Login,
    state: Mutex<State>,
}

/// What is open.
#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Commands that have shown their advertisement and wait for a request.
    listed: Vec<(Service, Stream)>,
}

/// An answer that is still arriving.
pub(super) struct Answer {
    stream: Stream,
    /// Of an answer that ends with a flush and not with the command.
    packets: Option<Packets>,
}

impl Wire {
    pub(super) fn new(git: &Git, place: &SshPlace, remote: &Remote) -> Result<Self, Fault> {
        let Auth::Ssh(auth) = &remote.auth else { return Err(SshFault::NoIdentity.into()) };
        if remote.connection.proxy.is_some() {
            return Err(SshFault::Proxy.into());
        }
        let login = login(git, place, auth)?;
        Ok(Self { runtime: git.runtime.clone(), login, state: Mutex::default() })
    }

    /// The advertisement of `service`, at most `limit` bytes. The command stays, and takes the next request.
    pub(super) fn list(&self, service: Service, limit: u64, deadline: Deadline) -> Result<Vec<u8>, Fault> {
        self.guard(async |state| {
            let (stream, advertisement) = self.advertisement(state, service, limit, deadline).await?;
            state.listed.push((service, stream));
            Ok(advertisement)
        })
    }

    /// Sends the first request of `service`: to the command that showed its advertisement, or to a new one.
    pub(super) fn post(
        &self,
        service: Service,
        request: Vec<u8>,
        limit: u64,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        self.guard(async |state| {
            let mut stream = match state.take_listed(service) {
                Some(stream) => stream,
                None => self.advertisement(state, service, limit, deadline).await?.0,
            };
            within(deadline, &self.host(), Step::Send, stream.send(request)).await??;
            let packets = (service == Service::ReceivePack).then(Packets::default);
            Ok(Answer { stream, packets })
        })
    }

    /// Sends one more request of a conversation.
    pub(super) fn say(&self, answer: &mut Answer, request: Vec<u8>, deadline: Deadline) -> Result<(), Fault> {
        self.guard(async |_| Ok(within(deadline, &self.host(), Step::Send, answer.stream.send(request)).await??))
    }

    /// The next piece of an answer, `None` at its end.
    pub(super) fn next_piece(&self, answer: &mut Answer, deadline: Deadline) -> Result<Option<Bytes>, Fault> {
        self.guard(async |_| {
            if answer.packets.as_ref().is_some_and(Packets::are_flushed) {
                return Ok(None);
            }
            let piece = within(deadline, &self.host(), Step::Answer, answer.stream.next_piece()).await??;
            match (&mut answer.packets, &piece) {
                (Some(packets), Some(piece)) => packets.feed(piece)?,
                (Some(_), None) => return Err(answer.stream.ending(Step::Answer).into()),
                (None, _) => {}
            }
            Ok(piece)
        })
    }

    /// Starts a command and reads until the flush that ends its advertisement.
    async fn advertisement(
        &self,
        state: &mut State,
        service: Service,
        limit: u64,
        deadline: Deadline,
    ) -> Result<(Stream, Vec<u8>), Fault> {
        if let Some(stream) = state.take_listed(service) {
            // A server that does not listen any more is found out by what comes next.
            let _ = timeout(FAREWELL_MAX.min(deadline.remaining()), stream.leave()).await;
        }
        let mut stream = self.start(state, service, deadline).await?;
        let (mut packets, mut seen) = (Packets::default(), Vec::new());
        while !packets.are_flushed() {
            let piece = within(deadline, &self.host(), Step::Answer, stream.next_piece()).await?;
            let Some(piece) = piece.map_err(|fault| last_words(&seen, fault))? else {
                return Err(last_words(&seen, stream.ending(Step::Answer)));
            };
            seen.extend_from_slice(&piece);
            if seen.len() as u64 > limit {
                return Err(Fault::TooLarge { limit });
            }
            packets.feed(&piece).map_err(|_| self.chatter(&seen))?;
        }
        Ok((stream, seen))
    }

    /// On the connection that is open, or on a new one where there is none or it takes no further command.
    async fn start(&self, state: &mut State, service: Service, deadline: Deadline) -> Result<Stream, Fault> {
        let command = self.login.place.command(service);
        if let Some(connection) = &state.connection {
            let started =
                within(deadline, &connection.host, Step::Channel, Stream::start(connection, service, &command));
            match started.await? {
                Err(fault) if fault.is_of_connection() => drop(state.leave(&self.runtime)),
                done => return Ok(done?),
            }
        }
        let connection = self.login.connect(deadline).await?;
        let started = within(deadline, &connection.host, Step::Channel, Stream::start(&connection, service, &command));
        let stream = started.await??;
        state.connection = Some(connection);
        Ok(stream)
    }

    fn chatter(&self, seen: &[u8]) -> Fault {
        SshFault::Chatter { host: self.host(), text: first_line(seen) }.into()
    }

    fn host(&self) -> String {
        self.login.place.address()
    }

    /// Runs `work`; after a fault the connection is left, for nobody knows what still waits in it.
    fn guard<T>(&self, work: impl AsyncFnOnce(&mut State) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut state = self.state();
        let result = self.runtime.block_on(work(&mut state));
        if result.is_err() {
            drop(state.leave(&self.runtime));
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let farewell = self.state().leave(&self.runtime);
        // Ends when the farewell was sent, or was given up.
        let _ = farewell.recv_timeout(FAREWELL_MAX);
    }
}

impl State {
    fn take_listed(&mut self, service: Service) -> Option<Stream> {
        let at = self.listed.iter().position(|(listed, _)| *listed == service)?;
        let (_, mut stream) = self.listed.swap_remove(at);
        stream.is_open().then_some(stream)
    }

    /// Takes leave of commands that wait and of the server, beside what comes next. The receiver ends with it.
    fn leave(&mut self, runtime: &Handle) -> mpsc::Receiver<()> {
        let (done, farewell) = mpsc::channel();
        let Self { connection, listed } = std::mem::take(self);
        let Some(connection) = connection else { return farewell };
        runtime.spawn(async move {
            let leave = async {
                for (_, stream) in listed {
                    stream.leave().await;
                }
                connection.close().await;
            };
            // A server that does not listen any more is left without.
            let _ = timeout(FAREWELL_MAX, leave).await;
            drop(done);
        });
        farewell
    }
}

fn login(git: &Git, place: &SshPlace, auth: &SshAuth) -> Result<Login, SshFault> {
    let known_hosts = KnownHosts::parse(&auth.known_hosts);
    let unreadable = known_hosts.unreadable();
    if known_hosts.is_empty() {
        return Err(SshFault::NoKnownHosts { unreadable: unreadable.to_vec() });
    }
    if !unreadable.is_empty() {
        warn!(lines = numbers(unreadable), "lines of known_hosts that cannot be read are passed over");
    }
    let key = private_key::read(&auth.identity, auth.password.as_ref()).map_err(SshFault::Key)?;
    Ok(Login {
        place: place.clone(),
        key: Arc::new(key),
        known_hosts: Arc::new(known_hosts),
        algorithms: git.ssh.clone(),
    })
}

fn first_line(text: &[u8]) -> String {
    printable(text, 200).lines().next().unwrap_or_default().to_owned()
}

/// What a server says in Git's own words before it ends is worth more than how it ended.
fn last_words(seen: &[u8], fault: SshFault) -> Fault {
    match seen.get(4..) {
        Some([b'E', b'R', b'R', b' ', text @ ..]) => Fault::Says { text: printable(text, 1000) },
        _ => fault.into(),
    }
}
