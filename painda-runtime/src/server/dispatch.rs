//! What becomes of a client's message: through the middleware to its handler, or an answer that says why not.
//!
//! Whatever the application does there, a panic among it, ends as a result. Knows no WebSocket.

use std::{
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures_util::FutureExt;
use tracing::Instrument;

use super::{
    close_code,
    error::Error,
    handlers::Unheard,
    incoming::{Incoming, Parsed, Refusal, parse},
    node::Node,
    socket::{Session, Socket},
};
use crate::{
    adapter::BoxFuture,
    excerpt::{MESSAGE, cut},
    schema::Schema,
    wire::{
        control::{AUTH, ToClient},
        error_code::ErrorCode,
        frame::Body,
    },
};

/// Reads what a message says, and hands it to whom it is for.
pub(crate) async fn handle<S: Schema>(session: &Arc<Session<S>>, body: Body) {
    let node = session.server.node();
    match parse(node.registry, node.config.limits.event(), body) {
        Ok(Parsed::Message(message)) => dispatch(session, message).await,
        Ok(Parsed::Auth(token)) => Box::pin(authenticate(session, token)).await,
        Err(refusal) => refuse(session, &refusal),
    }
}

/// New credentials, for the hook that wants it.
async fn authenticate<S: Schema>(session: &Arc<Session<S>>, token: Option<String>) {
    let Some(hook) = &session.server.hooks().auth else { return };
    let Some(token) = token else {
        return refuse(session, &Refusal::bad_json(format!("{AUTH:?} has no string \"token\"")));
    };
    let socket = Socket::new(session.clone());
    if let Err(error) = caught(|| hook(socket.clone(), token)).await {
        turn_away(session.server.node(), &socket, &error);
    }
}

/// Through the middleware to the handler.
async fn dispatch<S: Schema>(session: &Arc<Session<S>>, mut message: Incoming) {
    let node = session.server.node();
    for middleware in &session.server.hooks().middleware {
        match caught(|| middleware(Socket::new(session.clone()), message)).await {
            Ok(passed) => message = passed,
            Err(Error::Refused { reason, .. }) => {
                return tell_error(node, &Socket::new(session.clone()), ErrorCode::Refused, &reason);
            }
            Err(error) => return failed(session, &error),
        }
    }
    let began = std::time::Instant::now();
    let span = tracing::debug_span!(target: "painda::handler", "handler", event = message.name());
    let mut unheard = None;
    let called = caught(|| {
        let all = &session.server.hooks().handlers;
        session.handlers.call(all, Socket::new(session.clone()), message).unwrap_or_else(|why| {
            unheard = Some(why);
            Box::pin(ready(Ok(())))
        })
    });
    let result = called.instrument(span).await;
    match (result, unheard) {
        (_, Some(Unheard::NoHandler)) => node.counters.unhandled.add(1),
        (_, Some(Unheard::Refused(refusal))) => refuse(session, &refusal),
        (Ok(()), None) => node.counters.handler_time(began),
        (Err(error), None) => failed(session, &error),
    }
}

/// A handler or middleware has ended with an error.
pub(crate) fn failed<S: Schema>(session: &Arc<Session<S>>, error: &Error) {
    session.server.node().counters.failed_handlers.add(1);
    tracing::warn!(target: "painda::handler", id = session.core.id.as_str(), %error, "a handler failed");
}

/// Calls something of the application's; a panic, before its future exists or in it, becomes an error.
pub(crate) async fn caught<T>(call: impl FnOnce() -> BoxFuture<Result<T, Error>>) -> Result<T, Error> {
    let outcome = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(future) => AssertUnwindSafe(future).catch_unwind().await,
        Err(panic) => Err(panic),
    };
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Error::other(format!("panicked: {}", text.unwrap_or("?"))))
    })
}

/// Tells a client why its message can't be taken.
pub(crate) fn refuse<S: Schema>(session: &Arc<Session<S>>, refusal: &Refusal) {
    let node = session.server.node();
    node.counters.malformed.add(1);
    tell_error(node, &Socket::new(session.clone()), refusal.code, &refusal.message);
}

/// Tells a client why a hook refused it, and closes it. The client learns what is meant for it; the log learns everything.
pub(crate) fn turn_away<S: Schema>(node: &Node, socket: &Socket<S>, error: &Error) {
    let (code, reason) = match error {
        Error::Refused { code, reason } => (*code, reason.as_str()),
        _ => (close_code::REFUSED, "the server could not accept the connection"),
    };
    node.counters.refused.add(1);
    tracing::info!(target: "painda::connect", id = socket.id(), %error, "refused a client");
    tell_error(node, socket, ErrorCode::Refused, reason);
    socket.close(code, reason);
}

/// Tells a client of an error. A client that does not read such answers does without further ones.
pub(crate) fn tell_error<S: Schema>(node: &Node, socket: &Socket<S>, code: ErrorCode, message: &str) {
    let message = &cut(message, MESSAGE);
    if let Some(packet) = node.control(&ToClient::Error { code, message }) {
        node.answer(socket.core(), &packet);
    }
}
