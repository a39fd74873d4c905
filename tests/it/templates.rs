//! `tagwright template`, and the document about templates: its recipes are run, its list of functions is checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tagwright::template::Functions;

use crate::program::{Run, run, run_with_input, stable};

fn document() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    fs::read_to_string(file).expect("docs/templates.md")
}

/// The blocks of the document between these fences.
fn blocks<'a>(document: &'a str, fence: &str) -> Vec<&'a str> {
    let start = format!("```{fence}\n");
    document.split(&start).skip(1).filter_map(|rest| rest.split("```\n").next()).collect()
}

#[test]
fn recipes_give_what_the_document_shows() {
    let document = document();
    let (_, recipes) = document.split_once("\n## Recipes\n").expect("recipes");
    let (templates, messages) = (blocks(recipes, "gotemplate"), blocks(recipes, "text"));
    assert!(templates.len() >= 10 && templates.len() == messages.len(), "{} recipes", templates.len());
    for (template, message) in templates.into_iter().zip(messages) {
        let got = run_with_input(["template", "--message", "-"], template).ok();
        assert_eq!(got, message, "of\n{template}");
    }
}

#[test]
fn the_manifest_of_the_document_works() {
    let document = document();
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("apps.yaml"), blocks(&document, "yaml")[0]).expect("a file");
    let path = folder.path().display().to_string();
    let message = run(["template", "--objects", &path]).ok();
    assert!(message.starts_with("[production] Update images\n\n- ghcr.io/stefanprodan/podinfo:6.5.0 -> "), "{message}");
}

#[test]
fn the_document_lists_the_functions() {
    let document = document();
    let (_, rest) = document.split_once("<!-- functions -->").expect("a list of functions");
    let (list, _) = rest.split_once("<!-- /functions -->").expect("its end");
    let listed: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    let names: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(names.len(), listed.len(), "each once");
    let known: BTreeSet<&str> = Functions::standard().names().collect();
    let missing: Vec<_> = known.difference(&names).collect();
    let gone: Vec<_> = names.difference(&known).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the document: {missing:?}; only there: {gone:?}");
}

fn snapshot(name: &str, run: &Run, folder: &Path) {
    insta::assert_snapshot!(name, stable(&run.transcript(), folder));
}

const ALL: &str = "\
{{ .AutomationObject }}: {{ len .Changed.Changes }} changes
{{ range $file, $objects := .Changed.FileChanges }}{{ $file }}
{{ range $object, $changes := $objects }}  {{ $object.Kind }} {{ $object.Name }}
{{ range $changes }}    {{ .Setter }}: {{ .OldValue }} -> {{ .NewValue }}
{{ end }}{{ end }}{{ end }}";

#[test]
fn renders_a_sample() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("message.tmpl");
    fs::write(&file, ALL).expect("a file");
    let file = file.display().to_string();
    snapshot("template_sample", &run(["template", "--message", &file]), folder.path());
    snapshot("template_sample_json", &run(["template", "--message", &file, "-o", "json"]), folder.path());
    snapshot("template_without", &run(["template"]), folder.path());
    snapshot("template_absent", &run(["template", "--message", "/nowhere/message"]), folder.path());
}

fn automation(name: &str, commit: &str) -> String {
    format!(
        "---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {{name: {name}}}
spec:
  interval: 1m
  sourceRef: {{kind: GitRepository, name: app}}
  git:
    commit:
      author: {{email: bot@example.com}}
{commit}"
    )
}

#[test]
fn renders_the_templates_of_objects() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let values = "      messageTemplate: '[{{ .Values.cluster }}] {{ .Changed.NewTag }}'
      messageTemplateValues: {cluster: production}
";
    let wrong = "      messageTemplate: |
        Update

        {{ range .Changed.Changes }}{{ .OldImage }}{{ end }}
";
    let objects = [automation("good", values), automation("plain", ""), automation("wrong", wrong)].concat();
    fs::write(folder.path().join("all.yaml"), objects).expect("a file");
    let path = folder.path().display().to_string();
    snapshot("template_objects", &run(["template", "--objects", &path]), folder.path());
    snapshot("template_objects_json", &run(["template", "--objects", &path, "-o", "json"]), folder.path());
    let message = "{{ .AutomationObject.Name }} {{ .Values.cluster }}";
    let given = run_with_input(["template", "--objects", &path, "--message", "-"], message).ok();
    assert_eq!(
        given,
        "==> flux-system/good <==\ngood production\n\n==> flux-system/plain <==\nplain <no value>\n\n\
         ==> flux-system/wrong <==\nwrong <no value>\n"
    );
}

