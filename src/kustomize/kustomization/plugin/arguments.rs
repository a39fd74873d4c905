//! What the objects of built-in plugins hold, where the kustomization file has no type for it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::kustomize::kustomization::{FieldSpec, Image, ReplacementField, Replica, Selector};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct AnnotationsTransformer {
    pub annotations: BTreeMap<String, String>,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct LabelTransformer {
    pub labels: BTreeMap<String, String>,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct NamespaceTransformer {
    /// That of the plugin's own object.
    #[serde(skip)]
    pub namespace: String,
    pub field_specs: Vec<FieldSpec>,
    pub unset_only: bool,
    pub set_role_binding_subjects: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct ImageTagTransformer {
    pub image_tag: Image,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct ReplicaCountTransformer {
    pub replica: Replica,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct PatchStrategicMergeTransformer {
    /// Each is a file or the patch itself.
    pub paths: Vec<String>,
    pub patches: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct AffixTransformer {
    pub prefix: String,
    pub suffix: String,
    /// kustomize asks for the field, though it may be empty.
    pub field_specs: Option<Vec<FieldSpec>>,
}

/// A Kubernetes service account that stands for one of a cloud.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct IamPolicyGenerator {
    pub cloud: String,
    pub kubernetes_service: KubernetesService,
    pub service_account: ServiceAccount,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct KubernetesService {
    pub name: String,
    pub namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct ServiceAccount {
    pub name: String,
    pub project_id: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct ValueAddTransformer {
    /// The name of the root's folder, where it is empty.
    pub value: String,
    pub targets: Vec<ValueAddTarget>,
    /// A file with more targets.
    pub target_file_path: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kustomize) struct ValueAddTarget {
    /// Every resource, where there is none.
    pub selector: Option<Selector>,
    pub field_path: String,
    /// From 1: the value is put into the path that the field holds. 0: it is the field's value.
    pub file_path_position: i64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PatchJson6902Transformer {
    pub target: Option<Selector>,
    pub path: String,
    pub json_op: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ReplacementTransformer {
    pub replacements: Vec<ReplacementField>,
}
