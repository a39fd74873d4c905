//! The edge to the API server, against one in this process that does what a real one does only now and then.

mod access;
mod events;
mod fake;
mod lease;
mod objects;
mod real;
mod watch;
