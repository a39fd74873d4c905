//! What a reconcile writes into an object's status. Takes the status as it is, what came of the reconcile and the time; gives
//! the status as it shall be. Pure: nothing is written here.

mod conditions;
mod image_policy;
mod image_repository;
mod image_update_automation;

pub use conditions::{Standing, Subject};
pub use image_policy::{Selected, image_policy};
pub use image_repository::{Scanned, image_repository};
pub use image_update_automation::{Updated, image_update_automation};
