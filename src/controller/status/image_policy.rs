//! The status of an ImagePolicy.

use jiff::Timestamp;

use super::conditions::{Standing, Subject};
use crate::api::{ImagePolicyStatus, ObservedImage};

/// What a policy selected, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    pub image: ObservedImage,
    /// Why an older one would have been selected and was not, or what else there is to know.
    pub remark: Option<String>,
}

/// The status after a reconcile. Without `selected` the last image stays: automations may use it.
pub fn image_policy(
    before: &ImagePolicyStatus,
    subject: Subject<'_>,
    standing: &Standing,
    selected: Option<&Selected>,
    now: Timestamp,
) -> ImagePolicyStatus {
    let mut status = before.clone();
    if let Some(Selected { image, .. }) = selected
        && status.latest_ref.as_ref() != Some(image)
    {
        status.observed_previous_ref = status.latest_ref.replace(image.clone());
        status.observed_previous_image = status.observed_previous_ref.as_ref().map(ObservedImage::name_and_tag);
        status.latest_image = Some(image.name_and_tag());
    }
    status.conditions = standing.conditions(&before.conditions, subject.generation, now);
    status.observed_generation = standing.observed(before.observed_generation, subject.generation);
    status.last_handled_reconcile_at = subject.requested.map(str::to_owned).or(status.last_handled_reconcile_at);
    status
}

impl Selected {
    /// How a policy stands that selected this, where `before` was its status.
    pub fn standing(&self, before: &ImagePolicyStatus) -> Standing {
        let previous = match &before.latest_ref {
            Some(latest) if *latest != self.image => Some(latest),
            _ => before.observed_previous_ref.as_ref(),
        };
        let digest = self.image.digest.as_ref().map(|digest| format!(" with digest {digest}")).unwrap_or_default();
        let previous = previous.map(|image| format!(" (previously {image})")).unwrap_or_default();
        let remark = self.remark.as_ref().map(|remark| format!("; {remark}")).unwrap_or_default();
        let ObservedImage { name, tag, .. } = &self.image;
        let message = format!("Latest image tag for {name} resolved to {tag}{digest}{previous}{remark}");
        Standing::Ready { reason: "Succeeded", message }
    }
}
