//! `--ca-file`, `--cert-file` and `--key-file` of the verbs that ask one server by name.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::program::{Run, command, finish};
use crate::servers::fake_registry::FakeRegistry;
use crate::servers::git_http::GitServer;
use crate::servers::tls::{Authority, TlsFront};

/// An authority whose servers want a client certificate of another one, and the files of a user.
struct Lab {
    servers: Authority,
    clients: Authority,
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        let (servers, clients) = (Authority::new(), Authority::new());
        let lab = Self { servers, clients, folder: tempfile::tempdir().expect("a temporary folder") };
        let (certificate, key) = lab.clients.client("bot");
        lab.write("ca.pem", &lab.servers.certificate());
        lab.write("bot.pem", &certificate);
        lab.write("bot.key", &key);
        lab.write("other.key", &lab.clients.client("other").1);
        lab.write("none.pem", b"x");
        lab
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).expect("a file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The verb with these files: `--ca-file ca.pem` names one of the folder.
    fn run(&self, verb: &[&str], flags: &str) -> Run {
        let mut command = command(verb, self.folder.path());
        for flag in flags.split_whitespace() {
            match flag.starts_with("--") {
                true => command.arg(flag),
                false => command.arg(self.path(flag)),
            };
        }
        finish(&mut command)
    }
}

const OWN: &str = "--cert-file bot.pem --key-file bot.key";

fn check(lab: &Lab, verb: &[&str], expected: &str) {
    let run = lab.run(verb, &format!("--ca-file ca.pem {OWN}")).code_is(0);
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    let refused = |flags: &str, expected: &str| {
        let run = lab.run(verb, flags).code_is(2);
        let expected = expected.replace("FOLDER", &lab.folder.path().display().to_string());
        assert!(run.stderr.contains(&expected), "{expected:?} in {}", run.stderr);
    };
    refused("--ca-file ca.pem", "hint: the server may want a client certificate");
    refused(OWN, "--ca-file");
    refused("--ca-file gone.pem", "reading --ca-file FOLDER/gone.pem: No such file");
    refused("--ca-file none.pem", "reading --ca-file FOLDER/none.pem: no PEM block `CERTIFICATE` in it");
    refused("--cert-file none.pem --key-file bot.key", "reading --cert-file FOLDER/none.pem: no PEM block");
    let other = "reading --key-file FOLDER/other.key: the key does not belong to the certificate";
    refused("--cert-file bot.pem --key-file other.key", other);
    refused("--cert-file bot.pem", "--key-file <FILE>");
}

#[test]
fn scan_takes_certificates() {
    let (lab, registry) = (Lab::new(), FakeRegistry::start());
    registry.push("acme/web", "v1");
    let front = TlsFront::start(&lab.servers, registry.addr(), Some(&lab.clients.certificate()));
    check(&lab, &["scan", &format!("{}/acme/web", front.addr())], "v1\n");
}

#[test]
fn history_takes_certificates() {
    let (lab, server) = (Lab::new(), GitServer::start());
    let image = |tag: &str| format!("image: web:{tag} # {{\"$imagepolicy\": \"apps:web\"}}\n");
    server.create("infra.git", &[("web.yaml", &image("1"))]);
    server.commit("infra.git", "main", &[("web.yaml", &image("2"))], "Update from image update automation");
    let front = TlsFront::start(&lab.servers, server.addr(), Some(&lab.clients.certificate()));
    let state: &Path = lab.folder.path();
    let state = state.join("state").display().to_string();
    check(&lab, &["history", &front.url("infra.git"), "--state", &state], "web:2");
}
