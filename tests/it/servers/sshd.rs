//! Debian's real `sshd` on a port of its own, with bare repositories behind it and keys that the test made.
//!
//! Every command that a client asks for passes through a script that writes it down, so that a test sees what arrived.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::git_http::{create_bare, foreign_commit, git};

const NEEDED: &str = "the tests need sshd: apt-get install openssh-server";
const KEYGEN_NEEDED: &str = "the tests need ssh-keygen: apt-get install openssh-client";

/// The kinds of keys, as arguments of `ssh-keygen`.
pub(crate) const KINDS: &[(&str, &[&str])] = &[
    ("ed25519", &["-t", "ed25519"]),
    ("p256", &["-t", "ecdsa", "-b", "256"]),
    ("p384", &["-t", "ecdsa", "-b", "384"]),
    ("p521", &["-t", "ecdsa", "-b", "521"]),
    ("rsa", &["-t", "rsa", "-b", "2048"]),
];

/// A key pair of each kind for hosts and another one for users, made once: RSA takes its time.
static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a temporary folder");
    for owner in ["host", "user"] {
        for (kind, arguments) in KINDS {
            keygen(&folder.path().join(format!("{owner}-{kind}")), arguments, "");
        }
    }
    folder
});

/// A running `sshd`; ended with its value.
pub(crate) struct Sshd {
    address: SocketAddr,
    folder: TempDir,
    process: Child,
}

impl Sshd {
    /// With host keys of these kinds, and the users' keys of all kinds let in.
    pub(crate) fn start(host_kinds: &[&str]) -> Self {
        Self::start_with(host_kinds, "")
    }

    /// With more lines of configuration, in front of the others: the first one counts.
    pub(crate) fn start_with(host_kinds: &[&str], more: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        // sshd as root insists on it; the package's service would make it.
        let _ = fs::create_dir("/run/sshd");
        authorize(folder.path());
        write_script(folder.path());
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
            fs::write(folder.path().join("config"), config(folder.path(), address, host_kinds, more)).expect("a file");
            let mut process = spawn(folder.path());
            if is_up(address, &folder.path().join("log"), &mut process) {
                return Self { address, folder, process };
            }
        }
        panic!("sshd did not start five times: {}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("ssh://{}@{}{}", user(), self.address, self.path(name).display())
    }

    /// Makes a bare repository `name`; with files, also a first commit on `main`.
    pub(crate) fn create(&self, name: &str, files: &[(&str, &str)]) {
        create_bare(&self.path(name));
        if !files.is_empty() {
            self.commit(name, "main", files, "first");
        }
    }

    pub(crate) fn commit(&self, name: &str, branch: &str, files: &[(&str, &str)], message: &str) -> String {
        foreign_commit(&self.path(name), branch, files, message)
    }

    pub(crate) fn log(&self, name: &str, branch: &str) -> Vec<String> {
        let log = git(&self.path(name), &["log", "--format=%s", &format!("refs/heads/{branch}")]);
        log.lines().map(str::to_owned).collect()
    }

    /// The lines of known_hosts for the host key of `kind`.
    pub(crate) fn known(&self, kind: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.address.port(), public_key("host", kind))
    }

    /// The commands that arrived since the last call, and the status of those that have ended.
    pub(crate) fn commands(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("commands")).unwrap_or_default();
        let _ = fs::remove_file(self.path("commands"));
        text.lines().map(str::to_owned).collect()
    }

    /// How many connections were let in so far.
    pub(crate) fn logins(&self) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("Accepted publickey")).count()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.process.kill().expect("sshd is a child of ours");
        self.process.wait().expect("sshd is a child of ours");
    }
}

/// The private key of `host` or `user`, in OpenSSH's form.
pub(crate) fn private_key(owner: &str, kind: &str) -> Vec<u8> {
    fs::read(KEYS.path().join(format!("{owner}-{kind}"))).expect("a key of the test")
}

/// `KIND BASE64`.
pub(crate) fn public_key(owner: &str, kind: &str) -> String {
    let text = fs::read_to_string(KEYS.path().join(format!("{owner}-{kind}.pub"))).expect("a key of the test");
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub(crate) fn fingerprint(owner: &str, kind: &str) -> String {
    let file = KEYS.path().join(format!("{owner}-{kind}.pub"));
    let output = Command::new("ssh-keygen").arg("-lf").arg(file).output().expect(KEYGEN_NEEDED);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).expect("a fingerprint").to_owned()
}

/// The user's key of `kind` in the form that `ssh-keygen` calls `form`, encrypted where there is a password.
pub(crate) fn converted(kind: &str, form: &str, password: &str) -> Vec<u8> {
    let folder = TempDir::new().expect("a temporary folder");
    let copy = folder.path().join("key");
    fs::write(&copy, private_key("user", kind)).expect("a copy");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("a private copy");
    run(Command::new("ssh-keygen")
        .args(["-q", "-p", "-a", "1", "-P", "", "-N", password, "-m", form, "-f"])
        .arg(&copy));
    fs::read(&copy).expect("the converted key")
}

/// Who runs the tests.
pub(crate) fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) fn keygen(file: &Path, arguments: &[&str], password: &str) {
    run(Command::new("ssh-keygen").args(["-q", "-C", "", "-N", password]).args(arguments).arg("-f").arg(file));
}

fn run(command: &mut Command) {
    let output = command.output().expect(KEYGEN_NEEDED);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn authorize(folder: &Path) {
    let keys: Vec<String> = KINDS.iter().map(|(kind, _)| public_key("user", kind) + "\n").collect();
    fs::write(folder.join("authorized_keys"), keys.concat()).expect("a file");
}

/// What every command passes through. `before` is a script of the test's own.
fn write_script(folder: &Path) {
    let script = folder.join("run");
    let text = format!(
        "#!/bin/sh\ncd {folder}\nprintf '%s\\n' \"$SSH_ORIGINAL_COMMAND\" >>{folder}/commands\n\
         [ -e {folder}/before ] && . {folder}/before\n\
         /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\nstatus=$?\nprintf 'status %s\\n' $status >>{folder}/commands\nexit $status\n",
        folder = folder.display()
    );
    fs::write(&script, text).expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a program");
}

fn config(folder: &Path, address: SocketAddr, host_kinds: &[&str], more: &str) -> String {
    let keys = KEYS.path().display();
    let host_keys: String = host_kinds.iter().map(|kind| format!("HostKey {keys}/host-{kind}\n")).collect();
    let folder = folder.display();
    format!(
        "{more}\nListenAddress 127.0.0.1\nPort {}\n{host_keys}PidFile {folder}/pid\nAuthorizedKeysFile {folder}/authorized_keys\n\
         UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
         PrintMotd no\nLogLevel VERBOSE\nMaxStartups 100\nForceCommand {folder}/run\n",
        address.port()
    )
}

fn spawn(folder: &Path) -> Child {
    let mut command = Command::new("/usr/sbin/sshd");
    command.arg("-D").arg("-f").arg(folder.join("config")).arg("-E").arg(folder.join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect(NEEDED)
}

/// By what it writes down: whoever answers at the port may be another, that was given it in between.
fn is_up(address: SocketAddr, log: &Path, process: &mut Child) -> bool {
    let line = format!("Server listening on {} port {}.", address.ip(), address.port());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if fs::read_to_string(log).is_ok_and(|log| log.contains(&line)) {
            return true;
        }
        if process.try_wait().expect("sshd is a child of ours").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
