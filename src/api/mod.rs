//! The objects that people write: `ImageRepository`, `ImagePolicy`, `ImageUpdateAutomation` and `GitRepository`.
//!
//! Takes YAML texts in v1, v1beta2 and v1beta1; gives typed objects by name and every problem in users' words, and the
//! definitions of the kinds for an API server ([`crds`]), made from the same types. A type holds the fields of all
//! versions of its kind. What the schema can say (types, required fields, enumerations, durations) holds for every
//! value of a type; what it cannot (references to images, patterns, ranges, rules over two fields) holds for every
//! object that [`load`] gives, and is checked again by the accessor of that field.

mod crd;
mod decode;
mod duration;
mod field_path;
mod git_repository;
mod image_policy;
mod image_repository;
mod image_update_automation;
mod labels;
mod load;
mod meta;
mod objects;
mod problem;
mod read;
mod service_account;
mod status;
mod strict;
mod value;

pub use crd::{Crd, crds};
pub use duration::{Duration, InvalidDuration};
pub use git_repository::{
    GitImplementation, GitProvider, GitReference, GitRepository, GitRepositorySpec, Include, Verification,
    VerificationMode,
};
pub use image_policy::{
    DigestReflectionPolicy, FilterTags, ImagePolicy, ImagePolicySpec, OnMovedTag, OrderPolicy, PolicyChoice,
    SemverPolicy, SortOrder,
};
pub use image_repository::{ImageRepository, ImageRepositorySpec, RegistryProvider};
pub use image_update_automation::{
    Author, Checkout, Commit, DEFAULT_MESSAGE, GitSpec, ImageUpdateAutomation, ImageUpdateAutomationSpec, Push,
    SigningKey, SigningKeyKind, SourceKind, SourceReference, StrategyName, UpdateStrategy,
};
pub use labels::{AccessFrom, LabelSelector, Labels, NamespaceSelector, Operator, Requirement};
pub use load::{Loaded, SourceText, load};
pub use meta::{Kind, LocalReference, Metadata, Object, Reference, Spec, Version};
pub use objects::Objects;
pub use problem::{FieldError, Problem, Severity};
pub use read::read;
pub use service_account::ServiceAccount;
pub use status::{
    Artifact, Condition, ConditionStatus, GitRepositoryStatus, ImagePolicyStatus, ImageRepositoryStatus,
    ImageUpdateAutomationStatus, MESSAGE_CHARS_MAX, ObservedImage, ScanResult, Time, status,
};
pub use strict::strict;
