//! What every flow goes out with, and the one way in which it asks: a request in, a checked answer out.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jiff::SignedDuration;
use serde_json::Value;

use super::aws::AwsKeys;
use super::clouds::Login;
use super::endpoints::Endpoints;
use super::environment::Environment;
use super::error::{Error, fit_for_terminal};
use super::tokens::{Tokens, fingerprint};
use crate::net::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use crate::net::{self, Answer, Deadline, Http, Method, Request, StatusCode, Step, Url, host};
use crate::secret::Secret;

/// The answers are a few kilobytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Tokens and keys in files too.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is kept between errands.
#[derive(Debug)]
pub(super) struct Caches {
    pub(super) logins: Tokens<Login>,
    pub(super) aws: Tokens<AwsKeys>,
    /// Access tokens of Azure and Google.
    pub(super) access: Tokens<Secret>,
}

impl Caches {
    pub(super) fn new(expires_soon: SignedDuration) -> Self {
        Self { logins: Tokens::new(expires_soon), aws: Tokens::new(expires_soon), access: Tokens::new(expires_soon) }
    }
}

/// Who we are, where to ask, and until when.
pub(super) struct Errand<'a> {
    pub(super) http: &'a Http,
    pub(super) environment: &'a Environment,
    pub(super) endpoints: &'a Endpoints,
    pub(super) caches: &'a Caches,
    pub(super) deadline: Deadline,
}

/// One request of a flow.
pub(super) struct Question {
    /// What is asked for, as errors tell it: `a token of tenant 12`.
    pub(super) what: String,
    /// Whose ways the server has, as errors tell it: `AWS STS`.
    pub(super) expected: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// On this machine's own network: no proxy, short time-outs.
    pub(super) direct: bool,
    /// What was sent and must not come back in an error.
    pub(super) secrets: Vec<Secret>,
    pub(super) hint: fn(&Refusal<'_>) -> Option<&'static str>,
}

/// What a server said besides no.
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    pub(super) code: &'a str,
}

impl Question {
    pub(super) fn new(method: Method, url: Url, expected: &'static str, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            expected,
            method,
            url,
            headers: HeaderMap::new(),
            body: String::new(),
            direct: false,
            secrets: Vec::new(),
            hint: |_| None,
        }
        .header(ACCEPT, "application/json")
    }

    pub(super) fn direct(mut self) -> Self {
        self.direct = true;
        self
    }

    pub(super) fn hint(mut self, hint: fn(&Refusal<'_>) -> Option<&'static str>) -> Self {
        self.hint = hint;
        self
    }

    pub(super) fn header(mut self, name: impl Into<HeaderName>, value: &'static str) -> Self {
        self.headers.insert(name.into(), HeaderValue::from_static(value));
        self
    }

    /// A header that no log prints and no error repeats; `before` is what stands in front of the secret.
    pub(super) fn secret_header(mut self, name: HeaderName, before: &str, secret: &Secret) -> Result<Self, Error> {
        let value = [before.as_bytes(), secret.expose()].concat();
        let odd = |_| self.odd("what it would be shown does not fit into a header");
        let mut value = HeaderValue::from_bytes(&value).map_err(odd)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self.secrets.push(secret.clone());
        Ok(self)
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = body.to_string();
        self
    }

    pub(super) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self
    }

    /// A field of the form, its name and value already among [`Self::form`], is not to be repeated.
    pub(super) fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// The answer is not what it should be.
    pub(super) fn odd(&self, what: &'static str) -> Error {
        Error::Answer { host: host(&self.url), expected: self.expected, what, hint: None }
    }

    fn refused(&self, answer: &Answer) -> Error {
        let (code, message) = words(&answer.body);
        let refusal = Refusal { status: answer.status.as_u16(), code: &code };
        let hint = (self.hint)(&refusal);
        let (host, what, message) = (host(&self.url), self.what.clone(), self.fit(&code, &message));
        Error::Refused { host, what, status: answer.status, code, message, hint }
    }

    fn fit(&self, code: &str, message: &str) -> String {
        let text = [code, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        let secrets = self.secrets.iter().filter_map(Secret::expose_text).filter(|secret| !secret.is_empty());
        fit_for_terminal(&secrets.fold(text, |text, secret| text.replace(secret, "[redacted]")))
    }
}

