//! kustomize's old `vars`: `$(NAME)` in certain fields stands for the value of a field of a resource.
//!
//! [`claim`] takes the `vars` of one layer and notes at the resources which of them reads what, while the names that
//! `objref` gives are still known; [`resolve`] takes all vars of a build once its references are fixed, and puts their
//! values where the configuration's `varReference` allows it.

mod expand;
mod lookup;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use self::value::{Value, Values};
use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing};
use crate::kustomize::kustomization::{FieldSpec, Var, VarTarget};
use crate::kustomize::parallel::for_each;
use crate::kustomize::resource::{Gvk, Id, Resource};
use crate::kustomize::schema::Schema;

/// What a var reads when it does not say.
const DEFAULT_FIELD: &str = "metadata.name";

/// Notes at each resource the vars that read a field of it. A var that finds none here may be one of a layer above.
pub(in crate::kustomize) fn claim(resources: &mut [Resource], vars: &[Var], schema: &Schema) -> Result<(), Error> {
    if vars.is_empty() {
        return Ok(());
    }
    let by_name = by_any_name(resources, schema);
    for var in vars {
        let target = gvk(&var.objref);
        let named = by_name.get(&*var.objref.name).into_iter().flatten();
        let mut meant: Vec<usize> =
            named.filter(|(_, id)| is_meant(&var.objref, &target, id)).map(|(number, _)| *number).collect();
        meant.dedup();
        match meant[..] {
            [] => {}
            [number] => resources[number].variables.push(var.name.as_str().into()),
            _ => return Err(ambiguous(var, meant.len())),
        }
    }
    Ok(())
}

/// The ids that resources have and had by their names, in the order of the resources.
fn by_any_name(resources: &[Resource], schema: &Schema) -> HashMap<Arc<str>, Vec<(usize, Id)>> {
    let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
    for (number, resource) in resources.iter().enumerate() {
        for id in resource.ids(schema) {
            by_name.entry(id.name.clone()).or_default().push((number, id));
        }
    }
    by_name
}

/// Without a namespace `objref` means a resource of any.
fn is_meant(objref: &VarTarget, target: &Gvk, id: &Id) -> bool {
    let namespace = if objref.namespace.is_empty() { id.effective_namespace() } else { &objref.namespace };
    id.gvk == *target && id.effective_namespace() == namespace
}

fn gvk(objref: &VarTarget) -> Gvk {
    let (group, version) = match objref.api_version.split('/').collect::<Vec<_>>()[..] {
        [""] => (&*objref.group, &*objref.version),
        [version] => (&*objref.group, version),
        [group, version] => (group, version),
        _ => (&*objref.group, &*objref.version),
    };
    Gvk { group: group.into(), version: version.into(), kind: objref.kind.as_str().into() }
}

fn ambiguous(var: &Var, count: usize) -> Error {
    let objref = &var.objref;
    Error::new(format!("the objref {}/{} of the var {} fits {count} resources", objref.kind, objref.name, var.name))
        .with_hint("say the namespace of the resource in objref, or give it a name of its own")
}

/// Puts the values of `vars` into the fields of `specs`; gives what a user may not have meant.
pub(in crate::kustomize) fn resolve(
    resources: &mut [Resource],
    vars: &[Var],
    specs: &[FieldSpec],
) -> Result<Vec<String>, Error> {
    if vars.is_empty() {
        return Ok(Vec::new());
    }
    let values = values(resources, vars)?;
    let specs = FieldSpecs::new(specs);
    for_each(resources, |resource| {
        let gvk = resource.gvk();
        let expand = |value: &_| expand::node(value, &values);
        specs.of(&gvk).try_for_each(|spec| spec.rewrite(resource, Missing::Stays, &expand))
    })?;
    Ok(vars.iter().filter_map(|var| values.get(&var.name)?.warning(&var.name)).collect())
}

fn values<'v>(resources: &[Resource], vars: &'v [Var]) -> Result<Values<'v>, Error> {
    let mut readers: HashMap<&str, &Resource> = HashMap::new();
    for resource in resources {
        for name in &resource.variables {
            readers.entry(name).or_insert(resource);
        }
    }
    let mut values = HashMap::new();
    for var in vars {
        let Some(resource) = readers.get(&*var.name) else { return Err(unclaimed(var)) };
        let value = value(resource, var).map_err(|cause| {
            let kind_and_name = format!("{}/{}", var.objref.kind, var.objref.name);
            Error::new(format!("reading the var {} from {kind_and_name}", var.name)).caused_by(cause)
        });
        values.insert(&*var.name, value?);
    }
    Ok(Values::new(values))
}

fn value(resource: &Resource, var: &Var) -> Result<Value, Error> {
    let path = Some(&*var.fieldref.field_path).filter(|path| !path.is_empty()).unwrap_or(DEFAULT_FIELD);
    Value::of(lookup::at(&resource.node, path)?)
}

fn unclaimed(var: &Var) -> Error {
    let VarTarget { kind, name, .. } = &var.objref;
    Error::new(format!("no resource is the {kind}/{name} that the var {} reads", var.name))
        .with_hint("objref takes the apiVersion and kind of the resource, and the name of its file or of a layer")
}
