//! One operation on one repository: requests that carry what the registry wants to see, within one deadline.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::BytesMut;

use crate::image::{Digest, Repository};
use crate::net::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use crate::net::{Answer, Asker, Deadline, Http, Intake, Method, Redirects, Request, StatusCode, Url};
use crate::registry::credentials::Identity;
use crate::registry::grant::{Grant, GrantKind, Slot};
use crate::registry::refusal;
use crate::registry::{Access, Client, Fault};

/// How often one request may be repeated with another grant; more than once only for logins that were kept.
const RENEWALS_MAX: usize = 2;

pub(super) struct Session<'a> {
    pub(super) client: &'a Client,
    /// The way to this registry.
    pub(super) http: Http,
    pub(super) repository: &'a Repository,
    /// Its path where it is asked.
    pub(super) path: String,
    pub(super) access: Arc<Access>,
    pub(super) identity: Identity,
    /// Where the grant for this repository and identity is kept.
    pub(super) slot: Slot,
    pub(super) deadline: Deadline,
    /// `https://HOST/v2/PATH/`
    pub(super) base: Url,
}

impl Session<'_> {
    /// The URL of something of this repository.
    pub(super) fn url(&self, below: &str) -> Url {
        self.base.join(below).expect("a path of tag characters joins any base")
    }

    /// Asks with what was granted last; when that is refused, does what the registry asks for.
    /// Refusals of access are errors, other statuses are not.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        accept: &'static str,
        body_max: usize,
    ) -> Result<Answer, Fault> {
        self.whole(Request::new(method, url, body_max), accept).await
    }

    /// A blob, from wherever the registry sends us for it; no credential goes there. The caller checks its digest.
    pub(super) async fn blob(&self, digest: &Digest, body_max: usize) -> Result<Answer, Fault> {
        let mut request = Request::new(Method::GET, self.url(&format!("blobs/{digest}")), body_max);
        request.redirects = Redirects::Anywhere;
        self.whole(request, "*/*").await
    }

    async fn whole(&self, request: Request, accept: &'static str) -> Result<Answer, Fault> {
        let (mut answer, body) = self.stream(request, accept, BytesMut::new).await?;
        if answer.status.is_success() {
            answer.body = body.freeze();
        }
        Ok(answer)
    }

    /// The same for an answer whose body goes into what `start` makes.
    pub(super) async fn stream<I: Intake>(
        &self,
        request: Request,
        accept: &'static str,
        start: impl Fn() -> I,
    ) -> Result<(Answer, I), Fault> {
        let request = request.header(ACCEPT, HeaderValue::from_static(accept));
        let mut grant = self.held().await?;
        let mut renewals = RENEWALS_MAX;
        loop {
            let (answer, intake) = self.send(&request, grant.as_ref(), &start).await?;
            if renewals == 0 || !is_worth_renewing(answer.status, grant.as_ref()) {
                return Ok((self.admitted(answer, grant.as_ref())?, intake));
            }
            let renewed = self.authorize(&answer, grant.as_ref()).await?;
            renewals = if renewed.has_kept_login() { renewals - 1 } else { 0 };
            grant = Some(renewed);
        }
    }

    async fn send<I: Intake>(
        &self,
        request: &Request,
        grant: Option<&Grant>,
        start: &impl Fn() -> I,
    ) -> Result<(Answer, I), Fault> {
        let mut request = request.clone();
        request.asker = self.asker(&request.url);
        if let Some(grant) = grant {
            request.headers.insert(AUTHORIZATION, grant.header.clone());
        }
        if self.identity == Identity::Anonymous {
            // registry.k8s.io and its like are doors to other registries. Who has no credential may be sent there.
            request.redirects = Redirects::Anywhere;
        }
        let (answer, intake) = self.http.stream(&request, start, self.deadline).await?;
        let mut secrets = self.identity.secrets();
        secrets.extend(grant.and_then(|grant| grant.login.as_ref()).map(|(login, _)| login.password.expose()));
        Ok((refusal::unsaid(answer, grant.map(|grant| &grant.header), &secrets), intake))
    }

    /// Who asks otherwise, or in another way, fails otherwise. Manifests are counted apart: Docker Hub's quota is of them.
    pub(super) fn asker(&self, url: &Url) -> Asker {
        let mut hasher = DefaultHasher::new();
        (&self.identity, &self.access.connection, self.access.timeout).hash(&mut hasher);
        Asker { account: hasher.finish(), kind: u8::from(url.path().contains("/manifests/")) }
    }

    fn admitted(&self, answer: Answer, grant: Option<&Grant>) -> Result<Answer, Fault> {
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied(&answer, grant)),
            _ => Ok(answer),
        }
    }

    pub(super) fn denied(&self, answer: &Answer, grant: Option<&Grant>) -> Fault {
        refusal::denied(answer, refusal::asked(self.named(), grant.map(|grant| grant.kind)))
    }

    /// Who asks, in words; `None` for nobody.
    pub(super) fn named(&self) -> Option<String> {
        self.access.named(&self.identity)
    }
}

/// A 403 is an answer, except to logins of clouds, which some registries (ECR) answer so when they have expired.
fn is_worth_renewing(status: StatusCode, grant: Option<&Grant>) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => {
            grant.is_some_and(|grant| grant.kind == GrantKind::Credential && grant.has_kept_login())
        }
        _ => false,
    }
}
