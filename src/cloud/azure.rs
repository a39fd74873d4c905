//! Azure: tokens of Microsoft Entra for who we are, and what they are good for: logins of ACR, and Azure DevOps.

mod acr;
mod entra;
mod managed;
mod stack;

pub(super) use acr::{acr_login, check_registry};
pub(super) use entra::devops_token;
