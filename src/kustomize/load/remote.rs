//! Entries that name something elsewhere: a folder of a Git repository, or a file behind http.
//!
//! Takes the text of an entry, gives what has to be fetched. Nothing is fetched here.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::kustomize::go;

/// What a build needs from elsewhere. The order is that of the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote {
    Repository(Repository),
    /// A file, by its http or https URL.
    File(String),
}

/// A Git repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// As Git takes it: `https://github.com/org/repo`, `git@host:org/repo`, `ssh://…`, `file:///…`.
    pub url: String,
    /// Branch, tag or commit; `None` stands for `HEAD`.
    pub reference: Option<String>,
    /// Whether kustomize would fetch the submodules too.
    pub submodules: bool,
    /// How long kustomize would let Git work.
    pub timeout: Duration,
}

/// A folder of a Git repository, from an entry such as `https://host/org/repo//path?ref=v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFolder {
    pub repository: Repository,
    /// From the root of the repository; empty for the root.
    pub path: String,
}

const TIMEOUT: Duration = Duration::from_secs(27);
/// The schemes that kustomize gives to Git.
const SCHEMES: [&str; 4] = ["ssh://", "https://", "http://", "file://"];

/// Whether kustomize takes `entry` for the URL of a file, at first.
pub(super) fn is_file_url(entry: &str) -> bool {
    let scheme = entry.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Whether `entry` says in so many words that it is a folder of a repository, so that nobody has to ask its server for
/// a file of that name first, as kustomize does.
pub(super) fn names_a_folder(entry: &str) -> bool {
    let (place, query) = entry.split_once('?').unwrap_or((entry, ""));
    let place = without_scheme(place).1;
    let is_file = [".yaml", ".yml", ".json"].iter().any(|ending| place.ends_with(ending));
    let is_marked = place.contains("//") || place.contains("_git/") || place.contains(".git");
    !is_file && (is_marked || query.split('&').any(|pair| pair.starts_with("ref=") || pair.starts_with("version=")))
}

/// Reads `entry` as a folder of a repository; `None` where it is a path of this machine. The forms are kustomize's.
pub fn remote_folder(entry: &str) -> Option<RemoteFolder> {
    if entry.starts_with('/') {
        return None;
    }
    let (place, query) = entry.split_once('?').unwrap_or((entry, ""));
    let (host, rest) = split_host(place)?;
    let (repository, path) = split_path(rest, host.starts_with("file://"))?;
    if repository.is_empty() || leaves(path) {
        return None;
    }
    let path = crate::tree::clean(path);
    let mut found =
        Repository { url: format!("{host}{repository}"), reference: None, submodules: true, timeout: TIMEOUT };
    read_query(query, &mut found);
    Some(RemoteFolder { repository: found, path })
}

/// Scheme, user and host with what ends them, and the rest.
fn split_host(place: &str) -> Option<(String, &str)> {
    let place = strip_prefix_any_case(place, "git::").unwrap_or(place);
    let (scheme, rest) = without_scheme(place);
    let (user, rest) = without_user(rest);
    let lower = rest.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    // `user@host:path` has no scheme, and a colon where others have a slash.
    let is_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !is_scp {
        return None;
    }
    if scheme == "file://" {
        return Some((scheme.to_owned(), &place[scheme.len()..]));
    }
    let end = host_end(rest, is_scp)?;
    let (host, path) = rest.split_at(end + 1);
    Some((if is_github { github_host(scheme, user) } else { format!("{scheme}{user}{host}") }, path))
}

fn without_scheme(place: &str) -> (&'static str, &str) {
    let known = SCHEMES.iter().find_map(|scheme| Some((*scheme, strip_prefix_any_case(place, scheme)?)));
    known.unwrap_or(("", place))
}

/// `git@` and the rest.
fn without_user(rest: &str) -> (&str, &str) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    match end {
        Some(end) if rest[end..].starts_with('@') && rest.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            rest.split_at(end + 1)
        }
        _ => ("", rest),
    }
}

fn host_end(rest: &str, is_scp: bool) -> Option<usize> {
    let slash = rest.find('/');
    match rest.find(':') {
        Some(colon) if is_scp && slash.is_none_or(|slash| colon > 0 && colon < slash) => Some(colon),
        _ => slash,
    }
}

/// GitHub's URLs have one form each for ssh and https.
fn github_host(scheme: &str, user: &str) -> String {
    if scheme == "ssh://" || !user.is_empty() { format!("{user}github.com:") } else { "https://github.com/".to_owned() }
}

/// The path of the repository and that of the folder in it: parted by `_git/NAME`, by `//`, behind `.git`, or after two
/// parts, as GitHub has them.
fn split_path(rest: &str, is_file: bool) -> Option<(&str, &str)> {
    if let Some(at) = rest.find("_git/") {
        let name = at + "_git/".len();
        let end = rest[name..].find('/').map_or(rest.len(), |length| name + length);
        return Some((&rest[..end], rest[end..].trim_start_matches('/')));
    }
    if let Some(parts) = rest.split_once("//") {
        return Some(parts);
    }
    if let Some(at) = rest.find(".git") {
        return Some(rest.split_at(at + ".git".len()));
    }
    if is_file {
        return Some((rest, ""));
    }
    let first = rest.find('/')?;
    let end = rest[first + 1..].find('/').map_or(rest.len(), |length| first + 1 + length);
    Some(rest.split_at(end))
}

/// Whether `..` leads out of the repository.
fn leaves(path: &str) -> bool {
    let mut depth = 0_usize;
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." if depth == 0 => true,
        ".." => {
            depth -= 1;
            false
        }
        _ => {
            depth += 1;
            false
        }
    })
}

/// Values that cannot be read leave the defaults, and a query that cannot be read leaves all of them.
fn read_query(query: &str, found: &mut Repository) {
    let Some(pairs) = query.split('&').filter(|pair| !pair.is_empty()).map(decoded_pair).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let value = |name: &str| {
        let pair = pairs.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    found.reference = value("ref").or_else(|| value("version")).map(str::to_owned);
    found.submodules = value("submodules").and_then(go::boolean).unwrap_or(true);
    found.timeout = value("timeout").and_then(timeout).unwrap_or(TIMEOUT);
}

fn decoded_pair(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let is_whole = !pair.contains(';') && pair.match_indices('%').all(|(at, _)| is_escape(&pair.as_bytes()[at + 1..]));
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().ok().map(|text| text.into_owned())
    };
    is_whole.then(|| Some((decoded(key)?, decoded(value)?)))?
}

fn is_escape(digits: &[u8]) -> bool {
    digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
}

/// Seconds, or a duration as Go writes it (`1m30s`).
fn timeout(text: &str) -> Option<Duration> {
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => f64::from(seconds),
        Err(_) => go::duration(text)?,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|length| !length.is_zero())
}

fn strip_prefix_any_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix)).map(|start| &text[start.len()..])
}
