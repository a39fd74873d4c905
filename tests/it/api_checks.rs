//! The rules of each kind: specs in flow style, and what is said about them.

use crate::api::{check_spec, load};

fn repository(spec: &str, expected: &[&str]) {
    check_spec("image.toolkit.fluxcd.io/v1", "ImageRepository", spec, expected);
}

fn policy(spec: &str, expected: &[&str]) {
    check_spec("image.toolkit.fluxcd.io/v1", "ImagePolicy", spec, expected);
}

fn automation(spec: &str, expected: &[&str]) {
    check_spec("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", spec, expected);
}

fn source(spec: &str, expected: &[&str]) {
    check_spec("source.toolkit.fluxcd.io/v1", "GitRepository", spec, expected);
}

#[test]
fn image_repositories_are_checked() {
    repository("{image: ghcr.io/acme/web, interval: 5m}", &[]);
    repository("{image: nginx, interval: 1h30m, exclusionList: []}", &[]);
    repository("{image: 'localhost:5000/web', interval: 1.5h}", &[]);
    repository("{interval: 5m}", &[r#"spec.image: is required, such as "ghcr.io/acme/web""#]);
    repository(
        "{}",
        &[r#"spec.image: is required, such as "ghcr.io/acme/web""#, r#"spec.interval: is required, such as "5m""#],
    );
    repository("[]", &["spec: expected a map, found a list"]);
    repository(
        "{image: 'https://ghcr.io/acme/web', interval: 5m}",
        &["spec.image: has a scheme, expected the name without https://"],
    );
    repository(
        "{image: 'ghcr.io/acme/web:1.0', interval: 5m}",
        &[r#"spec.image: tag "1.0": an image repository is named without a tag"#],
    );
    let digest = format!("sha256:{}", "0".repeat(64));
    repository(
        &format!("{{image: 'nginx@{digest}', interval: 5m}}"),
        &[&format!(r#"spec.image: digest "{digest}": an image repository is named without a digest"#)],
    );
    repository(
        "{image: web, interval: 60}",
        &["spec.interval: expected a duration such as 30s or 5m, found the number 60"],
    );
    repository(
        "{image: web, interval: 5 minutes}",
        &[
            r#"spec.interval: "5 minutes" is not a duration, expected numbers with the units ms, s, m or h, such as 30s, 5m or 1h30m"#,
        ],
    );
    repository(
        "{image: web, interval: 5m, timeout: 1h}",
        &[r#"spec.timeout: "1h" has hours, which this field does not take, expected the units ms, s or m"#],
    );
    repository(
        "{image: web, interval: 5m, provider: AWS, insecure: 'true', secretRef: registry}",
        &[
            r#"spec.provider: "AWS" is not one of generic, aws, azure, gcp"#,
            r#"spec.insecure: expected true or false, found the text "true""#,
            r#"spec.secretRef: expected a map with name, found the text "registry""#,
        ],
    );
    repository(
        "{image: web, interval: 5m, url: x, Suspend: true, secretRef: {nam: a, name: b}}",
        &[
            "? spec.url: unknown field, ignored",
            "? spec.Suspend: unknown field, ignored; did you mean suspend?",
            "? spec.secretRef.nam: unknown field, ignored; did you mean name?",
        ],
    );
    repository(
        "{image: web, interval: 5m, exclusionList: [ok, 5]}",
        &["spec.exclusionList[1]: expected a string, found the number 5; put it in quotes"],
    );
    let many = vec!["x"; 26].join(",");
    repository(
        &format!("{{image: web, interval: 5m, exclusionList: [{many}]}}"),
        &["spec.exclusionList: has 26 entries, expected at most 25"],
    );
    let long = "a".repeat(254);
    repository(
        &format!("{{image: web, interval: 5m, serviceAccountName: {long}}}"),
        &["spec.serviceAccountName: has 254 characters, expected at most 253"],
    );
    repository(
        "{image: web, interval: 5m, accessFrom: {}, secretRef: {}, provider: quay}",
        &[
            "spec.accessFrom.namespaceSelectors: is required",
            "spec.secretRef.name: is required",
            r#"spec.provider: "quay" is not one of generic, aws, azure, gcp"#,
        ],
    );
}

/// A faulty regular expression is named with its place; its words are those of the room of regular expressions.
#[test]
fn faulty_patterns_are_named_by_field() {
    let fields = |kind: &str, spec: &str| {
        let text =
            format!("apiVersion: image.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec: {spec}\n");
        load(&text).problems.into_iter().map(|problem| problem.field).collect::<Vec<_>>()
    };
    assert_eq!(
        fields("ImageRepository", "{image: web, interval: 5m, exclusionList: ['[', ok, '(?=x)']}"),
        ["spec.exclusionList[0]", "spec.exclusionList[2]"]
    );
    assert_eq!(
        fields(
            "ImagePolicy",
            "{imageRepositoryRef: {name: web}, policy: {semver: {range: latest}}, filterTags: {pattern: '['}}"
        ),
        ["spec.policy.semver.range", "spec.filterTags.pattern"]
    );
    assert_eq!(
        fields("ImagePolicy", "{imageRepositoryRef: {name: web}, policy: {semver: {range: ''}}}"),
        ["spec.policy.semver.range"]
    );
}

#[test]
fn image_policies_are_checked() {
    policy("{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}}", &[]);
    policy(
        "{imageRepositoryRef: {name: web}, policy: {numerical: {order: desc}}, filterTags: {pattern: '(.*)', extract: $1}}",
        &[],
    );
    policy(
        "{imageRepositoryRef: {name: web}, policy: {numerical: {order: ascending}}}",
        &[r#"spec.policy.numerical.order: "ascending" is not one of asc, desc"#],
    );
    policy(
        "{imageRepositoryRef: {name: web}, policy: {}}",
        &["spec.policy: is empty, expected one of semver, alphabetical, numerical"],
    );
    policy(
        "{}",
        &[
            r#"spec.imageRepositoryRef: is required, such as {"name":"web"}"#,
            r#"spec.policy: is required, such as {"semver":{"range":">=1.0.0"}}"#,
        ],
    );
    policy(
        "{imageRepositoryRef: {namespace: a}, policy: {semver: {}}}",
        &[
            r#"spec.imageRepositoryRef.name: is required, such as "web""#,
            r#"spec.policy.semver.range: is required, such as ">=1.0.0""#,
        ],
    );
    policy(
        "{imageRepositoryRef: {name: web}, policy: {semver: {range: 1.2}}}",
        &["spec.policy.semver.range: expected a string, found the number 1.2; put it in quotes"],
    );
    policy(
        "{imageRepositoryRef: {name: web}, policy: {numerical: {}, semver: {range: '*'}, alphabetical: {}}}",
        &["? spec.policy: semver decides, ignored: alphabetical, numerical"],
    );
    policy(
        "{imageRepositryRef: {name: web}, policy: {alphabetical: {}}}",
        &[
            r#"spec.imageRepositoryRef: is required, such as {"name":"web"}"#,
            "? spec.imageRepositryRef: unknown field, ignored; did you mean imageRepositoryRef?",
        ],
    );
    policy("{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}, digestReflectionPolicy: IfNotPresent}", &[]);
    policy(
        "{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}, interval: 5m, digestReflectionPolicy: IfNotPresent}",
        &["spec.interval: is only accepted when spec.digestReflectionPolicy is set to 'Always'"],
    );
    policy(
        "{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}, digestReflectionPolicy: Always}",
        &["spec.interval: must be set when spec.digestReflectionPolicy is set to 'Always'"],
    );
    // The interval is there, if wrong: no second problem says that it is not.
    policy(
        "{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}, digestReflectionPolicy: Always, interval: soon}",
        &[
            r#"spec.interval: "soon" is not a duration, expected numbers with the units ms, s, m or h, such as 30s, 5m or 1h30m"#,
        ],
    );
    policy("{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}, minAge: 7d, onMovedTag: block}", &[]);
    policy(
        "{imageRepositoryRef: {name: web}, policy: {alphabetical: {}}, minAge: week, onMovedTag: Block}",
        &[
            r#"spec.minAge: "week" is not an age, expected numbers with the units s, m, h or d, such as 12h or 7d"#,
            r#"spec.onMovedTag: "Block" is not one of ignore, report, block"#,
        ],
    );
}

#[test]
fn automations_are_checked() {
    let good = "interval: 5m, sourceRef: {name: fleet}";
    let git = "git: {commit: {author: {email: bot@example.com}}}";
    automation(&format!("{{{good}, {git}}}"), &[]);
    automation(&format!("{{{good}, {git}, update: {{path: ./deploy}}}}"), &[]);
    automation(
        &format!("{{{good}}}"),
        &[r#"spec.git: is required, such as {"commit":{"author":{"email":"tagwright@example.com"}}}"#],
    );
    automation(
        &format!("{{{good}, git: {{commit: {{author: {{name: Bot}}, signingKey: {{type: pgp}}}}, checkout: {{}}}}}}"),
        &[
            r#"spec.git.commit.author.email: is required, such as "tagwright@example.com""#,
            r#"spec.git.commit.signingKey.type: "pgp" is not one of gpg, ssh"#,
            r#"spec.git.commit.signingKey.secretRef: is required, such as {"name":"signing-key"}"#,
            r#"spec.git.checkout.ref: is required, such as {"branch":"main"}"#,
        ],
    );
    automation(
        &format!("{{{good}, {git}, update: {{strategy: Regex}}}}"),
        &[r#"spec.update.strategy: "Regex" is not supported, expected Setters"#],
    );
    automation(
        &format!("{{interval: 5m, sourceRef: {{kind: Bucket, name: fleet}}, {git}}}"),
        &[r#"spec.sourceRef.kind: "Bucket" is not supported, expected GitRepository"#],
    );
    automation(
        &format!(
            "{{{good}, {git}, policySelector: {{matchExpressions: [{{key: a, operator: In}}, {{key: a, operator: Exists, values: [b]}}]}}}}"
        ),
        &[
            "spec.policySelector.matchExpressions[0].values: operator In needs values, expected at least one",
            "spec.policySelector.matchExpressions[1].values: operator Exists takes no values, expected none",
        ],
    );
    automation(
        &format!(
            "{{{good}, {git}, policySelector: {{matchExpressions: [{{key: a, operator: in}}], matchLabel: {{}}}}}}"
        ),
        &[
            r#"spec.policySelector.matchExpressions[0].operator: "in" is not one of In, NotIn, Exists, DoesNotExist"#,
            "? spec.policySelector.matchLabel: unknown field, ignored; did you mean matchLabels?",
        ],
    );
}

#[test]
fn git_repositories_are_checked() {
    source("{url: 'https://git.example.com/a', interval: 1m}", &[]);
    source("{url: 'git@git.example.com:acme/fleet.git', interval: 1m, ref: {branch: ''}}", &[]);
    source("{url: ./fleet.git, interval: 1m, provider: github}", &[]);
    source("{interval: 1m}", &[r#"spec.url: is required, such as "https://github.com/acme/infrastructure""#]);
    source(
        "{url: '', interval: 1m}",
        &["spec.url: is empty, expected a URL such as https://github.com/acme/infrastructure"],
    );
    source("{url: --upload-pack=x, interval: 1m}", &["spec.url: starts with a dash, expected a URL"]);
    source(
        r#"{url: "https://u:canary@h/\u0007", interval: 1m}"#,
        &["spec.url: holds a control character, expected a URL"],
    );
    source(
        &format!("{{url: 'https://h/{}', interval: 1m}}", "a".repeat(2048)),
        &["spec.url: is too long, expected at most 2048 bytes"],
    );
    source(
        "{url: 'https://h/a', interval: 1m, serviceAccountName: puller}",
        &["spec.serviceAccountName: can only be set when provider is 'azure' or 'aws'"],
    );
    source(
        "{url: 'https://h/a', interval: 1m, verify: {mode: Head}}",
        &[r#"spec.verify.mode: "Head" is not one of HEAD, head, Tag, TagAndHEAD"#],
    );
    source(
        "{url: 'https://h/a', interval: 1m, include: [{repository: {}}]}",
        &["spec.include[0].repository.name: is required"],
    );
}
