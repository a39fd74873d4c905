//! An API server in this process, for what a real one cannot be made to do: forget its history while it is watched, have
//! too much to do, or be of an older version. It keeps whatever objects it is given by their paths.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::super::servers::serve;

const ROOT: &str = "/apis/image.toolkit.fluxcd.io/v1";

pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    pub(crate) kubeconfig: std::path::PathBuf,
    _folder: tempfile::TempDir,
    /// Ends in the background: tests with a runtime of their own may not wait for another.
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct State {
    /// By path.
    objects: BTreeMap<String, Value>,
    version: u64,
    /// What happened, for those who watch from an earlier version.
    history: Vec<(u64, Value)>,
    /// Versions before this one are forgotten.
    oldest: u64,
    watchers: Vec<mpsc::UnboundedSender<Bytes>>,
    /// The kinds that are served, by their plural.
    kinds: Vec<(&'static str, &'static str)>,
    has_streamed_lists: bool,
    /// What the next requests are answered with: a status, and `Retry-After`.
    refusals: VecDeque<(u16, Option<u32>)>,
    requests: Vec<String>,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let kinds = vec![("ImagePolicy", "imagepolicies"), ("ImageRepository", "imagerepositories")];
        let state = Arc::new(Mutex::new(State { kinds, version: 10, has_streamed_lists: true, ..State::default() }));
        let shared = state.clone();
        let (address, runtime) = serve(Router::new().fallback(move |request| answer(shared.clone(), request)));
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = folder.path().join("config");
        std::fs::write(&kubeconfig, kubeconfig_of(&format!("http://{address}"))).expect("a kubeconfig");
        Self { state, kubeconfig, _folder: folder, runtime: Some(runtime) }
    }

    pub(crate) async fn cluster(&self) -> tagwright::cluster::Cluster {
        let kubeconfig = Some(self.kubeconfig.clone());
        let settings = tagwright::cluster::Settings { kubeconfig, ..Default::default() };
        tagwright::cluster::Cluster::connect(&settings).await.expect("a cluster")
    }

    /// Makes or changes an object; `path` is that of its kind.
    pub(crate) fn put(&self, path: &str, namespace: &str, name: &str, rest: &Value) {
        let mut object = json!({ "metadata": { "name": name, "namespace": namespace } });
        merge(&mut object, rest);
        self.with(|state| state.store(format!("{}/{name}", path.replace("{ns}", namespace)), object));
    }

    pub(crate) fn put_policy(&self, name: &str, range: &str) {
        let spec = json!({ "imageRepositoryRef": { "name": "web" }, "policy": { "semver": { "range": range } } });
        self.put(POLICIES, "apps", name, &json!({ "spec": spec }));
    }

    pub(crate) fn delete_policy(&self, name: &str) {
        self.with(|state| state.delete(&format!("{}/{name}", POLICIES.replace("{ns}", "apps"))));
    }

    /// Ends all watches, as a server does that is stopped.
    pub(crate) fn cut(&self) {
        self.with(|state| state.watchers.clear());
    }

    /// Ends all watches, and knows nothing of what was before.
    pub(crate) fn forget(&self) {
        self.with(|state| {
            state.version += 1;
            state.oldest = state.version;
            state.history.clear();
            state.watchers.clear();
        });
    }

    pub(crate) fn refuse_next(&self, status: u16, retry_after: Option<u32>) {
        self.with(|state| state.refusals.push_back((status, retry_after)));
    }

    pub(crate) fn stop_streaming_lists(&self) {
        self.with(|state| state.has_streamed_lists = false);
    }

    pub(crate) fn stop_serving_kinds(&self) {
        self.with(|state| state.kinds.clear());
    }

    /// How many requests had this in their line (`GET /path?query`).
    pub(crate) fn requests(&self, part: &str) -> usize {
        self.with(|state| state.requests.iter().filter(|line| line.contains(part)).count())
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.with(|state| state.objects.get(path).cloned())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().expect("a state"))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.runtime.take().expect("only here").shutdown_background();
    }
}

pub(crate) const POLICIES: &str = "/apis/image.toolkit.fluxcd.io/v1/namespaces/{ns}/imagepolicies";

pub(crate) fn kubeconfig_of(server: &str) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test", "namespace": "apps" } }],
        "clusters": [{ "name": "test", "cluster": { "server": server } }],
        "users": [{ "name": "test", "user": { "token": "canary-token" } }],
    });
    config.to_string()
}

impl State {
    fn store(&mut self, path: String, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object["metadata"]["uid"] = json!(format!("uid of {path}"));
        object["metadata"]["managedFields"] = json!([{ "manager": "somebody" }]);
        let kind = if self.objects.contains_key(&path) { "MODIFIED" } else { "ADDED" };
        self.objects.insert(path, object.clone());
        self.happened(json!({ "type": kind, "object": object }));
    }

    fn delete(&mut self, path: &str) {
        self.version += 1;
        let mut object = self.objects.remove(path).expect("an object");
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.happened(json!({ "type": "DELETED", "object": object }));
    }

