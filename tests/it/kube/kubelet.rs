//! The kubelet of a node that runs nothing: pods are bound to it, reported as running and ready, or failing where they
//! say so, and let go when deleted. Enough for Deployments to become ready for real.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::access;
use super::objects::{Moments, apply};

/// The annotation of a pod that is to fail; its value is the reason why its containers wait.
pub(crate) const FAILS: &str = "tagwright.dev/test-fails";
const NODE: &str = "node";

/// Works on a thread of its own until dropped, longer than the runtime of any test.
pub(super) struct Kubelet {
    runtime: Option<Runtime>,
}

impl Kubelet {
    pub(super) fn start(kubeconfig: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.spawn(work(kubeconfig));
        Self { runtime: Some(runtime) }
    }
}

impl Drop for Kubelet {
    /// Without waiting: a test may drop it in a runtime, where nobody may wait.
    fn drop(&mut self) {
        self.runtime.take().expect("dropped once").shutdown_background();
    }
}

async fn work(kubeconfig: String) {
    let client = access::client(&kubeconfig).await;
    let node = format!("{{apiVersion: v1, kind: Node, metadata: {{name: {NODE}}}}}");
    apply(&client, "", &node).await.expect("a node");
    let pods = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default());
    let mut pods = pin!(pods.backoff(Moments).applied_objects());
    while let Some(event) = pods.next().await {
        // A broken watch is begun again by itself.
        if let Ok(pod) = event {
            answered(&client, &pod).await;
        }
    }
}

/// Takes the step that a pod waits for, again until there is an answer. A refusal is one: the pod is another by now,
/// and the watch says so.
async fn answered(client: &Client, pod: &Pod) {
    while let Err(error) = take(client, pod, next_step(pod)).await {
        if matches!(error, kube::Error::Api(_)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

enum Step {
    Bind,
    Report(Value),
    LetGo,
    Rest,
}

fn next_step(pod: &Pod) -> Step {
    let fails = pod.annotations().get(FAILS).map(String::as_str);
    if pod.metadata.deletion_timestamp.is_some() {
        Step::LetGo
    } else if pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_none()) {
        Step::Bind
    } else if is_reported(pod, fails) {
        Step::Rest
    } else {
        Step::Report(status(pod, fails))
    }
}

fn is_reported(pod: &Pod, fails: Option<&str>) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.and_then(|conditions| conditions.iter().find(|condition| condition.type_ == "Ready"));
    ready.is_some_and(|ready| match fails {
        Some(reason) => ready.status == "False" && ready.reason.as_deref() == Some(reason),
        None => ready.status == "True",
    })
}

fn status(pod: &Pod, fails: Option<&str>) -> Value {
    let now = jiff::Timestamp::now().to_string();
    let state = match fails {
        Some(reason) => json!({"waiting": {"reason": reason, "message": format!("told to fail by {FAILS}")}}),
        None => json!({"running": {"startedAt": now}}),
    };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers).map(|container| {
        json!({
            "name": container.name, "image": container.image, "imageID": "", "restartCount": 0,
            "ready": fails.is_none(), "started": fails.is_none(), "state": state,
        })
    });
    let ready = if fails.is_none() { "True" } else { "False" };
    let conditions = ["ContainersReady", "Ready"]
        .map(|name| json!({"type": name, "status": ready, "reason": fails, "lastTransitionTime": now}));
    json!({
        "phase": if fails.is_none() { "Running" } else { "Pending" },
        "startTime": now,
        "conditions": conditions,
        "containerStatuses": containers.collect::<Vec<_>>(),
    })
}

async fn take(client: &Client, pod: &Pod, step: Step) -> kube::Result<()> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), pod.metadata.namespace.as_deref().unwrap_or_default());
    let name = pod.name_any();
    match step {
        Step::Bind => {
            let binding = json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": NODE}});
            pods.create_subresource::<_, Value>("binding", &name, &PostParams::default(), &binding).await.map(drop)
        }
        Step::Report(status) => {
            let status = Patch::Merge(json!({"status": status}));
            pods.patch_status(&name, &PatchParams::default(), &status).await.map(drop)
        }
        // Only this one: another may have its name by now.
        Step::LetGo => {
            let this = Preconditions { uid: pod.metadata.uid.clone(), ..Preconditions::default() };
            pods.delete(&name, &DeleteParams::default().grace_period(0).preconditions(this)).await.map(drop)
        }
        Step::Rest => Ok(()),
    }
}
