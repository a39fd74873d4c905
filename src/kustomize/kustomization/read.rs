//! Reading a kustomization file: strictly, in any letter case, with old fields moved to where they are today.

use super::decode::{Rules, decode, describe, document};
use super::types::{ConfigMapArgs, Kustomization};
use super::written::Written;
use crate::kustomize::error::Error;
use crate::nearest::nearest;
use crate::object::{Mapping, Node};

const KUSTOMIZATION: (&str, &str) = ("Kustomization", "kustomize.config.k8s.io/v1beta1");
const COMPONENT: (&str, &str) = ("Component", "kustomize.config.k8s.io/v1alpha1");

const FLUX: &str = "kustomize.toolkit.fluxcd.io/";

/// Fields that this build does not know how to follow.
const HELM: [&str; 3] = ["helmCharts", "helmGlobals", "helmChartInflationGenerator"];

/// Fields that still work, and what to write instead.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

/// Reads the kustomization file `name`, which places in it call `file`. Its first document counts.
///
/// Fields and their meaning are those of kustomize v5.8.2.
pub fn read(text: &[u8], name: &str, file: u32) -> Result<Kustomization, Error> {
    document(text, file).and_then(from_node).map_err(|error| error.in_file(name, 0))
}

fn from_node(node: Node) -> Result<Kustomization, Error> {
    let empty = Mapping::default();
    let fields = match &node {
        Node::Mapping(fields) => fields,
        null if null.is_null() => &empty,
        other => {
            let error = Error::new(format!("expected a mapping of fields, found {}", describe(other)));
            return Err(error.on_line(other.place().line));
        }
    };
    refuse_helm(fields)?;
    refuse_flux(fields)?;
    let mut warnings = deprecated(fields);
    let mut kustomization: Kustomization = decode(&node, Rules::Kustomization, &mut warnings)?;
    if fields.iter().all(|(key, value)| says_nothing(&key.text, value)) {
        return Err(Error::new("the kustomization file is empty").with_hint("list something under resources"));
    }
    move_old_fields(&mut kustomization);
    kustomization.written = Written::new(node);
    kustomization.warnings = warnings;
    enforce_type(&mut kustomization)?;
    Ok(kustomization)
}

fn refuse_helm(fields: &Mapping) -> Result<(), Error> {
    let is_helm = |name: &str| HELM.iter().any(|helm| helm.eq_ignore_ascii_case(name));
    match fields.iter().find(|(key, value)| is_helm(&key.text) && !value.is_null()) {
        None => Ok(()),
        Some((key, _)) => Err(Error::new("helm charts are not supported")
            .in_field(&key.text)
            .on_line(key.place.line)
            .with_hint("render the chart and list the result under resources")),
    }
}

/// Flux has objects of the same kind, which say what is to be built, not how.
fn refuse_flux(fields: &Mapping) -> Result<(), Error> {
    let version = fields.get("apiVersion").filter(|version| version.text().unwrap_or_default().starts_with(FLUX));
    version.map_or(Ok(()), |version| {
        Err(Error::new("an object of Flux is no kustomization file")
            .in_field("apiVersion")
            .on_line(version.place().line)
            .with_hint("build the folder that its spec.path names"))
    })
}

fn deprecated(fields: &Mapping) -> Vec<String> {
    let is_used =
        |name: &str| fields.iter().any(|(key, value)| key.text.eq_ignore_ascii_case(name) && !value.is_null());
    let used = DEPRECATED.iter().filter(|(old, _)| is_used(old));
    used.map(|(old, new)| format!("{old} is deprecated: use {new}")).collect()
}

/// Whether a field leaves the kustomization as empty as it was: an empty text does, an empty list does not.
fn says_nothing(name: &str, value: &Node) -> bool {
    let is = |names: &[&str]| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    let is_empty_list = value.as_sequence().is_some_and(<[Node]>::is_empty);
    // An empty list that is appended to another leaves no trace.
    is(&["apiVersion", "kind"])
        || value.text() == Some("")
        || value.is_null()
        || is(&["bases", "imageTags"]) && is_empty_list
}

fn move_old_fields(kustomization: &mut Kustomization) {
    let Kustomization { resources, bases, images, image_tags, config_map_generator, secret_generator, .. } =
        kustomization;
    resources.append(bases);
    images.append(image_tags);
    config_map_generator.iter_mut().for_each(move_env);
    secret_generator.iter_mut().for_each(|secret| move_env(&mut secret.args));
}

fn move_env(args: &mut ConfigMapArgs) {
    if !args.env.is_empty() {
        args.envs.push(std::mem::take(&mut args.env));
    }
}

/// Fills in kind and version where they are missing; no others are read.
fn enforce_type(kustomization: &mut Kustomization) -> Result<(), Error> {
    let Kustomization { kind, api_version, written, .. } = kustomization;
    let refused = |field: &str, message: String| Error::new(message).in_field(field).on_line(written.line(field));
    if kind.is_empty() {
        *kind = KUSTOMIZATION.0.into();
    }
    let Some((_, version)) = [KUSTOMIZATION, COMPONENT].into_iter().find(|(known, _)| known == kind) else {
        let error = refused("kind", format!("{kind} is neither Kustomization nor Component"));
        let meant = nearest(kind, [KUSTOMIZATION.0, COMPONENT.0].into_iter());
        return Err(match meant {
            Some(meant) => error.with_hint(format!("did you mean {meant}?")),
            None => error.with_hint("an object belongs into a file that is listed under resources"),
        });
    };
    if api_version.is_empty() {
        *api_version = version.into();
    }
    if api_version != version {
        let message = format!("{api_version} is not {version}, that of a {kind}");
        return Err(refused("apiVersion", message).with_hint(format!("write {version}, or leave it out")));
    }
    Ok(())
}
