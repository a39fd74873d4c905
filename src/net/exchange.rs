//! A whole exchange: a small request, retried and redirected by the rules, and its answer: in memory, or handed on as
//! it arrives.

use std::fmt;
use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::address::{OutOfReach, Reach, literal};
use super::body::Intake;
use super::client::Http;
use super::deadline::Deadline;
use super::error::{Error, host};
use super::lane::Pass;
use super::redirect::{REDIRECTS_MAX, Redirects, follow, same_host};
use super::retry::retry_after;
use super::standing::Asker;

/// How much of the body of a refusal is kept.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// A request whose answer is read to its end.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The most bytes that the body of a successful answer may have, unpacked.
    pub body_max: usize,
    pub reach: Reach,
    pub redirects: Redirects,
    /// As whom the server counts it.
    pub asker: Asker,
}

/// An answer with its body. Of refusals (status not 2xx) only the beginning of the body is kept.
#[derive(Clone)]
pub struct Answer {
    /// Where it came from in the end.
    pub url: Url,
    /// The address that sent it; unknown where a proxy was between.
    pub peer: Option<IpAddr>,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A request without a body, to a host that the user named, redirected on that host only.
    pub fn new(method: Method, url: Url, body_max: usize) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            body_max,
            reach: Reach::ANY,
            redirects: Redirects::SameHost,
            asker: Asker::default(),
        }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The request that a redirect asks for: a credential stays on its host, and 303 turns it into a GET.
    /// Another host is reached at addresses like those of the server that names it.
    fn redirected(&self, answer: &Answer, to: Url) -> Self {
        let (mut next, status) = (self.clone(), answer.status);
        if !same_host(&self.url, &to) {
            next.headers.remove(AUTHORIZATION);
            next.asker = Asker::default();
            next.reach = answer.reach();
        }
        if status == StatusCode::SEE_OTHER && self.method != Method::HEAD {
            next.method = Method::GET;
            next.body = Bytes::new();
        }
        next.url = to;
        next
    }
}

impl Answer {
    /// The header's value, if it is there and plain text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a server may lead us that this one named: to public addresses, and to such as it has itself. What counts is
    /// the address that the answer came from; a name may lead elsewhere a moment later.
    pub fn reach(&self) -> Reach {
        self.peer.or_else(|| literal(&self.url)).map_or(Reach::PUBLIC, Reach::of)
    }

    /// The error to report when this status was not what the caller hoped for.
    pub fn status_error(&self) -> Error {
        let retry_after = retry_after(&self.headers, jiff::Timestamp::now());
        Error::Status { host: host(&self.url), status: self.status, retry_after }
    }
}

impl Http {
    /// Sends the request until it is answered by something else than a passing fault, follows the redirects that its
    /// rule allows, and reads the answer. Statuses are no errors.
    pub async fn fetch(&self, request: &Request, deadline: Deadline) -> Result<Answer, Error> {
        let (mut answer, body) = self.stream(request, BytesMut::new, deadline).await?;
        if answer.status.is_success() {
            answer.body = body.freeze();
        }
        Ok(answer)
    }

    /// The same for answers that are not kept: the body of a successful one goes into what `start` makes, and the answer
    /// comes without it. A body that breaks is asked for again, and goes into a new one from its beginning.
    pub async fn stream<I: Intake>(
        &self,
        request: &Request,
        start: impl Fn() -> I,
        deadline: Deadline,
    ) -> Result<(Answer, I), Error> {
        let mut request = request.clone();
        for _ in 0..=REDIRECTS_MAX {
            let attempt = || self.exchange(&request, start(), deadline);
            let (answer, intake) = self.retry(&request.url, deadline, head, attempt).await?;
            match follow(&answer.url, answer.status, &answer.headers, request.redirects)? {
                Some(to) => request = request.redirected(&answer, to),
                None => return Ok((answer, intake)),
            }
        }
        let place = host(&request.url);
        Err(Error::Redirected { from: place.clone(), to: place, why: "too many redirects" })
    }

    async fn exchange<I: Intake>(
        &self,
        request: &Request,
        mut intake: I,
        deadline: Deadline,
    ) -> Result<(Answer, I), Error> {
        let url = &request.url;
        let out_of_reach = |guard: OutOfReach| Error::OutOfReach { host: host(url), cause: guard.to_string() };
        request.reach.check(url).map_err(out_of_reach)?;
        let mut pass = self.turn(url, request.asker, deadline).await?;
        let outcome = self.answer(request, &mut intake, pass.as_mut(), deadline).await;
        if let Some(pass) = &pass {
            pass.ended(&outcome);
        }
        outcome.map(|answer| (answer, intake))
    }

    async fn answer(
        &self,
        request: &Request,
        intake: &mut impl Intake,
        pass: Option<&mut Pass>,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let url = &request.url;
        let client = self.client(url, request.reach)?;
        let sent = client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        let response = self.send(sent.body(request.body.clone()), deadline).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if let Some(pass) = pass {
            pass.answered(status.as_u16(), &headers);
        }
        let peer = response.remote_addr().filter(|_| self.is_direct(url)).map(|address| address.ip());
        let mut body = Bytes::new();
        if status.is_success() && request.method != Method::HEAD {
            self.read_into(response, request.body_max, deadline, intake).await?;
        } else if request.method != Method::HEAD {
            body = self.read_start(response, REFUSAL_BYTES_MAX, deadline).await?;
        }
        Ok(Answer { url: url.clone(), peer, status, headers, body })
    }
}

fn head<I>((answer, _): &(Answer, I)) -> (StatusCode, &HeaderMap) {
    (answer.status, &answer.headers)
}

/// Neither headers nor bodies are printed: both may hold what must not be seen.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {}{})", self.method, host(&self.url), self.url.path())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} of {}{}, {} bytes)", self.status, host(&self.url), self.url.path(), self.body.len())
    }
}
