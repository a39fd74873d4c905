//! YAML, in three uses: [`outline`] reads a document for edits that keep every other byte, [`load`] reads
//! objects into values, [`dialect`] says what a plain scalar means to the readers of YAML out there.
//!
//! `nodes` reads what kustomize builds from: resources, patches, kustomization files.
//! `scalar` tells what a scalar is and says to the two readers that kustomize has; `emit` and `json` write a node as
//! kustomize does.
//!
//! `outline` takes text and gives its nodes and comments with their byte ranges; `marked` tells which scalar a
//! comment speaks of, `owner` which Kubernetes object a node belongs to, `split` where documents begin.

mod assemble;
mod comments;
pub mod dialect;
pub mod emit;
mod fields;
mod json;
mod libyaml;
pub mod load;
mod marked;
mod nodes;
pub mod outline;
mod owner;
mod refold;
mod scalar;
pub mod split;
mod typed;
mod value;

pub use emit::{EmitError, emit, general};
pub use json::json;
pub use load::{Document, Error, documents};
pub use marked::Unmarked;
pub use nodes::nodes;
pub use owner::Owners;
pub use scalar::{Dialect, Number, boolean, number, plain, resolve, timestamp};
pub use value::empty;
