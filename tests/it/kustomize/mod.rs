//! `kustomize build`: tables by room, and the answers of kustomize itself.

mod cases;
mod comments;
mod configuration;
mod fields;
mod fuzz;
mod generating;
mod hostile;
mod images;
mod kustomization;
mod loading;
mod merging;
mod namespaces;
mod oracle;
mod patching;
mod properties;
mod reading;
mod references;
mod remotes;
mod replacing;
mod scalars;
mod selecting;
mod small;
mod trees;
mod twins;
mod variables;
mod writing;
