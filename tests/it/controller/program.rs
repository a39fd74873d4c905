//! The program as a cluster runs it: its flags, its lease, and how it ends.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::lab::{Lab, REPOSITORY, in_lab, ready};
use crate::kube::{Cluster, eventually};
use crate::program::{command, run, signal};

/// Ports that the system chooses.
const ADDRESSES: [&str; 2] = ["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"];

/// The program for the namespace of the lab, with leader election and one more flag.
fn start(lab: &Lab, home: &Path, flag: &str) -> Child {
    let kubeconfig = Cluster::shared().kubeconfig_file("admin").display().to_string();
    let args = ["controller", "--kubeconfig", &kubeconfig, "--watch-all-namespaces=false", "--enable-leader-election"];
    let mut program = command(args.into_iter().chain(ADDRESSES).chain([flag]), home);
    program.env("RUNTIME_NAMESPACE", &lab.namespace.name).stderr(Stdio::piped());
    program.spawn().expect("the program starts")
}

#[test]
fn a_leader_works_and_gives_its_leases_back() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        lab.apply(REPOSITORY).await;
        let home = tempfile::tempdir().expect("a temporary folder");
        let child = start(lab, home.path(), "--log-level=info");
        lab.once("imagerepositories", "web", "scanned", |object| ready(object).is_some()).await;
        let holders = async || {
            let url = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", lab.namespace.name);
            let leases: Value = lab.get(&url).await.expect("leases");
            let holder = |lease: &Value| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
            leases["items"].as_array().expect("a list").iter().map(holder).collect::<Vec<_>>()
        };
        let held = holders().await;
        assert_eq!(held.len(), 3, "{held:?}");
        assert!(held.iter().all(|holder| !holder.is_empty() && *holder == held[0]), "{held:?}");
        signal(&child, "TERM");
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
        eventually("the leases are free", || async { holders().await.iter().all(String::is_empty).then_some(()) })
            .await;
    });
}

#[test]
fn a_leader_of_flux_is_waited_for() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        lab.apply(REPOSITORY).await;
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": "image-reflector-controller-leader-election" },
            "spec": {
                "holderIdentity": "image-reflector-controller-0", "leaseDurationSeconds": 8,
                "renewTime": "2026-01-01T00:00:00.000000Z",
            },
        });
        lab.namespace.apply(&lease.to_string()).await.expect("a lease");
        let home = tempfile::tempdir().expect("a temporary folder");
        let child = start(lab, home.path(), "--leader-election-retry-period=1s");
        // It takes over when the other has given no sign of life for as long as it asked others to wait.
        lab.once("imagerepositories", "web", "scanned", |object| ready(object).is_some()).await;
        signal(&child, "TERM");
        let ended = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&ended.stderr);
        let waited = "image-reflector-controller-leader-election is held by image-reflector-controller-0";
        assert!(told.contains(waited), "{told}");
    });
}

#[test]
fn wrong_flags_are_refused() {
    let check = |args: &[&str], expected: &str| {
        let run = run([&["controller"], args].concat()).code_is(2);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    };
    check(&["--feature-gates=Imagined=true"], "--feature-gates: Imagined is not known");
    check(&["--feature-gates=GitShallowClone"], "expected NAME=true or NAME=false");
    check(&["--metrics-addr=nowhere"], "expected [ADDR]:PORT");
    check(&["--min-retry-delay=soon"], "soon");
    check(&["--kubeconfig=/absent/kubeconfig"], "/absent/kubeconfig");
}

#[test]
fn a_server_that_is_not_there_ends_nothing() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
        clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a, user: {}}]\n";
    let path = home.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig).expect("a file");
    let path = path.display().to_string();
    let mut program = command(["controller", "--kubeconfig", &path].into_iter().chain(ADDRESSES), home.path());
    let mut child = program.stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(child.try_wait().expect("a process").is_none(), "it waits for the server");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
