//! What can go wrong between here and an ssh server, each with a text that names the server and the step.

use std::fmt;
use std::time::Duration;

use super::known_hosts::KnownKey;
use crate::git::private_key::KeyError;

/// The text of each is whole: it names `host:port` and the cause, so that there is no `source` to add.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshFault {
    #[error("an ssh remote needs a private key and known_hosts, and none are configured")]
    NoIdentity,
    #[error("{0}")]
    Key(KeyError),
    #[error("known_hosts holds no key of any host{}", passed_over(.unreadable))]
    NoKnownHosts { unreadable: Vec<usize> },
    #[error("proxies are not supported for ssh remotes")]
    Proxy,
    #[error("{step} {host}: timed out after {} s", after.as_millis() as f64 / 1000.0)]
    Timeout { host: String, step: Step, after: Duration },
    #[error("{step} {host}: {cause}{}", quoted(.said))]
    Broken { host: String, step: Step, cause: String, said: String },
    #[error("agreeing on keys with {host}: no {kind} in common; here: {ours}; there: {theirs}")]
    NothingInCommon { host: String, kind: &'static str, ours: String, theirs: String },
    #[error("{host} shows a host key that is not known: {algorithm} {fingerprint}{}", wrong(.why))]
    HostKey { host: String, algorithm: String, fingerprint: String, why: WrongKey },
    #[error("{host} does not let {user} in with the key {key}{}{}", listed(.allowed), quoted(.said))]
    Refused { host: String, user: String, key: String, allowed: String, said: String },
    #[error("{host} takes RSA keys with SHA-1 alone")]
    Sha1 { host: String },
    #[error("{host} does not run {command}")]
    NoCommand { host: String, command: &'static str },
    #[error("{host} prints {text:?} where Git's protocol should begin")]
    Chatter { host: String, text: String },
    #[error("{command} on {host} {how}{}", quoted(.said))]
    Ended { host: String, command: &'static str, how: String, said: String },
}

/// Why the key of a host is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrongKey {
    Unknown { unreadable: Vec<usize> },
    Other { known: Vec<KnownKey> },
    Revoked { line: usize },
    Authority { line: usize },
}

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    Handshake,
    Login,
    Channel,
    Send,
    Answer,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting to",
            Self::Handshake => "agreeing on keys with",
            Self::Login => "logging in to",
            Self::Channel => "starting a command on",
            Self::Send => "sending to",
            Self::Answer => "waiting for the answer of",
        })
    }
}

impl SshFault {
    /// Advice for the user, where there is any.
    pub(in crate::git) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoIdentity => {
                "a Secret with identity and known_hosts in spec.secretRef of the GitRepository; history takes --ssh-key"
            }
            Self::Key(KeyError::PasswordMissing) => {
                "put it under the key password of the same Secret; history takes --password-stdin"
            }
            Self::Key(error) => error.hint()?,
            Self::NoKnownHosts { .. } => {
                "ssh-keyscan HOST prints lines for it; compare the keys with those of the host"
            }
            Self::HostKey { host, why, .. } => return Some(host_key_hint(host, why)),
            Self::NothingInCommon { .. } => "--ssh-kex-algos and --ssh-hostkey-algos name others",
            Self::Sha1 { .. } => "an ed25519 key works; --ssh-hostkey-algos with ssh-rsa in it allows SHA-1",
            Self::Refused { .. } => "add the public key to the account or repository, with the right to write",
            Self::Chatter { .. } => "a start-up file of the account's shell must print nothing",
            Self::Ended { .. } => "check the path; many servers say this too when the key has no right to it",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// True where what happened says nothing about the next connection: it broke, or took no further channel.
    pub(super) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }
}

fn host_key_hint(host: &str, why: &WrongKey) -> String {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "22"));
    let name = name.trim_matches(['[', ']']);
    match why {
        WrongKey::Revoked { .. } => "do not connect: its owner has given the key up".to_owned(),
        WrongKey::Authority { .. } => format!("ssh-keyscan -p {port} {name} prints the plain keys; compare them first"),
        WrongKey::Unknown { .. } => format!(
            "ssh-keyscan -p {port} {name} prints lines for known_hosts; compare the fingerprint with the one that the \
             host's owner publishes before you add them"
        ),
        WrongKey::Other { .. } => format!(
            "either the host has a new key or somebody stands between: compare the fingerprint with the one that the \
             host's owner publishes, then renew known_hosts with ssh-keyscan -p {port} {name}"
        ),
    }
}

fn wrong(why: &WrongKey) -> String {
    match why {
        WrongKey::Unknown { unreadable } => format!("; known_hosts has no key of it{}", passed_over(unreadable)),
        WrongKey::Revoked { line } => format!("; line {line} of known_hosts revokes it"),
        WrongKey::Authority { line } => {
            format!("; known_hosts has only a @cert-authority for it (line {line}), which is not supported")
        }
        WrongKey::Other { known } => {
            let keys = known.iter().map(|key| format!("{} {} (line {})", key.algorithm, key.fingerprint, key.line));
            format!("; known_hosts has {}", keys.collect::<Vec<_>>().join(", "))
        }
    }
}

fn passed_over(lines: &[usize]) -> String {
    match lines {
        [] => String::new(),
        lines => format!(" (lines that cannot be read: {})", numbers(lines)),
    }
}

/// The first few numbers.
pub(super) fn numbers(lines: &[usize]) -> String {
    let more = if lines.len() > 10 { ", …" } else { "" };
    lines.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", ") + more
}

fn listed(allowed: &str) -> String {
    if allowed.is_empty() { String::new() } else { format!("; it allows {allowed}") }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (remote: {})", text.replace('\n', "; ")) }
}
