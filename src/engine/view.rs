//! View: the name under which the tags of a repository are remembered. What one access sees, another may not, so the
//! name holds what is shown to the registry and through what it is reached, never a value.

use crate::image::Repository;
use crate::ledger::View;
use crate::registry::{Access, Credentials, Registries, RegistryRule};

/// The view of `repository` as it is asked by these rules; `access` names who asks and his way, empty for who asks
/// anonymously over the usual one.
pub fn view(repository: &Repository, registries: &Registries, access: &str) -> View {
    let rule = registries.rule(repository);
    // `nginx` may be another registry's than `docker.io/library/nginx`, by the operator's rule for what names no host.
    match rule.filter(|rule| rule.is_default && registries.asked_as(repository) != *repository) {
        Some(rule) => View::new(repository, format!("default={};{access}", rule.name)),
        None => View::new(repository, access),
    }
}

/// The name of the credentials that nobody named for this repository alone: those of the operator's rule, or those of the
/// user's Docker config; `None` where there are none.
pub fn name_of_others(access: &Access, rule: Option<&RegistryRule>) -> Option<String> {
    let source = rule.and_then(|rule| rule.credentials.as_ref());
    let name = || source.map_or_else(|| "dockerConfig".to_owned(), |source| format!("registries={}", source.name()));
    access.credentials.iter().any(Credentials::is_shown).then(name)
}
