//! Versions as tags spell them: a `v` in front, leading zeros, missing parts.
//!
//! Takes text, gives its place in the order of versions (semver.org §11; build metadata has no say). Allocates nothing:
//! a repository may have 100,000 tags. `semver::Version` reads neither `v2025.02.03` nor `1.2`.

use std::cmp::Ordering;

/// Longer text is no version (the limit of Masterminds/semver 3.5).
pub const VERSION_BYTES_MAX: usize = 256;

/// A version without its build metadata. Ordered by precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'t> {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    /// Empty for a release.
    pub pre: &'t str,
}

/// Why text is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    #[error("needs two dots")]
    TooFewDots,
    #[error("does not start with a number")]
    NoNumber,
    #[error("has a number beyond 64 bits")]
    NumberTooLarge,
    #[error("has something other than a prerelease or build metadata after the numbers")]
    UnexpectedText,
    #[error("has an empty or malformed prerelease")]
    Prerelease,
    #[error("has a prerelease number with a leading zero")]
    LeadingZero,
    #[error("has empty or malformed build metadata")]
    Build,
    #[error("is longer than 256 bytes")]
    TooLong,
}

impl<'t> Version<'t> {
    /// Reads a version; missing parts are 0. Flux asks for two dots somewhere in the text, Argo CD does not.
    pub fn parse(text: &'t str, needs_two_dots: bool) -> Result<Self, VersionError> {
        if text.len() > VERSION_BYTES_MAX {
            return Err(VersionError::TooLong);
        }
        let (major, rest) = number(text.strip_prefix('v').unwrap_or(text))?;
        let (minor, rest) = dotted_number(rest)?;
        let (patch, rest) = dotted_number(rest)?;
        if needs_two_dots && patch.is_none() && text.bytes().filter(|&b| b == b'.').count() < 2 {
            return Err(VersionError::TooFewDots);
        }
        let pre = if rest.is_empty() { "" } else { prerelease(rest)? };
        Ok(Self { major, minor: minor.unwrap_or(0), patch: patch.unwrap_or(0), pre })
    }

    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }

    /// Orders as the versions do, but for equal ones, which the versions themselves must be asked about.
    pub fn prefix(&self) -> u128 {
        const MAJOR_BITS: u32 = 48;
        const BITS: u32 = 39;
        let packed = [(self.major, MAJOR_BITS), (self.minor, BITS), (self.patch, BITS)];
        let mut prefix = 0;
        let mut is_cut = false;
        for (number, bits) in packed {
            let most = (1 << bits) - 1;
            // Once a number is cut off, what follows must not order.
            let part = if is_cut { most } else { number.min(most) };
            is_cut |= number > most;
            prefix = prefix << bits | u128::from(part);
        }
        prefix << 1 | u128::from(is_cut || !self.is_prerelease())
    }

    fn numbers(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers().cmp(&other.numbers()).then_with(|| compare_prereleases(self.pre, other.pre))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The digits at the start of `text`, as a number, and what follows them.
fn number(text: &str) -> Result<(u64, &str), VersionError> {
    let mut number: u64 = 0;
    let mut length = 0;
    for digit in text.bytes().map(|b| b.wrapping_sub(b'0')).take_while(|&digit| digit < 10) {
        let next = number.checked_mul(10).and_then(|number| number.checked_add(digit.into()));
        number = next.ok_or(VersionError::NumberTooLarge)?;
        length += 1;
    }
    if length == 0 { Err(VersionError::NoNumber) } else { Ok((number, &text[length..])) }
}

fn dotted_number(text: &str) -> Result<(Option<u64>, &str), VersionError> {
    let Some(digits) = text.strip_prefix('.') else { return Ok((None, text)) };
    match number(digits) {
        Ok((number, rest)) => Ok((Some(number), rest)),
        Err(VersionError::NoNumber) => Err(VersionError::UnexpectedText),
        Err(error) => Err(error),
    }
}

/// Checks what follows the numbers, gives the prerelease.
fn prerelease(text: &str) -> Result<&str, VersionError> {
    let (pre, build) = text.split_once('+').map_or((text, None), |(pre, build)| (pre, Some(build)));
    let identifiers = |text: &'_ str| text.split('.').all(is_identifier);
    if build.is_some_and(|build| !identifiers(build)) {
        return Err(VersionError::Build);
    }
    if pre.is_empty() {
        return Ok("");
    }
    let pre = pre.strip_prefix('-').ok_or(VersionError::UnexpectedText)?;
    if !identifiers(pre) {
        return Err(VersionError::Prerelease);
    }
    if pre.split('.').any(|identifier| is_numeric(identifier) && identifier.len() > 1 && identifier.starts_with('0')) {
        return Err(VersionError::LeadingZero);
    }
    Ok(pre)
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_numeric(identifier: &str) -> bool {
    identifier.bytes().all(|b| b.is_ascii_digit())
}

/// Precedence of prereleases; a release is greater than its prereleases.
pub(super) fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => compare_identifiers(left, right),
    }
}

fn compare_identifiers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => compare_identifier(left, right),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Numbers come before words and compare by value, however long they are.
fn compare_identifier(left: &str, right: &str) -> Ordering {
    match (is_numeric(left), is_numeric(right)) {
        (true, true) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}
