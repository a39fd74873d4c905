//! What Kubernetes objects say, whoever made them: the images that they would run.
//!
//! Takes objects as values; gives facts about them. Knows nothing of how they were built or where they go.

mod images;

pub use images::{Image, List, images};
