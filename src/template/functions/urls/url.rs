//! URLs as Go's `net/url` reads and writes them.

use std::net::Ipv6Addr;

use super::super::super::print;
use super::super::Failure;
use super::wrong;

#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    /// What comes after the scheme where no slash does: `mailto:a@b`.
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<User>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// The parts of a URL, which differ in what stands for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    User,
    Host,
    /// The interface behind an IPv6 address.
    Zone,
    Path,
    Fragment,
}

impl Part {
    fn is_escaped(self, byte: u8) -> bool {
        let in_host = matches!(self, Part::Host | Part::Zone);
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => false,
            b'!' | b'(' | b')' | b'*' => !in_host && self != Part::Fragment,
            b'$' | b'&' | b'+' | b',' | b';' | b'=' => false,
            b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => !in_host,
            b':' => self == Part::User,
            b'/' | b'@' => in_host || self == Part::User,
            b'?' => self != Part::Fragment,
            _ => true,
        }
    }
}

fn escaped(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if part.is_escaped(byte) {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.push(byte);
        }
    }
    out
}

fn unescaped(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            out.push(escape(&text[text.len() - rest.len() - 1..], part)?);
            rest = &rest[2..];
        } else if matches!(part, Part::Host | Part::Zone) && byte.is_ascii() && part.is_escaped(byte) {
            return Err(format!("invalid character {} in host name", print::quote([byte])));
        } else {
            out.push(byte);
        }
    }
    Ok(out)
}

/// The byte that the escape at the start stands for. A host may escape only what is not ASCII, its zone only what it
/// could hold as it is, and spaces; both may escape the percent sign.
fn escape(text: &[u8], part: Part) -> Result<u8, String> {
    let invalid = || format!("invalid URL escape {}", print::quote(&text[..text.len().min(3)]));
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let (high, low) = digit(1).zip(digit(2)).ok_or_else(invalid)?;
    let byte = (high << 4 | low) as u8;
    match part {
        Part::Host if byte.is_ascii() && byte != b'%' => Err(invalid()),
        Part::Zone if !matches!(byte, b'%' | b' ') && Part::Host.is_escaped(byte) => Err(invalid()),
        _ => Ok(byte),
    }
}

/// Splits at the first `separator`, which belongs to neither side.
fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| byte == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Url {
    pub(super) fn parse(text: &[u8]) -> Result<Url, Failure> {
        let (before, fragment) = cut(text, b'#');
        let mut url = Url::parse_without_fragment(before).map_err(|what| wrong(before, &what))?;
        url.fragment = unescaped(fragment.unwrap_or_default(), Part::Fragment).map_err(|what| wrong(text, &what))?;
        Ok(url)
    }

    fn parse_without_fragment(text: &[u8]) -> Result<Url, String> {
        if text.iter().any(|byte| byte.is_ascii_control()) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text == b"*" {
            return Ok(Url { path: text.to_vec(), ..Url::default() });
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = cut(rest, b'?');
        let query = query.unwrap_or_default().to_vec();
        let mut url = Url { scheme: scheme.to_ascii_lowercase(), query, ..Url::default() };
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                return Ok(Url { opaque: rest.to_vec(), ..url });
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let has_authority = rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///"));
        let mut path = rest;
        if has_authority {
            let end = rest[2..].iter().position(|&byte| byte == b'/').map_or(rest.len(), |at| at + 2);
            path = &rest[end..];
            (url.user, url.host) = authority(&rest[2..end], &url.scheme)?;
        }
        url.path = unescaped(path, Part::Path)?;
        Ok(url)
    }

    pub(super) fn written(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.write_authority_and_path(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend_from_slice(&escaped(&self.fragment, Part::Fragment));
        }
        out
    }

    fn write_authority_and_path(&self, out: &mut Vec<u8>) {
        if !self.host.is_empty() || self.user.is_some() || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend_from_slice(&user.written());
            out.push(b'@');
        }
        out.extend_from_slice(&escaped(&self.host, Part::Host));
        let path = if self.path == b"*" { self.path.clone() } else { escaped(&self.path, Part::Path) };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            out.push(b'/');
        }
        // A colon in the first element would make a scheme of what is before it.
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(&path);
    }
}

impl User {
    pub(super) fn written(&self) -> Vec<u8> {
        let name = escaped(&self.name, Part::User);
        match &self.password {
            Some(password) => [&*name, b":", &*escaped(password, Part::User)].concat(),
            None => name,
        }
    }
}

/// The scheme, which may be empty, and what comes after its colon.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn authority(text: &[u8], scheme: &[u8]) -> Result<(Option<User>, Vec<u8>), String> {
    let Some(at) = text.iter().rposition(|&byte| byte == b'@') else { return Ok((None, host(text, scheme)?)) };
    let host = host(&text[at + 1..], scheme)?;
    let userinfo = &text[..at];
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !userinfo.iter().all(is_allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = cut(userinfo, b':');
    let name = unescaped(name, Part::User)?;
    let password = password.map(|password| unescaped(password, Part::User)).transpose()?;
    Ok((Some(User { name, password }), host))
}

fn host(text: &[u8], scheme: &[u8]) -> Result<Vec<u8>, String> {
    match text.iter().rposition(|&byte| byte == b'[') {
        Some(0) => return bracketed_host(text),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    // Lists of hosts with ports are for databases only.
    let is_web = matches!(scheme, b"http" | b"https");
    let is_colon = |&byte: &u8| byte == b':';
    let colon = if is_web { text.iter().position(is_colon) } else { text.iter().rposition(is_colon) };
    check_port(&text[colon.unwrap_or(text.len())..])?;
    unescaped(text, Part::Host)
}

/// `[fe80::1%25eth0]:80`.
fn bracketed_host(text: &[u8]) -> Result<Vec<u8>, String> {
    let close = text.iter().rposition(|&byte| byte == b']').ok_or("missing ']' in host")?;
    let port = &text[close + 1..];
    check_port(port)?;
    let inner = &text[1..close];
    let zone = inner.windows(3).position(|escape| escape == b"%25").unwrap_or(inner.len());
    let address = unescaped(&inner[..zone], Part::Host)?;
    let zone = unescaped(&inner[zone..], Part::Zone)?;
    let is_address = std::str::from_utf8(&address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok());
    if !is_address || zone == b"%" {
        return Err(format!("invalid host: {}", print::quote([address, zone].concat())));
    }
    Ok([b"[", &*address, &*zone, b"]", port].concat())
}

fn check_port(port: &[u8]) -> Result<(), String> {
    if is_port(port) { Ok(()) } else { Err(format!("invalid port {} after host", print::quote(port))) }
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    text.strip_prefix(b":").map_or(text.is_empty(), |digits| digits.iter().all(u8::is_ascii_digit))
}

/// The host without port and brackets.
pub(super) fn hostname(host: &[u8]) -> &[u8] {
    let colon = host.iter().rposition(|&byte| byte == b':').filter(|&colon| is_port(&host[colon..]));
    let host = &host[..colon.unwrap_or(host.len())];
    host.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(host)
}
