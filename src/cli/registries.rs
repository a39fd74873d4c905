//! The flag `--registries`: what the operator says about registries.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output;
use crate::engine::cause::Cause;
use crate::registry::{REGISTRIES_BYTES_MAX, Registries, registries_file};

#[derive(Debug, clap::Args)]
pub(super) struct RegistriesArgs {
    /// Limits, mirrors, authorities and credentials of registries; reads `registries.conf` of Argo CD Image Updater too
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    registries: Option<PathBuf>,
}

impl RegistriesArgs {
    /// The rules of the file, told what should be known about them; the defaults without it.
    pub(super) fn read(&self) -> Result<Registries, Failure> {
        let Some(path) = &self.registries else { return Ok(Registries::default()) };
        let doing = || format!("reading registries from {}", path.display());
        let text = read(path).map_err(|error| Failure::from(error).doing(doing()))?;
        let file = registries_file(&text, |ca| fs::read(ca)).map_err(|errors| {
            let told: Vec<String> = errors.iter().map(|error| told(&error.field, &error.message)).collect();
            Failure::from(Cause::new(told.join("; "))).doing(doing())
        })?;
        for warning in &file.warnings {
            output::warning(&format!("{}: {warning}", path.display()));
        }
        Ok(file.registries)
    }
}

fn told(field: &str, message: &str) -> String {
    if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") }
}

/// One byte more than the file may have tells that it is too large.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(REGISTRIES_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}
