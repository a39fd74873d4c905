//! Places in an object (RFC 6901), with the liberties of the Go library: what stands before the first slash is not
//! looked at, numbers of items may be negative, and a missing field may be replaced.

use crate::object::Node;

#[derive(Clone, Copy, Debug)]
pub(super) struct Pointer<'p>(pub(super) &'p str);

impl Pointer<'_> {
    /// The value at the place; `None` for a field that is missing.
    pub(super) fn get(self, object: &Node) -> Result<Option<&Node>, String> {
        let (mut parents, key) = self.split()?;
        let parent = parents.try_fold(object, |node, part| child(node, &part));
        match parent.ok_or_else(|| self.missing())? {
            Node::Sequence(items) => item(&key, items.len()).map(|at| items.get(at)),
            Node::Mapping(fields) => Ok(fields.get(&key)),
            Node::Scalar(_) => Err(self.missing()),
        }
    }

    pub(super) fn add(self, object: &mut Node, value: Node) -> Result<(), String> {
        let (parent, key) = self.parent(object)?;
        match parent {
            Node::Mapping(fields) => fields.insert(&*key, value),
            list => {
                let items = list.as_sequence_mut().ok_or_else(|| self.missing())?;
                let at = if key == "-" { items.len() } else { item(&key, items.len() + 1)? };
                items.insert(at, value);
            }
        }
        Ok(())
    }

    pub(super) fn replace(self, object: &mut Node, value: Node) -> Result<(), String> {
        if self.0.is_empty() {
            *object = value;
            return Ok(());
        }
        let (parent, key) = self.parent(object)?;
        match parent {
            Node::Mapping(fields) => fields.insert(&*key, value),
            list => {
                let items = list.as_sequence_mut().ok_or_else(|| self.missing())?;
                let at = item(&key, items.len())?;
                items[at] = value;
            }
        }
        Ok(())
    }

    pub(super) fn remove(self, object: &mut Node) -> Result<Node, String> {
        let (parent, key) = self.parent(object)?;
        match parent {
            Node::Mapping(fields) => fields.remove(&key).ok_or_else(|| self.missing()),
            list => {
                let items = list.as_sequence_mut().ok_or_else(|| self.missing())?;
                let at = item(&key, items.len())?;
                Ok(items.remove(at))
            }
        }
    }

    /// What holds the place, and the last part of the path.
    fn parent(self, object: &mut Node) -> Result<(&mut Node, String), String> {
        let (mut parents, key) = self.split()?;
        let parent = parents.try_fold(object, |node, part| child_mut(node, &part));
        Ok((parent.ok_or_else(|| self.missing())?, key))
    }

    /// The parts on the way, and the last one.
    fn split(&self) -> Result<(impl Iterator<Item = String>, String), String> {
        let (parents, key) = self.0.rsplit_once('/').ok_or_else(|| self.missing())?;
        Ok((parents.split('/').skip(1).map(unescaped), unescaped(key)))
    }

    fn missing(&self) -> String {
        format!("there is no {:?}", self.0)
    }
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn child<'n>(node: &'n Node, part: &str) -> Option<&'n Node> {
    match node {
        Node::Sequence(items) => items.get(item(part, items.len()).ok()?),
        _ => node.get(part),
    }
}

fn child_mut<'n>(node: &'n mut Node, part: &str) -> Option<&'n mut Node> {
    match node {
        Node::Sequence(items) => {
            let at = item(part, items.len()).ok()?;
            node.as_sequence_mut()?.get_mut(at)
        }
        _ => node.get_mut(part),
    }
}

/// The number of an item below `count`; negative ones count from the end.
fn item(part: &str, count: usize) -> Result<usize, String> {
    let number: i64 = part.parse().map_err(|_| format!("{part:?} is not the number of an item"))?;
    let from_start = usize::try_from(number).ok().filter(|at| *at < count);
    let from_end = || usize::try_from(number.checked_neg()?).ok().and_then(|back| count.checked_sub(back));
    let at = if number < 0 { from_end() } else { from_start };
    at.ok_or_else(|| format!("there is no item {number} among {count}"))
}
