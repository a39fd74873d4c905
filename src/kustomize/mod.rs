//! `kustomize build`, in process: from a tree of files and a path to the Kubernetes objects that it describes.
//!
//! Takes a [`FileTree`](crate::tree::FileTree), the path of a root in it and the trees of the remotes that it names;
//! gives the objects in kustomize's order and form, or says which remotes are missing. No I/O of its own, no process,
//! no global state.
//!
//! # The way of a build
//!
//! ```text
//! build ─▶ load ─▶ kustomization ─▶ layer ──────────────────────────▶ finish ─▶ Built
//!          files   one file read    resources, generators, transform  hashes, references, order
//!          ▲                        │ ▲
//!          └──── bases, components ─┘ └── once for each root, the innermost first
//! ```
//!
//! In reading order:
//!
//! - `build`: the whole way in one function, and what goes in and comes out ([`build()`], [`Options`], [`Built`]).
//! - `resource`: an object while it is built, who it is ([`Id`]) and was, and all of them in their list.
//! - `kustomization`: what a kustomization file or the object of a plugin says, as types.
//! - `configuration`: the tables of fields that transformers go by; `schema`: what OpenAPI knows of kinds.
//! - `load`: what an entry leads to, within what a build may read; the [`Closure`] of what it read, and [`Remote`]s.
//! - `documents`: what was read once and is kept for further builds ([`Documents`]).
//! - `layer`: a root, and what its bases, components and generators come to.
//! - `field`: the paths of fields, which transformers and references walk.
//! - `parallel`: many resources at once, in their order; `go`: values that Go reads.
//! - `transform`: a file for each transformer, in the order in which `transform` calls them.
//! - `finish`: what happens once, at the end: hashes, references, vars, order and build metadata.
//! - [`Error`], with the file, field and entry that are to blame.
//!
//! What is kustomize's alone and nobody would guess is told where it is done: values that are one at several places
//! (`resource/twins`), annotations that remember (`resource/traces`, `transform/patches/past`), lists without merge
//! keys (`transform/merge/loose`), objects that went through JSON (`transform/json_patch/settle`); in the room `yaml`
//! comments that hide a field's schema (`comments`) and folded texts that come back as others (`refold`).

mod build;
pub mod configuration;
mod documents;
mod error;
mod field;
mod finish;
mod go;
pub mod kustomization;
mod layer;
mod load;
mod parallel;
mod resource;
mod schema;
mod transform;

pub use build::{Built, Options, Outcome, build};
pub use documents::Documents;
pub use error::Error;
pub use load::{Closure, Failed, Files, LoadRestrictor, Remote, RemoteFolder, Remotes, Repository, remote_folder};
pub use resource::{Gvk, Id, Resource};
pub use schema::Schema;
pub use transform::{Merged, merge};
