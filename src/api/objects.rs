//! The objects that were loaded, by kind and name.

use std::collections::BTreeMap;

use super::git_repository::GitRepository;
use super::image_policy::ImagePolicy;
use super::image_repository::ImageRepository;
use super::image_update_automation::ImageUpdateAutomation;
use super::meta::Kind;
use super::service_account::ServiceAccount;
use crate::object::NamespacedName;
use crate::secret::SecretData;

/// The objects without errors.
#[derive(Debug, Default)]
pub struct Objects {
    pub image_repositories: BTreeMap<NamespacedName, ImageRepository>,
    pub image_policies: BTreeMap<NamespacedName, ImagePolicy>,
    pub image_update_automations: BTreeMap<NamespacedName, ImageUpdateAutomation>,
    pub git_repositories: BTreeMap<NamespacedName, GitRepository>,
    pub secrets: BTreeMap<NamespacedName, SecretData>,
    pub service_accounts: BTreeMap<NamespacedName, ServiceAccount>,
    /// The objects that are there and cannot be used, each with its first problem in full.
    pub broken: BTreeMap<(Kind, NamespacedName), String>,
}

impl Objects {
    /// Why an object that something refers to is not here: `ImagePolicy flux-system/web is invalid: see above`.
    pub fn why_absent(&self, kind: Kind, name: &NamespacedName) -> String {
        match self.broken.contains_key(&(kind, name.clone())) {
            true => format!("{kind} {name} is invalid: see above"),
            false => format!("{kind} {name} does not exist"),
        }
    }

    pub(super) fn remove(&mut self, kind: Kind, name: &NamespacedName) {
        match kind {
            Kind::ImageRepository => drop(self.image_repositories.remove(name)),
            Kind::ImagePolicy => drop(self.image_policies.remove(name)),
            Kind::ImageUpdateAutomation => drop(self.image_update_automations.remove(name)),
            Kind::GitRepository => drop(self.git_repositories.remove(name)),
            Kind::Secret => drop(self.secrets.remove(name)),
            Kind::ServiceAccount => drop(self.service_accounts.remove(name)),
        }
    }
}
