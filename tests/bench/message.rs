//! How long a commit message of 1,000 changes takes: `cargo bench --bench message`.
//!
//! Prints for each template the least and the median time from its text to the message, data included.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use tagwright::engine::message::{MessageTemplate, render};
use tagwright::engine::rewrite::InFile;
use tagwright::object::{NamespacedName, ObjectId};
use tagwright::setter::{Change, Latest};

const CHANGES: usize = 1000;
const RUNS: usize = 101;

const TEMPLATES: &[(&str, &str)] = &[
    ("one line", "update {{ len .Changed.Changes }} images of {{ .AutomationObject }}"),
    (
        "changes by file and object",
        "{{ range $file, $objects := .Changed.FileChanges }}{{ $file }}
{{ range $object, $changes := $objects }}- {{ $object.Kind }} {{ $object.Namespace }}/{{ $object.Name }}
{{ range $changes }}  - {{ .OldValue }} -> {{ .NewValue }} ({{ .Setter }})
{{ end }}{{ end }}{{ end }}",
    ),
    (
        "a table, with functions",
        "{{ range $object, $changes := .Changed.Objects }}{{ range $changes -}}
| {{ printf `%-12s %-20s` $object.Kind $object.Name }} | {{ .OldValue | splitList `:` | last | quote }} |
{{- if contains `web` .NewValue }} {{ .NewValue | replace `registry.example.com/` `` | upper }}{{ end }} |
{{ end }}{{ end }}",
    ),
    (
        "images, as old manifests have them",
        "{{ range .Updated.Images }}{{ println . }}{{ end }}
{{ range $object, $images := .Updated.Objects }}{{ $object.Name }}{{ range $images }} {{ .Identifier }}{{ end }}
{{ end }}",
    ),
];

#[allow(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() {
    let (changes, latest) = (changes(), latest());
    let automation = NamespacedName::new("flux-system", "apps");
    println!("{CHANGES} changes, {RUNS} runs; ms, least / median");
    for (name, text) in TEMPLATES {
        let template = MessageTemplate { text: (*text).to_owned(), values: BTreeMap::new() };
        let mut times: Vec<f64> = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                black_box(render(&template, &automation, &changes, &latest).expect("the bench's templates are right"));
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name:36} {:.2} / {:.2}", times[0], times[RUNS / 2]);
    }
}

/// Four changes in each file, two in each object; a hundred policies.
fn changes() -> Vec<InFile<Change>> {
    let change = |n: usize| {
        let policy = NamespacedName::new("flux-system", format!("web-{}", n % 100));
        let object = ObjectId {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: format!("team-{}", n / 100),
            name: format!("app-{}", n / 2),
        };
        let what = Change {
            line: n % 4 + 10,
            column: 16,
            object: Some(object),
            setter: format!("flux-system:{}", policy.name),
            old: format!("registry.example.com/acme/{}:1.0.{n}", policy.name),
            new: image(n % 100),
            policy,
        };
        InFile { file: format!("apps/team-{}/app-{}.yaml", n / 100, n / 4), what }
    };
    (0..CHANGES).map(change).collect()
}

fn image(policy: usize) -> String {
    format!("registry.example.com/acme/web-{policy}:2.0.{policy}")
}

fn latest() -> Latest {
    let entry = |n: usize| {
        let image = image(n).parse().map_err(|error| format!("{error}"));
        (NamespacedName::new("flux-system", format!("web-{n}")), image)
    };
    Latest { namespace: None, images: (0..100).map(entry).collect() }
}
