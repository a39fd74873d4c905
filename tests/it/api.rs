//! Objects from YAML: what loads, what is wrong with what does not, and in which words.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tagwright::api::{
    self, DigestReflectionPolicy, Kind, Loaded, Severity, SigningKeyKind, SourceText, VerificationMode,
};
use tagwright::object::NamespacedName;

pub(crate) fn load(text: &str) -> Loaded {
    api::load([SourceText { file: "app.yaml", text }], "default")
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/api").join(name);
    fs::read_to_string(path).expect("a fixture")
}

fn load_fixture(name: &str) -> Loaded {
    let loaded = load(&fixture(name));
    assert_eq!(texts(&loaded), [""; 0], "problems of {name}");
    loaded
}

/// `error: ` or `warning: ` and the problem, one by one.
fn texts(loaded: &Loaded) -> Vec<String> {
    let word = |severity| if severity == Severity::Error { "error" } else { "warning" };
    loaded.problems.iter().map(|problem| format!("{}: {problem}", word(problem.severity))).collect()
}

fn name(text: &str) -> NamespacedName {
    let (namespace, name) = text.split_once('/').expect("namespace/name");
    NamespacedName::new(namespace, name)
}

/// Loads one text and compares all problems.
fn check(text: &str, expected: &[&str]) {
    assert_eq!(texts(&load(text)), expected, "problems of:\n{text}");
}

/// Checks the problems of one object `team/web`, given its spec in flow style. `field: message` is expected of
/// each; a leading `? ` marks a warning.
pub(crate) fn check_spec(api_version: &str, kind: &str, spec: &str, expected: &[&str]) {
    let text =
        format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: web, namespace: team}}\nspec: {spec}\n");
    let expected: Vec<String> = expected
        .iter()
        .map(|line| match line.strip_prefix("? ") {
            Some(line) => format!("warning: app.yaml: document 1 ({kind} team/web), {line}"),
            None => format!("error: app.yaml: document 1 ({kind} team/web), {line}"),
        })
        .collect();
    let loaded = load(&text);
    assert_eq!(texts(&loaded), expected, "problems of {kind} with spec {spec}");
    let has_errors = expected.iter().any(|line| line.starts_with("error"));
    let broken = loaded.objects.broken.keys().map(|(kind, name)| format!("{kind} {name}")).collect::<Vec<_>>();
    let expected_broken = if has_errors { vec![format!("{kind} team/web")] } else { vec![] };
    assert_eq!(broken, expected_broken, "broken objects of {spec}");
    assert_eq!(count(&loaded), usize::from(!has_errors), "objects of {spec}");
}

fn count(loaded: &Loaded) -> usize {
    let objects = &loaded.objects;
    objects.image_repositories.len()
        + objects.image_policies.len()
        + objects.image_update_automations.len()
        + objects.git_repositories.len()
        + objects.secrets.len()
}

#[test]
fn manifests_of_2021_load() {
    let objects = load_fixture("v1beta1-2021.yaml").objects;
    let checkout = name("flux-system/checkout");
    assert_eq!(objects.image_repositories[&checkout].spec.image, "registry.example.com/shop/checkout");
    assert_eq!(objects.image_repositories[&checkout].spec.exclusion_list, [r"^.*\.sig$"]);
    assert!(objects.image_policies[&checkout].spec.selector().is_ok());
    assert_eq!(objects.image_policies[&checkout].spec.digest_reflection_policy, DigestReflectionPolicy::Never);
    let automation = &objects.image_update_automations[&name("default/checkout")];
    assert_eq!(automation.metadata.namespace, "default");
    assert_eq!(automation.spec.source_ref.within("default"), name("default/fleet"));
    assert_eq!(automation.spec.update.path.as_deref(), Some("./clusters"));
    let git = automation.spec.git().expect("a git section");
    assert_eq!(git.commit.message_template(), "chore: update {{.AutomatedResource.Name}} to {{.NewImage}}");
    let fleet = &objects.git_repositories[&name("flux-system/fleet")].spec;
    assert_eq!(fleet.timeout().as_secs(), 20);
    assert_eq!(fleet.verify.as_ref().map(|verify| verify.mode), Some(VerificationMode::Head));
}

