//! An answer's body: where it ends, and how much of it is taken.
//!
//! Knows nothing of time limits: whoever stops reading still has what came.

use std::{future::poll_fn, pin::Pin};

use awc::{
    ClientResponse,
    http::{Version, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use super::{SendError, error::Peer, record::Record};

/// A body as far as it came.
#[derive(Default)]
pub(super) struct Body {
    /// Most bodies come in one piece, which need not be copied.
    first: Bytes,
    /// All pieces, the first included, as soon as there are two.
    pieces: BytesMut,
}

impl Body {
    /// Reads to the body's end, or up to `limit` bytes.
    pub(super) async fn read(
        &mut self,
        mut answer: ClientResponse,
        record: &Record,
        peer: &Peer,
        limit: usize,
    ) -> Result<(), SendError> {
        let status = answer.status().as_u16();
        let broken = |reason| SendError::BodyBroken { peer: peer.clone(), status, reason };
        let too_large = || SendError::ResponseTooLarge { peer: peer.clone(), status, limit };
        // awc would wait for a body that these cannot have (RFC 9112, 6.3). Not asking it lets the connection go.
        if record.bodiless || matches!(status, 101 | 204 | 304) {
            return Ok(());
        }
        let chunked =
            answer.version() == Version::HTTP_11 && answer.headers().contains_key(header::TRANSFER_ENCODING);
        let length = answer.headers().get(header::CONTENT_LENGTH).filter(|_| !chunked);
        let length = length.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        if length.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        while let Some(piece) = poll_fn(|cx| Pin::new(&mut answer).poll_next(cx)).await {
            let mut piece = piece.map_err(|error| broken(error.to_string()))?;
            let room = limit - self.len();
            let fits = piece.len() <= room;
            piece.truncate(room);
            self.push(piece);
            if !fits {
                return Err(too_large());
            }
        }
        // awc takes the connection's end for the body's, whatever the head said.
        if length.is_some_and(|length| length != self.len() as u64) || (chunked && record.ended.get()) {
            return Err(broken("the connection ended in its middle".to_owned()));
        }
        Ok(())
    }

    pub(super) fn into_bytes(self) -> Bytes {
        if self.pieces.is_empty() { self.first } else { self.pieces.freeze() }
    }

    fn len(&self) -> usize {
        self.first.len() + self.pieces.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
        } else {
            self.pieces.extend_from_slice(&std::mem::take(&mut self.first));
            self.pieces.extend_from_slice(&piece);
        }
    }
}
