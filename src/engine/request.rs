//! From an ImageUpdateAutomation to what an update needs: which images it may write where, and how it commits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cause::Cause;
use super::message::MessageTemplate;
use super::signing::Signers;
use super::update::{Checkout, PushTo, UpdateRequest};
use crate::api::{self, GitRepository, ImageUpdateAutomation, Kind, Objects, Push};
use crate::git::{Author, PushOptions, Refspec};
use crate::image::ImageRef;
use crate::object::NamespacedName;
use crate::setter::Latest;

/// The GitRepository that `automation` refers to.
pub fn source<'o>(automation: &ImageUpdateAutomation, objects: &'o Objects) -> Result<&'o GitRepository, Cause> {
    let id = automation.spec.source_ref.within(&automation.metadata.namespace);
    let absent = || Cause::new(objects.why_absent(Kind::GitRepository, &id));
    objects.git_repositories.get(&id).ok_or_else(absent)
}

/// What `automation` asks for. `latest` are the images that it may write, and `decided` says when the tags were listed that
/// each was selected from.
pub fn request(
    automation: &ImageUpdateAutomation,
    objects: &Objects,
    signers: &Signers,
    (latest, decided): (Latest, BTreeMap<NamespacedName, Timestamp>),
    now: Timestamp,
) -> Result<UpdateRequest, Cause> {
    let (id, spec) = (automation.name(), &automation.spec);
    let git = spec.git()?;
    let signer = git.commit.signing_key.as_ref();
    let signer =
        signer.map(|key| signers.signer(key, "spec.git.commit.signingKey", &id.namespace, objects, now)).transpose()?;
    // The automation's own ref replaces the source's as a whole, as in Flux.
    let own = git.checkout.as_ref().map(|checkout| &checkout.reference);
    let reference = own.or(source(automation, objects)?.spec.reference.as_ref());
    Ok(UpdateRequest {
        latest,
        decided,
        automation: id,
        checkout: reference.map(Checkout::from).unwrap_or_default(),
        push: git.push.as_ref().map(push_to).transpose()?.unwrap_or_default(),
        path: spec.update.path.clone().unwrap_or_default(),
        signer,
        author: author(&git.commit.author),
        message: MessageTemplate {
            text: git.commit.message_template().to_owned(),
            values: git.commit.message_template_values.clone(),
        },
    })
}

/// The images that `automation` may write: those of its own namespace that its selector admits. `images` holds what each
/// policy offers, or why it offers nothing.
pub fn latest(
    automation: &ImageUpdateAutomation,
    objects: &Objects,
    images: impl IntoIterator<Item = (NamespacedName, Result<ImageRef, String>)>,
) -> Latest {
    let namespace = automation.metadata.namespace.clone();
    let broken = objects.broken.keys().filter(|(kind, _)| *kind == Kind::ImagePolicy);
    let broken = broken.map(|(kind, policy)| (policy.clone(), Err(objects.why_absent(*kind, policy))));
    let own = images.into_iter().filter(|(id, _)| id.namespace == namespace).map(|(id, image)| {
        let policy = objects.image_policies.get(&id);
        let is_selected = policy.is_some_and(|policy| automation.spec.selects(&policy.metadata.labels));
        let why_not = || Err(format!("policy {id} is not selected by spec.policySelector"));
        let image = if is_selected { image } else { why_not() };
        (id, image)
    });
    let images = broken.chain(own).collect();
    Latest { namespace: Some(namespace), images }
}

/// Empty texts count as absent, as in Flux.
fn push_to(push: &Push) -> Result<PushTo, Cause> {
    let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let refspec = set(&push.refspec).map(|text| text.parse::<Refspec>()).transpose();
    Ok(PushTo {
        branch: set(&push.branch),
        refspec: refspec.map_err(|error| Cause::from(error).doing("spec.git.push.refspec"))?,
        options: PushOptions::new(&push.options).map_err(|error| Cause::from(error).doing("spec.git.push.options"))?,
    })
}

/// Objects need no name for their author, commits do.
fn author(author: &api::Author) -> Author {
    let name = if author.name.trim().is_empty() { &author.email } else { &author.name };
    Author { name: name.clone(), email: author.email.clone() }
}