#[test]
fn manifests_of_v1beta2_load() {
    let objects = load_fixture("v1beta2.yaml").objects;
    let repository = &objects.image_repositories[&name("team-a/web")];
    assert!(repository.spec.suspend, "a suspended object is loaded");
    assert_eq!(repository.spec.timeout().as_secs(), 90);
    assert_eq!(
        repository.spec.secret_ref.as_ref().map(|secret| secret.within("team-a")),
        Some(name("team-a/registry"))
    );
    let policy = &objects.image_policies[&name("team-b/web")].spec;
    assert_eq!(policy.image_repository_ref.within("team-b"), name("team-a/web"));
    assert_eq!(policy.digest_reflection_policy, DigestReflectionPolicy::Always);
    let automation = &objects.image_update_automations[&name("team-b/web")].spec;
    assert_eq!(automation.source_ref.within("team-b"), name("flux-system/apps"));
    let commit = &automation.git().expect("a git section").commit;
    assert_eq!(commit.message_template(), "Update from image update automation");
    assert_eq!(commit.message_template_values["cluster"], "production");
    assert_eq!(commit.signing_key.as_ref().map(|key| key.kind), Some(SigningKeyKind::Gpg));
    let secret = &objects.secrets[&name("team-a/registry")];
    assert_eq!(secret.text("username").expect("text"), Some("reader"));
}

#[test]
fn a_list_from_the_api_server_loads() {
    let objects = load_fixture("kubectl-list.yaml").objects;
    let web = name("flux-system/web");
    assert_eq!(objects.image_repositories[&web].metadata.labels["app"], "web");
    assert_eq!(
        objects.image_repositories[&web].metadata.annotations["reconcile.fluxcd.io/requestedAt"],
        "2025-11-03T10:00:00Z"
    );
    assert_eq!(objects.image_repositories[&web].spec.secret_ref, None);
    assert!(objects.image_policies[&web].spec.suspend);
}

/// Every field is read in every version; those that a version lacks are named.
#[test]
fn fields_that_a_version_lacks_are_warned_about() {
    let lacking = |version: &str| {
        let loaded = load(&fixture("every-field.yaml").replace("VERSION", version));
        assert_eq!(count(&loaded), 4, "objects in {version}");
        let field = |problem: &api::Problem| {
            assert_eq!(problem.severity, Severity::Warning, "{problem}");
            let kind = problem.object.as_ref().expect("an object").kind.clone();
            format!("{kind} {}", problem.field)
        };
        loaded.problems.iter().map(field).collect::<Vec<_>>()
    };
    let of_v1beta1 = [
        "ImageRepository spec.proxySecretRef",
        "ImageRepository spec.provider",
        "ImageRepository spec.insecure",
        "ImagePolicy spec.digestReflectionPolicy",
        "ImagePolicy spec.interval",
        "ImagePolicy spec.suspend",
        "ImageUpdateAutomation spec.policySelector",
        "ImageUpdateAutomation spec.git.commit.messageTemplateValues",
        "ImageUpdateAutomation spec.git.commit.signingKey.type",
        "GitRepository spec.ref.name",
        "GitRepository spec.proxySecretRef",
        "GitRepository spec.provider",
        "GitRepository spec.serviceAccountName",
        "GitRepository spec.sparseCheckout",
    ];
    let of_v1beta2 = [
        "ImageUpdateAutomation spec.git.commit.signingKey.type",
        "GitRepository spec.proxySecretRef",
        "GitRepository spec.provider",
        "GitRepository spec.serviceAccountName",
        "GitRepository spec.sparseCheckout",
    ];
    assert_eq!(lacking("v1beta1"), of_v1beta1);
    assert_eq!(lacking("v1beta2"), of_v1beta2);
    assert_eq!(lacking("v1"), ["GitRepository spec.gitImplementation", "GitRepository spec.accessFrom"]);
    check_spec(
        "image.toolkit.fluxcd.io/v1beta1",
        "ImageRepository",
        "{image: ghcr.io/acme/web, interval: 5m, insecure: true}",
        &["? spec.insecure: is not a field of v1beta1, v1beta2 to v1 have it; it is used all the same"],
    );
}

