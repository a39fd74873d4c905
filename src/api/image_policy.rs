//! `ImagePolicy`: which tag of an image repository is the latest.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::{self, Duration};
use super::field_path::shortened;
use super::meta::{Kind, Object, Reference, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Report};
use crate::object::NamespacedName;
use crate::policy::{Direction, FilterRules, Guard, InvalidPolicy, Moves, Order, Rules, Selector};

pub type ImagePolicy = Object<ImagePolicySpec>;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePolicySpec {
    pub image_repository_ref: Reference,
    pub policy: PolicyChoice,
    pub filter_tags: Option<FilterTags>,
    #[serde(default)]
    pub digest_reflection_policy: DigestReflectionPolicy,
    /// How often the digest is looked up again; there when the policy is `Always`, and only then.
    pub interval: Option<Duration>,
    #[serde(default)]
    pub suspend: bool,
    /// A field of our own: a tag qualifies only when its present digest has been seen for that long.
    #[serde(default, deserialize_with = "duration::age")]
    pub min_age: Option<Duration>,
    /// A field of our own: what becomes of a tag whose digest is not the one that was seen first.
    #[serde(default)]
    pub on_moved_tag: OnMovedTag,
}

/// One of the orders. When several are set, the first in the order of the fields here decides, as in Flux.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PolicyChoice {
    pub semver: Option<SemverPolicy>,
    pub alphabetical: Option<OrderPolicy>,
    pub numerical: Option<OrderPolicy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SemverPolicy {
    pub range: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OrderPolicy {
    #[serde(default)]
    pub order: SortOrder,
}

/// `asc`: the last in ascending order is the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    #[default]
    Asc,
    Desc,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct FilterTags {
    /// A Go regular expression, not anchored; an empty one takes every tag.
    #[serde(default)]
    pub pattern: String,
    /// What is compared instead of the tag, in the syntax of Go's `Expand`.
    #[serde(default)]
    pub extract: String,
}

/// When the digest behind the latest tag is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum DigestReflectionPolicy {
    Always,
    IfNotPresent,
    #[default]
    Never,
}

/// What becomes of a tag that names another image than it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMovedTag {
    #[default]
    Ignore,
    Report,
    Block,
}

impl ImagePolicySpec {
    /// What a tag must show beyond its name.
    pub fn guard(&self) -> Guard {
        Guard { min_age: self.min_age.map(Duration::get).filter(|age| !age.is_zero()), on_moved: self.on_moved() }
    }

    fn on_moved(&self) -> Moves {
        match self.on_moved_tag {
            OnMovedTag::Ignore => Moves::Ignore,
            OnMovedTag::Report => Moves::Report,
            OnMovedTag::Block => Moves::Block,
        }
    }

    /// The selection that the policy asks for.
    pub fn selector(&self) -> Result<Selector, FieldError> {
        selector(self.order()?, self.filter())
    }

    fn order(&self) -> Result<Order, FieldError> {
        match &self.policy {
            PolicyChoice { semver: Some(semver), .. } => {
                Ok(Order::Semver { range: semver.range.clone(), loose: false })
            }
            PolicyChoice { alphabetical: Some(policy), .. } => Ok(Order::Alphabetical(policy.direction())),
            PolicyChoice { numerical: Some(policy), .. } => Ok(Order::Numerical(policy.direction())),
            _ => Err(FieldError::new("spec.policy", "is empty, expected one of semver, alphabetical, numerical")),
        }
    }

    fn filter(&self) -> Option<FilterRules> {
        let FilterTags { pattern, extract } = self.filter_tags.clone()?;
        Some(FilterRules { pattern, extract: (!extract.is_empty()).then_some(extract) })
    }

    /// Apart, so that a faulty range and a faulty pattern are both told.
    fn check_selector(&self, report: &mut Report) {
        report.take(self.order().and_then(|order| selector(order, None)));
        if let Some(filter) = self.filter() {
            report.take(selector(Order::Alphabetical(Direction::Ascending), Some(filter)));
        }
    }

    /// Flux's rules over two fields, with Flux's words.
    fn check_interval(&self, report: &mut Report) {
        let always = self.digest_reflection_policy == DigestReflectionPolicy::Always;
        match self.interval {
            Some(_) if !always => {
                report.error("spec.interval", "is only accepted when spec.digestReflectionPolicy is set to 'Always'");
            }
            None if always => {
                report.error("spec.interval", "must be set when spec.digestReflectionPolicy is set to 'Always'");
            }
            _ => {}
        }
    }

    fn check_choice(&self, report: &mut Report) {
        let choice = &self.policy;
        let set = [
            ("semver", choice.semver.is_some()),
            ("alphabetical", choice.alphabetical.is_some()),
            ("numerical", choice.numerical.is_some()),
        ];
        let set: Vec<&str> = set.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect();
        if let [first, ignored @ ..] = set.as_slice()
            && !ignored.is_empty()
        {
            report.warn("spec.policy", format!("{first} decides, ignored: {}", ignored.join(", ")));
        }
    }
}

impl OrderPolicy {
    fn direction(&self) -> Direction {
        match self.order {
            SortOrder::Asc => Direction::Ascending,
            SortOrder::Desc => Direction::Descending,
        }
    }
}

fn selector(order: Order, filter: Option<FilterRules>) -> Result<Selector, FieldError> {
    Selector::new(&Rules { order, filter, exclude: Vec::new() }).map_err(|error| match &error {
        InvalidPolicy::Range { range, source } => {
            FieldError::new("spec.policy.semver.range", format!("{}: {source}", shortened(range)))
        }
        InvalidPolicy::Pattern { source, .. } => FieldError::from_error("spec.filterTags.pattern", source),
        InvalidPolicy::Exclude { .. } => FieldError::from_error("spec", &error),
    })
}

impl Spec for ImagePolicySpec {
    const KIND: Kind = Kind::ImagePolicy;
    const REQUIRED: &[(&str, &str)] = &[
        ("spec.imageRepositoryRef", r#"{"name":"web"}"#),
        ("spec.imageRepositoryRef.name", r#""web""#),
        ("spec.policy", r#"{"semver":{"range":">=1.0.0"}}"#),
        ("spec.policy.semver.range", r#"">=1.0.0""#),
    ];
    const ONLY_IN: &[(&str, Version, Version)] = &[
        ("spec.digestReflectionPolicy", Version::V1Beta2, Version::V1),
        ("spec.interval", Version::V1Beta2, Version::V1),
        ("spec.suspend", Version::V1Beta2, Version::V1),
    ];

    fn shelf(objects: &mut Objects) -> &mut BTreeMap<NamespacedName, Object<Self>> {
        &mut objects.image_policies
    }

    fn check(&self, report: &mut Report) {
        self.check_selector(report);
        self.check_choice(report);
        self.check_interval(report);
    }
}
