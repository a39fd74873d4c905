//! TLS with certificates of an authority of its own: `openssl s_server` for one connection, and a front for other
//! servers.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

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

/// An authority, made by openssl, and what it issues.
pub(crate) struct Authority {
    folder: TempDir,
}

const NEW_KEY: [&str; 7] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        make_authority(folder.path());
        Self { folder }
    }

    /// The PEM text of the authority.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.read("ca.pem")
    }

    /// A certificate for loopback and `git.test`, with its key.
    pub(crate) fn server(&self) -> (Vec<u8>, Vec<u8>) {
        issue(self.folder.path(), "server", "subjectAltName=IP:127.0.0.1,DNS:git.test");
        (self.read("server.pem"), self.read("server.key"))
    }

    /// A certificate for a client, with its key in PKCS#8.
    pub(crate) fn client(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        issue(self.folder.path(), name, "extendedKeyUsage=clientAuth");
        (self.read(&format!("{name}.pem")), self.read(&format!("{name}.key")))
    }

    /// The same with an RSA key.
    pub(crate) fn rsa_client(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        issue_with(self.folder.path(), name, "extendedKeyUsage=clientAuth", &["-newkey", "rsa:2048", "-nodes"]);
        (self.read(&format!("{name}.pem")), self.read(&format!("{name}.key")))
    }

    /// Runs openssl over `input` with these arguments.
    pub(crate) fn convert(&self, input: &[u8], arguments: &[&str]) -> Vec<u8> {
        fs::write(self.folder.path().join("input"), input).expect("a file");
        openssl(self.folder.path(), &[arguments, &["-in", "input", "-out", "output"]].concat());
        self.read("output")
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).expect("a file of openssl")
    }
}

/// A certificate that nobody else signed, marked as an authority's (which is openssl's default), with its key.
pub(crate) fn self_signed(names: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let extension = format!("subjectAltName={names}");
    let made = ["req", "-x509", "-subj", "/CN=self", "-addext", &extension, "-keyout", "key", "-out", "certificate"];
    openssl(folder.path(), &[&made[..], &NEW_KEY[..]].concat());
    both(folder.path())
}

/// The same, and it was good on one day in 2020.
pub(crate) fn expired_self_signed(names: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let settings = format!(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\n\
         policy = any\nx509_extensions = more\n[any]\ncommonName = supplied\n\
         [more]\nbasicConstraints = CA:TRUE\nsubjectAltName = {names}\n"
    );
    fs::write(folder.path().join("settings"), settings).expect("a file");
    fs::write(folder.path().join("index"), "").expect("a file");
    let asked = ["req", "-new", "-subj", "/CN=self", "-keyout", "key", "-out", "request"];
    openssl(folder.path(), &[&asked[..], &NEW_KEY[..5]].concat());
    let day = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"];
    let signed = ["ca", "-batch", "-selfsign", "-config", "settings", "-keyfile", "key", "-in", "request"];
    openssl(folder.path(), &[&signed[..], &day, &["-notext", "-out", "certificate"]].concat());
    both(folder.path())
}

fn both(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| fs::read(folder.join(name)).expect("a file of openssl");
    (read("certificate"), read("key"))
}

/// TLS in front of another server of this machine: what comes in is handed on as it is.
pub(crate) struct TlsFront {
    addr: SocketAddr,
    handshakes: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl TlsFront {
    /// With `clients`, only those are let in that show a certificate of that authority.
    pub(crate) fn start(authority: &Authority, behind: SocketAddr, clients: Option<&[u8]>) -> Self {
        Self::showing(&authority.server(), behind, clients)
    }

    /// With this certificate and its key.
    pub(crate) fn showing(pair: &(Vec<u8>, Vec<u8>), behind: SocketAddr, clients: Option<&[u8]>) -> Self {
        Self::start_with(server_config(pair, clients), behind)
    }

    /// Speaks HTTP/2 alone.
    pub(crate) fn start_http2(authority: &Authority, behind: SocketAddr) -> Self {
        let mut config = server_config(&authority.server(), None);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self::start_with(config, behind)
    }

    fn start_with(config: ServerConfig, behind: SocketAddr) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let handshakes = Arc::new(AtomicUsize::new(0));
        let counted = handshakes.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), counted.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    counted.fetch_add(1, Ordering::SeqCst);
                    let mut behind = TcpStream::connect(behind).await.expect("the server behind");
                    // Ends when either side has enough.
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Self { addr, handshakes, runtime: Some(runtime) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{}/{name}", self.addr)
    }

    /// How many clients were let in.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::SeqCst)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn server_config((certificate, key): &(Vec<u8>, Vec<u8>), clients: Option<&[u8]>) -> ServerConfig {
    let builder = match clients {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(pem).expect("a certificate")).expect("an authority");
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(certificate).expect("a certificate")];
    builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).expect("a key")).expect("a pair")
}

fn make_certificates(folder: &Path) {
    make_authority(folder);
    issue(folder, "cert", "subjectAltName=IP:127.0.0.1");
    fs::rename(folder.join("cert.key"), folder.join("key.pem")).expect("a file of openssl");
}

fn make_authority(folder: &Path) {
    // Authorities of one name would be taken for one that changed its key.
    let subject = format!("/CN=test authority {}", fastrand::u64(..));
    let authority = ["req", "-x509", "-subj", &subject, "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(folder, &[&authority[..], &NEW_KEY[..]].concat());
}

/// `NAME.pem` and `NAME.key`.
fn issue(folder: &Path, name: &str, extension: &str) {
    issue_with(folder, name, extension, &NEW_KEY);
}

fn issue_with(folder: &Path, name: &str, extension: &str, new_key: &[&str]) {
    let (subject, certificate, key) = (format!("/CN={name}"), format!("{name}.pem"), format!("{name}.key"));
    let issued = ["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", &subject];
    let extensions = ["-addext", extension, "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(folder, &[&issued[..], &extensions[..], &["-keyout", &key, "-out", &certificate], new_key].concat());
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
