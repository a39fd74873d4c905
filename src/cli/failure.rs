//! The failure of a verb: what is printed after `error:`, and the `hint:` under it.

use std::error::Error;
use std::io;

use crate::engine::cause::Cause;

/// A failure with its causes and, where there is advice, a hint.
#[derive(Debug)]
pub(crate) struct Failure {
    cause: Cause,
    closed_pipe: bool,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { cause: Cause::new(message), closed_pipe: false }
    }

    /// Says what was being done.
    pub(crate) fn doing(mut self, what: impl std::fmt::Display) -> Self {
        self.cause = self.cause.doing(what);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.cause.hint = Some(hint.into());
        self
    }

    /// [`Failure::hint`], where there is advice.
    pub(crate) fn advised(self, advice: Option<impl Into<String>>) -> Self {
        advice.into_iter().fold(self, Self::hint)
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The reader of our output went away (`tagwright … | head`): no failure worth a word.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause, closed_pipe: false }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let io_error = (&error as &(dyn Error + 'static)).downcast_ref::<io::Error>();
        let closed_pipe = io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        Self { closed_pipe, cause: Cause::from(error) }
    }
}
