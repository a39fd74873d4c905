//! `kustomize build`, in process: from a tree of files and a path to the Kubernetes objects that it describes.
//!
//! Takes a [`FileTree`](crate::tree::FileTree), the path of a root in it and the trees of the remotes that it names;
//! gives the objects in kustomize's order and form, or says which remotes are missing. No I/O of its own, no process,
//! no global state.

mod decode;
mod error;
mod field_path;
mod fieldspec;
mod id;
pub mod kustomization;
mod labels;
mod nearest;
mod prefix;
mod references;
mod resource;
mod schema;
mod vars;

pub use error::Error;
pub use id::{Gvk, Id};
pub use resource::Resource;