#[test]
fn documents_are_checked() {
    let object = |head: &str| format!("{head}\nspec: {{image: web, interval: 5m}}\n");
    check(&object("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web}"), &[]);
    check(
        &object("apiVersion: image.toolkit.fluxcd.io/v1alpha2\nkind: ImageRepository\nmetadata: {name: web}"),
        &[
            r#"error: app.yaml: document 1 (ImageRepository default/web), apiVersion: "image.toolkit.fluxcd.io/v1alpha2" is not supported, expected image.toolkit.fluxcd.io/v1, v1beta2 or v1beta1"#,
        ],
    );
    check(
        &object("kind: ImageRepository\nmetadata: {name: web}"),
        &[
            "error: app.yaml: document 1 (ImageRepository default/web), apiVersion: is required, such as image.toolkit.fluxcd.io/v1",
        ],
    );
    check(
        &object("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepo\nmetadata: {name: web}"),
        &[
            r#"error: app.yaml: document 1 (ImageRepo default/web), kind: "ImageRepo" is not one of ImageRepository, ImagePolicy, ImageUpdateAutomation"#,
        ],
    );
    check(
        &object("apiVersion: image.toolkit.fluxcd.io/v1\nmetadata: {name: web}"),
        &["error: app.yaml: document 1, kind: is required, one of ImageRepository, ImagePolicy, ImageUpdateAutomation"],
    );
    check(
        &object("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository"),
        &[r#"error: app.yaml: document 1 (ImageRepository), metadata: is required, such as {"name":"web"}"#],
    );
    check(
        &object(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {nmae: web, labels: {a: true}}",
        ),
        &[
            r#"error: app.yaml: document 1 (ImageRepository), metadata.labels.a: expected a string, found true; put it in quotes"#,
            r#"error: app.yaml: document 1 (ImageRepository), metadata.name: is required, such as "web""#,
            "warning: app.yaml: document 1 (ImageRepository), metadata.nmae: unknown field, ignored; did you mean name?",
        ],
    );
    check(
        &object(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: Web_1, namespace: a.b}",
        ),
        &[
            r#"error: app.yaml: document 1 (ImageRepository a.b/Web_1), metadata.name: "Web_1" is not a valid name, expected lower-case letters, digits and dashes"#,
            r#"error: app.yaml: document 1 (ImageRepository a.b/Web_1), metadata.namespace: "a.b" is not a valid name, expected lower-case letters, digits and dashes"#,
        ],
    );
    check(
        &object("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: \"a\\e[31m\"}"),
        &[
            r#"error: app.yaml: document 1 (ImageRepository default/a\u{1b}[31m), metadata.name: "a\u{1b}[31m" is not a valid name, expected lower-case letters, digits and dashes"#,
        ],
    );
    check(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web, annotations: {a.b/c: 1}}\nspecs: {}\n",
        &[
            r#"error: app.yaml: document 1 (ImageRepository default/web), metadata.annotations["a.b/c"]: expected a string, found the number 1; put it in quotes"#,
            "error: app.yaml: document 1 (ImageRepository default/web), spec: is required",
            "warning: app.yaml: document 1 (ImageRepository default/web), specs: unknown field, ignored; did you mean spec?",
        ],
    );
}

#[test]
fn other_documents_are_passed_over() {
    check("", &[]);
    check("---\n# nothing\n---\n", &[]);
    check("just text\n---\n- a\n- b\n---\n{}\n---\nkind: 5\n", &[]);
    check("apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: a}\n", &[]);
    check("apiVersion: example.com/v1\nkind: ImagePolicy\nspec: 5\n", &[]);
    check("apiVersion: example.com/v1\nkind: Secret\ndata: 5\n", &[]);
    check("apiVersion: v1\nkind: List\nitems: [5, {}, {apiVersion: v1, kind: ConfigMap}]\n", &[]);
}

#[test]
fn items_of_lists_are_named_by_place() {
    check(
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap}\n- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: image.toolkit.fluxcd.io/v1\n    kind: ImagePolicy\n    metadata: {name: web}\n    spec: {policy: {alphabetical: {}}}\n",
        &[
            r#"error: app.yaml: document 1 (ImagePolicy default/web), items[1].items[0].spec.imageRepositoryRef: is required, such as {"name":"web"}"#,
        ],
    );
    check(
        "apiVersion: v1\nkind: SecretList\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {k: '%'}}\n",
        &["warning: app.yaml: document 1 (Secret default/a), items[0]: data.k: expected base64 text"],
    );
}

#[test]
fn two_objects_of_one_name_are_both_left_out() {
    let web = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web}\nspec: {image: web, interval: 5m}\n";
    let other = web.replace("/v1\n", "/v1beta2\n").replace("{name: web}", "{name: web, namespace: team}");
    let sources =
        [SourceText { file: "a.yaml", text: web }, SourceText { file: "b.yaml", text: &format!("a: 1\n---\n{other}") }];
    let loaded = api::load(sources, "team");
    assert_eq!(
        texts(&loaded),
        [
            "error: b.yaml: document 2 (ImageRepository team/web), metadata.name: there is another ImageRepository team/web, expected one; the first is document 1 of a.yaml"
        ]
    );
    assert_eq!(count(&loaded), 0);
    assert_eq!(
        loaded.objects.why_absent(Kind::ImageRepository, &name("team/web")),
        "ImageRepository team/web is invalid: see above"
    );
    assert_eq!(loaded.objects.why_absent(Kind::ImagePolicy, &name("team/web")), "ImagePolicy team/web does not exist");
    assert_eq!(count(&api::load(sources, "default")), 2, "another namespace is another name");
}

