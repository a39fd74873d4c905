//! Signatures of commits, checked against keys that are known.
//!
//! In: public keys as files hold them, and the bytes of a commit. Out: a verdict. No agent, no key server, no program.

mod allowed;
mod armor;
mod certificate;
mod keyring;
mod payload;

pub use self::keyring::{Keyring, KeyringError, Signature, SignatureKind};

/// What ssh signatures of commits are made for; one made for something else is none.
const NAMESPACE: &str = "git";
