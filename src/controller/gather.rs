//! Gathers what an object refers to by name, so that the engine finds it among its objects.

use crate::api::{GitRepository, ImageRepository, ImageUpdateAutomation, LocalReference, Objects};
use crate::cluster::{Cluster, Error};
use crate::object::NamespacedName;
use crate::registry::{CredentialsSource, RegistryRule};

/// The Secrets and the service account of `repository`, and the Secrets of the operator's `rule` for it.
pub(super) async fn of_image_repository(
    cluster: &Cluster,
    repository: &ImageRepository,
    rule: Option<&RegistryRule>,
) -> Result<Objects, Error> {
    let (namespace, spec) = (&repository.metadata.namespace, &repository.spec);
    let mut objects = Objects::default();
    let references = [&spec.secret_ref, &spec.cert_secret_ref, &spec.proxy_secret_ref];
    secrets(cluster, namespace, references.into_iter().flatten(), &mut objects).await?;
    if let Some(name) = &spec.service_account_name {
        service_account(cluster, NamespacedName::new(namespace, name), &mut objects).await?;
    }
    match rule.and_then(|rule| rule.credentials.as_ref()) {
        Some(CredentialsSource::PullSecret(name) | CredentialsSource::Field { secret: name, .. }) => {
            secret(cluster, name.clone(), &mut objects).await?;
        }
        Some(CredentialsSource::Variable(_)) | None => {}
    }
    objects.image_repositories.insert(repository.name(), repository.clone());
    Ok(objects)
}

/// The Secrets of the automation's key and of its source.
pub(super) async fn of_automation(
    cluster: &Cluster,
    automation: &ImageUpdateAutomation,
    source: &GitRepository,
) -> Result<Objects, Error> {
    let mut objects = Objects::default();
    let references = [&source.spec.secret_ref, &source.spec.proxy_secret_ref];
    secrets(cluster, &source.metadata.namespace, references.into_iter().flatten(), &mut objects).await?;
    let key = automation.spec.git.as_ref().and_then(|git| git.commit.signing_key.as_ref());
    let key = key.map(|key| &key.secret_ref);
    secrets(cluster, &automation.metadata.namespace, key.into_iter(), &mut objects).await?;
    objects.git_repositories.insert(source.name(), source.clone());
    objects.image_update_automations.insert(automation.name(), automation.clone());
    Ok(objects)
}

async fn service_account(cluster: &Cluster, name: NamespacedName, objects: &mut Objects) -> Result<(), Error> {
    if let Some(account) = cluster.service_account(&name).await? {
        secrets(cluster, &name.namespace, account.image_pull_secrets.iter(), objects).await?;
        objects.service_accounts.insert(name, account);
    }
    Ok(())
}

async fn secrets(
    cluster: &Cluster,
    namespace: &str,
    references: impl Iterator<Item = &LocalReference>,
    objects: &mut Objects,
) -> Result<(), Error> {
    for reference in references {
        secret(cluster, reference.within(namespace), objects).await?;
    }
    Ok(())
}

/// One that is not there is told by whoever needs it.
async fn secret(cluster: &Cluster, name: NamespacedName, objects: &mut Objects) -> Result<(), Error> {
    if let Some(data) = cluster.secret(&name).await? {
        objects.secrets.insert(name, data);
    }
    Ok(())
}
