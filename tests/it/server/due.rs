//! Names from senders, and the queue of them.

use std::collections::BTreeSet;
use std::time::Duration;

use tagwright::image::Repository;
use tagwright::server::{Due, Dues, Scope, due_matches, due_queue};

#[test]
fn names_of_senders_are_normalised() {
    let check = |text: &str, expected: Option<(Option<&str>, &str)>| {
        let due = Due::parse(text);
        let found = due.as_ref().map(|due| (due.host.as_deref(), due.repository.as_str()));
        assert_eq!(found, expected, "{text:?}");
    };
    check("acme/web", Some((None, "acme/web")));
    check("nginx", Some((None, "nginx")));
    check("library/nginx", Some((None, "library/nginx")));
    check("Acme/Web:1.2", Some((None, "acme/web")));
    check("ghcr.io/acme/web", Some((Some("ghcr.io"), "acme/web")));
    check("ghcr.io/acme/web:1.2", Some((Some("ghcr.io"), "acme/web")));
    check("https://ghcr.io:443/acme/web", Some((Some("ghcr.io"), "acme/web")));
    check("http://registry/acme/web", Some((None, "acme/web")));
    check("localhost:5000/web:v1", Some((Some("localhost:5000"), "web")));
    check("index.docker.io/library/nginx", Some((Some("docker.io"), "library/nginx")));
    check("registry-1.docker.io/acme/web", Some((Some("docker.io"), "acme/web")));
    check("docker.io/nginx", Some((Some("docker.io"), "library/nginx")));
    check(&format!("eu.gcr.io/p/web@sha256:{}", "0".repeat(64)), Some((Some("eu.gcr.io"), "p/web")));
    for text in ["", "/", "a//b", "../x", "a b", "web\n", "\u{0}", "ghcr.io/", "ümlaut/web", "x:y:z", "https://"] {
        check(text, if text == "web\n" { Some((None, "web")) } else { None });
    }
    check(&"a".repeat(2000), None);
}

#[test]
fn a_due_matches_the_repositories_that_it_means() {
    let check = |due: &Due, repository: &str, expected: bool| {
        let repository: Repository = repository.parse().expect("a repository");
        assert_eq!(due_matches(due, &repository), expected, "{due:?} {repository}");
    };
    let due = |text: &str| Due::parse(text).expect("a name");
    check(&due("ghcr.io/acme/web"), "ghcr.io/acme/web", true);
    check(&due("ghcr.io/acme/web"), "ghcr.io/acme/web2", false);
    check(&due("ghcr.io/acme/web"), "quay.io/acme/web", false);
    check(&due("acme/web"), "quay.io/acme/web", true);
    check(&due("acme/web"), "acme/web", true);
    check(&due("web"), "ghcr.io/acme/web", false);
    check(&due("nginx"), "nginx", true);
    check(&due("library/nginx"), "nginx", true);
    check(&due("docker.io/nginx"), "index.docker.io/library/nginx", true);
    check(&due("ghcr.io/acme/web"), "ghcr.io:443/acme/web", true);
    check(&due("docker.io/acme/web"), "registry-1.docker.io/acme/web", true);
    check(&due("127.0.0.1:5000/web"), "127.0.0.1:5001/web", false);
    let project = due("acme/shop").with_scope(Scope::Below);
    check(&project, "registry.gitlab.com/acme/shop", true);
    check(&project, "registry.gitlab.com/acme/shop/web/api", true);
    check(&project, "registry.gitlab.com/acme/shopping", false);
    let foldered = due("acme/web").with_scope(Scope::InFolder);
    check(&foldered, "artifactory.example/docker-virtual/acme/web", true);
    check(&foldered, "docker.artifactory.example/acme/web", true);
    check(&foldered, "artifactory.example/a/b/acme/web", false);
    check(&foldered, "artifactory.example/myacme/web", false);
}

#[test]
fn the_queue_keeps_each_name_once_and_gives_up_names_when_full() {
    let (sender, mut receiver) = due_queue();
    let due = |name: &str| Due::parse(name).expect("a name");
    for _ in 0..10_000 {
        sender.send(due("acme/web"));
    }
    assert_eq!(receiver.take(), Dues::These(BTreeSet::from([due("acme/web")])));
    for number in 0..2000 {
        sender.send(due(&format!("acme/web{number}")));
    }
    assert_eq!(receiver.take(), Dues::Everything);
    assert_eq!(receiver.take(), Dues::These(BTreeSet::new()));
}

#[tokio::test]
async fn the_queue_wakes_who_waits_and_loses_nothing_when_dropped() {
    let (sender, mut receiver) = due_queue();
    let waiting = tokio::time::timeout(Duration::from_millis(20), receiver.recv()).await;
    assert!(waiting.is_err(), "nothing was due");
    let due = Due::parse("acme/web").expect("a name");
    sender.send(due.clone());
    assert_eq!(receiver.recv().await, Dues::These(BTreeSet::from([due])));
}
