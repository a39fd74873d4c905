//! Git's smart HTTP exchanges: list references, post a request, read the answer.
//!
//! Takes a remote's address and credentials; gives bodies, or a [`Fault`] that says what the server or the
//! way to it did wrong. Credentials go to the remote's own host alone. Everything ends at a deadline.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use reqwest::{RequestBuilder, Response};
use tokio::runtime::Handle;

use super::address::{base_of, endpoint, info_refs, may_carry_credentials, redirected};
use super::credentials::authorization;
use super::error::{Fault, printable};
use super::{Limits, Remote};
use crate::net::header::{self, HeaderValue};
use crate::net::{Deadline, Http, StatusCode, Url, host, judge_status, retry};

/// More redirects than this are a loop.
const REDIRECTS_MAX: usize = 5;
/// What a server may say about a push, the output of its hooks included.
const REPORT_BYTES_MAX: u64 = 16 << 20;
/// Some servers and proxies answer with a web page unless they see a Git client.
const USER_AGENT: &str = concat!("git/tagwright-", env!("CARGO_PKG_VERSION"));

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

/// One remote repository over http or https.
pub(super) struct Link {
    http: Http,
    runtime: Handle,
    limits: Limits,
    authorization: Option<HeaderValue>,
    insecure: bool,
    timeout: Duration,
    progress: Mutex<Progress>,
}

/// What changes while a link is used.
struct Progress {
    base: Url,
    deadline: Deadline,
    fault: Option<Fault>,
}

impl Link {
    pub(super) fn new(git: &super::Git, base: &Url, remote: &Remote) -> Result<Self, Fault> {
        let link = Self {
            http: git.http.clone(),
            runtime: git.runtime.clone(),
            limits: git.limits,
            authorization: authorization(&remote.auth)?,
            insecure: remote.insecure,
            timeout: remote.timeout,
            progress: Mutex::new(Progress {
                base: base.clone(),
                deadline: Deadline::after(remote.timeout),
                fault: None,
            }),
        };
        link.check_secrecy(base).map(|()| link)
    }

    /// Starts an operation: a fresh deadline, no fault.
    pub(super) fn begin(&self) {
        let mut progress = self.progress();
        progress.deadline = Deadline::after(self.timeout);
        progress.fault = None;
    }

    /// Keeps a fault for the caller of libgit2, which would reduce it to a line of text.
    pub(super) fn keep(&self, fault: Fault) -> io::Error {
        let text = fault.to_string();
        self.progress().fault.get_or_insert(fault);
        io::Error::other(text)
    }

    pub(super) fn take_fault(&self) -> Option<Fault> {
        self.progress().fault.take()
    }

    /// The body of `info/refs`, at most [`Limits::refs_bytes`].
    pub(super) fn list(self: &Arc<Self>, service: Service) -> Result<Vec<u8>, Fault> {
        let mut url = info_refs(&self.progress().base, service);
        for _ in 0..=REDIRECTS_MAX {
            let response = self.get(&url)?;
            match redirected(&url, response.status(), response.headers())? {
                Some(to) => url = to,
                None => {
                    self.check(&response, service, "advertisement")?;
                    self.progress().base = base_of(&url)?;
                    return self.body(response, self.limits.refs_bytes).read_all();
                }
            }
        }
        Err(Fault::Redirect { to: "itself, in a loop".to_owned() })
    }

    /// Sends a request of `service`, once; the answer is read as it comes, at most [`Limits::pack_bytes`].
    pub(super) fn post(self: &Arc<Self>, service: Service, request: Vec<u8>) -> Result<Body, Fault> {
        let url = endpoint(&self.progress().base, service);
        let builder = self
            .prepare(self.http.http1_client(&url)?.post(url.clone()), &url)?
            .header(header::CONTENT_TYPE, format!("application/x-{}-request", service.name()))
            .header(header::ACCEPT, format!("application/x-{}-result", service.name()))
            .body(request);
        let response = self.runtime.block_on(self.http.send(builder, self.deadline()))?;
        self.check(&response, service, "result")?;
        let limit = if service == Service::UploadPack { self.limits.pack_bytes } else { REPORT_BYTES_MAX };
        Ok(self.body(response, limit))
    }

    /// Asks for `url`; again, when what went wrong may pass.
    fn get(&self, url: &Url) -> Result<Response, Fault> {
        self.check_secrecy(url)?;
        let (client, deadline) = (self.http.http1_client(url)?, self.deadline());
        let judge = |response: &Response| judge_status(response.status(), response.headers());
        let attempt = || self.http.send(self.dress(client.get(url.clone())), deadline);
        Ok(self.runtime.block_on(retry(deadline, judge, attempt))?)
    }

    fn prepare(&self, request: RequestBuilder, url: &Url) -> Result<RequestBuilder, Fault> {
        self.check_secrecy(url).map(|()| self.dress(request))
    }

    fn dress(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(header::USER_AGENT, USER_AGENT);
        match &self.authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization.clone()),
            None => request,
        }
    }

    fn check_secrecy(&self, url: &Url) -> Result<(), Fault> {
        if self.authorization.is_none() || may_carry_credentials(url, self.insecure) {
            return Ok(());
        }
        Err(Fault::ClearText { host: host(url) })
    }

    /// Checks that an answer is Git's and of the content type that the protocol prescribes.
    fn check(&self, response: &Response, service: Service, half: &str) -> Result<(), Fault> {
        check_status(response.status(), self.authorization.is_some())?;
        let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if content_type == format!("application/x-{}-{half}", service.name()).as_bytes() {
            return Ok(());
        }
        let content_type = printable(content_type, 100);
        let html = content_type.starts_with("text/html");
        Err(if html { Fault::Html } else { Fault::NotGit { content_type } })
    }

    fn body(self: &Arc<Self>, response: Response, limit: u64) -> Body {
        Body { link: Arc::clone(self), response, piece: Bytes::new(), limit, seen: 0 }
    }

    fn deadline(&self) -> Deadline {
        self.progress().deadline
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_status(status: StatusCode, with_credentials: bool) -> Result<(), Fault> {
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED if with_credentials => Err(Fault::CredentialsRefused),
        StatusCode::UNAUTHORIZED => Err(Fault::CredentialsNeeded),
        StatusCode::FORBIDDEN => Err(Fault::Forbidden),
        StatusCode::NOT_FOUND => Err(Fault::NotFound),
        status => Err(Fault::Status { status: status.as_u16() }),
    }
}

/// An answer that is still arriving.
pub(super) struct Body {
    link: Arc<Link>,
    response: Response,
    piece: Bytes,
    limit: u64,
    seen: u64,
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

    /// What has arrived and was not read yet; empty at the end of the answer.
    pub(super) fn peek(&mut self) -> Result<&[u8], Fault> {
        self.fill().map(|_| self.piece.as_ref())
    }

    /// False at the end of the answer; otherwise `piece` is not empty.
    fn fill(&mut self) -> Result<bool, Fault> {
        while self.piece.is_empty() {
            let next = self.link.http.next_piece(&mut self.response, self.link.deadline());
            let Some(piece) = self.link.runtime.block_on(next)? else { return Ok(false) };
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
