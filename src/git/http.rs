//! Git's smart HTTP exchanges: list references, post a request, read the answer.
//!
//! Takes a remote's address and credentials; gives answers, or a [`Fault`] that says what the server or the
//! way to it did wrong. Credentials go to the remote's own host alone. Everything ends at a deadline.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reqwest::{RequestBuilder, Response};
use tokio::runtime::Handle;

use super::Remote;
use super::address::{base_of, endpoint, info_refs, may_carry_credentials, redirected};
use super::error::{Fault, printable};
use super::link::Service;
use super::login::{Login, Presented};
use crate::net::header::{self, HeaderValue};
use crate::net::{Deadline, Http, Proxy, StatusCode, Url, host};

/// More redirects than this are a loop.
const REDIRECTS_MAX: usize = 5;
/// What a server may say of a refusal.
const WORDS_BYTES_MAX: usize = 500;
/// Some servers and proxies answer with a web page unless they see a Git client.
const USER_AGENT: &str = concat!("git/tagwright-", env!("CARGO_PKG_VERSION"));

/// One remote repository over http or https.
pub(super) struct Wire {
    http: Http,
    runtime: Handle,
    login: Login,
    insecure: bool,
    /// The remote's own; those of the environment are never asked for this machine.
    proxy: Option<Proxy>,
    /// The repository's address; a listing may be redirected.
    base: Mutex<Url>,
}

impl Wire {
    pub(super) fn new(git: &super::Git, base: &Url, remote: &Remote) -> Result<Self, Fault> {
        let http = git.http.over(&remote.connection)?;
        let wire = Self {
            login: Login::new(git, remote, base, &http)?,
            http,
            runtime: git.runtime.clone(),
            insecure: remote.insecure,
            proxy: remote.connection.proxy.clone(),
            base: Mutex::new(base.clone()),
        };
        wire.check_secrecy(base).map(|()| wire)
    }

    /// Asks for `info/refs`.
    pub(super) fn list(&self, service: Service, deadline: Deadline) -> Result<Response, Fault> {
        let mut url = info_refs(&self.base(), service);
        for _ in 0..=REDIRECTS_MAX {
            let response = self.get(&url, deadline)?;
            match redirected(&url, response.status(), response.headers())? {
                Some(to) => url = to,
                None => {
                    let response = self.check(response, service, "advertisement", deadline)?;
                    *self.base() = base_of(&url)?;
                    return Ok(response);
                }
            }
        }
        Err(Fault::Redirect { to: "itself, in a loop".to_owned() })
    }

    /// Sends a request of `service`, once.
    pub(super) fn post(&self, service: Service, request: Vec<u8>, deadline: Deadline) -> Result<Response, Fault> {
        let url = endpoint(&self.base(), service);
        let (client, request) = (self.http.http1_client(&url)?, Bytes::from(request));
        let response = self.ask(&url, deadline, |shown| {
            let builder = dress(client.post(url.clone()), shown)
                .header(header::CONTENT_TYPE, format!("application/x-{}-request", service.name()))
                .header(header::ACCEPT, format!("application/x-{}-result", service.name()))
                .body(request.clone());
            Ok(self.runtime.block_on(self.http.send(builder, deadline))?)
        })?;
        self.check(response, service, "result", deadline)
    }

    /// The next piece of an answer, `None` at its end.
    pub(super) fn next_piece(&self, response: &mut Response, deadline: Deadline) -> Result<Option<Bytes>, Fault> {
        Ok(self.runtime.block_on(self.http.next_piece(response, deadline))?)
    }

    /// Asks for `url`; again, when what went wrong may pass.
    fn get(&self, url: &Url, deadline: Deadline) -> Result<Response, Fault> {
        let client = self.http.http1_client(url)?;
        self.ask(url, deadline, |shown| {
            let attempt = || self.http.send(dress(client.get(url.clone()), shown), deadline);
            Ok(self.runtime.block_on(self.http.retry(url, deadline, head, attempt))?)
        })
    }

    /// Sends with our credential; once more with another, if the server refuses one that may be too old.
    fn ask(
        &self,
        url: &Url,
        deadline: Deadline,
        send: impl Fn(&Presented) -> Result<Response, Fault>,
    ) -> Result<Response, Fault> {
        self.check_secrecy(url)?;
        let shown = self.login.present(deadline)?;
        let response = send(&shown)?;
        if !self.login.is_refusal(response.status()) {
            return Ok(response);
        }
        match self.login.renew(&shown, deadline)? {
            Some(other) => send(&other),
            None => Ok(response),
        }
    }

    fn check_secrecy(&self, url: &Url) -> Result<(), Fault> {
        if !self.login.is_given() || may_carry_credentials(url, self.insecure, self.proxy.as_ref()) {
            return Ok(());
        }
        Err(Fault::ClearText { host: host(url) })
    }

    /// Checks that an answer is Git's and of the content type that the protocol prescribes.
    fn check(
        &self,
        mut response: Response,
        service: Service,
        half: &str,
        deadline: Deadline,
    ) -> Result<Response, Fault> {
        if let Err(fault) = check_status(response.status(), self.login.is_given()) {
            return Err(self.with_words(fault, &mut response, deadline));
        }
        let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if content_type == format!("application/x-{}-{half}", service.name()).as_bytes() {
            return Ok(response);
        }
        let content_type = printable(content_type, 100);
        let html = content_type.starts_with("text/html");
        Err(if html { Fault::Html } else { Fault::NotGit { content_type } })
    }

    /// Adds what the server says of its refusal, as git shows it: an expired token is often told only there.
    fn with_words(&self, fault: Fault, response: &mut Response, deadline: Deadline) -> Fault {
        let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !content_type.starts_with(b"text/plain") {
            return fault;
        }
        let piece = self.next_piece(response, deadline).ok().flatten().unwrap_or_default();
        let text = printable(&piece, WORDS_BYTES_MAX).replace('\n', "; ");
        if text.is_empty() { fault } else { Fault::Refused { fault: Box::new(fault), text } }
    }

    fn base(&self) -> MutexGuard<'_, Url> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dress(request: RequestBuilder, shown: &Presented) -> RequestBuilder {
    let request = request.header(header::USER_AGENT, USER_AGENT);
    match &shown.header {
        Some(authorization) => request.header(header::AUTHORIZATION, authorization.clone()),
        None => request,
    }
}

fn head(response: &Response) -> (StatusCode, &header::HeaderMap) {
    (response.status(), response.headers())
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
