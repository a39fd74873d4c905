//! What an operation came to instead: what was being done to which repository, and the fault as its source.

use crate::cloud;
use crate::image::Repository;
use crate::net::{self, StatusCode, Step};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("listing tags of {repository}")]
    ListTags { repository: Repository, source: Box<Fault> },
    #[error("reading the digest of {image}")]
    ReadDigest { image: String, source: Box<Fault> },
    #[error("reading the manifest of {image}")]
    ReadManifest { image: String, source: Box<Fault> },
    #[error("reading when {image} was built")]
    ReadCreated { image: String, source: Box<Fault> },
    #[error("listing what refers to {image}")]
    ListReferrers { image: String, source: Box<Fault> },
}

/// What the registry, its token server or the way to them did. Foreign text in it is escaped and shortened.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Net(#[from] net::Error),
    #[error("{host} is not a host that can be connected to")]
    BadHost { host: String },
    #[error("{host} denied access ({status}{detail}), asked {asked}")]
    Denied { host: String, status: u16, detail: String, asked: String },
    #[error("{host} denied access to all who asked: {}", tried.join("; "))]
    AllDenied { host: String, tried: Vec<String> },
    #[error("{denial}; the credentials are kept by docker-credential-{helper}, which is not run")]
    Helper { helper: String, denial: Box<Fault> },
    #[error("{denial}; Secret {secrets} has no entry for it")]
    NoEntry { secrets: String, denial: Box<Fault> },
    #[error("{denial}; {whose} are not shown where the object has {field}")]
    Withheld { whose: &'static str, field: &'static str, denial: Box<Fault> },
    #[error("{host} asks for a login")]
    Cloud { host: String, source: Box<cloud::Error> },
    #[error("the repository does not exist at {host}")]
    NoRepository { host: String },
    #[error("the tag does not exist at {host}")]
    NoTag { host: String },
    #[error("{answered}{detail}")]
    Status { answered: net::Error, detail: String },
    #[error("{host} speaks TLS, and was asked over plain HTTP")]
    SpeaksTls { host: String },
    #[error("{host} answered with a web page instead of JSON")]
    WebPage { host: String },
    #[error("reading the answer of {host}: {cause}")]
    NotUnderstood { host: String, cause: String },
    #[error("{host} continues its list at {other}, which is another host and not followed")]
    OtherHost { host: String, other: String },
    #[error("{host} continues its list with a page that it gave before")]
    Loop { host: String },
    #[error("{host} lists more than {max} {what}")]
    TooMany { host: String, max: usize, what: &'static str },
    #[error("{host} says that the digest is {said}, but the manifest has {is}")]
    DigestMismatch { host: String, said: String, is: String },
    #[error("{host} gave something else for {asked}: its digest is {is}")]
    OtherContent { host: String, asked: String, is: String },
    #[error("the image at {host} is not for {wanted}, but for: {given}")]
    NoPlatform { host: String, wanted: String, given: String },
    #[error("{host} asks for a password, and there is only {given}")]
    NoPassword { host: String, given: String },
    #[error("{given} has characters that cannot be sent")]
    Unusable { given: String },
    #[error("{host} names the token server {realm}, which is not asked: {why}")]
    Realm { host: String, realm: String, why: &'static str },
    #[error("{given} is not sent to {host} over plain HTTP")]
    PlainHttp { host: String, given: String },
}

impl Fault {
    /// Whether what was asked for is not there.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoTag { .. } => true,
            Self::Status { answered: net::Error::Status { status, .. }, .. } => *status == StatusCode::NOT_FOUND,
            _ => false,
        }
    }

    /// Whether somebody else may be let in: it is about who asked, not about what was asked for.
    pub(super) fn is_denial(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::NoPassword { .. } | Self::Unusable { .. })
    }
}

impl Error {
    pub fn fault(&self) -> &Fault {
        match self {
            Self::ListTags { source, .. }
            | Self::ReadDigest { source, .. }
            | Self::ReadManifest { source, .. }
            | Self::ReadCreated { source, .. }
            | Self::ListReferrers { source, .. } => source,
        }
    }

    /// Advice for the user, where there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self.fault() {
            Fault::PlainHttp { .. } => Some("`insecure: true`, or --insecure, allows it"),
            Fault::SpeaksTls { .. } => Some(
                "name its authority, in ca.crt of the Secret of `certSecretRef` or by --ca-file, or its https:// address \
                 as api_url in the --registries file",
            ),
            Fault::Net(net::Error::Tls { cause, .. }) if cause.contains("InvalidContentType") => {
                Some("if the registry speaks plain HTTP, set `insecure: true`, or --insecure")
            }
            Fault::Net(net::Error::Timeout { step: Step::Answer | Step::Body, .. }) => {
                Some("`timeout` of the ImageRepository, or --timeout, gives it more time")
            }
            Fault::Net(net::Error::Tls { cause, .. }) if cause.contains("UnknownIssuer") => Some(
                "an authority that this machine does not trust: its certificate belongs into ca.crt of the Secret of \
                 `certSecretRef`, ca_file of the --registries file, or the file that --ca-file or SSL_CERT_FILE names",
            ),
            Fault::Net(error) => error.hint(),
            Fault::Cloud { source, .. } => source.hint(),
            Fault::Helper { .. } => {
                Some("give them in a Secret of `secretRef`, or with --username and --password-stdin")
            }
            Fault::NoEntry { .. } => Some(
                "in a Docker config an entry of `auths` is for the registry's host, with its port where it has one",
            ),
            Fault::Withheld { .. } => {
                Some("whoever wrote that could read them; name a Secret of the object's own in `secretRef`")
            }
            Fault::Denied { asked, .. } if asked.starts_with("anonymously") => {
                Some("a private repository needs credentials: a Secret in `secretRef`, or `docker login`")
            }
            Fault::Realm { .. } => Some("`tokenHosts` in the --registries file allows a token server by name"),
            Fault::WebPage { .. } => Some("is this the address of a registry, and not of its web interface?"),
            _ => None,
        }
    }
}
