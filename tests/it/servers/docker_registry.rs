//! Debian's `docker-registry` on a free loopback port, with a directory of its own that goes when it goes.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The running server. Stopped by its process id when dropped.
pub(crate) struct DockerRegistry {
    addr: SocketAddr,
    process: Child,
    login: Option<(String, String)>,
    folder: TempDir,
}

/// Who is told of pushes.
pub(crate) struct Listener {
    pub(crate) url: String,
    pub(crate) authorization: String,
}

impl DockerRegistry {
    pub(crate) fn start() -> Self {
        Self::launch(None, None)
    }

    pub(crate) fn start_notifying(listener: &Listener) -> Self {
        Self::launch(None, Some(listener))
    }

    /// Everyone must show this name and password (kept as a bcrypt hash).
    pub(crate) fn start_with_login(username: &str, password: &str) -> Self {
        Self::launch(Some((username.to_owned(), password.to_owned())), None)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `127.0.0.1:PORT/NAME`, as it is written in manifests.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.addr)
    }

    /// Pushes an image whose only layer is `content`; gives the digest of its manifest.
    pub(crate) fn push_image(&self, repository: &str, tag: &str, content: &str) -> String {
        self.push_image_of(repository, tag, content, None)
    }

    /// The same, built at a time.
    pub(crate) fn push_image_of(&self, repository: &str, tag: &str, content: &str, created: Option<&str>) -> String {
        let layer = self.push_blob(repository, content.as_bytes());
        let created = created.map(|created| format!(r#""created":"{created}","#)).unwrap_or_default();
        let config = format!(
            r#"{{{created}"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
        );
        let config_digest = self.push_blob(repository, config.as_bytes());
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": { "mediaType": CONFIG_TYPE, "digest": config_digest, "size": config.len() },
            "layers": [{ "mediaType": LAYER_TYPE, "digest": layer, "size": content.len() }],
        });
        self.push_manifest(repository, tag, MANIFEST_TYPE, &manifest.to_string())
    }

    /// Gives a tag that is there other names too, as many as pushes would take long for: where it keeps its files.
    pub(crate) fn copy_tag(&self, repository: &str, tag: &str, names: impl Iterator<Item = String>) {
        let tags = self.folder.path().join("storage/docker/registry/v2/repositories").join(repository);
        let tags = tags.join("_manifests/tags");
        let link = fs::read(tags.join(tag).join("current/link")).expect("the tag's file");
        for name in names {
            fs::create_dir_all(tags.join(&name).join("current")).expect("a folder");
            fs::write(tags.join(&name).join("current/link"), &link).expect("a file");
        }
    }

    /// Pushes an index of manifests that are there, each for an architecture; gives its digest.
    pub(crate) fn push_index(&self, repository: &str, tag: &str, manifests: &[(&str, &str)]) -> String {
        let entry = |(digest, architecture): &(&str, &str)| {
            let platform = serde_json::json!({ "os": "linux", "architecture": architecture });
            serde_json::json!({ "mediaType": MANIFEST_TYPE, "digest": digest, "size": 1, "platform": platform })
        };
        let manifests: Vec<_> = manifests.iter().map(entry).collect();
        let index = serde_json::json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests });
        self.push_manifest(repository, tag, INDEX_TYPE, &index.to_string())
    }

    /// Pushes an artifact about a manifest, under a tag or its digest alone; gives its digest.
    pub(crate) fn push_artifact(&self, repository: &str, tag: Option<&str>, kind: &str, subject: &str) -> String {
        let empty = self.push_blob(repository, b"{}");
        let blob = serde_json::json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind,
            "config": blob,
            "layers": [blob],
            "subject": { "mediaType": MANIFEST_TYPE, "digest": subject, "size": 1 },
        });
        let manifest = manifest.to_string();
        self.push_manifest(repository, tag.unwrap_or(&digest(manifest.as_bytes())), MANIFEST_TYPE, &manifest)
    }

    /// Pushes the list of artifacts that clients keep for registries without an API for it.
    pub(crate) fn push_list(&self, repository: &str, tag: &str, artifacts: &[(&str, &str)]) {
        let entry = |(digest, kind): &(&str, &str)| serde_json::json!({ "mediaType": MANIFEST_TYPE, "digest": digest, "size": 1, "artifactType": kind });
        let manifests: Vec<_> = artifacts.iter().map(entry).collect();
        let index = serde_json::json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests });
        self.push_manifest(repository, tag, INDEX_TYPE, &index.to_string());
    }

    fn push_manifest(&self, repository: &str, tag: &str, kind: &str, manifest: &str) -> String {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let status = self.call(Method::PUT, &path, kind, manifest.as_bytes()).0;
        assert_eq!(status, StatusCode::CREATED, "pushing the manifest of {repository}:{tag}");
        digest(manifest.as_bytes())
    }

    /// The lines of its access log: `"GET /v2/… HTTP/1.1" 200 …`.
    pub(crate) fn access_log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("out")).expect("the log of docker-registry");
        log.lines().filter(|line| line.contains("\" ") && line.contains("HTTP/1")).map(str::to_owned).collect()
    }

    fn push_blob(&self, repository: &str, content: &[u8]) -> String {
        let (status, location) = self.call(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), "", b"");
        assert_eq!(status, StatusCode::ACCEPTED, "starting an upload to {repository}");
        let digest = digest(content);
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={digest}");
        let (status, _) = self.call(Method::PUT, &target, "application/octet-stream", content);
        assert_eq!(status, StatusCode::CREATED, "uploading a blob to {repository}");
        digest
    }

    /// Status and `Location` of one API call; `path` may be a whole URL.
    fn call(&self, method: Method, path: &str, content_type: &str, body: &[u8]) -> (StatusCode, String) {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("http://{}{path}", self.addr) };
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client");
        let mut request = client.request(method, url).header("content-type", content_type).body(body.to_vec());
        if let Some((username, password)) = &self.login {
            request = request.basic_auth(username, Some(password));
        }
        super::block_on(async move {
            let answer = request.send().await.expect("an answer of docker-registry");
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
            (answer.status(), location.to_owned())
        })
    }

    /// Another process may take the free port before the server does; then it ends, and another port is tried.
    fn launch(login: Option<(String, String)>, listener: Option<&Listener>) -> Self {
        for _ in 0..5 {
            let folder = tempfile::tempdir().expect("a temporary directory");
            let addr = free_address();
            fs::write(folder.path().join("config.yml"), config(addr, folder.path(), login.as_ref(), listener))
                .expect("config.yml");
            let mut process = spawn(folder.path());
            if is_up(addr, &mut process) {
                return Self { addr, process, login, folder };
            }
        }
        panic!("docker-registry did not start five times");
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        self.process.kill().expect("docker-registry is a child of ours");
        self.process.wait().expect("docker-registry is a child of ours");
    }
}

