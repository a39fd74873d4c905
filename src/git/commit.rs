//! Commits made in memory: nothing reaches the disk before a push.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use git2::{ObjectType, Oid};
use jiff::Timestamp;

use super::edit::{Edit, TreeEditor};
use super::error::Error;
use super::pack::{self, Bases, NewObject};
use super::sign::{self, Signer};
use super::store::Store;

/// Who a commit is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

/// All of a commit but its tree and parent. The committer is the author.
#[derive(Clone, Debug)]
pub struct CommitMeta {
    pub author: Author,
    /// When what it says was decided: the author's time.
    pub decided: Timestamp,
    pub time: Timestamp,
    /// Goes into the commit byte for byte.
    pub message: String,
    /// Signs the commit; unsigned without one.
    pub signer: Option<Signer>,
}

/// Commits that are in memory alone, with the objects that each of them brought.
#[derive(Default)]
pub(super) struct Pending(RefCell<HashMap<Oid, Made>>);

struct Made {
    parent: Oid,
    objects: Vec<Arc<NewObject>>,
}

/// Makes one commit on top of `base`.
pub(super) fn commit(
    store: &Store,
    pending: &Pending,
    base: Oid,
    edits: &[Edit],
    meta: &CommitMeta,
) -> Result<Oid, Error> {
    let parent = store.repository().find_commit(base).map_err(|error| store.read_error("reading a commit", error))?;
    let mut editor = TreeEditor::new(store)?;
    let tree = editor.apply(parent.tree_id(), edits)?;
    if tree == parent.tree_id() {
        return Err(Error::NothingChanged);
    }
    let text = text(tree, base, meta)?;
    store.odb()?.write(ObjectType::Commit, &text).map_err(Error::git("writing a commit"))?;
    let id = editor.make(ObjectType::Commit, text)?;
    pending.0.borrow_mut().insert(id, Made { parent: base, objects: editor.made });
    Ok(id)
}

impl Pending {
    /// One pack of the objects of `commit` and of those before it that are in memory alone; empty where all
    /// of it is on the disk.
    pub(super) fn pack(&self, store: &Store, commit: Oid, bases: Bases) -> Result<Vec<u8>, Error> {
        let made = self.0.borrow();
        let mut chain: Vec<&Made> = std::iter::successors(made.get(&commit), |last| made.get(&last.parent)).collect();
        chain.reverse();
        let objects = chain.into_iter().flat_map(|made| &made.objects).map(AsRef::as_ref);
        pack::pack(objects, bases).map_err(Error::io("making a pack", store.home()))
    }

    /// True while `commit` has not been written to the disk.
    pub(super) fn holds(&self, commit: Oid) -> bool {
        self.0.borrow().contains_key(&commit)
    }

    /// Forgets `commit` and those before it: they are on the disk now.
    pub(super) fn settle(&self, commit: Oid) {
        let mut made = self.0.borrow_mut();
        let mut next = Some(commit);
        while let Some(done) = next.and_then(|commit| made.remove(&commit)) {
            next = Some(done.parent);
        }
    }
}

/// A commit object (`gitformat-commit`): written here, since libgit2 would drop leading line feeds of the message.
fn text(tree: Oid, parent: Oid, meta: &CommitMeta) -> Result<Vec<u8>, Error> {
    if meta.message.contains('\0') {
        return Err(Error::CommitText { what: "message holds a NUL byte" });
    }
    let name = ident(&meta.author.name).ok_or(Error::CommitText { what: "author has no name" })?;
    let email = ident(&meta.author.email).unwrap_or_default();
    // Git reads no time before 1970.
    let who = |time: Timestamp| format!("{name} <{email}> {} +0000", time.as_second().max(0));
    let (author, committer) = (who(meta.decided), who(meta.time));
    let headers = format!("tree {tree}\nparent {parent}\nauthor {author}\ncommitter {committer}\n");
    let payload = format!("{headers}\n{}", meta.message);
    let Some(signer) = &meta.signer else { return Ok(payload.into_bytes()) };
    // What is signed is the commit without this header (`gitformat-signature`).
    let signature = signer.sign(payload.as_bytes(), meta.time).map_err(Error::Signing)?;
    Ok(format!("{headers}{}\n{}", sign::header(&signature), meta.message).into_bytes())
}

/// A name or address as Git cleans it: nothing that would end it early, no stray punctuation at its ends.
fn ident(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !matches!(c, '<' | '>') && !c.is_control()).collect();
    let trimmed =
        kept.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\''));
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}
