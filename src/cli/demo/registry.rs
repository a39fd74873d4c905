//! A registry inside this process: lists the tags of one repository, and nothing else.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::cli::failure::Failure;

const REPOSITORY: &str = "acme/web";

type Tags = Arc<Mutex<Vec<String>>>;

pub(super) struct DemoRegistry {
    address: String,
    tags: Tags,
    // Ends the server when it is dropped.
    _runtime: Runtime,
}

impl DemoRegistry {
    pub(super) fn start(tags: &[&str]) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .map_err(|error| Failure::from(error).doing("starting the demo's registry"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        let tags: Tags = Arc::new(Mutex::new(tags.iter().map(ToString::to_string).collect()));
        let runtime = super::super::runtime()?;
        let list = format!("/v2/{REPOSITORY}/tags/list");
        let routes = Router::new().route(&list, get(tags_list)).with_state(tags.clone());
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await });
        Ok(Self { address, tags, _runtime: runtime })
    }

    /// The image repository, as `HOST:PORT/NAME`.
    pub(super) fn image(&self) -> String {
        format!("{}/{REPOSITORY}", self.address)
    }

    pub(super) fn push(&self, tag: &str) {
        self.tags.lock().expect("no holder of the lock panics").push(tag.to_owned());
    }
}

async fn tags_list(State(tags): State<Tags>) -> Json<Value> {
    Json(json!({ "name": REPOSITORY, "tags": *tags.lock().expect("no holder of the lock panics") }))
}
