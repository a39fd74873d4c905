//! `ImagePolicy`: which tag of an image repository is the latest.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::duration::{self, Duration};
use super::field_path::shortened;
use super::meta::{Kind, Object, Reference, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Report};
use crate::object::{NamespacedName, Value};
use crate::policy::{Direction, FilterRules, Guard, InvalidPolicy, Moves, Order, Rules, Selector};

pub type ImagePolicy = Object<ImagePolicySpec>;

/// Flux's words.
const INTERVAL_UNWANTED: &str = "is only accepted when spec.digestReflectionPolicy is set to 'Always'";
const INTERVAL_MISSING: &str = "must be set when spec.digestReflectionPolicy is set to 'Always'";

/// Which tag of an image repository is the latest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = interval_rules()))]
pub struct ImagePolicySpec {
    /// The ImageRepository whose tags are selected from.
    pub image_repository_ref: Reference,
    /// How the tags are put in order. Of several orders semver decides, else alphabetical.
    pub policy: PolicyChoice,
    /// Which tags are considered, and which part of a tag is compared.
    pub filter_tags: Option<FilterTags>,
    /// When the digest of the latest tag is looked up: always again, once for each tag, or never.
    #[serde(default)]
    #[schemars(extend("default" = "Never"))]
    pub digest_reflection_policy: DigestReflectionPolicy,
    /// How often the digest is looked up again; needed with digestReflectionPolicy Always, and only there.
    pub interval: Option<Duration>,
    /// Nothing is selected while this is true; the last image stays.
    #[serde(default)]
    pub suspend: bool,
    /// A tag qualifies only when its present digest has been seen for that long, such as 12h or 7d. Tagwright's own.
    #[serde(default, deserialize_with = "duration::age")]
    #[schemars(extend("pattern" = duration::AGE_PATTERN))]
    pub min_age: Option<Duration>,
    /// What becomes of a tag whose digest is not the one that was seen first; ignore without it. Tagwright's own.
    #[serde(default)]
    pub on_moved_tag: OnMovedTag,
}

/// One of the orders. When several are set, the first in the order of the fields here decides, as in Flux.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct PolicyChoice {
    /// The highest semantic version within a range.
    pub semver: Option<SemverPolicy>,
    /// The last tag in the order of bytes.
    pub alphabetical: Option<OrderPolicy>,
    /// The last tag in the order of numbers.
    pub numerical: Option<OrderPolicy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct SemverPolicy {
    /// A range of versions, such as ">=1.0.0 <2.0.0" or "^1.2".
    pub range: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct OrderPolicy {
    /// asc: the greatest is the latest; desc: the smallest is.
    #[serde(default)]
    #[schemars(extend("default" = "asc"))]
    pub order: SortOrder,
}

/// `asc`: the last in ascending order is the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    #[default]
    Asc,
    Desc,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct FilterTags {
    /// A Go regular expression, not anchored; an empty one takes every tag.
    #[serde(default)]
    pub pattern: String,
    /// What is compared instead of the tag: a replacement in the syntax of Go's Expand, such as $ts.
    #[serde(default)]
    pub extract: String,
}

/// When the digest behind the latest tag is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum DigestReflectionPolicy {
    Always,
    IfNotPresent,
    #[default]
    Never,
}

/// What becomes of a tag that names another image than it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnMovedTag {
    #[default]
    Ignore,
    Report,
    Block,
}

/// Flux's rules over two fields, for the API server; `check_interval` has the same words.
fn interval_rules() -> Value {
    json!([
        {
            "message": format!("spec.interval {INTERVAL_UNWANTED}"),
            "rule": "!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')",
        },
        {
            "message": format!("spec.interval {INTERVAL_MISSING}"),
            "rule": "has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'",
        },
    ])
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

    /// The same as [`interval_rules`] say.
    fn check_interval(&self, report: &mut Report) {
        let always = self.digest_reflection_policy == DigestReflectionPolicy::Always;
        match self.interval {
            Some(_) if !always => {
                report.error("spec.interval", INTERVAL_UNWANTED);
            }
            None if always => report.error("spec.interval", INTERVAL_MISSING),
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
