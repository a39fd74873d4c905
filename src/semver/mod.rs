//! Semantic versions and ranges of them, as Masterminds/semver reads them. Takes text; gives versions in their order,
//! and whether one lies within a range, or why not.

mod range;
mod version;

pub use range::{Mismatch, Range, RangeError};
pub use version::{VERSION_BYTES_MAX, Version, VersionError};

/// Whose rules hold where the releases of Masterminds/semver differ: on prereleases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// 3.3, which sprig has: a prerelease meets only comparisons that name a prerelease, each for itself, and `!=` with
    /// a whole version.
    V3_3,
    /// 3.4 and later, which Flux and Argo CD have: a prerelease may lie within a group as soon as one of its
    /// comparisons names a prerelease.
    V3_5,
}