#[test]
fn secrets_are_read_and_never_shown() {
    let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n{rest}\n");
    let loaded = load(&secret("data: {password: Y2FuYXJ5}\nstringData: {user: canary}"));
    assert_eq!(loaded.objects.secrets[&name("default/a")].text("password").expect("text"), Some("canary"));
    assert!(!format!("{loaded:?}").contains("canary"));
    check(
        &secret("data: {password: canary-}"),
        &["warning: app.yaml: document 1 (Secret default/a): data.password: expected base64 text"],
    );
    check(
        &secret("stringData: {password: 5}"),
        &["warning: app.yaml: document 1 (Secret default/a): stringData.password: expected a string"],
    );
    check("apiVersion: v1\nkind: Secret\n", &["warning: app.yaml: document 1 (Secret), metadata.name: is required"]);
    let sealed = secret("data: {password: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3.9.0}");
    check(
        &sealed,
        &[
            "warning: app.yaml: document 1 (Secret default/a): is encrypted with SOPS and cannot be read here, expected plain data",
        ],
    );
    assert_eq!(
        load(&sealed).objects.why_absent(Kind::Secret, &name("default/a")),
        "Secret default/a is invalid: see above"
    );
}

/// The parser's words are its own; the place and the weight are ours.
#[test]
fn files_that_do_not_parse_are_reported() {
    let one = |text: &str| {
        let loaded = load(text);
        let [problem] = loaded.problems.as_slice() else { panic!("one problem, not {:?}", texts(&loaded)) };
        let start = "app.yaml: line ";
        assert!(
            problem.to_string().starts_with(start) && problem.message.starts_with("not YAML at column "),
            "{problem}"
        );
        (problem.severity, problem.document)
    };
    assert_eq!(one("a: {{- if .Values.x }}\n  b: [\n"), (Severity::Warning, 0));
    assert_eq!(one("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nspec: [\n"), (Severity::Error, 0));
    assert_eq!(one("apiVersion: source.toolkit.fluxcd.io/v1\nspec: }\n"), (Severity::Error, 0));
}

#[test]
fn one_bad_object_does_not_stop_the_others() {
    let text = fixture("v1beta1-2021.yaml").replace("numerical: {}", "numerical: {order: up}");
    let loaded = load(&text);
    assert_eq!(
        texts(&loaded),
        [
            r#"error: app.yaml: document 3 (ImagePolicy flux-system/checkout), spec.policy.numerical.order: "up" is not one of asc, desc"#
        ]
    );
    assert_eq!(loaded.problems[0].line, 30, "where the document starts");
    for end in ["\r\n", "\r"] {
        assert_eq!(load(&text.replace('\n', end)).problems[0].line, 30, "lines that end in {end:?}");
    }
    assert_eq!(count(&loaded), 3);
}

#[test]
fn the_number_of_problems_of_an_object_is_bounded() {
    let labels: Vec<String> = (0..100).map(|n| format!("l{n}: {n}")).collect();
    let text = format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: web, labels: {{{}}}}}\n",
        labels.join(", ")
    );
    assert_eq!(load(&text).problems.len(), 32);
    let unknown: Vec<String> = (0..100).map(|n| format!("field{n}: x")).collect();
    let spec = format!("{{image: web, interval: 5m, {}}}", unknown.join(", "));
    let text = format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: web}}\nspec: {spec}\n"
    );
    let loaded = load(&text);
    let last = "warning: app.yaml: document 1 (ImageRepository default/web): has many unknown fields, the rest of them is not listed";
    assert_eq!(texts(&loaded).last().map(String::as_str), Some(last));
    assert!(loaded.problems.len() < 70 && count(&loaded) == 1);
}

/// Pieces that objects are made of, put together in ways that nobody writes.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("5m".to_owned()),
        Just("''".to_owned()),
        Just("null".to_owned()),
        Just("1.5".to_owned()),
        Just("true".to_owned()),
        "[a-z:/@.-]{1,8}".prop_map(|text| format!("'{text}'")),
    ];
    let keys = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "spec",
        "image",
        "interval",
        "policy",
        "semver",
        "range",
        "items",
        "git",
        "commit",
        "author",
        "sourceRef",
        "update",
        "exclusionList",
        "filterTags",
        "pattern",
    ]);
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(keys.clone(), inner, 0..5).prop_map(|entries| {
                let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_loaded_without_panic(text in "(apiVersion: |kind: |---\n|- |\\{|\\}|[ -~\n]|\\PC){0,60}") {
        load(&text);
    }

    /// An object is loaded, or an error says why not.
    #[test]
    fn any_object_is_loaded_or_reported(
        kind in prop::sample::select(vec!["ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "GitRepository"]),
        spec in any_value(),
    ) {
        let group = if kind == "GitRepository" { "source" } else { "image" };
        let text = format!("apiVersion: {group}.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec: {spec}\n");
        let loaded = load(&text);
        let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        prop_assert_eq!(count(&loaded) == 0, errors > 0, "{:?}", texts(&loaded));
        prop_assert_eq!(loaded.objects.broken.len(), usize::from(errors > 0));
    }
}
