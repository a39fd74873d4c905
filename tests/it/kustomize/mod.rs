//! `kustomize build`: tables by room, and the answers of kustomize itself.

mod configuration;
mod generating;
mod kustomization;
mod merging;
mod reading;
mod scalars;
mod writing;
