//! What a policy compares: a version, a number or the text itself, read from a tag or from what was extracted of it.

use std::cmp::Ordering;

use super::number::{Number, NumberError};
use super::{Direction, InvalidPolicy, Order};
use crate::semver::{Dialect, Mismatch, Range, Version, VersionError};

/// A policy's order, ready for use.
#[derive(Clone, Debug)]
pub(super) enum Ranking {
    Version { range: Range, needs_two_dots: bool },
    Number(Direction),
    Text(Direction),
}

/// What is compared for one tag. Keys of one ranking are of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'t> {
    Version(Version<'t>),
    Number(Number<'t>),
    Text(&'t str),
}

/// Why a text has no key, or one outside of the range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unfit<'r> {
    Version(VersionError),
    Number(NumberError),
    OutOfRange(Mismatch<'r>),
}

impl Ranking {
    pub(super) fn new(order: &Order) -> Result<Self, InvalidPolicy> {
        Ok(match order {
            Order::Semver { range, loose } => {
                let invalid = |source| InvalidPolicy::Range { range: range.clone(), source };
                Self::Version { range: Range::parse(range, Dialect::V3_5).map_err(invalid)?, needs_two_dots: !loose }
            }
            Order::Numerical(direction) => Self::Number(*direction),
            Order::Alphabetical(direction) => Self::Text(*direction),
        })
    }

    /// Reads the key, whether in the range or not.
    pub(super) fn key<'t>(&self, text: &'t str) -> Result<Key<'t>, Unfit<'static>> {
        match self {
            Self::Version { needs_two_dots, .. } => {
                Version::parse(text, *needs_two_dots).map(Key::Version).map_err(Unfit::Version)
            }
            Self::Number(_) => Number::parse(text).map(Key::Number).map_err(Unfit::Number),
            Self::Text(_) => Ok(Key::Text(text)),
        }
    }

    pub(super) fn is_in_range(&self, key: &Key<'_>) -> bool {
        match (self, key) {
            (Self::Version { range, .. }, Key::Version(version)) => range.contains(version),
            _ => true,
        }
    }

    /// Why the text does not qualify. `None` when it does.
    pub(super) fn unfit(&self, text: &str) -> Option<Unfit<'_>> {
        match (self, self.key(text)) {
            (_, Err(unfit)) => Some(unfit),
            (Self::Version { range, .. }, Ok(Key::Version(version))) => range.mismatch(&version).map(Unfit::OutOfRange),
            _ => None,
        }
    }

    /// Orders as the keys do, but for equal ones, which [`Ranking::compare`] must be asked about. Quick to sort by.
    pub(super) fn prefix(&self, key: &Key<'_>) -> u128 {
        let prefix = match key {
            Key::Version(version) => version.prefix(),
            Key::Number(number) => number.prefix(),
            Key::Text(text) => first_bytes(text),
        };
        if self.is_descending() { !prefix } else { prefix }
    }

    fn is_descending(&self) -> bool {
        matches!(self, Self::Number(Direction::Descending) | Self::Text(Direction::Descending))
    }

    /// The greater key is the better one.
    pub(super) fn compare(&self, left: &Key<'_>, right: &Key<'_>) -> Ordering {
        let order = match (left, right) {
            (Key::Version(left), Key::Version(right)) => left.cmp(right),
            (Key::Number(left), Key::Number(right)) => left.cmp(right),
            (Key::Text(left), Key::Text(right)) => left.cmp(right),
            _ => unreachable!("keys of one ranking are of one kind"),
        };
        if self.is_descending() { order.reverse() } else { order }
    }
}

fn first_bytes(text: &str) -> u128 {
    let mut first = [0; 16];
    let length = text.len().min(first.len());
    first[..length].copy_from_slice(&text.as_bytes()[..length]);
    u128::from_be_bytes(first)
}
