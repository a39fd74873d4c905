//! The senders of webhooks: their names, how they prove who they are, and where their messages name what was pushed.
//!
//! Takes a [`Message`], gives what it makes due. The table is the whole of it: another sender is another row.

use axum::http::HeaderMap;
use jiff::Timestamp;

use super::due::Due;
use super::payload::{hosted, own};

/// A sender of webhooks.
#[derive(Debug)]
pub(super) struct Sender {
    /// In URLs, and as the key of its secret. The first one is the name it is counted under.
    pub(super) names: &'static [&'static str],
    /// Any of them will do. A sender without any cannot prove more than that it knows the token.
    pub(super) proofs: &'static [Proof],
    /// What the message says was pushed; `None` when it is not what this sender writes.
    pub(super) read: fn(&Message<'_>) -> Option<Vec<Due>>,
}

/// How a message shows that its sender knows the secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// This header is the secret, or `Bearer` and the secret.
    Header(&'static str),
    /// This header is the prefix and the hexadecimal HMAC of the body.
    Hmac { header: &'static str, prefix: &'static str, hash: Hash },
    /// The headers of the Standard Webhooks specification: an HMAC of id, time and body.
    StandardWebhooks,
    /// A token that Google signed.
    Google,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// A request, as far as proofs and payloads need it.
pub(super) struct Message<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
}

impl Message<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Sender {
    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }

    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SENDERS.iter().find(|sender| sender.names.contains(&name))
    }

    /// Whether it asks for an agreement before it sends.
    pub(super) fn asks_first(&self) -> bool {
        self.name() == ACR
    }

    pub(super) fn is_google(&self) -> bool {
        matches!(self.proofs, [Proof::Google])
    }
}

const fn hmac_sha256(header: &'static str, prefix: &'static str) -> Proof {
    Proof::Hmac { header, prefix, hash: Hash::Sha256 }
}

const AUTHORIZATION: Proof = Proof::Header("authorization");
const HUB_SIGNATURE: Proof = hmac_sha256("x-hub-signature-256", "sha256=");
/// Azure's registry, by webhooks of its own and by Event Grid.
const ACR: &str = "acr";
const JFROG: &str = "x-jfrog-event-auth";

pub(super) const SENDERS: &[Sender] = &[
    Sender { names: &["dockerhub", "docker.io"], proofs: &[], read: hosted::docker_hub },
    Sender { names: &["quay", "quay.io"], proofs: &[], read: hosted::quay },
    Sender { names: &["aliyun-acr"], proofs: &[], read: hosted::aliyun },
    Sender { names: &["github", "ghcr", "ghcr.io"], proofs: &[HUB_SIGNATURE], read: hosted::github },
    Sender {
        names: &["gitea", "forgejo"],
        proofs: &[hmac_sha256("x-gitea-signature", ""), hmac_sha256("x-forgejo-signature", ""), HUB_SIGNATURE],
        read: own::gitea,
    },
    Sender {
        names: &["gitlab"],
        proofs: &[Proof::Header("x-gitlab-token"), Proof::StandardWebhooks],
        read: own::gitlab,
    },
    Sender { names: &["harbor"], proofs: &[AUTHORIZATION], read: own::harbor },
    Sender { names: &["distribution"], proofs: &[AUTHORIZATION], read: own::distribution },
    Sender { names: &[ACR, "eventgrid"], proofs: &[AUTHORIZATION], read: hosted::azure },
    Sender {
        names: &["ecr", "cloudevents"],
        proofs: &[AUTHORIZATION, Proof::Header("x-api-key"), Proof::Header("x-webhook-secret")],
        read: hosted::amazon,
    },
    Sender { names: &["pubsub", "gcr", "gar"], proofs: &[Proof::Google], read: hosted::google },
    Sender {
        names: &["nexus"],
        proofs: &[Proof::Hmac { header: "x-nexus-webhook-signature", prefix: "", hash: Hash::Sha1 }],
        read: own::nexus,
    },
    Sender {
        names: &["artifactory", "jfrog"],
        proofs: &[Proof::Header(JFROG), hmac_sha256(JFROG, "")],
        read: own::artifactory,
    },
    Sender { names: &["generic"], proofs: &[AUTHORIZATION, hmac_sha256("x-signature", "sha256=")], read: own::generic },
];
