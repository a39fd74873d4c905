//! Ranges of versions in the grammar of Masterminds/semver, which Flux and Argo CD share.
//!
//! Takes text such as `^1.2 || >=2.0.0-0 <3`, gives a range that says of a version whether it lies within, or why not.
//!
//! `||` separates groups, any of which may hold; blanks or one comma separate the comparisons of a group, all of which
//! must hold. Missing parts and `x`, `X`, `*` stand for any number. `A - B` is `>=A, <=B`. Prereleases lie within a
//! group only if its comparisons name prereleases, all of them or one as the [`Dialect`] has it, and then plainly by
//! their order.

use std::fmt;

use super::Dialect;
use super::version::{Version, VersionError, compare_prereleases};
use written::{Wild, Written, is_blank, rewrite_hyphens};

mod written;

/// The limits of Masterminds/semver 3.5.
const RANGE_BYTES_MAX: usize = 512;
const GROUPS_MAX: usize = 32;

/// A range of versions.
#[derive(Clone, Debug)]
pub struct Range {
    text: String,
    groups: Vec<Group>,
}

/// Text that is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("is longer than 512 bytes")]
    TooLong,
    #[error("has more than 32 alternatives")]
    TooManyGroups,
    #[error("has an empty alternative; `*` stands for any version")]
    EmptyGroup { group: String },
    #[error("expected an operator (= != > >= < <= ~ ^) and a version, found {found:?}")]
    Comparison { found: String, group: String },
    #[error("{version:?} {reason}")]
    Version { version: String, reason: String },
}

/// Why a version lies outside of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch<'r> {
    /// A prerelease, and no group has one.
    Prerelease,
    /// The one group has a comparison that does not hold.
    Comparison { difference: &'static str, text: &'r str },
    /// None of several groups holds.
    EveryGroup { range: &'r str },
}

#[derive(Clone, Debug)]
struct Group {
    comparisons: Vec<Comparison>,
    names_prerelease: bool,
    dialect: Dialect,
}

#[derive(Clone, Debug)]
struct Comparison {
    operator: Operator,
    major: u64,
    minor: u64,
    patch: u64,
    pre: String,
    wild: Wild,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Longer operators first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 12] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("", Operator::Equal),
];

impl Range {
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, RangeError> {
        if text.len() > RANGE_BYTES_MAX {
            return Err(RangeError::TooLong);
        }
        let rewritten = rewrite_hyphens(text);
        let groups: Vec<&str> = rewritten.split("||").collect();
        if groups.len() > GROUPS_MAX {
            return Err(RangeError::TooManyGroups);
        }
        let groups = groups.into_iter().map(|group| Group::parse(group, dialect)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), groups })
    }

    /// The range as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn contains(&self, version: &Version<'_>) -> bool {
        self.groups.iter().any(|group| group.mismatch(version).is_none())
    }

    /// Why the version lies outside. `None` when it lies within.
    pub fn mismatch(&self, version: &Version<'_>) -> Option<Mismatch<'_>> {
        if self.contains(version) {
            return None;
        }
        if version.is_prerelease() && !self.groups.iter().any(|group| group.names_prerelease) {
            return Some(Mismatch::Prerelease);
        }
        match self.groups.as_slice() {
            [group] => group.mismatch(version),
            _ => Some(Mismatch::EveryGroup { range: &self.text }),
        }
    }
}

impl Group {
    fn parse(text: &str, dialect: Dialect) -> Result<Self, RangeError> {
        let unexpected = |found: &str| unexpected(found, text);
        let mut comparisons = Vec::new();
        let mut rest = text.trim_start_matches(is_blank);
        if rest.is_empty() {
            return Err(RangeError::EmptyGroup { group: text.to_owned() });
        }
        loop {
            let (comparison, after) = Comparison::parse(rest)?.ok_or_else(|| unexpected(rest))?;
            comparisons.push(comparison);
            let unblanked = after.trim_start_matches(is_blank);
            if unblanked.is_empty() {
                break;
            }
            rest = match unblanked.strip_prefix(',') {
                Some(next) => next.trim_start_matches(is_blank),
                None if unblanked.len() < after.len() => unblanked,
                None => return Err(unexpected(after)),
            };
        }
        let names_prerelease = comparisons.iter().any(|comparison| !comparison.pre.is_empty());
        Ok(Self { comparisons, names_prerelease, dialect })
    }

    /// Whether prereleases are compared at all.
    fn takes_prereleases(&self) -> bool {
        match self.dialect {
            Dialect::V3_5 => self.names_prerelease,
            Dialect::V3_3 => self.comparisons.iter().all(Comparison::takes_prereleases),
        }
    }

