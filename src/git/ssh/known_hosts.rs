//! The keys that servers may show: the format of `known_hosts` (`man sshd`, "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! Takes the bytes of such a file and a host with the key that it shows; gives a verdict. Nothing is learnt: a key
//! that is not written down is not trusted, the first time as little as later.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::{Algorithm, HashAlg, PublicKey};

/// The port that a plain name stands for.
const PORT: u16 = 22;

/// What is known of servers.
#[derive(Clone, Debug, Default)]
pub struct KnownHosts {
    lines: Vec<Line>,
    unreadable: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Line {
    number: usize,
    mark: Mark,
    hosts: Hosts,
    key: PublicKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Revoked,
    Authority,
}

#[derive(Clone, Debug)]
enum Hosts {
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
    Patterns(Vec<String>),
}

/// A key that is written down for a host, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    pub line: usize,
    pub algorithm: String,
    pub fingerprint: String,
}

/// What is to be thought of a key that a host shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostVerdict {
    Known,
    /// It is marked `@revoked`.
    Revoked {
        line: usize,
    },
    /// Other keys are written down for the host.
    Other(Vec<KnownKey>),
    /// Only an authority is written down for the host; certificates are not supported.
    Authority {
        line: usize,
    },
    /// Nothing is written down for the host.
    Unknown,
}

impl KnownHosts {
    pub fn parse(text: &[u8]) -> Self {
        let mut known = Self::default();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match std::str::from_utf8(line).ok().and_then(|line| read_line(line, at + 1)) {
                Some(line) => known.lines.push(line),
                None => known.unreadable.push(at + 1),
            }
        }
        known
    }

    /// True where no line names a key.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The numbers of the lines that were passed over: no entries, or keys of an unknown kind.
    pub fn unreadable(&self) -> &[usize] {
        &self.unreadable
    }

    pub fn judge(&self, host: &str, port: u16, key: &PublicKey) -> HostVerdict {
        let about = self.about(host, port);
        let same = |line: &&&Line| line.key.key_data() == key.key_data();
        if let Some(line) = about.iter().filter(|line| line.mark == Mark::Revoked).find(same) {
            return HostVerdict::Revoked { line: line.number };
        }
        let plain = || about.iter().filter(|line| line.mark == Mark::None);
        if plain().any(|line| same(&line)) {
            return HostVerdict::Known;
        }
        let others: Vec<KnownKey> = plain().map(|line| line.known_key()).collect();
        match about.iter().find(|line| line.mark == Mark::Authority) {
            _ if !others.is_empty() => HostVerdict::Other(others),
            Some(line) => HostVerdict::Authority { line: line.number },
            None => HostVerdict::Unknown,
        }
    }

    /// The algorithms of the keys that are written down for a host.
    pub(super) fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let plain = |line: &&Line| line.mark == Mark::None;
        self.about(host, port).into_iter().filter(plain).map(|line| line.key.algorithm()).collect()
    }

    /// The lines that name a host. On another port than ssh's own a plain name counts where no line has the port, as
    /// OpenSSH has it.
    fn about(&self, host: &str, port: u16) -> Vec<&Line> {
        let host = host.to_ascii_lowercase();
        let named = |name: &str| self.lines.iter().filter(|line| line.hosts.name(name)).collect::<Vec<_>>();
        if port == PORT {
            return named(&host);
        }
        let with_port = named(&format!("[{host}]:{port}"));
        if with_port.iter().any(|line| line.mark != Mark::Revoked) {
            return with_port;
        }
        [with_port, named(&host)].concat()
    }
}

impl Line {
    fn known_key(&self) -> KnownKey {
        KnownKey {
            line: self.number,
            algorithm: self.key.algorithm().to_string(),
            fingerprint: self.key.fingerprint(HashAlg::Sha256).to_string(),
        }
    }
}

impl Hosts {
    fn name(&self, host: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, host.as_bytes(), hash).is_ok()
            }
            Self::Patterns(patterns) => {
                let denied = |pattern: &String| pattern.strip_prefix('!').is_some_and(|rest| fits(rest, host));
                !patterns.iter().any(denied) && patterns.iter().any(|pattern| fits(pattern, host))
            }
        }
    }
}

fn read_line(line: &str, number: usize) -> Option<Line> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    let mark = match first {
        "@revoked" => Mark::Revoked,
        "@cert-authority" => Mark::Authority,
        _ if first.starts_with('@') => return None,
        _ => Mark::None,
    };
    let hosts = read_hosts(if mark == Mark::None { first } else { words.next()? })?;
    let (algorithm, key) = (words.next()?, words.next()?);
    let key = PublicKey::from_openssh(&format!("{algorithm} {key}")).ok()?;
    Some(Line { number, mark, hosts, key })
}

fn read_hosts(text: &str) -> Option<Hosts> {
    let Some(hashed) = text.strip_prefix("|1|") else {
        return Some(Hosts::Patterns(text.split(',').map(str::to_ascii_lowercase).collect()));
    };
    let (salt, hash) = hashed.split_once('|')?;
    Some(Hosts::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? })
}

/// Whether `pattern` with `*` (any characters) and `?` (one) fits the whole of `text`. Goes back to the last star
/// only, so that the time is bounded by the product of the two lengths.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((after, from)) => {
                    (p, t) = (after, from + 1);
                    star = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
