//! The way to an image repository where the operator's rules say another than its name does: address, authority, path.

use std::sync::Arc;

use crate::image::Repository;
use crate::net::{Url, host};
use crate::registry::registries::{Registries, RegistryRule, names_registry};
use crate::registry::scheme::may_show_credentials;
use crate::registry::{Access, Fault};

/// How one repository is asked by the rules.
pub(super) struct Route {
    /// With what the rule adds to it.
    pub(super) access: Arc<Access>,
    /// `https://HOST/v2/PATH/`, where the rule tells it.
    pub(super) base: Option<Url>,
    /// The path of the repository at that registry.
    pub(super) path: String,
}

impl Registries {
    /// The way to `repository` for who has `access`. An error when its credentials would go over plain http without leave.
    pub(super) fn route(&self, repository: &Repository, access: &Access) -> Result<Route, Fault> {
        let path = repository.path().to_owned();
        let Some(rule) = self.rule(repository) else {
            return Ok(Route { access: Arc::new(access.clone()), base: None, path });
        };
        let (access, path) = (rule.extend(access), rule.path_of(repository));
        let base = rule.api.join(&format!("v2/{path}/"));
        let base = base.map_err(|_| Fault::BadHost { host: host(&rule.api) })?;
        match access.given() {
            Some(given) if !may_show_credentials(&base, &access) => Err(Fault::PlainHttp { host: host(&base), given }),
            _ => Ok(Route { access: Arc::new(access), base: Some(base), path }),
        }
    }

    /// The name under which `repository` is known where it is asked. Credentials are looked up by it, so that those for
    /// one registry are not shown to another that stands in for it.
    pub fn asked_as(&self, repository: &Repository) -> Repository {
        let Some(rule) = self.rule(repository) else { return repository.clone() };
        let port = rule.api.port().map(|port| format!(":{port}")).unwrap_or_default();
        let name = match rule.api.host_str().unwrap_or_default() {
            "registry-1.docker.io" => "docker.io",
            name => name,
        };
        let asked = format!("{name}{port}/{}", rule.path_of(repository));
        asked.parse().unwrap_or_else(|_| repository.clone())
    }
}

impl RegistryRule {
    fn extend(&self, access: &Access) -> Access {
        let mut access = access.clone();
        access.insecure |= self.insecure;
        if let Some(ca) = &self.ca {
            access.connection.ca.get_or_insert_default().extend([b"\n", ca.as_slice()].concat());
        }
        access
    }

    /// What is written without a host has the path that was written, with the rule's namespace in front of a single name.
    fn path_of(&self, repository: &Repository) -> String {
        let is_hub = self.api.host_str() == Some("registry-1.docker.io");
        let written = repository.written();
        match &self.default_namespace {
            _ if !self.is_default || names_registry(repository) => repository.path().to_owned(),
            Some(namespace) if !written.contains('/') => format!("{namespace}/{written}"),
            None if !written.contains('/') && !is_hub => written.to_owned(),
            _ => repository.path().to_owned(),
        }
    }
}
