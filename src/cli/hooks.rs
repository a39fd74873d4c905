//! The flag `--hooks`: whose webhooks are believed, by a Secret that is looked at whenever the objects are.

use super::failure::Failure;
use super::output;
use crate::object::NamespacedName;
use crate::secret::SecretData;
use crate::server::{CurrentHooks, Hooks};
use crate::standalone::{SECRETS_FROM_OUTSIDE, World};

/// The Secret of the webhooks, and what the server knows of it.
pub(super) struct HooksSecret {
    name: Option<NamespacedName>,
    /// As it was when it was last looked at, good or not.
    seen: Option<SecretData>,
    current: CurrentHooks,
}

impl HooksSecret {
    /// A Secret that is missing or cannot be used is an error at the start.
    pub(super) fn new(name: Option<&NamespacedName>, world: &World) -> Result<Self, Failure> {
        let hooks = name.map(|name| read(name, world)).transpose()?.unwrap_or_default();
        Ok(Self { name: name.cloned(), seen: seen(name, world).cloned(), current: CurrentHooks::new(hooks) })
    }

    pub(super) fn current(&self) -> CurrentHooks {
        self.current.clone()
    }

    /// Takes the Secret as it is now. One that cannot be used is told of once, and the one before it stays.
    pub(super) fn renew(&mut self, world: &World) {
        let Some(name) = self.name.as_ref().filter(|name| seen(Some(name), world) != self.seen.as_ref()) else {
            return;
        };
        self.seen = seen(Some(name), world).cloned();
        match read(name, world) {
            Ok(hooks) => {
                self.current.set(hooks);
                output::talk(&format!("webhooks: Secret {name} was read anew"));
            }
            Err(failure) => {
                output::warning(&format!("{}; the Secret before it stays in use", failure.cause().message));
                failure.cause().hint.as_deref().into_iter().for_each(output::hint);
            }
        }
    }
}

fn seen<'w>(name: Option<&NamespacedName>, world: &'w World) -> Option<&'w SecretData> {
    world.objects.secrets.get(name?)
}

fn read(name: &NamespacedName, world: &World) -> Result<Hooks, Failure> {
    let absent = || Failure::new(format!("--hooks: Secret {name} is not among the objects")).hint(SECRETS_FROM_OUTSIDE);
    Hooks::from_secret(seen(Some(name), world).ok_or_else(absent)?).map_err(|error| {
        let hint = error.hint();
        Failure::from(error).doing(format!("--hooks {name}")).advised(hint)
    })
}
