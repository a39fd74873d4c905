//! etcd, the API server and the controller manager in a temporary folder: their flags, their order, their files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::access;
use super::programs::{Port, Program};
use crate::servers::block_on;

/// Generous: the machine may be busy with other tests.
const START_AT_MOST: Duration = Duration::from_secs(120);

/// Ends in the order of its fields: etcd last, which takes the folder away.
pub(super) struct ControlPlane {
    controllers: Option<Program>,
    api_server: Option<Program>,
    etcd: Program,
    etcd_port: Port,
    port: Port,
    folder: PathBuf,
}

impl ControlPlane {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let (etcd_port, port) = (Port::choose(), Port::choose());
        let mut etcd = Program::start_leaving("etcd", &etcd_flags(&folder, &etcd_port), &folder, &folder);
        make_key(&folder.join("accounts.key"));
        access::write_users(&folder, &url(&port));
        let mut api_server = start_api_server(&folder, &etcd_port, &port);
        wait_until_ready(&folder, [&mut etcd, &mut api_server]);
        let controllers = Some(start_controllers(&folder));
        Self { controllers, api_server: Some(api_server), etcd, etcd_port, port, folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn url(&self) -> String {
        url(&self.port)
    }

    /// Kills it; connections to its port are refused from then on. The controllers go too: left alone they would look
    /// for it ever more seldom, and come back half a minute late.
    pub(super) fn stop_api_server(&mut self) {
        self.controllers = None;
        self.api_server = None;
    }

    /// At the same port, with the same certificate and the same objects.
    pub(super) fn start_api_server(&mut self) {
        assert!(self.api_server.is_none(), "the API server runs");
        let mut api_server = start_api_server(&self.folder, &self.etcd_port, &self.port);
        wait_until_ready(&self.folder, [&mut self.etcd, &mut api_server]);
        self.api_server = Some(api_server);
        self.controllers = Some(start_controllers(&self.folder));
    }
}

fn url(port: &Port) -> String {
    format!("https://127.0.0.1:{}", port.number)
}

/// The key that signs the tokens of service accounts.
fn make_key(file: &Path) {
    let output = Command::new("openssl")
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
        .arg(file)
        .output()
        .expect("openssl is needed: apt-get install openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn start_api_server(folder: &Path, etcd: &Port, port: &Port) -> Program {
    Program::start("kube-apiserver", &api_server_flags(folder, etcd, port), folder)
}

fn start_controllers(folder: &Path) -> Program {
    Program::start("kube-controller-manager", &controller_flags(folder), folder)
}

fn etcd_flags(folder: &Path, port: &Port) -> Vec<String> {
    let url = format!("http://127.0.0.1:{}", port.number);
    // Nobody calls the peers of one member: any port will do.
    let peers = "http://127.0.0.1:0";
    flags(&[
        ("data-dir", &folder.join("etcd").display().to_string()),
        ("listen-client-urls", &url),
        ("advertise-client-urls", &url),
        ("listen-peer-urls", peers),
        ("initial-advertise-peer-urls", peers),
        ("initial-cluster", &format!("default={peers}")),
        ("socket-reuse-port", "true"),
        ("unsafe-no-fsync", "true"),
        ("log-level", "warn"),
    ])
}

fn api_server_flags(folder: &Path, etcd: &Port, port: &Port) -> Vec<String> {
    let key = folder.join("accounts.key").display().to_string();
    flags(&[
        ("etcd-servers", &format!("http://127.0.0.1:{}", etcd.number)),
        ("bind-address", "127.0.0.1"),
        ("advertise-address", "127.0.0.1"),
        ("secure-port", &port.number.to_string()),
        ("permit-port-sharing", "true"),
        // It makes a certificate of its own there, once.
        ("cert-dir", &access::certificates(folder).display().to_string()),
        ("token-auth-file", &access::users_file(folder).display().to_string()),
        ("authorization-mode", "RBAC"),
        ("service-account-issuer", "https://kubernetes.default.svc"),
        ("service-account-key-file", &key),
        ("service-account-signing-key-file", &key),
        ("service-cluster-ip-range", "10.0.0.0/24"),
        // Loopback may not be an endpoint, and nobody asks for the service `kubernetes`.
        ("endpoint-reconciler-type", "none"),
        ("profiling", "false"),
    ])
}

fn controller_flags(folder: &Path) -> Vec<String> {
    flags(&[
        ("kubeconfig", &access::kubeconfig_file(folder, access::ADMIN).display().to_string()),
        ("leader-elect", "false"),
        ("secure-port", "0"),
        // Nodes here send no heartbeat.
        ("controllers", "*,-node-lifecycle-controller"),
        ("service-account-private-key-file", &folder.join("accounts.key").display().to_string()),
        ("root-ca-file", &access::authority(folder).display().to_string()),
        ("kube-api-qps", "500"),
        ("kube-api-burst", "1000"),
        ("profiling", "false"),
    ])
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn wait_until_ready(folder: &Path, mut programs: [&mut Program; 2]) {
    let start = Instant::now();
    while !is_ready(folder) {
        programs.iter_mut().for_each(|program| program.must_run());
        let late = start.elapsed() > START_AT_MOST;
        assert!(!late, "the API server is not ready after {START_AT_MOST:?}:\n{}", programs[1].last_words());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_ready(folder: &Path) -> bool {
    // It writes the certificate in one go, before it listens.
    let Ok(kubeconfig) = fs::read_to_string(access::kubeconfig_file(folder, access::ADMIN)) else { return false };
    access::authority(folder).exists() && block_on(async move { access::asks_ready(&kubeconfig).await })
}
