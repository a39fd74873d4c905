//! Selectors: which of five resources kustomize v5.8.2 finds.

use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;

const RESOURCES: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod, labels: {app: web, tier: "1", empty: ""}, annotations: {owner: me}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web-db, labels: {app: db, tier: "2"}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: prod, labels: {app: web}}
---
apiVersion: v1
kind: Namespace
metadata: {name: prod}
---
apiVersion: example.com/v1beta1
kind: Widget
metadata: {name: w.x, namespace: default, annotations: {owner: you, count: "3"}}
"#;

#[test]
fn selectors_select() {
    check("{}", "Deployment Namespace Service StatefulSet Widget");
    check("{kind: Deployment}", "Deployment");
    check("{kind: Deploy}", "");
    check(r#"{kind: "Deploy.*"}"#, "Deployment");
    check(r#"{kind: "Deployment|Service"}"#, "Deployment Service");
    check("{name: web}", "Deployment Service");
    check(r#"{name: "web.*"}"#, "Deployment Service StatefulSet");
    check(r#"{name: "^web$"}"#, "Deployment Service");
    check("{name: w.x}", "Widget");
    check(r#"{name: "w[.]x"}"#, "Widget");
    check("{group: apps}", "Deployment StatefulSet");
    check(r#"{group: ""}"#, "Deployment Namespace Service StatefulSet Widget");
    check("{version: v1}", "Deployment Namespace Service StatefulSet");
    check(r#"{version: "v1.*"}"#, "Deployment Namespace Service StatefulSet Widget");
    check("{group: apps, version: v1, kind: StatefulSet}", "StatefulSet");
    check("{namespace: prod}", "Deployment Service");
    check("{namespace: default}", "StatefulSet Widget");
    check(r#"{namespace: "_non_namespaceable_"}"#, "Namespace");
    check(r#"{name: "p-.*"}"#, "");
    check(r#"{namespace: ""}"#, "Deployment Namespace Service StatefulSet Widget");
    check("{labelSelector: app=web}", "Deployment Service");
    check("{labelSelector: app==web}", "Deployment Service");
    check(r#"{labelSelector: "app = web , tier=1"}"#, "Deployment");
    check("{labelSelector: app!=web}", "Namespace StatefulSet Widget");
    check(r#"{labelSelector: "app in (web, db)"}"#, "Deployment Service StatefulSet");
    check(r#"{labelSelector: "app notin (web)"}"#, "Namespace StatefulSet Widget");
    check(r#"{labelSelector: "app notin (web,)"}"#, "Namespace StatefulSet Widget");
    check("{labelSelector: app}", "Deployment Service StatefulSet");
    check(r#"{labelSelector: "!app"}"#, "Namespace Widget");
    check("{labelSelector: empty=}", "Deployment");
    check(r#"{labelSelector: "empty in ()"}"#, "Deployment");
    check("{labelSelector: tier > 1}", "StatefulSet");
    check("{labelSelector: tier<2}", "Deployment");
    check("{annotationSelector: owner=me}", "Deployment");
    check(r#"{annotationSelector: "owner,count"}"#, "Widget");
    check("{labelSelector: in}", "");
    check(r#"{labelSelector: "app in (in)"}"#, "");
    check(r#"{labelSelector: "app.io/X"}"#, "");
}

#[test]
fn wrong_selectors_are_refused() {
    for selector in [
        "{labelSelector: app in web}",
        r#"{labelSelector: "app,"}"#,
        r#"{labelSelector: ",app"}"#,
        r#"{labelSelector: "app=web tier"}"#,
        r#"{labelSelector: "=web"}"#,
        r#"{labelSelector: "app in (web"}"#,
        r#"{labelSelector: "tier > x"}"#,
        r#"{labelSelector: "-app"}"#,
        r#"{labelSelector: "a/b/c"}"#,
        r#"{labelSelector: "app=we%b"}"#,
        r#"{name: "["}"#,
        r#"{name: "(?=x)"}"#,
        r#"{labelSelector: "App.io/x"}"#,
    ] {
        assert!(selected(selector).is_err(), "{selector}");
    }
}

/// The kinds that `selector` selects.
fn check(selector: &str, kinds: &str) {
    assert_eq!(selected(selector).as_deref(), Ok(kinds), "{selector}");
}

fn selected(selector: &str) -> Result<String, String> {
    let patch = "    kind: Any\n    metadata: {name: any, labels: {hit: \"1\"}}";
    let file = format!("resources: [r.yaml]\npatches:\n- target: {selector}\n  patch: |-\n{patch}\n");
    let tree: Memory = [("kustomization.yaml", file.as_str()), ("r.yaml", RESOURCES)].into_iter().collect();
    match build(&tree, "", &Options::default()).map_err(|error| error.to_string())? {
        Outcome::Built(built) => {
            let hits =
                built.resources.iter().filter(|resource| resource.node.at(&["metadata", "labels", "hit"]).is_some());
            let mut kinds: Vec<&str> = hits.map(|resource| resource.kind()).collect();
            kinds.sort_unstable();
            Ok(kinds.join(" "))
        }
        Outcome::Missing(_) => Err("remotes are missing".to_owned()),
    }
}
