//! A Git server for tests: the real `git http-backend` as CGI behind a small HTTP server on loopback, over
//! bare repositories in a temporary folder. It can ask for credentials, tell what was asked of it, do
//! something just before a push arrives, and misbehave on request.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use futures::stream::{self, StreamExt as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A running server; it stops when it is dropped.
pub(crate) struct GitServer {
    root: TempDir,
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `GET /app.git/info/refs?service=git-upload-pack`
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    /// The length of the body.
    pub(crate) bytes: usize,
}

/// What the server does instead of answering as it should.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Status(u16),
    Html,
    /// This body under the content type that the client expects.
    Body(&'static [u8]),
    /// The first bytes of the real answer, then the end of the connection.
    Truncate(usize),
    /// The first bytes of the real answer, then a proper end.
    Short(usize),
    Redirect(String),
    /// The real answer, with one text replaced by another of the same length.
    Replace(&'static str, &'static str),
    /// The real work is done, and the answer never comes.
    Lose,
    Stall,
}

struct Shared {
    root: PathBuf,
    asked: Mutex<Vec<Asked>>,
    /// The only `Authorization` header that is let in.
    wanted: Mutex<Option<String>>,
    /// For requests whose line contains the text.
    fault: Mutex<Option<(String, Fault)>>,
    before_push: Mutex<Option<BeforePush>>,
}

type BeforePush = Box<dyn FnMut() + Send>;

