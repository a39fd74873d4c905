//! `kustomize build`, in process: from a tree of files and a path to the Kubernetes objects that it describes.
//!
//! Takes a [`FileTree`](crate::tree::FileTree), the path of a root in it and the trees of the remotes that it names;
//! gives the objects in kustomize's order and form, or says which remotes are missing. No I/O of its own, no process,
//! no global state.

mod accumulate;
mod build;
mod closure;
pub mod configuration;
mod crds;
mod decode;
mod error;
mod field_path;
mod fieldspec;
mod files;
mod finish;
pub mod generate;
mod generators;
pub mod hash;
mod id;
mod images;
mod json_patch;
pub mod kustomization;
mod labels;
mod layer;
mod load;
mod merge;
mod metadata;
mod namespace;
mod nearest;
mod objects;
mod order;
mod origin;
mod patches;
mod plugin;
mod plugins;
mod prefix;
mod rank;
mod references;
mod remote;
mod replacement;
mod replicas;
mod resource;
mod resources;
mod schema;
mod select;
mod traces;
mod transform;
mod twins;
mod vars;

pub use build::{Built, Options, Outcome, build};
pub use closure::Closure;
pub use error::Error;
pub use files::Files;
pub use id::{Gvk, Id};
pub use load::{LoadRestrictor, Remotes};
pub use merge::{Merged, merge};
pub use remote::{Remote, RemoteFolder, Repository, remote_folder};
pub use resource::Resource;
pub use schema::Schema;
