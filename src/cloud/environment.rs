//! The variables that say who we are, read where they are needed, so that tests can give others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Variables by name. Clones share them.
#[derive(Clone)]
pub struct Environment(Arc<Look>);

/// Looks a variable up.
type Look = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    pub fn of_process() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }

    /// These variables and no others.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables: BTreeMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self(Arc::new(move |name| variables.get(name).cloned()))
    }

    /// The value without space around it; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

/// Values may be keys.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