impl Errand<'_> {
    /// The whole answer, if it says yes.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, Error> {
        let net = |source: net::Error| {
            let (host, what) = (host(&question.url), question.what.clone());
            let hint = (question.hint)(&Refusal { status: 0, code: "" });
            Error::Net { host, what, source: Box::new(source), hint }
        };
        let http = if question.direct { self.http.direct().map_err(net)? } else { self.http.clone() };
        let mut request = Request::new(question.method.clone(), question.url.clone(), ANSWER_BYTES_MAX);
        request.headers = question.headers.clone();
        request.body = question.body.clone().into();
        let answer = http.fetch(&request, self.deadline).await.map_err(net)?;
        if answer.status == StatusCode::OK || answer.status == StatusCode::CREATED {
            return Ok(answer);
        }
        Err(question.refused(&answer))
    }

    /// The answer as JSON, if it says yes.
    pub(super) async fn ask_json(&self, question: &Question) -> Result<Value, Error> {
        let answer = self.ask(question).await?;
        serde_json::from_slice(&answer.body).map_err(|_| question.odd("no JSON"))
    }

    /// The URL, or what stands in for it. Only for what the flows write themselves.
    pub(super) fn url(&self, text: &str) -> Url {
        self.endpoints.place(text.parse().expect("a URL made of checked parts"))
    }

    /// A URL that a variable or a file names: https, or plain http where `admits` allows it.
    pub(super) fn named_url(&self, name: &'static str, text: &str, admits: fn(&Url) -> bool) -> Result<Url, Error> {
        let refused = |why: &str| Error::Setting { name, why: why.to_owned(), hint: None };
        let url: Url = text.parse().map_err(|_| refused("is not a URL"))?;
        match url.scheme() {
            "https" | "http" if url.host_str().is_none() => Err(refused("names no host")),
            _ if !url.username().is_empty() || url.password().is_some() => Err(refused("holds a login")),
            "https" => Ok(self.endpoints.place(url)),
            "http" if admits(&url) => Ok(self.endpoints.place(url)),
            _ => Err(refused("must be https, or of this machine or its metadata service")),
        }
    }

    pub(super) fn variable(&self, name: &'static str) -> Option<String> {
        self.environment.get(name)
    }

    /// The text of a file that `name`, a variable or a field, names, without space around it.
    pub(super) fn file(&self, name: &'static str, path: &str) -> Result<Secret, Error> {
        let refused = |source| Error::File { name, path: path.to_owned(), source };
        let mut text = String::new();
        let read = File::open(Path::new(path)).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
        read.map_err(refused)?;
        match text.trim() {
            "" => Err(Error::Setting { name, why: format!("names {path}, which is empty"), hint: None }),
            text => Ok(Secret::new(text)),
        }
    }

    /// Another errand for the same took all the time.
    pub(super) fn late(&self, host: &str) -> Error {
        let source = net::Error::Timeout { host: host.to_owned(), step: Step::Answer, after: self.deadline.limit() };
        Error::Net { host: host.to_owned(), what: "a token".to_owned(), source: Box::new(source), hint: None }
    }

    /// A name for one of our identities on this way.
    pub(super) fn key(&self, parts: &[&str]) -> [u8; 32] {
        let way = self.http.fingerprint();
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).chain([way.as_slice()]).collect();
        fingerprint(&parts)
    }
}

/// The code and the words of a refusal, in the shapes that the clouds use.
fn words(body: &[u8]) -> (String, String) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = body.get("errors").and_then(|errors| errors.get(0));
    let inner = first.or_else(|| body.get("Error")).or_else(|| body.get("error").filter(|error| error.is_object()));
    let said = inner.unwrap_or(&body);
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| said.get(name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let code = text(&["__type", "Code", "code", "status", "error"]);
    // AWS may set its name space in front.
    let code = code.rsplit('#').next().unwrap_or_default();
    (fit_for_terminal(code), text(&["message", "Message", "error_description"]))
}

/// It goes into a header or a form: what does not fit there is no token.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
