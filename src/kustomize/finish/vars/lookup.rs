//! What the `fieldPath` of a var leads to: `data.color`, `spec.ports[0].port`, `spec.ports.[name=http].port`,
//! `metadata.annotations.[a.b/c]` or `data.config\.yaml`.

use crate::kustomize::error::Error;
use crate::kustomize::field;
use crate::object::Node;

pub(super) fn at<'n>(node: &'n Node, path: &str) -> Result<&'n Node, Error> {
    let steps = steps(path);
    let found = steps.iter().try_fold(node, |node, step| next(node, step));
    found.ok_or_else(|| Error::new(format!("there is no field {path}")))
}

fn next<'n>(node: &'n Node, step: &str) -> Option<&'n Node> {
    match step {
        "*" => None,
        "-" => node.as_sequence()?.last(),
        _ if step.parse::<i64>().is_ok() => node.as_sequence()?.get(step.parse::<usize>().ok()?),
        _ if step.starts_with('[') && step.ends_with(']') => matching(node.as_sequence()?, &step[1..step.len() - 1]),
        field => node.get(field),
    }
}

/// The item with the field and value of `condition`; the item itself has the value where the field is empty.
fn matching<'n>(items: &'n [Node], condition: &str) -> Option<&'n Node> {
    let (field, value) = condition.split_once('=')?;
    let text = |node: &Node| node.text().unwrap_or_default() == value;
    items.iter().find(|item| if field.is_empty() { text(item) } else { item.get(field).is_some_and(text) })
}

/// The steps of a path. Brackets hold a name with dots in it, or a condition; those keep theirs.
fn steps(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut pieces = field::split(path, '.').into_iter();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('[') || piece.ends_with(']') {
            steps.extend(with_index(&piece));
            continue;
        }
        let mut bracketed = piece;
        for piece in pieces.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&piece);
            if bracketed.ends_with(']') {
                break;
            }
        }
        let is_condition = bracketed.contains('=');
        steps.push(if is_condition { bracketed } else { bracketed.trim_matches(['[', ']']).to_owned() });
    }
    steps.iter().map(|step| step.trim().to_owned()).filter(|step| !step.is_empty()).collect()
}

/// `ports[0]` is `ports` and its item `0`.
fn with_index(piece: &str) -> Vec<String> {
    let split = piece.strip_suffix(']').and_then(|inner| inner.rsplit_once('['));
    match split.filter(|(_, index)| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())) {
        Some((field, index)) => vec![field.to_owned(), index.to_owned()],
        None => vec![piece.to_owned()],
    }
}
