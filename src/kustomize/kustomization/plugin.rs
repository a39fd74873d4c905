//! Objects under `generators`, `transformers` and `validators` that configure a built-in plugin.
//!
//! Takes an object; gives what it asks for in the types of the kustomization file's own fields. Every other plugin is
//! a program or a container, and refused by name.

mod arguments;

use serde::de::DeserializeOwned;

use super::decode::{Rules, decode};
use super::{ConfigMapArgs, ObjectMeta, Patch, ReplacementField, SecretArgs};
use crate::kustomize::error::Error;
use crate::nearest::nearest;
use crate::object::{Mapping, Node};
use crate::yaml::{Dialect, plain};

pub(in crate::kustomize) use arguments::*;

/// A configured plugin of kustomize v5.8.2.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kustomize) enum Plugin {
    Annotations(AnnotationsTransformer),
    ConfigMap(ConfigMapArgs),
    Hash,
    IamPolicy(IamPolicyGenerator),
    Image(ImageTagTransformer),
    Labels(LabelTransformer),
    Namespace(NamespaceTransformer),
    Patch(Patch),
    PatchJson6902(Patch),
    PatchStrategicMerge(PatchStrategicMergeTransformer),
    /// Of `PrefixTransformer`, `SuffixTransformer` and, with both, `PrefixSuffixTransformer`.
    Affix(AffixTransformer),
    Replacements(Vec<ReplacementField>),
    Replicas(ReplicaCountTransformer),
    Secret(SecretArgs),
    ValueAdd(ValueAddTransformer),
}

