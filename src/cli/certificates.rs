//! The flags for servers of private authorities: whom to trust besides the system's, and which certificate to show.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::input;
use crate::net::{ClientCertificate, Connection, Flaw, Part};
use crate::secret::Secret;

/// More than any bundle of authorities has.
const FILE_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct CertificateArgs {
    /// Trust the authorities of this PEM file besides the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Show this certificate to a server that asks for one: a PEM file, the own certificate first
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,

    /// The key of the certificate: a PEM file, not encrypted
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
}

impl CertificateArgs {
    /// The way to a server with what the files hold.
    pub(super) fn connection(&self) -> Result<Connection, Failure> {
        let ca = self.ca_file.as_deref().map(|file| read("--ca-file", file)).transpose()?;
        let client_certificate = match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some(ClientCertificate {
                certificate: read("--cert-file", certificate)?,
                key: Secret::new(read("--key-file", key)?),
            }),
            _ => None,
        };
        let connection = Connection { ca, client_certificate, proxy: None };
        connection.check().map_err(|flaw| self.told(flaw))?;
        Ok(connection)
    }

    /// What tells views apart: the files, not what is in them.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |what: &str, file: &Option<PathBuf>| Some(format!("{what}={}", file.as_ref()?.display()));
        [name("caFile", &self.ca_file), name("certFile", &self.cert_file)].into_iter().flatten().collect()
    }

    fn told(&self, flaw: Flaw) -> Failure {
        let (flag, file) = match flaw.part {
            Part::Authorities => ("--ca-file", &self.ca_file),
            Part::Certificate => ("--cert-file", &self.cert_file),
            Part::Key => ("--key-file", &self.key_file),
        };
        let file = file.as_deref().unwrap_or(Path::new(""));
        Failure::from(flaw).doing(format!("reading {flag} {}", file.display()))
    }
}

fn read(flag: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |failure: Failure| failure.doing(format!("reading {flag} {}", path.display()));
    let bytes = File::open(path).and_then(|file| input::bytes(file, FILE_BYTES_MAX));
    let too_large = || failed(Failure::new(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20)));
    bytes.map_err(|error| failed(error.into()))?.ok_or_else(too_large)
}
