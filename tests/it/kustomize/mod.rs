//! `kustomize build`: tables by room, and the answers of kustomize itself.

mod configuration;
mod fields;
mod generating;
mod images;
mod kustomization;
mod merging;
mod namespaces;
mod reading;
mod scalars;
mod small;
mod twins;
mod writing;