    fn happened(&mut self, event: Value) {
        self.watchers.retain(|watcher| watcher.send(line(&event)).is_ok());
        self.history.push((self.version, event));
    }

    fn policies(&self) -> Vec<Value> {
        self.objects
            .iter()
            .filter(|(path, _)| path.contains("/imagepolicies/"))
            .map(|(_, object)| object.clone())
            .collect()
    }

    fn watch(&mut self, since: u64, has_initial: bool) -> Response<Body> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let version = self.version.to_string();
        if has_initial {
            for object in self.policies() {
                sender.send(line(&json!({ "type": "ADDED", "object": object }))).expect("a receiver");
            }
            let metadata =
                json!({ "resourceVersion": version, "annotations": { "k8s.io/initial-events-end": "true" } });
            let bookmark = json!({ "apiVersion": "v1", "kind": "ImagePolicy", "metadata": metadata });
            sender.send(line(&json!({ "type": "BOOKMARK", "object": bookmark }))).expect("a receiver");
        } else if since < self.oldest {
            sender.send(line(&json!({ "type": "ERROR", "object": status(410, "Expired") }))).expect("a receiver");
        } else {
            for (_, event) in self.history.iter().filter(|(version, _)| *version > since) {
                sender.send(line(event)).expect("a receiver");
            }
        }
        if has_initial || since >= self.oldest {
            self.watchers.push(sender);
        }
        let lines = futures::stream::unfold(receiver, |mut receiver| async {
            let line = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(line), receiver))
        });
        Response::new(Body::from_stream(lines))
    }

    fn answer(&mut self, method: &Method, path: &str, query: &BTreeMap<String, String>, body: &[u8]) -> Response<Body> {
        if path == ROOT {
            let kinds = self.kinds.iter().map(|(kind, plural)| json!({ "kind": kind, "name": plural }));
            let kinds: Vec<_> = kinds.collect();
            return if kinds.is_empty() { refusal(404, "NotFound") } else { ok(&json!({ "resources": kinds })) };
        }
        let is_list = path.ends_with("/imagepolicies");
        match *method {
            Method::GET if is_list && query.contains_key("watch") => {
                let has_initial = query.contains_key("sendInitialEvents");
                if has_initial && !self.has_streamed_lists {
                    return refusal(422, "Invalid");
                }
                self.watch(query["resourceVersion"].parse().expect("a version"), has_initial)
            }
            Method::GET if is_list => {
                ok(&json!({ "metadata": { "resourceVersion": self.version.to_string() }, "items": self.policies() }))
            }
            Method::GET => self.objects.get(path).map_or_else(|| refusal(404, "NotFound"), ok),
            Method::POST => self.create(path, body),
            Method::PATCH => self.patch(path.trim_end_matches("/status"), body),
            _ => refusal(405, "MethodNotAllowed"),
        }
    }

    fn create(&mut self, path: &str, body: &[u8]) -> Response<Body> {
        let object: Value = serde_json::from_slice(body).expect("an object");
        let path = format!("{path}/{}", object["metadata"]["name"].as_str().expect("a name"));
        if self.objects.contains_key(&path) {
            return refusal(409, "AlreadyExists");
        }
        self.store(path.clone(), object);
        ok(&self.objects[&path])
    }

    fn patch(&mut self, path: &str, body: &[u8]) -> Response<Body> {
        let patch: Value = serde_json::from_slice(body).expect("a patch");
        let Some(mut object) = self.objects.get(path).cloned() else { return refusal(404, "NotFound") };
        let version = &patch["metadata"]["resourceVersion"];
        if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
            return refusal(409, "Conflict");
        }
        merge(&mut object, &patch);
        self.store(path.to_owned(), object);
        ok(&self.objects[path])
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let url = url::Url::parse(&format!("http://fake{}", head.uri)).expect("a URL");
    let query = url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let mut state = state.lock().expect("a state");
    state.requests.push(format!("{} {}", head.method, head.uri));
    if let Some((status, retry_after)) = state.refusals.pop_front() {
        let mut refused = refusal(status, "");
        if let Some(after) = retry_after {
            refused.headers_mut().insert("retry-after", after.into());
        }
        return refused;
    }
    state.answer(&head.method, url.path(), &query, &body)
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else { return target.clone_from(patch) };
    if !target.is_object() {
        *target = json!({});
    }
    let entries = target.as_object_mut().expect("an object");
    for (key, change) in changes {
        if change.is_null() {
            entries.shift_remove(key);
        } else {
            merge(entries.entry(key).or_insert(Value::Null), change);
        }
    }
}

fn line(event: &Value) -> Bytes {
    format!("{event}\n").into()
}

fn status(code: u16, reason: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "no" })
}

fn ok(body: &Value) -> Response<Body> {
    Response::new(Body::from(body.to_string()))
}

fn refusal(code: u16, reason: &str) -> Response<Body> {
    let mut response = ok(&status(code, reason));
    *response.status_mut() = code.try_into().expect("a status");
    response
}
