//! Clouds of one's own (Azure Stack): the file that `AZURE_ENVIRONMENT_FILEPATH` names says what their servers are called.

use serde::Deserialize;

use super::super::errand::Errand;
use super::super::error::Error;

const VARIABLE: &str = "AZURE_ENVIRONMENT_FILEPATH";

/// The parts of the file that registries need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stack {
    #[serde(rename = "containerRegistryDNSSuffix")]
    pub(super) registry_suffix: String,
    pub(super) resource_manager_endpoint: String,
    pub(super) active_directory_endpoint: Option<String>,
}

impl Stack {
    pub(super) fn read(errand: &Errand<'_>) -> Result<Option<Self>, Error> {
        let Some(path) = errand.variable(VARIABLE) else { return Ok(None) };
        let text = errand.file(VARIABLE, &path)?;
        let odd = |error: serde_json::Error| Error::Setting {
            name: VARIABLE,
            why: format!("names {path}: {error}"),
            hint: None,
        };
        let stack: Self = serde_json::from_slice(text.expose()).map_err(odd)?;
        if stack.registry_suffix.trim_start_matches('.').is_empty() {
            let why = format!("names {path}, where containerRegistryDNSSuffix is empty");
            return Err(Error::Setting { name: VARIABLE, why, hint: None });
        }
        Ok(Some(stack))
    }

    pub(super) fn has(&self, host: &str) -> bool {
        let suffix = self.registry_suffix.trim_start_matches('.');
        host.strip_suffix(suffix).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
    }
}
