//! The real `docker-registry`, told to notify us.

use std::time::Duration;

use crate::server::running::{Running, TOKEN, name};
use crate::servers::docker_registry::{DockerRegistry, Listener};
use tagwright::image::Repository;
use tagwright::server::{Dues, due_matches};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_a_real_registry_makes_its_repository_due() {
    let secret = "correct horse battery";
    let mut server = Running::start(&[("distribution", secret)]).await;
    let url = format!("http://{}/hooks/distribution/{TOKEN}", server.addr);
    let registry = tokio::task::spawn_blocking(move || {
        let listener = Listener { url, authorization: secret.to_owned() };
        let registry = DockerRegistry::start_notifying(&listener);
        registry.push_image("acme/web", "1.2.3", "layer");
        registry
    });
    let registry = registry.await.expect("a push");
    let dues = tokio::time::timeout(Duration::from_secs(30), server.dues.recv()).await.expect("a notification");
    let Dues::These(dues) = dues else { panic!("one name is not everything") };
    assert_eq!(dues.iter().map(name).collect::<Vec<_>>(), ["*/acme/web"]);
    let watched: Repository = registry.image("acme/web").parse().expect("a repository");
    assert!(dues.iter().all(|due| due_matches(due, &watched)));
    tokio::task::spawn_blocking(move || drop(registry)).await.expect("the registry ends");
}