#[test]
fn renders_given_data() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let yaml = folder.path().join("data.yaml");
    let text = "AppName: web\nAppChanges:\n- {Image: acme/web, OldTag: '1.0', NewTag: '1.1'}\nCount: 3\nRatio: 1.5\n";
    fs::write(&yaml, text).expect("a file");
    let data = yaml.display().to_string();
    let check = |template: &str, message: &str| {
        let got = run_with_input(["template", "--message", "-", "--data", &data], template).ok();
        assert_eq!(got, message, "of {template}");
    };
    check("{{ .AppName }}{{ range .AppChanges }} {{ .Image }} {{ .OldTag }}{{ end }}", "web acme/web 1.0\n");
    check("{{ printf `%T %T` .Count .Ratio }}", "int float64\n");
    let two = folder.path().join("two.yaml");
    fs::write(&two, "a: 1\n---\nb: 2\n").expect("a file");
    let refused =
        run_with_input(["template", "--message", "-", "--data", &two.display().to_string()], "x").code_is(2).stderr;
    assert!(refused.ends_with("two.yaml: 2 documents, and the data are one\n"), "{refused}");
}

/// Shows the mistake in `template` as people see it.
fn check_mistake(template: &str, expected: &str) {
    let run = run_with_input(["template", "--message", "-"], template).code_is(2);
    assert_eq!(run.stdout, "", "of {template}");
    assert_eq!(run.stderr.trim_end(), expected, "of {template}");
}

#[test]
fn shows_where_a_mistake_is() {
    check_mistake(
        "Update\n\té {{ range .Changed.Changes }}{{ .Values.cluster }}{{ end }}",
        "error: stdin:2:36: executing \"commit message\" at <.Values.cluster>: can't evaluate field Values in type update.Change
2 | \té {{ range .Changed.Changes }}{{ .Values.cluster }}{{ end }}
  | \t                                 ^
hint: inside range and with the dot is another value; write $.Values",
    );
    // Under the field that is not there, whatever stands behind it in the chain.
    check_mistake(
        "{{ .Image.Tag.Image }}",
        &format!(
            "error: stdin:1:4: executing \"commit message\" at <.Image.Tag.Image>: can't evaluate field Image in type \
             source.TemplateData\n1 | {{{{ .Image.Tag.Image }}}}\n  |    ^\nhint: {FIELDS}"
        ),
    );
    check_mistake(
        "{{ range $change := .Changed.Changes }}{{ $change.Setter.Old }}{{ end }}",
        "error: stdin:1:57: executing \"commit message\" at <$change.Setter.Old>: can't evaluate field Old in type string
1 | {{ range $change := .Changed.Changes }}{{ $change.Setter.Old }}{{ end }}
  |                                                         ^",
    );
    // A terminal shows Chinese letters two columns wide, and an accent of its own in none.
    check_mistake(
        "镜像\t更新 e\u{301} {{ nope }}",
        "error: stdin:1:22: function \"nope\" not defined\n1 | 镜像\t更新 e\u{301} {{ nope }}\n  |     \t          ^",
    );
    check_mistake(
        "{{ .Changed.Sumary }}",
        "error: stdin:1:12: executing \"commit message\" at <.Changed.Sumary>: can't evaluate field Sumary in type update.Result
1 | {{ .Changed.Sumary }}
  |            ^
hint: did you mean Summary?",
    );
    check_mistake(
        "a\n{{ if .Values }}\nb\n{{ range .Values }}{{ end }}\n",
        "error: stdin:5:1: unexpected EOF\n5 | \n  | ^\nhint: the block that begins in line 2 has no {{ end }}",
    );
    check_mistake(
        "{{ .Changed.Summary",
        "error: stdin:1:20: unclosed action\n1 | {{ .Changed.Summary\n  |                    ^\nhint: an action ends with }}",
    );
    let long = format!("{}{{{{ nope }}}}{}", "x".repeat(500), "y".repeat(500));
    let (before, after) = ("x".repeat(30), "y".repeat(60));
    let caret = format!("{}^", " ".repeat(33));
    check_mistake(
        &long,
        &format!("error: stdin:1:504: function \"nope\" not defined\n1 | {before}{{{{ nope }}}}{after}\n  | {caret}"),
    );
}

