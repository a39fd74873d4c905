//! The main job with the manifests that people have: every version, the shapes of articles, the ways credentials come.

use crate::program::finish;
use crate::servers::docker_registry::DockerRegistry;
use crate::servers::git_http::git;
use crate::world::{World, automation, deployment, policy, source};

/// Objects as articles had them in 2021, with the short forms of message templates.
const ARTICLE: &str = "apiVersion: image.toolkit.fluxcd.io/v1beta1
kind: ImageRepository
metadata:
  name: api-service
  namespace: flux-system
spec:
  image: REGISTRY/org/api-service
  interval: 1m
---
apiVersion: image.toolkit.fluxcd.io/v1beta1
kind: ImagePolicy
metadata:
  name: api-service
  namespace: flux-system
spec:
  imageRepositoryRef:
    name: api-service
  policy:
    semver:
      range: '>=1.0.0'
---
apiVersion: image.toolkit.fluxcd.io/v1beta1
kind: ImageUpdateAutomation
metadata:
  name: api-service
spec:
  interval: 1m
  sourceRef:
    kind: GitRepository
    name: infrastructure
  git:
    checkout:
      ref:
        branch: main
    commit:
      author:
        email: flux@example.com
        name: Flux
      messageTemplate: 'TEMPLATE'
    push:
      branch: main
  update:
    path: ./infrastructure/environments
    strategy: Setters
---
apiVersion: source.toolkit.fluxcd.io/VERSION
kind: GitRepository
metadata:
  name: infrastructure
  namespace: flux-system
spec:
  url: GIT/app.git
  interval: 1m
  ref:
    branch: main
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  replicas: 1
  selector:
    matchLabels: {app: api}
  template:
    spec:
      containers:
        - name: api
          image: REGISTRY/org/api-service:v1.2.3 # {\"$imagepolicy\": \"flux-system:api-service\"}
";

/// Runs the article's objects with a message template and gives the commit message above the trailers.
fn message(template: &str, source_version: &str) -> String {
    let world = World::new();
    world.registry.push("org/api-service", "v1.2.3");
    world.registry.push("org/api-service", "v1.3.0");
    world.git.create("app.git", &[("infrastructure/environments/dev/api.yaml", &world.fill(DEPLOYMENT))]);
    world.objects("all.yaml", &ARTICLE.replace("TEMPLATE", template).replace("VERSION", source_version));
    world.sync(&[]).ok();
    let message = git(&world.git.path("app.git"), &["log", "-1", "--format=%B", "main"]);
    let above = message.split("\n\nImage-Automation:").next().expect("a message").to_owned();
    above.replace(&world.registry.addr().to_string(), "REGISTRY")
}

#[test]
fn message_templates_of_articles_work() {
    let check = |template: &str, expected: &str| assert_eq!(message(template, "v1"), expected, "{template}");
    check(
        "chore: update {{.AutomatedResource.Name}} to {{.NewImage}}",
        "chore: update api to REGISTRY/org/api-service:v1.3.0",
    );
    check("chore: update {{.Changed.Name}} to {{.Changed.NewTag}}", "chore: update api-service to v1.3.0");
    check(
        "{{.AutomatedResource.Kind}} {{.OldImage}} {{.Changed.OldTag}}",
        "Deployment REGISTRY/org/api-service:v1.2.3 v1.2.3",
    );
    check("{{ range .Updated.Images }}{{ println . }}{{ end }}", "REGISTRY/org/api-service:v1.3.0");
    check("{{ range $r, $_ := .Updated.Objects }}{{ $r.Kind }} {{ $r.Name }}{{ end }}", "Deployment api");
    check("{{ range $f, $_ := .Updated.Files }}{{ $f }}{{ end }}", "infrastructure/environments/dev/api.yaml");
    check(
        "{{ range .Changed.ImageResult.Images }}{{ .Repository }} {{ .Identifier }} {{ .Policy.Name }}{{ end }}",
        "org/api-service v1.3.0 api-service",
    );
    check("{{ .AutomationObject }}: {{ len .Changed.Changes }}", "flux-system/api-service: 1");
    check(
        "{{ range $f, $o := .Changed.FileChanges }}{{ $f }}{{ range $k, $c := $o }} {{ $k.Kind }}/{{ $k.Name }}{{ range $c }} {{ .Setter }}{{ end }}{{ end }}{{ end }}",
        "infrastructure/environments/dev/api.yaml Deployment/api flux-system:api-service",
    );
    check("{{ .Changed.Summary }}", "REGISTRY/org/api-service:v1.2.3 -> REGISTRY/org/api-service:v1.3.0");
    check("", "Update from image update automation");
}

#[test]
fn sources_of_older_versions_work() {
    for version in ["v1beta1", "v1beta2", "v1"] {
        assert_eq!(message("x", version), "x");
    }
}

#[test]
fn all_three_versions_of_the_image_kinds_give_the_same() {
    for version in ["v1beta1", "v1beta2", "v1"] {
        let world = World::simple();
        let automation = automation("apps", "app", "./apps").replace("  update: {", "  update: {strategy: Setters, ");
        let objects = (policy("web", "^1") + &source("app") + &automation)
            .replace("fluxcd.io/v1\nkind: Image", &format!("fluxcd.io/{version}\nkind: Image"));
        world.objects("all.yaml", &objects);
        world.sync(&[]).ok();
        assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"), "{version}");
    }
}

