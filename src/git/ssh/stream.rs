//! A command that runs on the server: what is written to it, and what it writes.
//!
//! Takes an open connection and a service; gives the pieces of its output in order. Keeps what the command prints
//! beside them and how it ended, for when it ends before its time.

use std::collections::VecDeque;

use bytes::Bytes;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};

use super::connection::{Connection, Trouble, broken, told};
use super::error::{SshFault, Step};
use crate::git::error::printable;
use crate::git::link::Service;

/// What a command may print beside its answer before it is cut.
const STDERR_BYTES_MAX: usize = 8 << 10;
/// What is taken in while something is still being sent; more waits in the window of the channel.
const AHEAD_BYTES_MAX: usize = 1 << 20;
/// What a server may send before it says that the command runs.
const PIECES_EARLY_MAX: usize = 32;

pub(super) struct Stream {
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    service: Service,
    host: String,
    pieces: VecDeque<Bytes>,
    stderr: Vec<u8>,
    end: End,
}

/// How a command ended.
#[derive(Clone, Debug, Default)]
struct End {
    /// Nothing more comes.
    is_over: bool,
    /// The channel was closed, as opposed to lost with its connection.
    is_closed: bool,
    how: Option<String>,
}

impl Stream {
    pub(super) async fn start(connection: &Connection, service: Service, command: &str) -> Result<Self, SshFault> {
        let failed = |error: russh::Error| told(Trouble::Library(error), &connection.host, Step::Channel, "");
        let channel = connection.handle.channel_open_session().await.map_err(failed)?;
        channel.exec(true, command).await.map_err(failed)?;
        Self::accepted(channel, service, &connection.host).await
    }

    async fn accepted(channel: Channel<Msg>, service: Service, host: &str) -> Result<Self, SshFault> {
        let (read, write) = channel.split();
        let mut stream = Self {
            read,
            write,
            service,
            host: host.to_owned(),
            pieces: VecDeque::new(),
            stderr: Vec::new(),
            end: End::default(),
        };
        loop {
            match stream.read.wait().await {
                Some(ChannelMsg::Success) => return Ok(stream),
                Some(ChannelMsg::Failure) => {
                    return Err(SshFault::NoCommand { host: host.to_owned(), command: service.name() });
                }
                message => stream.take(message),
            }
            if stream.end.is_over {
                return Err(stream.ending(Step::Channel));
            }
            if stream.pieces.len() > PIECES_EARLY_MAX {
                return Err(broken(host, Step::Channel, "it talks without end".to_owned(), ""));
            }
        }
    }

    /// Sends all of `request`. What comes meanwhile is taken in: a server that is not heard would not listen.
    pub(super) async fn send(&mut self, request: Vec<u8>) -> Result<(), SshFault> {
        let Self { read, write, host, .. } = self;
        let mut taken = Vec::new();
        let mut ahead = 0;
        let sent = {
            let mut sending = std::pin::pin!(write.data_bytes(request));
            loop {
                tokio::select! {
                    sent = &mut sending => break sent,
                    message = read.wait(), if ahead < AHEAD_BYTES_MAX => {
                        let is_end = matches!(message, None | Some(ChannelMsg::Close));
                        ahead += size(message.as_ref());
                        taken.push(message);
                        // Why it ended is said by what is read next.
                        if is_end {
                            break Ok(());
                        }
                    }
                }
            }
        };
        let sent = sent.map_err(|error| told(Trouble::Library(error), host, Step::Send, ""));
        taken.into_iter().for_each(|message| self.take(message));
        if self.end.is_over { Ok(()) } else { sent }
    }

    /// The next piece of the answer; `None` where the command ended as it should.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>, SshFault> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            if self.end.is_over {
                return if self.ended_well() { Ok(None) } else { Err(self.ending(Step::Answer)) };
            }
            let message = self.read.wait().await;
            self.take(message);
        }
    }

    /// False where the server has closed it meanwhile.
    pub(super) fn is_open(&mut self) -> bool {
        use futures::FutureExt as _;
        while let Some(message) = self.read.wait().now_or_never() {
            self.take(message);
            if self.end.is_over {
                return false;
            }
        }
        self.end.how.is_none()
    }

    /// Ends a command that waits for a request: the flush says that none comes. Returns when it has ended, for a server
    /// that is left before forgets what it has not passed on yet.
    pub(super) async fn leave(mut self) {
        // Whoever has gone before is gone.
        let _ = self.write.data_bytes(&b"0000"[..]).await;
        let _ = self.write.eof().await;
        while !self.end.is_over {
            let message = self.read.wait().await;
            self.take(message);
            self.pieces.clear();
        }
    }

    /// Why a command that ended too early did so.
    pub(super) fn ending(&self, step: Step) -> SshFault {
        let said = printable(&self.stderr, STDERR_BYTES_MAX);
        if !self.end.is_closed && self.end.how.is_none() {
            return broken(&self.host, step, "the connection was closed".to_owned(), &said);
        }
        let how = self.end.how.clone().unwrap_or_else(|| "ended early".to_owned());
        SshFault::Ended { host: self.host.clone(), command: self.service.name(), how, said }
    }

    fn ended_well(&self) -> bool {
        self.end.is_closed && self.end.how.is_none()
    }

    fn take(&mut self, message: Option<ChannelMsg>) {
        match message {
            Some(ChannelMsg::Data { data }) => self.pieces.push_back(data),
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                let room = STDERR_BYTES_MAX - self.stderr.len();
                self.stderr.extend_from_slice(&data[..data.len().min(room)]);
            }
            Some(ChannelMsg::ExitStatus { exit_status: 0 }) => {}
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                self.end.how = Some(format!("ended with status {exit_status}"));
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                self.end.how =
                    Some(format!("was ended by signal {}", printable(format!("{signal_name:?}").as_bytes(), 40)));
            }
            // Behind the end of the output the exit status may still come.
            Some(ChannelMsg::Close) => self.end = End { is_over: true, is_closed: true, ..self.end.clone() },
            None => self.end.is_over = true,
            Some(_) => {}
        }
    }
}

fn size(message: Option<&ChannelMsg>) -> usize {
    match message {
        Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => data.len(),
        _ => 0,
    }
}