#[test]
fn gives_advice_for_usual_mistakes() {
    let check = |template: &str, hint: &str| {
        let run = run_with_input(["template", "--message", "-"], template);
        let hints: Vec<&str> = run.stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
        assert_eq!(hints, [hint], "of {template}: {}", run.stderr);
    };
    check("{{ uper `x` }}", "did you mean upper?");
    check("{{ printF `x` }}", "did you mean printf?");
    check("{{ now }}", "Flux's templates have no now either: a message is made of its data alone");
    check("{{ include `x` . }}", "include is Helm's, not sprig's");
    check("{{ .Autor }}", FIELDS);
    check("{{ .changed }}", "did you mean Changed?");
    check(
        "{{ range .Changed.Changes }}{{ .Image }}{{ end }}",
        "the fields of update.Change are OldValue, NewValue, Setter",
    );
    check("{{ range .Changed.Changes }}{{ .OldValu }}{{ end }}", "did you mean OldValue?");
    check("{{ end }}", "this {{ end }} has no if, range, with, block or define");
    check("{{ else }}", "an {{ else }} belongs to one if, range or with");
    check("{{ /* a */ }}", "a comment is written {{/* so */}}, without spaces within the braces");
    check("{{/* a }}", "a comment is written {{/* so */}}");
    check("{{ `a }}", "strings are written \"so\" or `so`");
    check(
        "{{ if 1 }}{{ $x := 1 }}{{ end }}{{ $x }}",
        "a variable lives until the {{ end }} of the block that declares it; only $ is everywhere",
    );
    check("{{ $Changed.Summary }}", "a field of the data has a dot: .Changed, and $.Changed inside range and with");
    check("{{ Changed.Summary }}", "a field has a dot before it: .Changed");
    check("{{ if 1 }}{{ endif }}", "write {{ end }}");
    check("{{ if 1 }}{{ elseif 2 }}{{ end }}", "write {{ else if … }}");
    check("{{ for .Changed.Changes }}{{ end }}", "write {{ range … }}");
    check("{{-.Changed.Summary }}", "a trim marker has a space behind it: {{- …");
    check("{{ .Changed.Summary -}", "a trim marker has a space before it: … -}}");
    check("{{ .Values.my-key }}", "a key with a dash is taken by index: {{ index .Values \"my-key\" }}");
    let index = "items and keys are taken by index: (index .Changed.Changes 0), (index .Values \"key\")";
    check("{{ .Changed.Changes[0].NewValue }}", index);
    check("{{ printf '%s' .Changed.Summary }}", "strings are written \"so\" or `so`");
    check("{{ .Values.x | default “a” }}", "strings have straight quotes: \"so\" or `so`");
    let verb = "%! stands where a verb of printf and its value do not go together; %v fits all";
    check("{{ printf `%d` .Changed.Summary }}", verb);
    check("{{ printf `%s: %s` .Changed.Summary }}", verb);
    check("{{ printf `title` .Changed.Changes }}", verb);
    check("{{ template `x` . }}", "a template is defined in the same text: {{ define \"name\" }}…{{ end }}");
    let key = "the object is the key: {{ range $object, $changes := .Changed.Objects }}{{ $object.Kind }}";
    check("{{ range .Changed.Objects }}{{ .Kind }}{{ end }}", key);
    check("{{ .Changed.Objects.Kind }}", key);
    let list = "a list has no fields, its items have: {{ range … }}";
    check("{{ range .Changed.Objects }}{{ range .Changes }}{{ end }}{{ end }}", list);
    check("{{ .Changed.Changes.NewValue }}", list);
    check(
        "{{ range $image, $_ := .Updated.Images }}{{ $image.Repository }}{{ end }}",
        "over a list, range gives the index first: {{ range $index, $item := … }}",
    );
    check(
        "update {{ .AppName }}",
        "AppName is of Argo CD Image Updater's templates: here it is .AutomationObject.Name",
    );
    check("{{ trunc (add 1 2) `x` }}", "sprig's arithmetic gives int64; make an int of it: (int …)");
    check("{{ range .Updated.Images }}{{ . }}{{ end }}", REMOVED);
    check(
        "{{ range .Changed.ImageResult.Images }}{{ . }}{{ end }}",
        &REMOVED.replace(".Updated", ".Changed.ImageResult"),
    );
    check("{{ .Values.nope }}", "<no value> stands where a map does not have the key; {{ with … }} leaves it out");
    let fine = run_with_input(["template", "--message", "-"], "100%! (all) of {{ len .Changed.Changes }}");
    assert_eq!(fine.stderr, "");
}

const FIELDS: &str = "the fields of source.TemplateData are AutomationObject, Changed, Values, Updated, AutomatedResource, NewImage, OldImage";
const REMOVED: &str = ".Updated works here, but Flux has removed it; .Changed is in both";
