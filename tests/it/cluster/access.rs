//! What of a kubeconfig is followed, and what is refused.

use std::path::PathBuf;

use tagwright::cluster::{Cluster, Error, Settings};

use super::fake::kubeconfig_of;

/// The error for a kubeconfig in which one thing is replaced.
async fn error(from: &str, to: &str, allow_exec_auth: bool) -> Error {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config");
    let text = kubeconfig_of("https://127.0.0.1:1");
    assert!(text.contains(from), "{from}");
    std::fs::write(&path, text.replace(from, to)).expect("a file");
    let settings = Settings { kubeconfig: Some(path), allow_exec_auth, ..Settings::default() };
    Cluster::connect(&settings).await.err().expect("a refusal")
}

#[tokio::test]
async fn a_program_is_not_run_to_log_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("ran");
    let exec = format!(
        r#""exec":{{"apiVersion":"client.authentication.k8s.io/v1","command":"touch","args":["{}"],"interactiveMode":"Never"}}"#,
        trace.display()
    );
    let refused = error(r#""token":"canary-token""#, &exec, false).await;
    assert!(refused.to_string().ends_with("logs in with the program touch, which is not allowed"), "{refused}");
    assert_eq!(refused.hint(), Some("--allow-exec-auth runs that program"));
    assert!(!trace.exists());
    // What it prints is no login, but it was run.
    let useless = error(r#""token":"canary-token""#, &exec, true).await;
    assert!(matches!(useless, Error::Settings { .. }), "{useless}");
    assert!(trace.exists());
}

#[tokio::test]
async fn an_auth_provider_is_refused() {
    let provider = r#""auth-provider":{"name":"gcp","config":{"cmd-path":"/bin/false"}}"#;
    let refused = error(r#""token":"canary-token""#, provider, false).await;
    assert!(refused.to_string().contains("logs in with the auth-provider gcp"), "{refused}");
}

#[tokio::test]
async fn tls_without_proof_is_refused_whatever_is_allowed() {
    for allowed in [false, true] {
        let insecure = r#""server":"https://127.0.0.1:1","insecure-skip-tls-verify":true"#;
        let refused = error(r#""server":"https://127.0.0.1:1""#, insecure, allowed).await;
        assert!(refused.to_string().contains("has insecure-skip-tls-verify, which is not allowed"), "{refused}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_does_not_show_what_it_holds() {
    for broken in [r#""token":["canary-token"]"#, r#""token":"canary-token":"#, "\"token\":\"canary-token\n"] {
        let refused = error(r#""token":"canary-token""#, broken, false).await;
        let text = format!("{refused} {refused:?}");
        assert!(text.contains("not a kubeconfig") && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let settings = Settings { kubeconfig: Some(PathBuf::from("/nowhere/config")), ..Settings::default() };
    let missing = Cluster::connect(&settings).await.err().expect("an error").to_string();
    assert!(missing.starts_with("reading /nowhere/config: "), "{missing}");
}
