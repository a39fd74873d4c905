//! `kustomize build`: tables by room, and the answers of kustomize itself.

mod cases;
mod comments;
mod configuration;
mod fields;
mod generating;
mod images;
mod kustomization;
mod loading;
mod merging;
mod namespaces;
mod oracle;
mod patching;
mod reading;
mod references;
mod remotes;
mod replacing;
mod scalars;
mod selecting;
mod small;
mod twins;
mod variables;
mod writing;
