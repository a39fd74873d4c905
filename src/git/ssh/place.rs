//! The address of a repository behind ssh, in both of Git's spellings.
//!
//! Takes the text behind `ssh://`, or `user@host:path`; gives parts of which none can be read as an option, a
//! second word or a command by whatever stands at the other end. Touches no network.

use super::super::link::Service;
use super::super::url::UrlError;

/// Who logs in where the address does not say: as Flux and every forge have it.
const USER: &str = "git";
const PORT: u16 = 22;
const USER_BYTES_MAX: usize = 128;
/// The longest name of the DNS (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
const PATH_BYTES_MAX: usize = 1024;

/// A repository behind ssh.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::git) struct SshPlace {
    pub(super) user: String,
    /// A name or an address, without brackets.
    pub(in crate::git) host: String,
    pub(in crate::git) port: u16,
    path: String,
}

impl SshPlace {
    /// Reads what follows `ssh://`.
    pub(in crate::git) fn from_url(rest: &str) -> Result<Self, UrlError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (user, at) = split_user(authority)?;
        let (host, port) = split_port(at)?;
        let path = decode(path).ok_or(part("path", "is not percent-encoded UTF-8"))?;
        // As git does: `ssh://host/~user/app` is below the home of user.
        let path = if path.starts_with('~') { path } else { format!("/{path}") };
        Self::checked(user.map(|user| decode(user).unwrap_or_default()), host, port, path)
    }

    /// Reads `user@host:path`; an address of IPv6 stands in brackets.
    pub(in crate::git) fn from_scp(text: &str) -> Result<Self, UrlError> {
        let end = text.find(']').filter(|_| text.split(':').next().is_some_and(|head| head.contains('[')));
        let colon = text[end.unwrap_or(0)..].find(':').map(|at| at + end.unwrap_or(0));
        let (head, path) = colon.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
        if path.starts_with(':') {
            return Err(UrlError::Scheme { scheme: head.chars().take(20).collect() });
        }
        let (user, host) = match head.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, head),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let path = if path.starts_with("/~") { &path[1..] } else { path };
        Self::checked(user, host, PORT, path.to_owned())
    }

    pub(in crate::git) fn path(&self) -> &str {
        &self.path
    }

    fn checked(user: Option<String>, host: &str, port: u16, path: String) -> Result<Self, UrlError> {
        let user = user.unwrap_or_else(|| USER.to_owned());
        check_user(&user)?;
        check_host(host)?;
        check_path(&path)?;
        let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
        Ok(Self { user, host: host.to_ascii_lowercase(), port, path })
    }

    /// `host:port`, as errors name a server.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What the server is asked to run. The path is one word for every shell: quoted as git does it.
    pub(super) fn command(&self, service: Service) -> String {
        format!("{} {}", service.name(), quoted(&self.path))
    }
}

/// In single quotes, with `'` and `!` outside of them (`sq_quote_buf` of git; csh reads `!` inside quotes too).
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '!' => out.extend(["'\\", c.encode_utf8(&mut [0; 4]), "'"]),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

fn split_user(authority: &str) -> Result<(Option<&str>, &str), UrlError> {
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => Err(UrlError::Password),
        Some((user, host)) => Ok((Some(user), host)),
        None => Ok((None, authority)),
    }
}

fn split_port(text: &str) -> Result<(&str, u16), UrlError> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or(part("host", "lacks the closing bracket"))?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => PORT,
        Some("") => PORT,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).ok_or(part("port", "is not between 1 and 65535"))?
        }
        _ => return Err(part("port", "is not a number")),
    };
    Ok((host, port))
}

fn check_user(user: &str) -> Result<(), UrlError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@=".contains(&byte);
    match user {
        "" => Err(part("user", "is empty")),
        _ if user.starts_with('-') => Err(part("user", "starts with \"-\"")),
        _ if user.len() > USER_BYTES_MAX => Err(part("user", "is longer than 128 bytes")),
        _ if user.contains(':') => Err(UrlError::Password),
        _ if !user.bytes().all(plain) => Err(part("user", "holds more than letters, digits and ._-+@=")),
        _ => Ok(()),
    }
}

fn check_host(host: &str) -> Result<(), UrlError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match host {
        "" => Err(UrlError::NoHost),
        _ if host.starts_with('-') => Err(part("host", "starts with \"-\"")),
        _ if host.len() > HOST_BYTES_MAX => Err(part("host", "is longer than 253 bytes")),
        _ if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(()),
        _ if host.contains("..") || host.starts_with('.') => Err(part("host", "has an empty label")),
        _ if !host.bytes().all(plain) => Err(part("host", "holds more than letters, digits and ._-")),
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), UrlError> {
    match path {
        _ if path.trim_end_matches('/').is_empty() => Err(part("path", "is missing")),
        _ if path.starts_with('-') => Err(part("path", "starts with \"-\"")),
        _ if path.len() > PATH_BYTES_MAX => Err(part("path", "is longer than 1024 bytes")),
        _ if path.chars().any(char::is_control) => Err(UrlError::ControlCharacter),
        // Between single quotes it means nothing to sh, and an escape to fish: no quoting serves both.
        _ if path.contains('\\') => Err(part("path", "holds a backslash")),
        _ if path.split('/').any(|name| name == "..") => Err(part("path", "leads through \"..\"")),
        _ => Ok(()),
    }
}

fn part(part: &'static str, reason: &'static str) -> UrlError {
    UrlError::Part { part, reason }
}

/// Percent-decoding (RFC 3986 §2.1), as git does with the whole of an `ssh://` address.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escape.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}