const KINDS: [&str; 17] = [
    "AnnotationsTransformer",
    "ConfigMapGenerator",
    "HashTransformer",
    "IAMPolicyGenerator",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SecretGenerator",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// Reads the object of a plugin. Fields that the plugin does not know are passed over, as kustomize does, with a
/// warning.
pub(in crate::kustomize) fn read(object: &Node, warnings: &mut Vec<String>) -> Result<Plugin, Error> {
    let text = |field: &str| object.get(field).and_then(Node::text).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let plugin = match api_version {
        "builtin" => builtin(kind, &mut Body { object, warnings }),
        _ => Err(Error::new(format!("{kind} of {api_version} is no built-in plugin, and no other is run"))),
    };
    plugin.map_err(|error| error.on_line(object.place().line))
}

fn builtin(kind: &str, body: &mut Body) -> Result<Plugin, Error> {
    Ok(match kind {
        "AnnotationsTransformer" => Plugin::Annotations(body.read()?),
        "ConfigMapGenerator" => Plugin::ConfigMap(body.config_map()?),
        "HashTransformer" => Plugin::Hash,
        "IAMPolicyGenerator" => Plugin::IamPolicy(body.read()?),
        "ImageTagTransformer" => Plugin::Image(body.read()?),
        "LabelTransformer" => Plugin::Labels(body.read()?),
        "NamespaceTransformer" => Plugin::Namespace(body.namespace()?),
        "PatchJson6902Transformer" => Plugin::PatchJson6902(body.json_patch()?),
        "PatchStrategicMergeTransformer" => Plugin::PatchStrategicMerge(body.read()?),
        "PatchTransformer" => Plugin::Patch(body.read()?),
        "PrefixSuffixTransformer" => Plugin::Affix(body.affix()?),
        "PrefixTransformer" => Plugin::Affix(AffixTransformer { suffix: String::new(), ..body.affix()? }),
        "ReplacementTransformer" => Plugin::Replacements(body.read::<ReplacementTransformer>()?.replacements),
        "ReplicaCountTransformer" => Plugin::Replicas(body.read()?),
        "SecretGenerator" => Plugin::Secret(body.secret()?),
        "SuffixTransformer" => Plugin::Affix(AffixTransformer { prefix: String::new(), ..body.affix()? }),
        "ValueAddTransformer" => Plugin::ValueAdd(body.read()?),
        _ => return Err(unsupported(kind)),
    })
}

fn unsupported(kind: &str) -> Error {
    if kind == "HelmChartInflationGenerator" {
        return Error::new(format!("the built-in plugin {kind} is not supported"));
    }
    let error = Error::new(format!("no built-in plugin is called {kind}"));
    let hint = nearest(kind, KINDS.into_iter()).map(|name| format!("did you mean {name}?"));
    hint.into_iter().fold(error, Error::with_hint)
}

/// The object of a plugin while it is read.
struct Body<'n, 'w> {
    object: &'n Node,
    warnings: &'w mut Vec<String>,
}

impl Body<'_, '_> {
    /// What is the plugin's own, without the fields that each object has.
    fn read<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let mut own = self.object.as_mapping().cloned().unwrap_or_default();
        for field in ["apiVersion", "kind", "metadata"] {
            own.remove(field);
        }
        decode(&own.into(), Rules::Object, self.warnings)
    }

    fn metadata(&self) -> Result<ObjectMeta, Error> {
        let Some(metadata) = self.object.get("metadata") else { return Ok(ObjectMeta::default()) };
        decode(metadata, Rules::Object, &mut Vec::new()).map_err(|error| error.in_field("metadata"))
    }

    fn namespace(&mut self) -> Result<NamespaceTransformer, Error> {
        Ok(NamespaceTransformer { namespace: self.metadata()?.namespace, ..self.read()? })
    }

    fn config_map(&mut self) -> Result<ConfigMapArgs, Error> {
        let args = self.read()?;
        self.completed(args)
    }

    fn secret(&mut self) -> Result<SecretArgs, Error> {
        let SecretArgs { args, r#type } = self.read()?;
        Ok(SecretArgs { args: self.completed(args)?, r#type })
    }

    /// Name and namespace are those of the object where they are not given; `env` means nothing here.
    fn completed(&mut self, mut args: ConfigMapArgs) -> Result<ConfigMapArgs, Error> {
        let ObjectMeta { name, namespace, .. } = self.metadata()?;
        let or = |own: String, outer: String| if own.is_empty() { outer } else { own };
        if !std::mem::take(&mut args.env).is_empty() {
            self.warnings.push("the field env of a plugin is ignored; did you mean envs?".to_owned());
        }
        Ok(ConfigMapArgs { name: or(args.name, name), namespace: or(args.namespace, namespace), ..args })
    }

    fn json_patch(&mut self) -> Result<Patch, Error> {
        let PatchJson6902Transformer { target, path, json_op } = self.read()?;
        Ok(Patch { path, patch: json_op, target, options: None })
    }

    fn affix(&mut self) -> Result<AffixTransformer, Error> {
        let affix: AffixTransformer = self.read()?;
        match affix.field_specs {
            Some(_) => Ok(affix),
            None => Err(Error::new("the field is missing").in_field("fieldSpecs")),
        }
    }
}

impl IamPolicyGenerator {
    /// The service account of Kubernetes, bound to that of the cloud; Google's is the only one that kustomize knows.
    pub(in crate::kustomize) fn object(&self) -> Result<Node, Error> {
        if self.cloud != "gke" {
            return Err(Error::new(format!("{:?} is not supported, gke is", self.cloud)).in_field("cloud"));
        }
        let IamPolicyGenerator { kubernetes_service, service_account: ServiceAccount { name, project_id }, .. } = self;
        let account = format!("{name}@{project_id}.iam.gserviceaccount.com");
        let annotations = fields([("iam.gke.io/gcp-service-account", Node::string(account))]);
        // The name is put into YAML as it is, where it may read as something else than a string.
        let written = |text: &str| Node::from(plain(text, Dialect::Resource));
        let mut metadata = vec![("annotations", annotations), ("name", written(&kubernetes_service.name))];
        if !kubernetes_service.namespace.is_empty() {
            metadata.push(("namespace", written(&kubernetes_service.namespace)));
        }
        let (api_version, kind) = (Node::string("v1"), Node::string("ServiceAccount"));
        Ok(fields([("apiVersion", api_version), ("kind", kind), ("metadata", fields(metadata))]))
    }
}

fn fields<'k>(fields: impl IntoIterator<Item = (&'k str, Node)>) -> Node {
    fields.into_iter().map(|(key, value)| (key.into(), value)).collect::<Mapping>().into()
}
