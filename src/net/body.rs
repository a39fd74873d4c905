//! Reading the body of an answer within bounds of size and time.

use std::ops::ControlFlow;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::client::Http;
use super::deadline::Deadline;
use super::error::{Error, Step, host};

/// Takes the body of an answer as it arrives.
pub trait Intake {
    /// Takes the next piece; `Break` when no more is wanted.
    fn take(&mut self, piece: &[u8]) -> ControlFlow<()>;
}

/// Keeps all of it.
impl Intake for BytesMut {
    fn take(&mut self, piece: &[u8]) -> ControlFlow<()> {
        self.extend_from_slice(piece);
        ControlFlow::Continue(())
    }
}

impl Http {
    /// Hands the body on, at most `max` bytes of it. Compressed answers are counted as they unfold, so that a small body
    /// cannot become a large one.
    pub(super) async fn read_into(
        &self,
        mut response: Response,
        max: usize,
        deadline: Deadline,
        intake: &mut impl Intake,
    ) -> Result<(), Error> {
        let mut room = max;
        while let Some(piece) = self.next_piece(&mut response, deadline).await? {
            let Some(left) = room.checked_sub(piece.len()) else {
                return Err(Error::TooLarge { host: host(response.url()), max });
            };
            room = left;
            if intake.take(&piece).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The next piece of a body that the caller streams and bounds; `None` at its end.
    pub async fn next_piece(&self, response: &mut Response, deadline: Deadline) -> Result<Option<Bytes>, Error> {
        let step = Step::Body;
        match tokio::time::timeout_at(deadline.at(), response.chunk()).await {
            Ok(piece) => piece.map_err(|error| self.fault(&error, response.url(), step)),
            Err(_) => Err(Error::Timeout { host: self.way(response.url()).text(), step, after: deadline.limit() }),
        }
    }

    /// The first `max` bytes of a body.
    pub(super) async fn read_start(
        &self,
        mut response: Response,
        max: usize,
        deadline: Deadline,
    ) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.next_piece(&mut response, deadline).await? {
            let room = max - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                break;
            }
        }
        Ok(body.freeze())
    }
}
