//! What a registry wants to see, fetched when it asks: a password, a token of its token server, a login of a cloud.

use jiff::Timestamp;
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use crate::cloud::{Provider, RegistryLogin};
use crate::metrics::Cache;
use crate::net::header::AUTHORIZATION;
use crate::net::{Answer, Connection, Error, Reach, StatusCode, Step, Url, host};
use crate::registry::challenge::Challenge;
use crate::registry::credentials::Identity;
use crate::registry::grant::{Grant, GrantKind};
use crate::registry::realm::{RealmOwner, judge_realm};
use crate::registry::session::Session;
use crate::registry::{Credentials, Fault, refusal, token};

impl Session<'_> {
    /// What was granted last, while it is good.
    pub(super) async fn held(&self) -> Result<Option<Grant>, Fault> {
        let held = self.lock().await?.clone().filter(Grant::is_live).map(Grant::kept);
        Ok(held.inspect(|grant| self.count_hit(grant)))
    }

    fn count_hit(&self, grant: &Grant) {
        if grant.kind == GrantKind::Token {
            self.client.metrics.count_lookup(Cache::Token, true);
        }
    }

    /// Waits while another operation fetches the grant that this one needs too.
    async fn lock(&self) -> Result<MutexGuard<'_, Option<Grant>>, Fault> {
        let after = self.deadline.limit();
        let late = |_| Error::Timeout { host: host(&self.base), step: Step::Answer, after };
        Ok(tokio::time::timeout_at(self.deadline.at(), self.slot.lock()).await.map_err(late)?)
    }

    /// A grant other than the one that was just rejected.
    pub(super) async fn authorize(&self, answer: &Answer, rejected: Option<&Grant>) -> Result<Grant, Fault> {
        let challenge = challenge(answer, rejected)?;
        let mut slot = self.lock().await?;
        if let Some(renewed) = slot.clone().filter(Grant::is_live).filter(|grant| is_another(grant, rejected)) {
            self.count_hit(&renewed);
            return Ok(renewed.kept());
        }
        *slot = None;
        let is_final = |grant: &Grant| grant.kind == GrantKind::Credential && !grant.has_kept_login();
        if rejected.is_some_and(is_final) {
            return Err(self.denied(answer, rejected));
        }
        let grant = match &self.identity {
            Identity::Anonymous => self.grant(answer, &challenge, None).await?,
            Identity::Known(credentials) => self.grant(answer, &challenge, Some(credentials)).await?,
            Identity::Cloud(provider) => self.grant_of_cloud(answer, challenge, *provider, rejected).await?,
        };
        *slot = Some(grant.clone());
        Ok(grant)
    }

    async fn grant(&self, answer: &Answer, asked: &Challenge, given: Option<&Credentials>) -> Result<Grant, Fault> {
        match asked {
            Challenge::Basic => self.basic(answer, given),
            Challenge::Bearer { realm, service } => self.bearer(answer, realm, service.as_deref(), given).await,
        }
    }

    fn basic(&self, answer: &Answer, given: Option<&Credentials>) -> Result<Grant, Fault> {
        match given {
            Some(Credentials::Basic { username, password }) => {
                Ok(Grant::of_credential(token::basic(username, password.expose())))
            }
            Some(_) => Err(Fault::NoPassword { host: host(&self.base), given: self.named().unwrap_or_default() }),
            None => Err(self.denied(answer, None)),
        }
    }

    async fn bearer(
        &self,
        answer: &Answer,
        realm: &Url,
        service: Option<&str>,
        given: Option<&Credentials>,
    ) -> Result<Grant, Fault> {
        if let Some(Credentials::RegistryToken { token }) = given {
            let unusable = || Fault::Unusable { given: self.named().unwrap_or_default() };
            return token::bearer(token.expose()).map(Grant::of_credential).ok_or_else(unusable);
        }
        let mut request = token::request(realm, service, &self.path, given);
        request.reach = self.reach_of(realm, answer)?;
        request.asker = self.asker(realm);
        self.client.metrics.count_lookup(Cache::Token, false);
        let answer = self.http.fetch(&request, self.deadline).await?;
        let secrets = given.map(Credentials::secrets).unwrap_or_default();
        let answer = refusal::unsaid(answer, request.headers.get(AUTHORIZATION), &secrets);
        match answer.status.as_u16() {
            200..=299 => token::read(&answer),
            400 | 401 | 403 => {
                let sent = given.map(|_| GrantKind::Credential);
                Err(refusal::denied(&answer, refusal::asked(self.named(), sent)))
            }
            _ => Err(refusal::status(&answer)),
        }
    }

    /// With the login that the cloud gave before; with another one where that was refused, once.
    async fn grant_of_cloud(
        &self,
        answer: &Answer,
        challenge: Challenge,
        provider: Provider,
        rejected: Option<&Grant>,
    ) -> Result<Grant, Fault> {
        let refused = rejected.filter(|grant| grant.kind == GrantKind::Credential);
        let mut login =
            self.login(provider, refused.and_then(|grant| grant.login.as_ref()).map(|(login, _)| login)).await?;
        let mut granted = self.grant(answer, &challenge, Some(&credentials(&login))).await;
        if !login.is_new && granted.as_ref().is_err_and(Fault::is_denial) {
            login = self.login(provider, Some(&login)).await?;
            granted = self.grant(answer, &challenge, Some(&credentials(&login))).await;
        }
        let mut grant = granted?;
        grant.until = grant.until.or_else(|| Some(end_of(&login)));
        Ok(Grant { login: Some((login, challenge)), ..grant })
    }

    async fn login(&self, provider: Provider, refused: Option<&RegistryLogin>) -> Result<RegistryLogin, Fault> {
        // The cloud is reached as the registry is, but trusts none of the authorities that an object brings.
        let connection = Connection { proxy: self.access.connection.proxy.clone(), ..Connection::default() };
        let http = self.client.http.over(&connection)?;
        // A cloud's token is for who is asked, and a mirror is not the registry that it mirrors.
        let asked = self.client.registries.asked_as(self.repository);
        let (clouds, host, deadline) = (&self.client.clouds, asked.host(), self.deadline);
        let login = match refused {
            None => clouds.registry_login(&http, provider, host, deadline).await,
            Some(refused) => clouds.renew_registry_login(&http, provider, host, refused, deadline).await,
        };
        login.map_err(|source| Fault::Cloud { host: host.to_owned(), source: Box::new(source) })
    }

    /// Which addresses a token server may have that `answer` names: private ones only if the registry has such too.
    fn reach_of(&self, realm: &Url, answer: &Answer) -> Result<Reach, Fault> {
        let has_credential = self.identity != Identity::Anonymous;
        match judge_realm(realm, &self.base, has_credential, self.access.insecure) {
            Ok(RealmOwner::Stranger) => Ok(Reach::PUBLIC),
            Ok(RealmOwner::Registry) => Ok(answer.reach()),
            Err(_) if self.client.registries.is_token_host(self.repository, realm) => Ok(answer.reach()),
            Err(why) => Err(Fault::Realm { host: host(&self.base), realm: host(realm), why }),
        }
    }
}

/// What the registry asks for; where it only refuses a login, what it asked for when that was made.
fn challenge(answer: &Answer, rejected: Option<&Grant>) -> Result<Challenge, Fault> {
    match rejected.and_then(|grant| grant.login.as_ref()) {
        Some((_, challenge)) if answer.status == StatusCode::FORBIDDEN => Ok(challenge.clone()),
        _ => Challenge::of(answer),
    }
}

fn is_another(grant: &Grant, rejected: Option<&Grant>) -> bool {
    rejected.is_none_or(|rejected| rejected.header != grant.header)
}

fn credentials(login: &RegistryLogin) -> Credentials {
    Credentials::Basic { username: login.username.clone(), password: login.password.clone() }
}

/// The clouds give logins that are good for some minutes more.
fn end_of(login: &RegistryLogin) -> Instant {
    let left = login.until.duration_since(Timestamp::now());
    Instant::now() + left.try_into().unwrap_or_default()
}
