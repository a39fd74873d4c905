//! Webhooks: what each sender writes, how it proves itself, and what hostile ones may try.

mod google;
mod handshake;
mod hostile;
mod payloads;
mod proofs;
mod real;
