//! The data of message templates, where it comes from more than a tag.

use std::collections::BTreeMap;

use serde_json::json;
use tagwright::engine::message::{MessageTemplate, render, render_given};
use tagwright::engine::rewrite::InFile;
use tagwright::git::RefName;
use tagwright::object::{NamespacedName, ObjectId};
use tagwright::setter::{Change, Latest};
use tagwright::template::{List, Map, Object, Template, Type, Value};

/// The message for one change, from `web:1` to `new`.
#[track_caller]
fn check(new: &str, template: &str, expected: &str) {
    let policy = NamespacedName::new("flux-system", "web");
    let what = Change {
        line: 1,
        column: 1,
        object: None,
        setter: "flux-system:web".to_owned(),
        policy: policy.clone(),
        old: "acme/web:1".to_owned(),
        new: new.to_owned(),
    };
    let images = BTreeMap::from([(policy.clone(), Ok(new.parse().expect("an image")))]);
    let latest = Latest { namespace: None, images };
    let template = MessageTemplate { text: template.to_owned(), values: BTreeMap::new() };
    let changes = [InFile { file: "a.yaml".to_owned(), what }];
    assert_eq!(render(&template, &policy, &changes, &latest).expect("a message"), expected);
}

/// Flux takes the reference apart with go-containerregistry, for which a digest is the identifier, tag or not.
#[test]
fn an_image_is_taken_apart_as_in_flux() {
    let all = "{{ range .Updated.Images }}{{ .Registry }} {{ .Repository }} {{ .Identifier }} {{ .Name }}{{ end }}";
    let digest = format!("sha256:{}", "0".repeat(64));
    check("acme/web:2", all, "index.docker.io acme/web 2 index.docker.io/acme/web:2");
    let pinned = format!("index.docker.io acme/web {digest} index.docker.io/acme/web@{digest}");
    check(&format!("acme/web:2@{digest}"), all, &pinned);
    check(&format!("acme/web@{digest}"), all, &pinned);
}

/// As Go prints Flux's structs. Its map of objects has a name of its own.
#[test]
fn the_types_are_those_of_flux() {
    let check = |template: &str, expected: &str| check("acme/web:2", template, expected);
    check(
        "{{ printf `%T %T` .Changed.Objects .Changed.FileChanges }}",
        "update.ObjectChanges map[string]update.ObjectChanges",
    );
    check("{{ typeOf (deepCopy .Changed.Objects) }} {{ kindOf .Changed.Objects }}", "update.ObjectChanges map");
    check("{{ range .Changed.FileChanges }}{{ typeOf . }}{{ end }}", "update.ObjectChanges");
    check("{{ index .Changed.FileChanges `b.yaml` | printf `%#v` }}", "update.ObjectChanges(nil)");
    check(
        "{{ printf `%#v` .Changed }}",
        "update.Result{FileChanges:map[string]update.ObjectChanges{\"a.yaml\":update.ObjectChanges{\
         update.ObjectIdentifier{ResourceIdentifier:yaml.ResourceIdentifier{TypeMeta:yaml.TypeMeta{APIVersion:\"\", \
         Kind:\"\"}, NameMeta:yaml.NameMeta{Name:\"\", Namespace:\"\"}}}:[]update.Change{update.Change{\
         OldValue:\"acme/web:1\", NewValue:\"acme/web:2\", Setter:\"flux-system:web\"}}}}}",
    );
}

/// Everything that comes from outside of the template is text, whatever it looks like.
#[test]
fn template_syntax_in_names_and_values_stays_as_it_is() {
    const EVIL: &str = "{{ .Values.key }}{{/*";
    let policy = NamespacedName::new(EVIL, EVIL);
    let object = ObjectId { api_version: EVIL.into(), kind: EVIL.into(), namespace: EVIL.into(), name: EVIL.into() };
    let what = Change {
        line: 1,
        column: 1,
        object: Some(object),
        setter: EVIL.to_owned(),
        policy: policy.clone(),
        old: EVIL.to_owned(),
        new: EVIL.to_owned(),
    };
    let changes = [InFile { file: EVIL.to_owned(), what }];
    let image = "acme/web:1".parse().expect("an image");
    let latest = Latest { namespace: None, images: BTreeMap::from([(policy.clone(), Ok(image))]) };
    let check = |text: &str, expected: &str| {
        let values = BTreeMap::from([("key".to_owned(), EVIL.to_owned())]);
        let template = MessageTemplate { text: text.to_owned(), values };
        assert_eq!(render(&template, &policy, &changes, &latest).expect("a message"), expected, "of {text}");
    };
    check("{{ .AutomationObject }}", &format!("{EVIL}/{EVIL}"));
    check("{{ .Values.key }}{{ print .Values.key | printf `%s` }}", &EVIL.repeat(2));
    check("{{ range .Changed.Changes }}{{ .OldValue }}{{ .NewValue }}{{ .Setter }}{{ end }}", &EVIL.repeat(3));
    check("{{ .Changed.Summary }}", &format!("{EVIL} -> {EVIL}"));
    check(
        "{{ range $f, $o := .Changed.FileChanges }}{{ $f }}{{ range $k, $_ := $o }}{{ $k.Kind }}{{ $k.Name }}{{ end }}{{ end }}",
        &EVIL.repeat(3),
    );
    check("{{ .AutomatedResource.Kind }}{{ .AutomatedResource.Namespace }}{{ .Changed.Name }}", &EVIL.repeat(3));
    check(
        "{{ define `x` }}{{ . }}{{ end }}{{ template `x` .Values.key }}{{ with .Values.key }}{{ . }}{{ end }}",
        &EVIL.repeat(2),
    );
    check("{{ range .Updated.Images }}{{ .Policy }}{{ end }}", &format!("{EVIL}/{EVIL}"));
}

