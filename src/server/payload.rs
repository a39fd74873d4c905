//! What the messages of each sender say was pushed.
//!
//! A function per sender: takes a message, gives the repositories in it (none when nothing was pushed: a ping, a
//! deletion, a pull), or `None` when the message is not what the sender writes. Bodies come from strangers: of a list
//! only the beginning is kept, what is not asked for is skipped without being stored, and names that are none are left.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::due::Due;
use super::sender::Message;

pub(super) mod hosted;
pub(super) mod own;

/// More entries of one list are not read.
const ENTRIES_MAX: usize = 1000;

type Pushed = Option<Vec<Due>>;

/// The first entries of a list.
#[derive(Default)]
struct Few<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
        let mut few = Vec::new();
        while few.len() < ENTRIES_MAX {
            match list.next_element()? {
                Some(entry) => few.push(entry),
                None => return Ok(Few(few)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Few(few))
    }
}

/// The body as JSON; GitHub and Gitea can be told to send it in a form. `curl --data` calls JSON a form too.
fn read<T: DeserializeOwned>(message: &Message<'_>) -> Option<T> {
    let is_form =
        message.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        let mut fields = url::form_urlencoded::parse(message.body);
        if let Some((_, payload)) = fields.find(|(name, _)| name == "payload") {
            return serde_json::from_str(&payload).ok();
        }
    }
    serde_json::from_slice(message.body).ok()
}

/// The first events of a body that is a list of them.
pub(super) fn first_events<T: DeserializeOwned>(message: &Message<'_>) -> Option<Vec<T>> {
    let is_list = message.body.trim_ascii_start().first() == Some(&b'[');
    is_list.then(|| read::<Few<T>>(message)).flatten().map(|few| few.0)
}

/// Whether the body is JSON at all, whoever it is from.
pub(super) fn is_json(message: &Message<'_>) -> bool {
    read::<IgnoredAny>(message).is_some()
}

fn nothing() -> Pushed {
    Some(Vec::new())
}

fn one(due: Option<Due>) -> Pushed {
    Some(due.into_iter().collect())
}

#[derive(Deserialize)]
struct Owner {
    login: Option<String>,
    /// Older versions of Gitea write this one alone, newer ones both.
    username: Option<String>,
}

impl Owner {
    fn name(self) -> Option<String> {
        self.login.or(self.username)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DistributionTarget {
    repository: Option<String>,
    media_type: Option<String>,
    tag: Option<String>,
}

impl DistributionTarget {
    /// Blobs are pushed too, and change no tag.
    fn is_manifest(&self) -> bool {
        let kind = self.media_type.as_deref().unwrap_or_default();
        self.tag.as_deref().is_some_and(|tag| !tag.is_empty()) || kind.contains("manifest") || kind.contains("index")
    }
}
