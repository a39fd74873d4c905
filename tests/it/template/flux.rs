//! Data in the shape that Flux gives to message templates.

use std::sync::Arc;

use tagwright::template::{Fields, List, Map, Method, Object, Type, Value};

/// A struct by its type name and its fields.
#[derive(Debug)]
pub(super) struct Struct {
    pub name: &'static str,
    pub fields: Vec<(&'static str, Value)>,
    pub embedded: &'static [&'static str],
}

impl Object for Struct {
    fn type_name(&self) -> &'static str {
        self.name
    }

    fn fields(&self) -> Fields<'_> {
        (&self.fields).into()
    }

    fn embedded(&self) -> &'static [&'static str] {
        self.embedded
    }
}

/// The automation's name, which prints as `namespace/name`.
#[derive(Debug)]
struct NamespacedName {
    namespace: &'static str,
    name: &'static str,
}

impl Object for NamespacedName {
    fn type_name(&self) -> &'static str {
        "types.NamespacedName"
    }

    fn fields(&self) -> Fields<'_> {
        Fields::Owned(vec![("Namespace", self.namespace.into()), ("Name", self.name.into())])
    }

    fn method(&self, name: &str) -> Option<Method> {
        (name == "String").then(|| Method::returns(format!("{}/{}", self.namespace, self.name)))
    }

    fn stringer(&self) -> Option<String> {
        Some(format!("{}/{}", self.namespace, self.name))
    }
}

/// A Kubernetes object as a key of maps: structs embedded in one another.
fn object_key(kind: &str, name: &str) -> Value {
    let meta = vec![("APIVersion", "apps/v1".into()), ("Kind", kind.into())];
    let meta = ("TypeMeta", Value::object(Struct { name: "yaml.TypeMeta", fields: meta, embedded: &[] }));
    let name = vec![("Name", name.into()), ("Namespace", "prod".into())];
    let name = ("NameMeta", Value::object(Struct { name: "yaml.NameMeta", fields: name, embedded: &[] }));
    let embedded = &["TypeMeta", "NameMeta"];
    let identifier = Struct { name: "yaml.ResourceIdentifier", fields: vec![meta, name], embedded };
    let fields = vec![("ResourceIdentifier", Value::object(identifier))];
    Value::object(Struct { name: "update.ObjectIdentifier", fields, embedded: &["ResourceIdentifier"] })
}

/// What was changed, with methods for the other views of it.
#[derive(Debug)]
struct Changed {
    file_changes: Value,
    objects: Value,
    changes: Value,
}

impl Object for Changed {
    fn type_name(&self) -> &'static str {
        "main.Result"
    }

    fn fields(&self) -> Fields<'_> {
        Fields::Owned(vec![("FileChanges", self.file_changes.clone())])
    }

    fn method(&self, name: &str) -> Option<Method> {
        match name {
            "Changes" => Some(Method::returns(self.changes.clone())),
            "Objects" => Some(Method::returns(self.objects.clone())),
            "Since" => Some(Method::new(&[Type::Int, Type::String], |arguments| match arguments {
                [Value::Int(days), Value::String(unit)] => Ok(format!("{days} {unit}").into()),
                _ => Ok(Value::Nil),
            })),
            _ => None,
        }
    }
}

const CHANGES: Type = Type::List(&Type::Object("update.Change"));
const OBJECT: Type = Type::Object("update.ObjectIdentifier");

/// Two changes in two files, as in the cases that Go answered.
pub(super) fn data() -> Value {
    let change = |old: &str, new: &str, setter: &str| {
        let fields = vec![("OldValue", old.into()), ("NewValue", new.into()), ("Setter", setter.into())];
        Value::object(Struct { name: "update.Change", fields, embedded: &[] })
    };
    let changes = [change("a:1", "a:2", "flux-system:a"), change("b:1", "b:2", "flux-system:b:tag")];
    let deployment = object_key("Deployment", "a");
    let job = object_key("CronJob", "b");
    let of = |index: usize| Value::from(List::new(&Type::Object("update.Change"), vec![changes[index].clone()]));
    let objects = |entries| Value::from(Map::new(&OBJECT, &CHANGES, entries));
    let files = vec![
        ("apps/b.yaml".into(), objects(vec![(job.clone(), of(1))])),
        ("apps/a.yaml".into(), objects(vec![(deployment.clone(), of(0))])),
    ];
    let changed = Changed {
        file_changes: Map::new(&Type::String, &Type::Map(&OBJECT, &CHANGES), files).into(),
        objects: objects(vec![(deployment, of(0)), (job, of(1))]),
        changes: List::new(&Type::Object("update.Change"), changes.to_vec()).into(),
    };
    let automation = NamespacedName { namespace: "flux-system", name: "auto" };
    let fields = vec![
        ("AutomationObject", Value::object(automation)),
        ("Changed", Value::Object(Arc::new(changed))),
        ("Values", Map::strings([("cluster", "prod-1"), ("n", "3")]).into()),
    ];
    Value::object(Struct { name: "main.TemplateData", fields, embedded: &[] })
}

#[test]
fn reads_flux_data() {
    let data = data();
    let check = |template: &str, want: &str| super::check(template, &data, want);
    check("{{ .Changed.Since 3 `days` }}", "3 days");
    check("{{ `days` | .Changed.Since 3.0 }}", "3 days");
    check(
        "{{ .Changed.Since 3 }}",
        "template: t:1:11: executing \"t\" at <.Changed.Since>: wrong number of args for Since: want 2 got 1",
    );
    check("{{ .Changed.Since `x` 1 }}", "template: t:1:18: executing \"t\" at <`x`>: expected integer; found `x`");
    check(
        "{{ .Changed.FileChanges 1 }}",
        "template: t:1:11: executing \"t\" at <.Changed.FileChanges>: \
         FileChanges has arguments but cannot be invoked as function",
    );
    check("{{ .Values.nope }}|{{ index .Values `nope` }}|", "<no value>||");
    check(
        "{{ .Values.cluster.x }}",
        "template: t:1:10: executing \"t\" at <.Values.cluster.x>: can't evaluate field x in type string",
    );
    check("{{ printf `%d` .AutomationObject }}", "{%!d(string=flux-system) %!d(string=auto)}");
    check("{{ printf `%q` .AutomationObject }}", "\"flux-system/auto\"");
    check("{{ printf `%T %T` .Changed.Changes .Values }}", "[]update.Change map[string]string");
    check("{{ with index .Changed.Changes 0 }}{{ eq . . }}{{ end }}", "true");
    check("{{ range $k, $v := .Changed.Objects }}{{ eq $k.Kind `CronJob` }} {{ end }}", "true false ");
    check("{{ len (index .Changed.FileChanges `nope`) }}", "0");
    check("{{ .AutomationObject | upper }}", WRONG_TYPE);
    check("{{ .AutomationObject | toString | upper }}", "FLUX-SYSTEM/AUTO");
}

const WRONG_TYPE: &str = "template: t:1:23: executing \"t\" at <upper>: \
                          wrong type for value; expected string; got types.NamespacedName";
