//! The `allowed_signers` of ssh (`man ssh-keygen`): which key may sign as whom, for what and when.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use super::NAMESPACE;

/// A line of the file, with a key that may sign commits.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    pub(super) principals: String,
    pub(super) key: KeyData,
    /// Patterns; everything is allowed without them.
    namespaces: Option<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

/// The options in front of a key.
#[derive(Default)]
struct Options {
    namespaces: Option<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
    is_authority: bool,
}

/// All keys of a file; the number of the line and what is wrong with it, where one cannot be read. Keys that vouch for
/// other keys (`cert-authority`) are left out.
pub(super) fn parse(text: &str) -> Result<Vec<Allowed>, (usize, String)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let read = |(number, line)| self::line(line).map_err(|why| (number, why)).transpose();
    lines.filter_map(read).collect()
}

impl Allowed {
    /// Why the key may not sign commits at `time`.
    pub(super) fn flaw_at(&self, time: Timestamp) -> Option<&'static str> {
        match (&self.namespaces, self.valid_after, self.valid_before) {
            (Some(patterns), _, _) if !matches_list(NAMESPACE, patterns) => Some("may not sign for git"),
            (_, Some(after), _) if time < after => Some("was not valid yet"),
            (_, _, Some(before)) if time > before => Some("was no longer valid"),
            _ => None,
        }
    }
}

fn line(line: &str) -> Result<Option<Allowed>, String> {
    let (principals, rest) = word(line);
    let (options, key) = match key(rest) {
        Some(key) => (Options::default(), key),
        None => {
            let (given, rest) = word(rest);
            (options(given)?, key(rest).ok_or("expected PRINCIPALS [OPTIONS] KEYTYPE KEY")?)
        }
    };
    let Options { namespaces, valid_after, valid_before, is_authority } = options;
    let principals = principals.replace('"', "");
    Ok((!is_authority).then_some(Allowed { principals, key, namespaces, valid_after, valid_before }))
}

fn key(text: &str) -> Option<KeyData> {
    let mut words = text.split_ascii_whitespace();
    let (kind, data) = (words.next()?, words.next()?);
    PublicKey::from_openssh(&format!("{kind} {data}")).ok().map(|key| key.key_data().clone())
}

/// The first word, in which blanks may stand between quotes, and what is behind it.
fn word(text: &str) -> (&str, &str) {
    let end = outside_quotes(text, |c| c == ' ' || c == '\t').next().unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// Where characters stand that are not between quotes.
fn outside_quotes(text: &str, is_meant: impl Fn(char) -> bool) -> impl Iterator<Item = usize> {
    let mut is_quoted = false;
    text.char_indices().filter_map(move |(at, c)| {
        is_quoted ^= c == '"';
        (!is_quoted && is_meant(c)).then_some(at)
    })
}

fn options(text: &str) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = text;
    while !rest.is_empty() {
        let end = outside_quotes(rest, |c| c == ',').next().unwrap_or(rest.len());
        let option = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = || value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let time = || value().and_then(time).ok_or_else(|| format!("{name}: expected \"YYYYMMDD[HHMM[SS]][Z]\""));
        match name.to_ascii_lowercase().as_str() {
            "cert-authority" => options.is_authority = true,
            "namespaces" => {
                let patterns = value().ok_or_else(|| format!("{name}: expected a list between quotes"))?;
                options.namespaces = Some(patterns.to_owned());
            }
            "valid-after" => options.valid_after = Some(time()?),
            "valid-before" => options.valid_before = Some(time()?),
            _ => return Err(format!("unknown option {:?}", name.chars().take(40).collect::<String>())),
        }
    }
    Ok(options)
}

/// A date, or a date and time, in UTC: what is allowed must not depend on the machine that asks.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let padded = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return None,
    };
    let read = DateTime::strptime("%Y%m%d%H%M%S", padded).ok()?;
    read.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// True where `text` matches a pattern of a list and none that is negated (`man ssh_config`, PATTERNS).
fn matches_list(text: &str, patterns: &str) -> bool {
    let mut is_match = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(text.as_bytes(), pattern.as_bytes()) => return false,
            Some(_) => {}
            None => is_match |= matches(text.as_bytes(), pattern.as_bytes()),
        }
    }
    is_match
}

/// `*` is any text, `?` one character. Looks back to the last `*` alone, so that no pattern takes long.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((at, in_pattern));
                in_pattern += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at] => (at, in_pattern) = (at + 1, in_pattern + 1),
            _ => {
                let Some((start, place)) = star else { return false };
                star = Some((start + 1, place));
                (at, in_pattern) = (start + 1, place + 1);
            }
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}
