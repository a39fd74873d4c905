//! Reading the body of an answer within bounds of size and time.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::client::Http;
use super::deadline::Deadline;
use super::error::{Error, Step, host};

impl Http {
    /// The whole body, at most `max` bytes. Compressed answers are counted as they unfold, so that a small body
    /// cannot become a large one.
    pub async fn read_body(&self, response: Response, max: usize, deadline: Deadline) -> Result<Bytes, Error> {
        let host = host(response.url());
        match self.read(response, max, deadline).await? {
            (body, false) => Ok(body),
            (_, true) => Err(Error::TooLarge { host, max }),
        }
    }

    /// The next piece of a body that the caller streams and bounds; `None` at its end.
    pub async fn next_piece(&self, response: &mut Response, deadline: Deadline) -> Result<Option<Bytes>, Error> {
        let step = Step::Body;
        match tokio::time::timeout_at(deadline.at(), response.chunk()).await {
            Ok(piece) => piece.map_err(|error| self.fault(&error, response.url(), step)),
            Err(_) => Err(Error::Timeout { host: self.way(response.url()).text(), step, after: deadline.limit() }),
        }
    }

    /// The first `max` bytes of a body, and whether there were more.
    pub(super) async fn read(
        &self,
        mut response: Response,
        max: usize,
        deadline: Deadline,
    ) -> Result<(Bytes, bool), Error> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.next_piece(&mut response, deadline).await? {
            let room = max - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                return Ok((body.freeze(), true));
            }
        }
        Ok((body.freeze(), false))
    }
}
