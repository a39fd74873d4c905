//! The registry room against registries: Debian's, a fake with pages and tokens, and servers that are none.

mod access;
mod clouds;
mod digests;
mod faults;
mod fuzz;
mod hostile;
mod images;
mod limits;
mod listing;
mod memory;
mod pools;
mod real;
mod realms;
mod referrers;
mod rules;
mod rules_file;

use std::error::Error as StdError;
use std::time::Duration;

use tagwright::image::{Repository, Tag};
use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Credentials, Limits};
use tagwright::secret::Secret;

use crate::servers::fake_registry::FakeRegistry;

fn client() -> Client {
    client_with(Limits::default())
}

fn client_with(limits: Limits) -> Client {
    Client::new(Http::new(Settings::default()).expect("plain settings"), limits)
}

fn repository(name: &str) -> Repository {
    name.parse().expect("a repository")
}

fn login(username: &str, password: &str) -> Access {
    let password = Secret::new(password);
    with(Credentials::Basic { username: username.to_owned(), password })
}

fn with(credentials: Credentials) -> Access {
    Access { credentials: vec![credentials], timeout: Some(Duration::from_secs(20)), ..Access::default() }
}

/// The tags, joined by spaces, or the error with all its causes; `HOST` in place of the server's address.
async fn tags_of(client: &Client, registry: &FakeRegistry, name: &str, access: &Access) -> String {
    let listed = client.tags(&repository(&registry.image(name)), access).await;
    let text = match listed {
        Ok(list) => list.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" "),
        Err(error) => causes(&error),
    };
    text.replace(&registry.addr().to_string(), "HOST")
}

async fn digest_of(client: &Client, registry: &FakeRegistry, name: &str, tag: &str, access: &Access) -> String {
    let tag = tag.parse().expect("a tag");
    let text = match client.digest(&repository(&registry.image(name)), &tag, access).await {
        Ok(digest) => digest.to_string(),
        Err(error) => causes(&error),
    };
    text.replace(&registry.addr().to_string(), "HOST")
}

fn causes(error: &dyn StdError) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
