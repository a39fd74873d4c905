//! `kustomize build`: tables by room, and the answers of kustomize itself.

mod kustomization;
mod reading;
mod scalars;
mod writing;
