//! Selectors over labels: which objects an automation takes, which namespaces may use an image repository.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::problem::Report;

pub type Labels = BTreeMap<String, String>;

/// Kubernetes' label selector; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LabelSelector {
    /// Labels that an object must have with these values.
    #[serde(default)]
    pub match_labels: Labels,
    /// Expressions over labels, all of which must hold.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<Requirement>,
}

/// One expression over a label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist.
    // Flux's schemas have no enumeration here: a wrong operator is stored, and found when the object is read.
    #[schemars(with = "String")]
    pub operator: Operator,
    /// The values of In and NotIn, at least one; none with Exists and DoesNotExist.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// True when `labels` meet every part of the selector.
    pub fn matches(&self, labels: &Labels) -> bool {
        holds(&self.match_labels, labels)
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }

    pub(super) fn check(&self, field: &str, report: &mut Report) {
        for (at, requirement) in self.match_expressions.iter().enumerate() {
            requirement.check(&format!("{field}.matchExpressions[{at}].values"), report);
        }
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            // A label that is absent is not in any list.
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    fn check(&self, field: &str, report: &mut Report) {
        let operator = self.operator;
        match operator {
            Operator::In | Operator::NotIn if self.values.is_empty() => {
                report.error(field, format!("operator {operator:?} needs values, expected at least one"));
            }
            Operator::Exists | Operator::DoesNotExist if !self.values.is_empty() => {
                report.error(field, format!("operator {operator:?} takes no values, expected none"));
            }
            _ => {}
        }
    }
}

/// Which other namespaces may refer to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessFrom {
    /// Selectors of namespaces, one of which must match; an empty list admits none.
    pub namespace_selectors: Vec<NamespaceSelector>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels that the namespace must have with these values; every namespace matches without any.
    #[serde(default)]
    pub match_labels: Labels,
}

impl AccessFrom {
    /// True when one of the selectors matches the labels of a namespace. An empty selector matches every namespace, an
    /// empty list of selectors none.
    pub fn admits(&self, namespace_labels: &Labels) -> bool {
        self.namespace_selectors.iter().any(|selector| holds(&selector.match_labels, namespace_labels))
    }
}

fn holds(wanted: &Labels, labels: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}
