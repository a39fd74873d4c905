//! The programs of a control plane. Takes a name and arguments; gives a process that ends with the one which started
//! it, whatever ends that, and ports that stay with it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::net::TcpSocket;

/// The folder of the programs, as everyone names it who tests against an API server.
const FOLDER: &str = "KUBEBUILDER_ASSETS";
const NAMES: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

/// Becomes the program that its arguments name, beside a watch at standard input. That pipe closes when the process at
/// its other end goes, also a killed one: then the watch kills the program and removes `$0`. A signal to the whole
/// group of processes does not end the watch.
///
/// A death signal from the kernel would not do: it follows the thread that started the program, and tests are threads.
/// Nor would reading standard input in our own build: it is not the only one that can be named.
const WATCHED: &str = r#"exec 3<&0 </dev/null
{ trap '' HUP INT TERM; cat <&3; kill -9 $$; rm -rf "$0"; } >/dev/null 2>&1 &
exec "$@" 3<&-"#;

/// Says how to get the programs when they are not there.
pub(super) fn are_there() -> Result<(), String> {
    let hint = format!(
        "hint: tests/run builds them and runs the tests with them; for cargo test: export {FOLDER}=$(tests/kube/build)"
    );
    let folder = folder().ok_or_else(|| format!("the API server is missing: {FOLDER} is not set\n{hint}"))?;
    match NAMES.iter().find(|name| !folder.join(name).is_file()) {
        Some(name) => Err(format!("{name} is missing in {FOLDER} {}\n{hint}", folder.display())),
        None => Ok(()),
    }
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

pub(super) struct Program {
    name: &'static str,
    process: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program that writes its log into `folder`.
    pub(super) fn start(name: &'static str, arguments: &[String], folder: &Path) -> Self {
        Self::start_leaving(name, arguments, folder, Path::new(""))
    }

    /// The same; `leftover` is removed when it ends.
    pub(super) fn start_leaving(name: &'static str, arguments: &[String], folder: &Path, leftover: &Path) -> Self {
        let program = self::folder().expect("checked by are_there").join(name);
        let log = folder.join(name).with_extension("log");
        let file = fs::File::options().create(true).append(true).open(&log).expect("a log");
        let process = Command::new("sh")
            .args(["-c", WATCHED])
            .arg(leftover)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("sh starts");
        Self { name, process, log }
    }

    /// Panics with the end of its log if it has ended.
    #[track_caller]
    pub(super) fn must_run(&mut self) {
        if let Some(status) = self.process.try_wait().expect("a child of ours") {
            panic!("{} has ended, {status}:\n{}", self.name, self.last_words());
        }
    }

    pub(super) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Program {
    /// Closes the pipe that the watch is at.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A port of loopback, chosen by the system and kept by a socket that does not listen. The program shares it
/// (`SO_REUSEPORT`), so nobody else is given it before the program is up, nor while it is restarted.
pub(super) struct Port {
    _kept: TcpSocket,
    pub(super) number: u16,
}

impl Port {
    pub(super) fn choose() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseport(true).expect("a fresh socket");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let number = socket.local_addr().expect("a bound address").port();
        Self { _kept: socket, number }
    }
}
