//! One operation on one repository: requests that carry what the registry wants to see, within one deadline.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::BytesMut;

use crate::image::{Digest, Repository};
use crate::net::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use crate::net::{
    Answer, Asker, Deadline, Error, Http, Intake, Method, Reach, Redirects, Request, StatusCode, Step, Url, host,
};
use crate::registry::challenge::Challenge;
use crate::registry::credentials::Identity;
use crate::registry::grant::{Grant, GrantKind, Slot};
use crate::registry::realm::{RealmOwner, judge_realm};
use crate::registry::refusal;
use crate::registry::{Access, Credentials, Fault, Registries, token};

pub(super) struct Session<'a> {
    pub(super) http: Http,
    pub(super) registries: &'a Registries,
    pub(super) repository: &'a Repository,
    pub(super) access: &'a Access,
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

    /// Asks with what was granted last; when that is refused, does what the registry asks for, once.
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
        request.reach = self.own_reach().await;
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
        let held = self.held().await?;
        let (answer, intake) = self.send(&request, held.as_ref(), &start).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok((self.admitted(answer, held.as_ref())?, intake));
        }
        let grant = self.authorize(&answer, held.as_ref()).await?;
        let (answer, intake) = self.send(&request, Some(&grant), &start).await?;
        Ok((self.admitted(answer, Some(&grant))?, intake))
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
        match self.http.stream(&request, start, self.deadline).await {
            Err(Error::Redirected { .. }) if self.identity.credentials().is_none() => {
                self.send_anywhere(request, start).await
            }
            answer => Ok(answer?),
        }
    }

    /// Who asks otherwise, or in another way, fails otherwise. Manifests are counted apart: Docker Hub's quota is of them.
    fn asker(&self, url: &Url) -> Asker {
        let mut hasher = DefaultHasher::new();
        (&self.identity, &self.access.connection, self.access.timeout).hash(&mut hasher);
        Asker { account: hasher.finish(), kind: u8::from(url.path().contains("/manifests/")) }
    }

    /// registry.k8s.io and its like are doors to other registries. Who has no credential may be sent there, over https
    /// and to addresses of the kind that the registry itself has.
    async fn send_anywhere<I: Intake>(
        &self,
        mut request: Request,
        start: &impl Fn() -> I,
    ) -> Result<(Answer, I), Fault> {
        request.redirects = Redirects::Anywhere;
        request.reach = self.own_reach().await;
        Ok(self.http.stream(&request, start, self.deadline).await?)
    }

    async fn held(&self) -> Result<Option<Grant>, Fault> {
        Ok(self.lock().await?.clone().filter(Grant::is_live))
    }

    /// Waits while another operation fetches the grant that this one needs too.
    async fn lock(&self) -> Result<tokio::sync::MutexGuard<'_, Option<Grant>>, Fault> {
        let after = self.deadline.limit();
        let late = |_| Error::Timeout { host: host(&self.base), step: Step::Answer, after };
        Ok(tokio::time::timeout_at(self.deadline.at(), self.slot.lock()).await.map_err(late)?)
    }

    /// A grant other than the one that was just rejected.
    async fn authorize(&self, answer: &Answer, rejected: Option<&Grant>) -> Result<Grant, Fault> {
        let challenge = Challenge::of(answer)?;
        let mut slot = self.lock().await?;
        if let Some(renewed) = slot.as_ref().filter(|grant| grant.is_live() && Some(*grant) != rejected) {
            return Ok(renewed.clone());
        }
        *slot = None;
        if rejected.is_some_and(|grant| grant.kind == GrantKind::Credential) {
            return Err(self.denied(answer, rejected));
        }
        let grant = match challenge {
            Challenge::Basic => self.basic(answer)?,
            Challenge::Bearer { realm, service } => self.bearer(&realm, service.as_deref()).await?,
        };
        *slot = Some(grant.clone());
        Ok(grant)
    }

    fn basic(&self, answer: &Answer) -> Result<Grant, Fault> {
        match self.identity.credentials() {
            Some(Credentials::Basic { username, password }) => {
                let header = token::basic(username, password.expose());
                Ok(Grant { header, kind: GrantKind::Credential, until: None })
            }
            Some(other) => Err(Fault::NoPassword { host: host(&self.base), given: other.named() }),
            None => Err(self.denied(answer, None)),
        }
    }

    async fn bearer(&self, realm: &Url, service: Option<&str>) -> Result<Grant, Fault> {
        if let Some(Credentials::RegistryToken { token }) = self.identity.credentials() {
            let unusable = || Fault::Unusable { given: "a registry token".to_owned() };
            let header = token::bearer(token.expose()).ok_or_else(unusable)?;
            return Ok(Grant { header, kind: GrantKind::Credential, until: None });
        }
        let given = self.identity.credentials();
        let mut request = token::request(realm, service, self.repository.path(), given);
        request.reach = self.reach_of(realm).await?;
        request.asker = self.asker(realm);
        let answer = self.http.fetch(&request, self.deadline).await?;
        match answer.status.as_u16() {
            200..=299 => token::read(&answer),
            400 | 401 | 403 => {
                Err(refusal::denied(&answer, refusal::asked(given, given.map(|_| GrantKind::Credential))))
            }
            _ => Err(refusal::status(&answer)),
        }
    }

    /// Which addresses a token server may have: private ones only if the registry has such too.
    async fn reach_of(&self, realm: &Url) -> Result<Reach, Fault> {
        let credential = self.identity.credentials().is_some();
        match judge_realm(realm, &self.base, credential, self.access.insecure) {
            Ok(RealmOwner::Stranger) => Ok(Reach::PUBLIC),
            Ok(RealmOwner::Registry) => Ok(self.own_reach().await),
            Err(_) if self.registries.is_token_host(self.repository, realm) => Ok(self.own_reach().await),
            Err(why) => Err(Fault::Realm { host: host(&self.base), realm: host(realm), why }),
        }
    }

    /// Public addresses, and private ones if the registry has such.
    async fn own_reach(&self) -> Reach {
        let own = Reach::like(self.base.host_str().unwrap_or_default());
        tokio::time::timeout_at(self.deadline.at(), own).await.unwrap_or(Reach::PUBLIC)
    }

    fn admitted(&self, answer: Answer, grant: Option<&Grant>) -> Result<Answer, Fault> {
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied(&answer, grant)),
            _ => Ok(answer),
        }
    }

    fn denied(&self, answer: &Answer, grant: Option<&Grant>) -> Fault {
        refusal::denied(answer, refusal::asked(self.identity.credentials(), grant.map(|grant| grant.kind)))
    }
}
