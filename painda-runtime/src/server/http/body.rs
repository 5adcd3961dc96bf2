//! The bodies of HTTP messages, which tell their connection what it waits for.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::server::node::pending::{PendingConnection, Phase};
use bytes::Bytes;
use http_body_util::{Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The response's body: short text, or nothing.
pub type ResponseBody = Full<Bytes>;

/// So much of an answer is handed on at once: a client that reads slowly is seen to take it piece by piece.
const PIECE: usize = 16 << 10;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request that [`PPServer::serve`](crate::server::PPServer::serve) hands to the application.
#[derive(Debug)]
pub struct RequestBody {
    body: Incoming,
    connection: Arc<PendingConnection>,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, connection: Arc<PendingConnection>) -> Self {
        Self { body, connection }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match (&polled, self.connection.is(Phase::Body)) {
            (Poll::Pending, false) => self.connection.enter_phase(Phase::Body),
            (Poll::Ready(_), true) => self.connection.enter_phase(Phase::Application),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.connection.is(Phase::Body) {
            self.connection.enter_phase(Phase::Application);
        }
    }
}

/// The body of an answer, in small pieces.
pub(crate) struct AnswerBody {
    body: UnsyncBoxBody<Bytes, io::Error>,
    rest: Bytes,
    connection: Arc<PendingConnection>,
}

impl AnswerBody {
    pub(crate) fn new(body: UnsyncBoxBody<Bytes, io::Error>, connection: Arc<PendingConnection>) -> Self {
        Self { body, rest: Bytes::new(), connection }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            let polled = Pin::new(&mut self.body).poll_frame(cx);
            match polled.map_ok(Frame::into_data) {
                Poll::Ready(Some(Ok(Ok(data)))) => self.rest = data,
                Poll::Ready(Some(Ok(Err(trailers)))) => return Poll::Ready(Some(Ok(trailers))),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    self.connection.enter_phase(Phase::Application);
                    return Poll::Pending;
                }
            }
        }
        let piece = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(piece);
        // hyper polls again when the client has taken most of it.
        self.connection.enter_phase(Phase::Answer);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper().and_then(|upper| upper.checked_add(rest)) {
            whole.set_upper(upper);
        }
        whole
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.connection.enter_phase(Phase::Request);
    }
}
