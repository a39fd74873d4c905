//! Who may talk to the API server: users with tokens, their kubeconfigs, the clients made of those.

use std::fs;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

pub(super) const ADMIN: &str = "admin";

/// Users and their groups. All but the first have the rights that a test binds to them.
const USERS: [(&str, &str); 3] = [(ADMIN, "system:masters"), ("alice", "tenants"), ("bob", "")];

/// Writes the users' tokens for the API server and a kubeconfig for each of them.
pub(super) fn write_users(folder: &Path, url: &str) {
    let mut lines = String::new();
    for (user, groups) in USERS {
        let token = format!("{user}-{:032x}", fastrand::u128(..));
        lines += &format!("{token},{user},{user},\"{groups}\"\n");
        let kubeconfig = kubeconfig(folder, url, &token);
        fs::write(kubeconfig_file(folder, user), kubeconfig).expect("a file");
    }
    fs::write(users_file(folder), lines).expect("a file");
}

/// A file for programs that are told their cluster by one.
pub(super) fn kubeconfig_file(folder: &Path, user: &str) -> PathBuf {
    assert!(USERS.iter().any(|(name, _)| *name == user), "{user} is none of the users {USERS:?}");
    folder.join(format!("{user}.kubeconfig"))
}

pub(super) fn users_file(folder: &Path) -> PathBuf {
    folder.join("users.csv")
}

pub(super) fn certificates(folder: &Path) -> PathBuf {
    folder.join("certificates")
}

/// The certificate that the API server makes, with that of its authority behind it.
pub(super) fn authority(folder: &Path) -> PathBuf {
    certificates(folder).join("apiserver.crt")
}

pub(super) fn kubeconfig(folder: &Path, url: &str, token: &str) -> String {
    let authority = authority(folder);
    format!(
        "apiVersion: v1
kind: Config
clusters: [{{name: test, cluster: {{server: '{url}', certificate-authority: '{}'}}}}]
users: [{{name: test, user: {{token: '{token}'}}}}]
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
current-context: test
",
        authority.display()
    )
}

/// A client of the runtime that this is called in: it ends with that.
pub(super) async fn client(kubeconfig: &str) -> Client {
    Client::try_from(config(kubeconfig).await.expect("a kubeconfig of ours")).expect("a client")
}

pub(super) async fn asks_ready(kubeconfig: &str) -> bool {
    let Ok(mut config) = config(kubeconfig).await else { return false };
    config.default_retry = false;
    let client = Client::try_from(config).expect("a client");
    let request = axum::http::Request::get("/readyz").body(Vec::new()).expect("a request");
    client.request_text(request).await.is_ok()
}

async fn config(kubeconfig: &str) -> Result<Config, kube::config::KubeconfigError> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
}
