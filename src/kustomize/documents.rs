//! What files say, kept for the builds that come after: bases that many roots share are read once.
//!
//! A file is known by the id of its content, which a Git tree tells; what has none is read anew. Places in a document
//! name its file by the number that it has in its build, so each number has a document of its own: roots of one shape
//! number what they share alike. What cannot be read is not kept, since its error names the file.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::kustomization::Kustomization;
use super::resource::Resource;
use crate::cache::Cache;
use crate::object::Node;
use crate::tree::ContentId;

/// Documents of any number of builds, in bounded room. A clone is another handle of the same.
#[derive(Clone, Debug)]
pub struct Documents(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    contents: Shelf<ContentId, [u8]>,
    objects: Shelf<(ContentId, u32), Vec<Resource>>,
    kustomizations: Shelf<(ContentId, u32), Kustomization>,
}

#[derive(Debug)]
struct Shelf<K, V: ?Sized>(Mutex<Cache<K, Arc<V>>>);

/// What a node takes in memory with all that belongs to it, about.
const NODE_BYTES: usize = 96;

impl Documents {
    /// They take about that many bytes of memory, at most.
    pub fn new(bytes_max: usize) -> Self {
        let (contents, rest) = (bytes_max / 8, bytes_max / 8 * 7);
        Self(Arc::new(Kept {
            contents: Shelf::new(contents),
            objects: Shelf::new(rest / 2),
            kustomizations: Shelf::new(rest / 2),
        }))
    }

    /// The bytes of a file.
    pub(super) fn content(
        &self,
        id: ContentId,
        read: impl FnOnce() -> Result<Arc<[u8]>, Error>,
    ) -> Result<Arc<[u8]>, Error> {
        self.0.contents.get_or_read(id, read, |content| content.len())
    }

    /// The objects in file `number` of a build.
    pub(super) fn objects(
        &self,
        id: ContentId,
        number: u32,
        read: impl FnOnce() -> Result<Vec<Resource>, Error>,
    ) -> Result<Arc<Vec<Resource>>, Error> {
        let bytes = |objects: &Vec<Resource>| objects.iter().map(|object| bytes(&object.node)).sum();
        self.0.objects.get_or_read((id, number), || read().map(Arc::new), bytes)
    }

    /// What file `number` of a build says as a kustomization file.
    pub(super) fn kustomization(
        &self,
        id: ContentId,
        number: u32,
        read: impl FnOnce() -> Result<Kustomization, Error>,
    ) -> Result<Arc<Kustomization>, Error> {
        // Its values are about as large as the node that they were read from.
        let bytes = |read: &Kustomization| 2 * read.written.node().map_or(0, bytes);
        self.0.kustomizations.get_or_read((id, number), || read().map(Arc::new), bytes)
    }
}

impl<K: Eq + Hash, V: ?Sized> Shelf<K, V> {
    fn new(bytes_max: usize) -> Self {
        Self(Mutex::new(Cache::new(bytes_max)))
    }

    fn get_or_read(
        &self,
        key: K,
        read: impl FnOnce() -> Result<Arc<V>, Error>,
        bytes: impl FnOnce(&V) -> usize,
    ) -> Result<Arc<V>, Error> {
        if let Some(value) = self.cache().get(&key) {
            return Ok(value);
        }
        // Others may read the same meanwhile; they come to the same.
        let value = read()?;
        let weight = size_of::<K>() + size_of::<Arc<V>>() + bytes(&value);
        self.cache().put(key, value.clone(), weight);
        Ok(value)
    }

    fn cache(&self) -> MutexGuard<'_, Cache<K, Arc<V>>> {
        // A cache that somebody panicked over has lost a value at most.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a node takes in memory, about. What aliases share counts at each of its places.
fn bytes(node: &Node) -> usize {
    let (mut sum, mut nodes) = (size_of::<Resource>(), vec![node]);
    while let Some(node) = nodes.pop() {
        sum += NODE_BYTES;
        match node {
            Node::Scalar(scalar) => sum += scalar.text.len(),
            Node::Sequence(items) => nodes.extend(items.iter()),
            Node::Mapping(fields) => nodes.extend(fields.iter().map(|(key, value)| {
                sum += NODE_BYTES + key.text.len();
                value
            })),
        }
    }
    sum
}
