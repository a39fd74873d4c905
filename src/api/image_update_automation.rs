//! `ImageUpdateAutomation`: which branch is checked out, rewritten, committed and pushed, and how.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::duration::Duration;
use super::git_repository::GitReference;
use super::labels::{LabelSelector, Labels};
use super::meta::{Kind, LocalReference, Object, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Report};
use crate::object::NamespacedName;

pub type ImageUpdateAutomation = Object<ImageUpdateAutomationSpec>;

/// The commit message of an automation that gives none, Flux's text.
pub const DEFAULT_MESSAGE: &str = "Update from image update automation";

/// Which branch is checked out, rewritten, committed and pushed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdateAutomationSpec {
    /// The repository that is updated.
    pub source_ref: SourceReference,
    /// What is checked out, how it is committed and where it is pushed. Optional in the schema, needed in fact.
    // `ImageUpdateAutomationSpec::git` says so.
    pub git: Option<GitSpec>,
    /// How often an update is tried, at least.
    pub interval: Duration,
    /// No update is made while this is true.
    #[serde(default)]
    pub suspend: bool,
    /// Which policies of the automation's namespace are used; all without it.
    pub policy_selector: Option<LabelSelector>,
    /// Which files are rewritten, and how.
    #[serde(default)]
    #[schemars(extend("default" = { "strategy": "Setters" }))]
    pub update: UpdateStrategy,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct SourceReference {
    /// The API version of the source; not used to find it.
    pub api_version: Option<String>,
    /// The kind of the source.
    #[serde(default)]
    #[schemars(extend("default" = "GitRepository"))]
    pub kind: SourceKind,
    /// The name of the source.
    pub name: String,
    /// The namespace of the source; that of the automation without it.
    pub namespace: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum SourceKind {
    #[default]
    GitRepository,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct GitSpec {
    /// What is checked out; what the source says without it.
    pub checkout: Option<Checkout>,
    /// How the commit is made.
    pub commit: Commit,
    /// Where the commit is pushed; to the branch that was checked out without it.
    pub push: Option<Push>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Checkout {
    /// The revision; replaces the ref of the GitRepository as a whole.
    #[serde(rename = "ref")]
    pub reference: GitReference,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Who the author and committer is.
    pub author: Author,
    /// The key that commits are signed with.
    pub signing_key: Option<SigningKey>,
    /// The message as a Go template; a fixed text without it.
    pub message_template: Option<String>,
    /// Values that the template reads as .Values.
    #[serde(default)]
    pub message_template_values: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Author {
    /// The e-mail address.
    pub email: String,
    /// The name.
    #[serde(default)]
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// A Secret with the key: git.asc and passphrase of gpg, identity and password of ssh.
    pub secret_ref: LocalReference,
    /// What kind of key it is; gpg without it.
    #[serde(default, rename = "type")]
    pub kind: SigningKeyKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SigningKeyKind {
    #[default]
    Gpg,
    Ssh,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Push {
    /// The branch that the commit is pushed to; made from the checkout where it does not exist.
    pub branch: Option<String>,
    /// A refspec that the commit is pushed with, besides the branch.
    pub refspec: Option<String>,
    /// Push options for the Git server.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct UpdateStrategy {
    /// How values are found: Setters looks for markers in comments.
    #[serde(default)]
    #[schemars(extend("default" = "Setters"))]
    pub strategy: StrategyName,
    /// The folder or file that is rewritten; the whole repository without it.
    pub path: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum StrategyName {
    #[default]
    Setters,
}

impl ImageUpdateAutomationSpec {
    /// True for a policy with these labels, if it is in the automation's namespace.
    pub fn selects(&self, policy_labels: &Labels) -> bool {
        self.policy_selector.as_ref().is_none_or(|selector| selector.matches(policy_labels))
    }

    pub fn git(&self) -> Result<&GitSpec, FieldError> {
        let example = r#"{"commit":{"author":{"email":"tagwright@example.com"}}}"#;
        self.git.as_ref().ok_or_else(|| FieldError::new("spec.git", format!("is required, such as {example}")))
    }
}

impl SourceReference {
    /// The name meant by an automation in `own_namespace`.
    pub fn within(&self, own_namespace: &str) -> NamespacedName {
        NamespacedName::new(self.namespace.as_deref().unwrap_or(own_namespace), &self.name)
    }
}

impl Commit {
    /// The template of the commit message; an empty one is the default one, as in Flux.
    pub fn message_template(&self) -> &str {
        self.message_template.as_deref().filter(|template| !template.is_empty()).unwrap_or(DEFAULT_MESSAGE)
    }
}

impl Spec for ImageUpdateAutomationSpec {
    const KIND: Kind = Kind::ImageUpdateAutomation;
    const REQUIRED: &[(&str, &str)] = &[
        ("spec.interval", r#""5m""#),
        ("spec.sourceRef", r#"{"kind":"GitRepository","name":"flux-system"}"#),
        ("spec.sourceRef.name", r#""flux-system""#),
        ("spec.git.checkout.ref", r#"{"branch":"main"}"#),
        ("spec.git.commit", r#"{"author":{"email":"tagwright@example.com"}}"#),
        ("spec.git.commit.author", r#"{"email":"tagwright@example.com"}"#),
        ("spec.git.commit.author.email", r#""tagwright@example.com""#),
        ("spec.git.commit.signingKey.secretRef", r#"{"name":"signing-key"}"#),
    ];
    const ONLY_IN: &[(&str, Version, Version)] = &[
        ("spec.policySelector", Version::V1Beta2, Version::V1),
        ("spec.git.commit.messageTemplateValues", Version::V1Beta2, Version::V1),
        ("spec.git.commit.signingKey.type", Version::V1, Version::V1),
    ];

    fn shelf(objects: &mut Objects) -> &mut BTreeMap<NamespacedName, Object<Self>> {
        &mut objects.image_update_automations
    }

    fn check(&self, report: &mut Report) {
        report.take(self.git());
        if let Some(selector) = &self.policy_selector {
            selector.check("spec.policySelector", report);
        }
    }
}