    fn mismatch(&self, version: &Version<'_>) -> Option<Mismatch<'_>> {
        if version.is_prerelease() && !self.takes_prereleases() {
            return Some(Mismatch::Prerelease);
        }
        let fails = |comparison: &'_ Comparison| comparison.difference(version);
        self.comparisons.iter().find_map(|comparison| {
            fails(comparison).map(|difference| Mismatch::Comparison { difference, text: &comparison.text })
        })
    }
}

impl Comparison {
    /// A comparison at the start of `text`, and what follows it; none if there is none.
    fn parse(text: &str) -> Result<Option<(Self, &str)>, RangeError> {
        let read = OPERATORS.iter().find_map(|&(sign, operator)| {
            let version = text.strip_prefix(sign)?.trim_start_matches(is_blank);
            Some((operator, Written::read(version)?))
        });
        let Some((operator, written)) = read else { return Ok(None) };
        let rest = written.rest;
        let text = text[..text.len() - rest.len()].to_owned();
        let error =
            |reason: VersionError| RangeError::Version { version: written.text.to_owned(), reason: reason.to_string() };
        let (spelled, wild) = written.without_wildcards();
        let version = Version::parse(&spelled, false).map_err(error)?;
        let Version { major, minor, patch, pre } = version;
        Ok(Some((Self { operator, major, minor, patch, pre: pre.to_owned(), wild, text }, rest)))
    }

    /// Whether prereleases are compared in the older dialect.
    fn takes_prereleases(&self) -> bool {
        let is_plain_unequal = self.operator == Operator::NotEqual && self.wild == Wild::Nothing;
        is_plain_unequal || !self.pre.is_empty()
    }

    fn version(&self) -> Version<'_> {
        Version { major: self.major, minor: self.minor, patch: self.patch, pre: &self.pre }
    }

    /// How the version differs from what is wanted. `None` when the comparison holds.
    fn difference(&self, version: &Version<'_>) -> Option<&'static str> {
        let wanted = self.version();
        let unless = |holds: bool, difference| if holds { None } else { Some(difference) };
        match self.operator {
            Operator::Equal if self.wild == Wild::Nothing => unless(*version == wanted, "is not equal to"),
            Operator::Equal | Operator::Tilde => self.tilde_difference(version),
            Operator::Caret => self.caret_difference(version),
            Operator::NotEqual => unless(self.is_other(version), "is equal to"),
            Operator::Greater => unless(self.is_exceeded_by(version), "is not greater than"),
            Operator::GreaterOrEqual => unless(*version >= wanted, "is less than"),
            Operator::Less => unless(*version < wanted, "is not less than"),
            Operator::LessOrEqual => unless(self.is_not_exceeded_by(version), "is greater than"),
        }
    }

    /// `~1.2.3` is any `1.2` from there on, `~1` any `1`, `~*` and `~0.0.0` any version.
    fn tilde_difference(&self, version: &Version<'_>) -> Option<&'static str> {
        if *version < self.version() {
            return Some("is less than");
        }
        let is_zero = (self.major, self.minor, self.patch) == (0, 0, 0);
        if is_zero && matches!(self.wild, Wild::Nothing | Wild::Major) {
            return None;
        }
        if version.major != self.major {
            return Some("has another major version than");
        }
        (version.minor != self.minor && self.wild != Wild::Minor).then_some("has another minor version than")
    }

    /// `^1.2.3` keeps the first number that is not zero.
    fn caret_difference(&self, version: &Version<'_>) -> Option<&'static str> {
        if *version < self.version() {
            return Some("is less than");
        }
        if version.major != self.major {
            return Some("has another major version than");
        }
        if self.major > 0 || self.wild == Wild::Minor {
            return None;
        }
        if version.minor != self.minor {
            return Some("has another minor version than");
        }
        let is_patch_free = self.minor > 0 || self.wild == Wild::Patch;
        (!is_patch_free && version.patch != self.patch).then_some("has another patch version than")
    }

    /// `!=1.2` excludes every release `1.2.*`, but not their prereleases.
    fn is_other(&self, version: &Version<'_>) -> bool {
        let wanted = self.version();
        let is_other_minor = (version.major, version.minor) != (self.major, self.minor);
        match self.wild {
            Wild::Minor => version.major != self.major,
            Wild::Patch => is_other_minor || compare_prereleases(version.pre, &self.pre).is_ne(),
            Wild::Nothing | Wild::Major => *version != wanted,
        }
    }

    /// `>1.2` begins at 1.3.0, `>1` at 2.0.0.
    fn is_exceeded_by(&self, version: &Version<'_>) -> bool {
        match self.wild {
            Wild::Minor => version.major > self.major,
            Wild::Patch => (version.major, version.minor) > (self.major, self.minor),
            Wild::Nothing | Wild::Major => *version > self.version(),
        }
    }

    /// `<=1.2` ends with the last `1.2.*`, `<=1` with the last `1.*`.
    fn is_not_exceeded_by(&self, version: &Version<'_>) -> bool {
        match self.wild {
            Wild::Nothing => *version <= self.version(),
            Wild::Minor => version.major <= self.major,
            Wild::Patch | Wild::Major => (version.major, version.minor) <= (self.major, self.minor),
        }
    }
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prerelease => f.write_str("is a prerelease and the range has none"),
            Self::Comparison { difference, text } => write!(f, "{difference} {text}"),
            Self::EveryGroup { range } => write!(f, "satisfies no part of {range}"),
        }
    }
}

fn unexpected(found: &str, group: &str) -> RangeError {
    RangeError::Comparison { found: found.chars().take(40).collect(), group: group.to_owned() }
}