#[test]
fn a_template_mistake_fails_its_automation_with_the_place() {
    let world = World::simple();
    let automation = automation("apps", "app", "./apps").replace("update apps", "{{ .Nope }}");
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation));
    let run = world.sync(&[]).code_is(2);
    let expected = "spec.git.commit.messageTemplate: template: commit message:1:3: executing \"commit message\" at <.Nope>: can't evaluate field Nope in type source.TemplateData";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert!(run.stderr.contains("\nhint: the fields of source.TemplateData are AutomationObject,"), "{}", run.stderr);
    assert_eq!(world.git.log("app.git", "main"), ["first"]);
}

#[test]
fn a_branch_is_not_named_by_a_template() {
    let world = World::simple();
    let automation = automation("apps", "app", "./apps");
    let automation = automation.replace("  git:\n", "  git:\n    push: {branch: '{{ .Changed.Name }}'}\n");
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation));
    let run = world.sync(&[]).code_is(2);
    let expected = "branch name \"{{ .Changed.Name }}\" is not valid: git check-ref-format refuses it\n\
                    hint: only the commit message is a template; the name of a branch is taken as it is written\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

const CANARY: &str = "c4n4ry-s3cr3t";

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// The simple world behind passwords, with references to the Secrets `git` and `registry`.
fn locked() -> World {
    let world = World::simple();
    world.git.protect(&basic("bot", CANARY));
    world.registry.require_login("bot", CANARY);
    let policy = policy("web", "^1").replace("interval: 1m}", "interval: 1m, secretRef: {name: registry}}");
    let source = source("app").replace("interval: 1m,", "interval: 1m, secretRef: {name: git},");
    world.objects("all.yaml", &(policy + &source + &automation("apps", "app", "./apps")));
    world
}

fn docker_config(world: &World) -> String {
    format!("{{\"auths\": {{\"{}\": {{\"username\": \"bot\", \"password\": \"{CANARY}\"}}}}}}", world.registry.addr())
}

#[test]
fn secrets_come_from_manifests() {
    let world = locked();
    let config = docker_config(&world);
    world.objects("secrets.yaml", &format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: git, namespace: flux-system}}\nstringData: {{username: bot, password: {CANARY}}}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: registry, namespace: flux-system}}\ntype: kubernetes.io/dockerconfigjson\nstringData: {{.dockerconfigjson: '{config}'}}\n"
    ));
    world.sync(&[]).ok();
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn secrets_come_from_folders_and_the_environment() {
    let world = locked();
    let folder = world.path("mounted");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join(".dockerconfigjson"), docker_config(&world)).expect("a file");
    let from_folder = format!("flux-system/registry={}", folder.display());
    let mut command = world.sync_command("state", &["--secret", &from_folder, "--secret", "flux-system/git=env:GIT"]);
    finish(command.env("GIT_USERNAME", "bot").env("GIT_PASSWORD", CANARY)).ok();
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn the_users_docker_credentials_serve_where_no_secret_is_named() {
    let world = World::simple();
    world.registry.require_login("bot", CANARY);
    let folder = world.path(".docker");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("config.json"), docker_config(&world)).expect("a file");
    world.sync(&[]).ok();
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn a_missing_or_wrong_secret_is_named_and_never_printed() {
    let world = locked();
    let run = world.sync(&[]).code_is(2);
    assert!(
        run.stderr.contains("ImageRepository flux-system/web: Secret flux-system/registry does not exist"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("GitRepository flux-system/app: Secret flux-system/git does not exist"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("--secret NS/NAME=DIR"), "{}", run.stderr);
    let mut command = world.sync_command(
        "state",
        &["--log-level", "trace", "--secret", "flux-system/registry=env:REG", "--secret", "flux-system/git=env:GIT"],
    );
    let config = docker_config(&world).replace("bot", "nobody");
    command.env("REG_DOCKERCONFIGJSON", config).env("GIT_USERNAME", "nobody").env("GIT_PASSWORD", CANARY);
    let run = finish(&mut command).code_is(2);
    assert!(!run.transcript().contains(CANARY), "{}", run.transcript());
}

#[test]
fn the_real_registry_serves_with_a_bcrypt_password() {
    let world = World::simple();
    let registry = DockerRegistry::start_with_login("bot", CANARY);
    registry.push_image("acme/web", "1.0.0", "one");
    registry.push_image("acme/web", "1.4.0", "two");
    let manifest = deployment(&format!("{}/acme/web:1.0.0", registry.addr()), "web");
    world.git.commit("app.git", "main", &[("apps/web.yaml", &manifest)], "other registry");
    let policy = policy("web", "^1")
        .replace("REGISTRY", &registry.addr().to_string())
        .replace("interval: 1m}", "interval: 1m, secretRef: {name: registry}}");
    world.objects("all.yaml", &(policy + &source("app") + &automation("apps", "app", "./apps")));
    let config = docker_config(&world).replace(&world.registry.addr().to_string(), &registry.addr().to_string());
    let mut command = world.sync_command("state", &["--secret", "flux-system/registry=env:REG"]);
    finish(command.env("REG_DOCKERCONFIGJSON", config)).ok();
    assert_eq!(world.web_image("main"), format!("{}/acme/web:1.4.0", registry.addr()));
}
