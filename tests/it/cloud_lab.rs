//! What the tests of the clouds share: a fake of all their servers, identities, and the door.

use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use tagwright::cloud::{Clouds, Endpoints, Environment, Error, Provider, RegistryLogin};
use tagwright::net::{Deadline, Http, Settings};
use tempfile::TempDir;

use crate::git::told;
use crate::servers::fake_cloud::FakeCloud;

/// Servers, and a folder for the files that variables name.
pub(crate) struct CloudLab {
    pub(crate) fake: FakeCloud,
    folder: TempDir,
}

impl CloudLab {
    pub(crate) fn new() -> Self {
        Self { fake: FakeCloud::start(), folder: TempDir::new().expect("a temporary folder") }
    }

    /// The path of a new file.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("text").to_owned()
    }

    /// A process with these variables, before its first request.
    pub(crate) fn clouds(&self, variables: &[(&str, &str)]) -> Clouds {
        self.clouds_known_as(variables, &[])
    }

    pub(crate) fn clouds_known_as(&self, variables: &[(&str, &str)], known_as: &[(&str, &str)]) -> Clouds {
        let known_as = known_as.iter().map(|(host, name)| ((*host).to_owned(), (*name).to_owned())).collect();
        let base = Some(self.fake.url().parse().expect("a URL"));
        Clouds::new(Environment::of(variables.iter().copied()), Endpoints { base, known_as })
    }

    /// What is told of an error, with the fake's host as `HOST`.
    pub(crate) fn told(&self, error: &Error) -> String {
        told(error).replace(&self.fake.host(), "HOST")
    }
}

pub(crate) fn http() -> Http {
    Http::new(Settings::default()).expect("plain settings")
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

pub(crate) async fn login(clouds: &Clouds, provider: Provider, host: &str) -> Result<RegistryLogin, Error> {
    clouds.registry_login(&http(), provider, host, soon()).await
}

/// A time so many seconds from now, to the second.
pub(crate) fn seconds_from_now(seconds: i64) -> Timestamp {
    let end = Timestamp::now() + SignedDuration::from_secs(seconds);
    Timestamp::from_second(end.as_second()).expect("a time")
}

/// What no error, log or debug text may hold: each secret of the tests contains it.
pub(crate) const CANARY: &str = "canary";

/// Checks an error's text and hint, and that no secret is in any form of it.
pub(crate) fn check_error(lab: &CloudLab, error: &Error, expected: &str, hint: &str) {
    let told = lab.told(error);
    assert!(told.contains(expected), "{told}\nexpected: {expected}");
    assert!(error.hint().unwrap_or_default().contains(hint), "{told}\n{:?}\nexpected: {hint}", error.hint());
    let all = format!("{told} {error:?}");
    assert!(!all.contains(CANARY), "{all}");
}

/// A signature of AWS's kind, by an implementation of its own; `scope` is `DATE/REGION/SERVICE/aws4_request`.
pub(crate) fn aws_signature(secret: &str, written: &str, scope: &str, canonical: &str) -> String {
    let text = format!("AWS4-HMAC-SHA256\n{written}\n{scope}\n{}", hash(canonical));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/').chain([text.as_str()]) {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    hex(&key)
}

/// SHA-256, in hexadecimal.
pub(crate) fn hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
