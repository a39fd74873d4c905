//! A TLS server with a certificate of an authority of its own: `openssl s_server`, for one connection.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Says its reply to the first client, whatever that asks.
pub(crate) struct TlsServer {
    addr: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl TlsServer {
    /// `body` is what it answers, with status 200.
    pub(crate) fn start(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        make_certificates(folder.path());
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        for _ in 0..5 {
            let addr =
                TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free loopback port");
            let mut process = spawn(folder.path(), addr);
            if is_up(folder.path(), &mut process) {
                let (stdin, log) = (process.stdin.take().expect("a pipe"), folder.path().join("out"));
                std::thread::spawn(move || reply_when_asked(stdin, &log, &reply));
                return Self { addr, process, folder };
            }
        }
        panic!("openssl s_server did not start five times");
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}/file", self.addr)
    }

    /// The PEM text of the authority.
    pub(crate) fn authority(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("ca.pem")).expect("ca.pem")
    }

    /// What the client said, between openssl's own remarks.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("out")).expect("the log file")).into_owned()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.process.kill().expect("openssl is a child of ours");
        self.process.wait().expect("openssl is a child of ours");
    }
}

/// A reply before the request would break HTTP. Holds the pipe open until the server and its log are gone.
fn reply_when_asked(mut stdin: ChildStdin, log: &Path, reply: &str) {
    let mut replied = false;
    while let Ok(heard) = fs::read(log) {
        if !replied && String::from_utf8_lossy(&heard).contains("\r\n\r\n") {
            replied = true;
            // The server may have been dropped.
            let _ = stdin.write_all(reply.as_bytes());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn make_certificates(folder: &Path) {
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let authority = ["req", "-x509", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(folder, &[&authority[..], &new_key[..]].concat());
    let server = ["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", "/CN=test server"];
    let names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(folder, &[&server[..], &names[..], &["-keyout", "key.pem", "-out", "cert.pem"], &new_key[..]].concat());
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let ran = Command::new("openssl").args(arguments).current_dir(folder).output();
    let ran = ran.expect("`openssl` runs (it is in Debian's package: apt-get install openssl)");
    assert!(ran.status.success(), "openssl: {}", String::from_utf8_lossy(&ran.stderr));
}

fn spawn(folder: &Path, addr: SocketAddr) -> Child {
    let out = fs::File::create(folder.join("out")).expect("the log file");
    Command::new("openssl")
        .args(["s_server", "-cert", "cert.pem", "-key", "key.pem", "-accept", &addr.to_string()])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("`openssl` runs (it is in Debian's package: apt-get install openssl)")
}

/// It says `ACCEPT` when it listens. A connection to find out would be taken for the client.
fn is_up(folder: &Path, process: &mut Child) -> bool {
    let limit = Instant::now() + Duration::from_secs(30);
    while Instant::now() < limit {
        if process.try_wait().expect("openssl is a child of ours").is_some() {
            return false;
        }
        if fs::read_to_string(folder.join("out")).is_ok_and(|out| out.contains("ACCEPT")) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    process.kill().and_then(|()| process.wait()).expect("openssl is a child of ours");
    false
}