impl GitServer {
    pub(crate) fn start() -> Self {
        let root = TempDir::new().expect("a temporary folder");
        let shared = Arc::new(Shared {
            root: root.path().to_path_buf(),
            asked: Mutex::default(),
            wanted: Mutex::default(),
            fault: Mutex::default(),
            before_push: Mutex::default(),
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { root, address, shared, runtime: Some(runtime) }
    }

    /// Makes a bare repository `name` that takes pushes; with files, also a first commit on `main`.
    pub(crate) fn create(&self, name: &str, files: &[(&str, &str)]) {
        create_bare(&self.path(name));
        git(&self.path(name), &["config", "http.receivepack", "true"]);
        if !files.is_empty() {
            self.commit(name, "main", files, "first");
        }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Somebody else's commit on `branch`, straight into the repository; gives its id.
    pub(crate) fn commit(&self, name: &str, branch: &str, files: &[(&str, &str)], message: &str) -> String {
        foreign_commit(&self.path(name), branch, files, message)
    }

    /// The content of a file at the tip of a branch.
    pub(crate) fn read(&self, name: &str, branch: &str, path: &str) -> String {
        git(&self.path(name), &["show", &format!("refs/heads/{branch}:{path}")])
    }

    /// The subjects of a branch, newest first, as the real Git prints them.
    pub(crate) fn log(&self, name: &str, branch: &str) -> Vec<String> {
        git(&self.path(name), &["log", "--format=%s", &format!("refs/heads/{branch}")])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// What was asked since the last call.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().expect("the list"))
    }

    /// Lets in requests with this `Authorization` header alone.
    pub(crate) fn protect(&self, authorization: &str) {
        *self.shared.wanted.lock().expect("the guard") = Some(authorization.to_owned());
    }

    /// Misbehaves on requests whose line contains `on`, until [`GitServer::behave`].
    pub(crate) fn misbehave(&self, on: &str, fault: Fault) {
        *self.shared.fault.lock().expect("the fault") = Some((on.to_owned(), fault));
    }

    pub(crate) fn behave(&self) {
        *self.shared.fault.lock().expect("the fault") = None;
    }

    /// Runs `action` each time a push has arrived, before Git sees it.
    pub(crate) fn before_push(&self, action: impl FnMut() + Send + 'static) {
        *self.shared.before_push.lock().expect("the action") = Some(Box::new(action));
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs the real Git in a repository and gives what it prints; fails the test when Git does.
pub(crate) fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = git_output(repository, arguments);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn git_output(repository: &Path, arguments: &[&str]) -> Output {
    command().arg("-C").arg(repository).args(arguments).output().expect(NEEDED)
}

pub(crate) const NEEDED: &str = "the tests need Git: apt-get install git";

/// Git, free of the machine's settings.
pub(crate) fn command() -> Command {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    for (key, value) in [("NAME", "Dev"), ("EMAIL", "dev@example.com")] {
        command.env(format!("GIT_AUTHOR_{key}"), value).env(format!("GIT_COMMITTER_{key}"), value);
    }
    command
}

pub(crate) fn create_bare(path: &Path) {
    let status =
        command().args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(path).status().expect(NEEDED);
    assert!(status.success(), "git init");
}

/// A commit made by `git fast-import`, which needs no work tree.
pub(crate) fn foreign_commit(repository: &Path, branch: &str, files: &[(&str, &str)], message: &str) -> String {
    let reference = format!("refs/heads/{branch}");
    let known = git_output(repository, &["rev-parse", "--verify", "--quiet", &reference]).status.success();
    let mut stream = format!(
        "commit {reference}\ncommitter Dev <dev@example.com> 1700000000 +0000\ndata {}\n{message}\n",
        message.len()
    );
    if known {
        stream.push_str(&format!("from {reference}^0\n"));
    }
    for (path, content) in files {
        stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len()));
    }
    import(repository, &stream);
    git(repository, &["rev-parse", &reference]).trim().to_owned()
}

/// Feeds `git fast-import`.
pub(crate) fn import(repository: &Path, stream: &str) {
    let mut child = command();
    child.arg("-C").arg(repository).args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
    let mut child = child.spawn().expect(NEEDED);
    child.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("fast-import reads");
    assert!(child.wait().expect("an exit status").success(), "git fast-import");
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole request");
    let line = format!("{} {}", parts.method, parts.uri);
    let authorization =
        parts.headers.get(header::AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    shared.asked.lock().expect("the list").push(Asked {
        line: line.clone(),
        authorization: authorization.clone(),
        bytes: body.len(),
    });
    let wanted = shared.wanted.lock().expect("the guard").clone();
    if wanted.is_some() && wanted != authorization {
        return plain(StatusCode::UNAUTHORIZED, "who are you?");
    }
    let fault = shared
        .fault
        .lock()
        .expect("the fault")
        .clone()
        .filter(|(on, _)| line.contains(on.as_str()))
        .map(|(_, fault)| fault);
    match fault {
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Status(code)) => plain(StatusCode::from_u16(code).expect("a status"), "no"),
        Some(Fault::Html) => html(),
        Some(Fault::Redirect(to)) => redirect(&to),
        Some(Fault::Body(text)) => with_type(&expected_type(&line), Body::from(text)),
        fault => {
            let answer = tokio::task::spawn_blocking(move || backend(&shared, &line, &parts.headers, &body))
                .await
                .expect("the backend");
            spoil(answer, fault).await
        }
    }
}

async fn spoil(answer: Response<Body>, fault: Option<Fault>) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("an answer in memory");
    let body = match fault {
        Some(Fault::Replace(text, by)) => Body::from(replaced(&bytes, text, by)),
        Some(Fault::Lose) => std::future::pending().await,
        Some(Fault::Short(length)) => Body::from(bytes.slice(..length.min(bytes.len()))),
        Some(Fault::Truncate(length)) => {
            // More is promised than comes; the server then closes the connection.
            parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
            let start = bytes.slice(..length.min(bytes.len()));
            let pause = tokio::time::sleep(Duration::from_millis(50));
            let cut = stream::once(async {
                pause.await;
                Err(std::io::Error::other("cut"))
            });
            Body::from_stream(stream::once(async { Ok(start) }).chain(cut))
        }
        _ => Body::from(bytes),
    };
    Response::from_parts(parts, body)
}

fn replaced(bytes: &Bytes, text: &str, by: &str) -> Vec<u8> {
    assert_eq!(text.len(), by.len(), "packets tell their length");
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes()).expect("the text in the answer");
    [&bytes[..at], by.as_bytes(), &bytes[at + text.len()..]].concat()
}

/// RFC 3875: the request as environment and standard input, the answer as headers and body on standard output.
fn backend(shared: &Shared, line: &str, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
    let (method, uri) = line.split_once(' ').expect("method and address");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let is_push = method == "POST" && path.ends_with("/git-receive-pack");
    if let Some(action) = shared.before_push.lock().expect("the action").as_mut().filter(|_| is_push) {
        action();
    }
    let text = |name: header::HeaderName| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    };
    let mut child = command();
    child.arg("http-backend").env("GIT_PROJECT_ROOT", &shared.root).env("GIT_HTTP_EXPORT_ALL", "1");
    child.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", method);
    child.env("CONTENT_TYPE", text(header::CONTENT_TYPE)).env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING));
    child.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect(NEEDED);
    let mut stdin = child.stdin.take().expect("a pipe");
    let body = body.clone();
    // Git may stop reading early; what it says is in the answer.
    let writer = thread::spawn(move || drop(stdin.write_all(&body)));
    let mut output = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut output).expect("the answer of git http-backend");
    writer.join().expect("the writer");
    child.wait().expect("an exit status");
    from_cgi(output)
}

fn from_cgi(output: Vec<u8>) -> Response<Body> {
    let end =
        output.windows(4).position(|window| window == b"\r\n\r\n").expect("git http-backend answers with headers");
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().expect("a status")),
            name => response.header(name, value),
        };
    }
    response.body(Body::from(output[end + 4..].to_vec())).expect("an answer")
}

fn expected_type(line: &str) -> String {
    let service = if line.contains("git-receive-pack") { "git-receive-pack" } else { "git-upload-pack" };
    let half = if line.starts_with("GET") { "advertisement" } else { "result" };
    format!("application/x-{service}-{half}")
}

fn with_type(content_type: &str, body: Body) -> Response<Body> {
    Response::builder().header(header::CONTENT_TYPE, content_type).body(body).expect("an answer")
}

fn html() -> Response<Body> {
    with_type("text/html; charset=utf-8", Body::from("<html><body>Sign in</body></html>"))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(text))
        .expect("an answer")
}

fn redirect(to: &str) -> Response<Body> {
    Response::builder().status(301).header(header::LOCATION, to).body(Body::empty()).expect("an answer")
}