/// Fields that a template does not name are not worked out; nothing can tell.
#[test]
fn data_that_is_printed_whole_is_whole() {
    check("acme/web:2", "{{ .Changed }}", "{map[a.yaml:map[{{{ } { }}}:[{acme/web:1 acme/web:2 flux-system:web}]]]}");
    let whole = "{{ with $c := .Changed }}{{ range $c.Changes }}{{ .NewValue }}{{ end }} {{ len $c.Objects }}{{ end }}";
    check("acme/web:2", whole, "acme/web:2 1");
}

/// A change as Argo CD Image Updater's templates see it.
#[derive(Debug)]
struct Fields(&'static str, Vec<(&'static str, Value)>);

impl Object for Fields {
    fn type_name(&self) -> &'static str {
        self.0
    }

    fn fields(&self) -> tagwright::template::Fields<'_> {
        (&self.1).into()
    }
}

/// The data of Argo CD Image Updater: of messages and of branch names.
fn argo() -> Value {
    const CHANGE: Type = Type::Object("argocd.commitMessageChange");
    const IMAGE: Type = Type::Object("argocd.imageChange");
    let change = |fields: &[(&'static str, &str)]| {
        Value::object(Fields("argocd.commitMessageChange", fields.iter().map(|(k, v)| (*k, Value::from(*v))).collect()))
    };
    let changes = vec![
        change(&[("Image", "acme/web"), ("OldTag", "1.0"), ("NewTag", "1.1")]),
        change(&[("Image", "acme/db"), ("OldTag", "7"), ("NewTag", "8 rc")]),
    ];
    let images = vec![change(&[("Name", "acme/web"), ("Alias", "web"), ("OldTag", "1.0"), ("NewTag", "1.1")])];
    let fields = vec![
        ("AppName", Value::from("shop")),
        ("AppChanges", List::new(&CHANGE, changes).into()),
        ("Images", List::new(&IMAGE, images).into()),
        ("SHA256", "9f86d081884c7d65".into()),
        ("Labels", Map::strings([("team", "a")]).into()),
    ];
    Value::object(Fields("argocd.commitMessageTemplate", fields))
}

/// The engine knows nothing of Flux: other data need no change of it.
#[test]
fn templates_of_argo_cd_image_updater_render() {
    let check = |template: &str, expected: &str| {
        let template = Template::parse("commit message", template).expect("a template");
        assert_eq!(template.render(&argo()).expect("a message"), expected);
    };
    check(
        "build: automatic update of {{ .AppName }}\n\n{{ range .AppChanges -}}\nupdates image {{ .Image }} tag '{{ .OldTag }}' to '{{ .NewTag }}'\n{{ end -}}\n",
        "build: automatic update of shop\n\nupdates image acme/web tag '1.0' to '1.1'\nupdates image acme/db tag '7' to '8 rc'\n",
    );
    check("image-updater{{range .Images}}-{{.Name}}-{{.NewTag}}{{end}}", "image-updater-acme/web-1.1");
    check("{{ .SHA256 }} {{ .Labels.team }}", "9f86d081884c7d65 a");
    let data = json!({"AppName": "shop", "AppChanges": [{"Image": "acme/web", "NewTag": "1.1"}]});
    let given = render_given("{{ .AppName }}{{ range .AppChanges }} {{ .Image }}:{{ .NewTag }}{{ end }}", &data);
    assert_eq!(given.expect("a message"), "shop acme/web:1.1");
}

/// What a template makes of data is a branch only if Git takes it for one, and is never cut to fit.
#[test]
fn branch_names_from_templates_are_checked() {
    let branch = |template: &str| {
        let template = Template::parse("branch", template).expect("a template");
        RefName::branch(&template.render(&argo()).expect("a name")).map(|name| name.as_str().to_owned())
    };
    let check = |template: &str, expected: &str| assert_eq!(branch(template).expect("a branch"), expected);
    check("image-updater-{{ .AppName }}-{{ .SHA256 }}", "refs/heads/image-updater-shop-9f86d081884c7d65");
    check("updates/{{ range .Images }}{{ .Alias }}-{{ .NewTag }}{{ end }}", "refs/heads/updates/web-1.1");
    let refused = |template: &str, reason: &str| {
        let error = branch(template).expect_err(template).to_string();
        assert!(error.contains(reason), "{template}: {error}");
    };
    let format = "git check-ref-format refuses it";
    refused("{{ range .AppChanges }}{{ .NewTag }}{{ end }}", format);
    refused("{{ .AppName }}..{{ .SHA256 }}", format);
    refused("{{ .AppName }}\n", format);
    refused("{{ .AppName }}.lock", format);
    refused("{{ .AppName }}@{{ `{` }}0}", format);
    refused("{{ .AppName }}//x", format);
    refused("{{ .AppChanges }}", format);
    refused("-{{ .AppName }}", "it starts with");
    refused("{{ `` }}", "it is empty");
    refused("refs/heads/{{ .AppName }}", "it is the name of a reference");
    refused("{{ repeat 64 .AppName }}", "it is longer than 255 bytes");
}
