//! The table of a schema as text: made from an OpenAPI document once, read at every start.
//!
//! Lines up to an empty one are kinds: `apps/v1 Deployment namespaced 12`, the scope `-` where it is not known, the
//! number of the form left out where there is none. The lines behind it are the forms, from number 0:
//! `spec=13 *=4` for an object (`*` are the fields that it does not name), `[name] 7` for a list that is merged by
//! keys and the form of its items. `=0` is left out: form 0 is a value of which nothing more is known.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Form;
use super::Kind;
use super::Schema;
use crate::kustomize::resource::Gvk;

/// Reads what `Display` writes.
pub(super) fn read(text: &str) -> Option<Schema> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let kinds = lines.by_ref().take_while(|line| !line.is_empty()).map(read_kind).collect::<Option<_>>()?;
    let forms = lines.map(read_form).collect::<Option<_>>()?;
    Some(Schema { kinds, forms, ..Schema::default() })
}

fn read_kind(line: &str) -> Option<(Gvk, Kind)> {
    let mut words = line.split(' ');
    let gvk = Gvk::new(words.next()?, words.next()?);
    let is_namespaced = match words.next()? {
        "namespaced" => Some(true),
        "cluster" => Some(false),
        _ => None,
    };
    let form = words.next().map(str::parse).transpose().ok()?;
    Some((gvk, Kind { is_namespaced, form }))
}

fn read_form(line: &str) -> Option<Form> {
    let Some((keys, items)) = line.strip_prefix('[').and_then(|list| list.split_once(']')) else {
        return read_object(line);
    };
    let merge = keys.split(',').filter(|key| !key.is_empty()).map(Arc::from).collect();
    let items = Some(items.trim_start()).filter(|items| !items.is_empty()).map(str::parse).transpose().ok()?;
    Some(Form { merge: Some(merge), items, ..Form::default() })
}

fn read_object(line: &str) -> Option<Form> {
    let mut form = Form::default();
    for word in line.split_ascii_whitespace() {
        let (name, number) = word.split_once('=').unwrap_or((word, "0"));
        match name {
            "*" => form.others = Some(number.parse().ok()?),
            _ => form.fields.push((name.into(), number.parse().ok()?)),
        }
    }
    Some(form)
}

/// The table: kinds in their order, and every form once.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (forms, numbers) = distinct(&self.forms);
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_unstable_by_key(|(gvk, _)| *gvk);
        for (gvk, kind) in kinds {
            let scope = kind.is_namespaced.map_or("-", |is| if is { "namespaced" } else { "cluster" });
            write!(f, "{} {} {scope}", gvk.api_version(), gvk.kind)?;
            kind.form.map_or(Ok(()), |form| write!(f, " {}", numbers[form]))?;
            writeln!(f)?;
        }
        writeln!(f)?;
        forms.iter().try_for_each(|form| writeln!(f, "{form}"))
    }
}

/// The forms without those that say the same, and the new number of each. What says nothing comes first.
fn distinct(forms: &[Form]) -> (Vec<Form>, Vec<usize>) {
    let mut numbers: Vec<usize> = (0..forms.len()).collect();
    let mut count = forms.len() + 1;
    loop {
        let mut kept = vec![Form::default()];
        let mut seen = HashMap::from([(Form::default(), 0)]);
        let mut next = Vec::with_capacity(forms.len());
        for form in forms {
            let form = form.renumbered(&numbers);
            let number = *seen.entry(form).or_insert_with_key(|form| {
                kept.push(form.clone());
                kept.len() - 1
            });
            next.push(number);
        }
        let is_settled = kept.len() == count && next == numbers;
        (count, numbers) = (kept.len(), next);
        if is_settled {
            return (kept, numbers);
        }
    }
}

impl Form {
    fn renumbered(&self, numbers: &[usize]) -> Self {
        let mut form = self.clone();
        form.fields.iter_mut().for_each(|(_, at)| *at = numbers[*at]);
        form.others = form.others.map(|at| numbers[at]);
        form.items = form.items.map(|at| numbers[at]);
        form
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keys) = &self.merge {
            write!(f, "[{}]", keys.join(","))?;
            return self.items.map_or(Ok(()), |items| write!(f, " {items}"));
        }
        let others = self.others.map(|form| ("*", form));
        let fields = self.fields.iter().map(|(name, form)| (&**name, *form));
        for (at, (name, form)) in fields.chain(others).enumerate() {
            let space = if at == 0 { "" } else { " " };
            let number = if form == 0 { String::new() } else { format!("={form}") };
            write!(f, "{space}{name}{number}")?;
        }
        Ok(())
    }
}
