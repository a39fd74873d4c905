//! `--registries FILE` as users have it: credentials, limits and mistakes, by `scan` and `sync`.

use base64::Engine as _;

use crate::program::{Run, command, finish};
use crate::servers::fake_registry::FakeRegistry;
use crate::world::{World, automation, policy, source};

/// A world behind a login, with this rule for its registry.
fn world(fields: &str) -> World {
    let world = World::simple();
    world.registry.require_login("alice", "s3cret");
    let rule = format!("registries:\n- {{name: fake, api_url: 'http://REGISTRY', prefix: 'REGISTRY', {fields}}}\n");
    std::fs::write(world.path("registries.yaml"), world.fill(&rule)).expect("a file");
    world
}

fn sync(world: &World) -> Run {
    world.sync(&["--registries", &world.path("registries.yaml").display().to_string()])
}

fn scan(world: &World, image: &str, variable: Option<&str>) -> Run {
    let file = world.path("registries.yaml");
    let mut command = command(["scan", image, "--registries", &file.display().to_string()], world.folder.path());
    command.envs(variable.map(|value| ("LOGIN", value)));
    finish(&mut command)
}

fn with_secret(world: &World, data: &str, repository: &str) {
    let secret = format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: login}}\nstringData: {{{data}}}\n");
    let policy = policy("web", "^1").replace("interval:", &format!("{repository}interval:"));
    world.objects("all.yaml", &(policy + &source("app") + &secret + &automation("apps", "app", "./apps")));
}

#[test]
fn a_rule_brings_its_credentials_from_a_secret() {
    let image = |world: &World| world.fill("REGISTRY/acme/web:1.0.1");
    let field = world("credentials: 'secret:flux-system/login#creds'");
    with_secret(&field, "creds: 'alice:s3cret'", "");
    sync(&field).ok();
    assert_eq!(field.web_image("main"), image(&field));
    let pull = world("credentials: 'pullsecret:flux-system/login'");
    let auth = base64::engine::general_purpose::STANDARD.encode("alice:s3cret");
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, pull.registry.addr());
    with_secret(&pull, &format!(".dockerconfigjson: '{config}'"), "");
    sync(&pull).ok();
    assert_eq!(pull.web_image("main"), image(&pull));
}

#[test]
fn a_rules_credentials_are_not_for_everybody() {
    let check = |data: &str, repository: &str, expected: &str| {
        let world = world("credentials: 'secret:flux-system/login#creds'");
        with_secret(&world, data, repository);
        let run = sync(&world).code_is(2);
        assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    };
    let unread =
        "credentials of the --registries file: Secret flux-system/login, key creds does not hold USER:PASSWORD";
    check("creds: 's3cret'", "", unread);
    check("other: 'alice:s3cret'", "", unread);
    check("creds: 'alice:s3cret'", "insecure: true, ", "asked anonymously");
    check("creds: 'alice:wrong'", "", "asked with the password of alice from Secret flux-system/login, key creds\n");
}

#[test]
fn scan_reads_variables_and_tells_of_mistakes() {
    let world = world("credentials: 'env:LOGIN', tagsortmode: latest-last, limit: 50");
    let image = world.fill("REGISTRY/acme/web");
    let run = scan(&world, &image, Some("alice:s3cret")).code_is(0);
    assert_eq!(run.stdout, "1.0.0\n1.0.1\n");
    assert!(run.stderr.contains("tagsortmode has no effect here yet"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("tagsortmode").count(), 1, "{}", run.stderr);
    let run = scan(&world, &image, None).code_is(2);
    assert!(run.stderr.contains("the environment variable LOGIN is not set"), "{}", run.stderr);
    let run = scan(&world, &image, Some("alice:wrong")).code_is(2);
    assert!(run.stderr.contains("the password of alice from the environment variable LOGIN\n"), "{}", run.stderr);
    let run = scan(&world, &image, Some("alice")).code_is(2);
    assert!(run.stderr.contains("the environment variable LOGIN does not hold USER:PASSWORD"), "{}", run.stderr);
    let wrong = "registries:\n- {name: a, api_url: 'https://a.example', insecure: true}\n";
    std::fs::write(world.path("registries.yaml"), wrong).expect("a file");
    let run = scan(&world, &image, None).code_is(2);
    assert!(run.stderr.contains("registries.yaml: registries[0].insecure: certificates are always checked"));
    std::fs::remove_file(world.path("registries.yaml")).expect("a file");
    let run = scan(&world, &image, None).code_is(2);
    assert!(run.stderr.contains("No such file"), "{}", run.stderr);
}

#[test]
fn what_names_no_host_is_not_what_names_docker_hub() {
    let (world, hub) = (World::simple(), FakeRegistry::start());
    hub.push("acme/web", "1.0.9");
    let rules = format!(
        "registries:\n- {{name: own, api_url: 'http://REGISTRY', prefix: own.example.com, default: true}}\n\
         - {{name: hub, api_url: 'http://{}', prefix: docker.io}}\n",
        hub.addr()
    );
    std::fs::write(world.path("registries.yaml"), world.fill(&rules)).expect("a file");
    let own = policy("web", "^1").replace("REGISTRY/", "");
    // First in the order of names.
    let other = policy("a", "^1").replace("REGISTRY/acme/a", "docker.io/acme/web");
    world.objects("all.yaml", &(other + &own + &source("app") + &automation("apps", "app", "./apps")));
    sync(&world).ok();
    assert_eq!(world.web_image("main"), "acme/web:1.0.1");
}

#[test]
fn the_verbs_and_the_service_speak_of_one_view() {
    let world = World::simple();
    let rules = "registries:\n- {name: own, api_url: 'http://REGISTRY', prefix: own.example.com, default: true}\n";
    std::fs::write(world.path("registries.yaml"), world.fill(rules)).expect("a file");
    let own = policy("web", "^1").replace("REGISTRY/", "");
    world.objects("all.yaml", &(own + &source("app") + &automation("apps", "app", "./apps")));
    sync(&world).ok();
    let (state, rules) = (world.path("state").display().to_string(), world.path("registries.yaml"));
    let select =
        ["select", "acme/web", "--semver", "^1", "--on-moved-tag", "report", "--state", &state, "--registries"];
    let mut select = command(select, world.folder.path());
    assert_eq!(finish(select.arg(rules)).ok(), "docker.io/acme/web:1.0.1\n");
    let show = ["ledger", "show", "acme/web", "-o", "json", "--state", &state];
    let views = finish(&mut command(show, world.folder.path())).json();
    let accesses: Vec<&str> =
        views.as_array().expect("views").iter().filter_map(|view| view["access"].as_str()).collect();
    assert_eq!(accesses, ["default=own;"]);
}
