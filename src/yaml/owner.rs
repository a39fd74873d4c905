//! Which Kubernetes object a node belongs to.
//!
//! Takes an outline; gives for each event the identity of the object around it. The object is the root of
//! the document; below a root sequence and the `items` of a List it is the item.

use crate::object::ObjectId;

use super::dialect;
use super::outline::{Event, Kind, Outline, Role};

/// The objects of an outline.
#[derive(Debug, Default)]
pub struct Owners {
    /// In the order in which they begin.
    objects: Vec<Candidate>,
}

/// A mapping that may be an object, and the events that it spans.
#[derive(Debug)]
struct Candidate {
    first: usize,
    last: usize,
    parent: Option<usize>,
    id: ObjectId,
}

/// What an open collection is to the search.
#[derive(Clone, Copy)]
enum Scope {
    /// A candidate itself.
    Object(usize),
    /// The `metadata` of a candidate.
    Metadata(usize),
    /// A sequence of objects: the root, or the `items` of a candidate.
    Items(Option<usize>),
    Other,
}

impl Owners {
    /// Finds the objects of `outline` in one walk.
    pub fn of(outline: &Outline<'_>) -> Self {
        let mut walk = Walk::default();
        for (index, event) in outline.events.iter().enumerate() {
            walk.step(index, event);
        }
        Self { objects: walk.objects }
    }

    /// The object around event `index`; `None` outside of objects.
    pub fn owner(&self, index: usize) -> Option<&ObjectId> {
        let begun = self.objects.partition_point(|object| object.first <= index);
        let around = std::iter::successors(begun.checked_sub(1), |&inner| self.objects[inner].parent);
        let mut around = around.map(|at| &self.objects[at]).filter(|object| index <= object.last);
        around.find(|object| object.is_named() && self.is_listed(object)).map(|object| &object.id)
    }

    /// Whether `object` is at the root, or an item of a List that is.
    fn is_listed(&self, object: &Candidate) -> bool {
        let lists = std::iter::successors(object.parent, |&list| self.objects[list].parent);
        lists.map(|list| &self.objects[list]).all(|list| list.id.kind.ends_with("List"))
    }
}

impl Candidate {
    fn is_named(&self) -> bool {
        !self.id.api_version.is_empty() || !self.id.kind.is_empty()
    }
}

#[derive(Default)]
struct Walk<'a> {
    open: Vec<Scope>,
    /// The last key read, for the value that follows it.
    key: &'a str,
    objects: Vec<Candidate>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, index: usize, event: &'a Event<'_>) {
        let scope = self.open.last().copied();
        match event.kind {
            Kind::MappingStart(_) => self.begin_mapping(index, event.role, scope),
            Kind::SequenceStart(_) => self.open.push(self.sequence(event.role, scope)),
            Kind::MappingEnd | Kind::SequenceEnd => self.end(index),
            Kind::Scalar(_) if event.role == Role::Key => self.key = &event.value,
            Kind::Scalar(_) if event.role == Role::Value => self.note(event, scope),
            _ if event.role == Role::Key => self.key = "",
            _ => {}
        }
    }

    fn begin_mapping(&mut self, index: usize, role: Role, scope: Option<Scope>) {
        let opened = match (scope, role) {
            (None, _) => self.candidate(index, None),
            (Some(Scope::Items(parent)), _) => self.candidate(index, parent),
            (Some(Scope::Object(object)), Role::Value) if self.key == "metadata" => Scope::Metadata(object),
            _ => Scope::Other,
        };
        self.open.push(opened);
    }

    fn candidate(&mut self, first: usize, parent: Option<usize>) -> Scope {
        self.objects.push(Candidate { first, last: usize::MAX, parent, id: ObjectId::default() });
        Scope::Object(self.objects.len() - 1)
    }

    fn sequence(&self, role: Role, scope: Option<Scope>) -> Scope {
        match scope {
            None => Scope::Items(None),
            Some(Scope::Object(object)) if role == Role::Value && self.key == "items" => Scope::Items(Some(object)),
            _ => Scope::Other,
        }
    }

    fn end(&mut self, index: usize) {
        if let Some(Scope::Object(object)) = self.open.pop() {
            self.objects[object].last = index;
        }
    }

    fn note(&mut self, event: &Event<'_>, scope: Option<Scope>) {
        let field = match (scope, self.key) {
            (Some(Scope::Object(object)), "apiVersion") => &mut self.objects[object].id.api_version,
            (Some(Scope::Object(object)), "kind") => &mut self.objects[object].id.kind,
            (Some(Scope::Metadata(object)), "namespace") => &mut self.objects[object].id.namespace,
            (Some(Scope::Metadata(object)), "name") => &mut self.objects[object].id.name,
            _ => return,
        };
        if event.style() != Some(granit_parser::ScalarStyle::Plain) || dialect::reads_as_string(&event.value) {
            str::clone_into(&event.value, field);
        }
    }
}