fn config(addr: SocketAddr, folder: &Path, login: Option<&(String, String)>, listener: Option<&Listener>) -> String {
    let root = folder.display();
    let mut config = format!(
        "version: 0.1\nlog:\n  accesslog:\n    disabled: false\n\
         storage:\n  filesystem:\n    rootdirectory: {root}/storage\n  delete:\n    enabled: true\n\
         http:\n  addr: {addr}\n"
    );
    if let Some((username, password)) = login {
        fs::write(folder.join("htpasswd"), bcrypt_line(username, password)).expect("htpasswd");
        config += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {root}/htpasswd\n");
    }
    if let Some(Listener { url, authorization }) = listener {
        config += &format!(
            "notifications:\n  endpoints:\n  - name: tagwright\n    url: {url}\n    timeout: 1s\n    threshold: 5\n    \
             backoff: 1s\n    headers:\n      Authorization: [\"{authorization}\"]\n"
        );
    }
    config
}

/// The server takes bcrypt hashes only.
fn bcrypt_line(username: &str, password: &str) -> Vec<u8> {
    let made = Command::new("htpasswd").args(["-Bbn", username, password]).output();
    let made = made.expect("`htpasswd` runs (it is in Debian's package: apt-get install apache2-utils)");
    assert!(made.status.success(), "htpasswd: {}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn spawn(folder: &Path) -> Child {
    let out = fs::File::create(folder.join("out")).expect("the log file");
    let err = fs::File::create(folder.join("err")).expect("the log file");
    Command::new("docker-registry")
        .arg("serve")
        .arg(folder.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .expect("`docker-registry` runs (it is in Debian's package: apt-get install docker-registry)")
}

fn is_up(addr: SocketAddr, process: &mut Child) -> bool {
    let limit = Instant::now() + Duration::from_secs(30);
    while Instant::now() < limit {
        if process.try_wait().expect("docker-registry is a child of ours").is_some() {
            return false;
        }
        if TcpStream::connect(addr).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    process.kill().and_then(|()| process.wait()).expect("docker-registry is a child of ours");
    false
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    listener.local_addr().expect("a bound address")
}

fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
