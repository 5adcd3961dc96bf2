//! Takes a client's message through the middleware to its handler, or answers why that can't be.
//!
//! A panic of the application becomes an error. Knows no WebSocket.

use std::{
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use futures_util::FutureExt;
use tracing::{Instrument, Level};

use super::{
    handle::{Session, Socket},
    handlers::NotHandled,
    incoming::{Incoming, Parsed, Refusal, parse},
};
use crate::{
    adapter::BoxFuture,
    excerpt::{MESSAGE, cut},
    schema::{EventDescriptor, Schema},
    server::{
        close_code,
        error::Error,
        log::{self, line},
        node::Node,
        stats::{Closed, EventLabel, Malformed, Refused},
    },
    wire::{
        control::{AUTH, ToClient},
        error_code::ErrorCode,
        frame::Body,
    },
};

/// Reads what a message says, and hands it to whom it is for.
pub(crate) async fn handle<S: Schema>(session: &Arc<Session<S>>, body: Body) {
    let node = session.server.node();
    let came = body.payload().len();
    match parse(node.registry, node.config.limits.event(), body) {
        Ok(Parsed::Message(message)) => {
            if let Incoming::Event { event, payload } = &message {
                session.count_growth(came, node.largest_form(event, payload));
            }
            dispatch(session, message).await;
        }
        Ok(Parsed::Auth(token)) => Box::pin(authenticate(session, token)).await,
        Err(refusal) => refuse(session, &refusal),
    }
}

/// New credentials of a client, for the auth hook.
async fn authenticate<S: Schema>(session: &Arc<Session<S>>, token: Option<String>) {
    let Some(hook) = &session.server.hooks().auth else { return };
    session.handling.store(0, Ordering::Relaxed);
    let Some(token) = token else {
        return refuse(session, &Refusal::bad_json(format!("{AUTH:?} has no string \"token\"")));
    };
    let socket = Socket::new(session.clone());
    if let Err(error) = caught(|| hook(socket, token)).await {
        refuse_client(session, Refused::AuthHook, &error);
    }
}

/// Through the middleware to the handler.
async fn dispatch<S: Schema>(session: &Arc<Session<S>>, mut message: Incoming) {
    let node = session.server.node();
    let mut event = begins(session, &message);
    for middleware in &session.server.hooks().middleware {
        match caught(|| middleware(Socket::new(session.clone()), message)).await {
            Ok(passed) => {
                event = begins(session, &passed);
                message = passed;
            }
            Err(Error::Refused { reason, .. }) => {
                node.counters.refused_messages.add(event, 1);
                return tell_error(node, &Socket::new(session.clone()), ErrorCode::Refused, &reason);
            }
            Err(error) => return failed(session, &error),
        }
    }
    let began = tokio::time::Instant::now();
    let span = tracing::debug_span!(target: "painda::handler", "handler", event = log::name(message.name()));
    let name = match &message {
        Incoming::Named { name, .. } if tracing::enabled!(target: "painda::handler", Level::DEBUG) => {
            Some(name.clone())
        }
        _ => None,
    };
    let mut not_handled = None;
    let called = caught(|| {
        let all = &session.server.hooks().handlers;
        session.handlers.call(all, Socket::new(session.clone()), message).unwrap_or_else(|why| {
            not_handled = Some(why);
            Box::pin(ready(Ok(())))
        })
    });
    let result = called.instrument(span).await;
    match (result, not_handled) {
        (_, Some(NotHandled::NoHandler)) => {
            node.counters.unhandled.add(event, 1);
            let (id, name) = (session.core.id.as_str(), name.as_deref().or_else(|| current(session)));
            let event = name.map(log::name);
            line!(node.log.unhandled, DEBUG, target: "painda::handler", id, event, "nobody handles this event");
        }
        (_, Some(NotHandled::Refused(refusal))) => refuse(session, &refusal),
        (Ok(()), None) => node.facade.handler_time(event, began),
        (Err(error), None) => failed(session, &error),
    }
}

/// Notes which event is being handled, for the log and the counters of failures.
fn begins<S: Schema>(session: &Session<S>, message: &Incoming) -> EventLabel {
    let id = match message {
        Incoming::Event { event, .. } => event.id(),
        Incoming::Named { .. } => 0,
    };
    session.handling.store(id, Ordering::Relaxed);
    EventLabel::of(session.server.node().registry, id)
}

/// The name of the event that is being handled, where the schema has it.
fn current<S: Schema>(session: &Session<S>) -> Option<&'static str> {
    let id = session.handling.load(Ordering::Relaxed);
    session.server.node().registry.by_id(id).map(EventDescriptor::name)
}

/// A handler or middleware has ended with an error, or is not waited for any more.
pub(crate) fn failed<S: Schema>(session: &Arc<Session<S>>, error: &Error) {
    let node = session.server.node();
    let handling = session.handling.load(Ordering::Relaxed);
    node.counters.failed_handlers.add(EventLabel::of(node.registry, handling), 1);
    let (id, event) = (session.core.id.as_str(), current(session));
    line!(
        node.log.failed, WARN, target: "painda::handler",
        id, event, error = log::sentence(&error.to_string()), "a handler failed"
    );
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
    node.counters.malformed.add(Malformed::of(refusal.code), 1);
    line!(
        node.log.malformed, DEBUG, target: "painda::handler",
        id = session.core.id.as_str(), error = refusal.code.as_str(), why = log::sentence(&refusal.message), "a message can't be taken"
    );
    tell_error(node, &Socket::new(session.clone()), refusal.code, &refusal.message);
}

/// Sends a client the reason of its refusal, and closes it. Only an [`Error::Refused`] is shown to the client; the log has every error.
pub(crate) fn refuse_client<S: Schema>(session: &Arc<Session<S>>, why: Refused, error: &Error) {
    let (node, core) = (session.server.node(), &session.core);
    let (code, reason) = match error {
        Error::Refused { code, reason } => (*code, reason.as_str()),
        _ => (close_code::REFUSED, "the server could not accept the connection"),
    };
    node.counters.refused.add(why, 1);
    node.log.refused(core.id, session.address, why, code, &error.to_string());
    tell_error(node, &Socket::new(session.clone()), ErrorCode::Refused, reason);
    core.close_because(Closed::Refused, code, reason);
}

/// Sends a client an error message. It is dropped where the client does not read.
pub(crate) fn tell_error<S: Schema>(node: &Node, socket: &Socket<S>, code: ErrorCode, message: &str) {
    let message = &cut(message, MESSAGE);
    if let Some(packet) = node.control(&ToClient::Error { code, message }) {
        node.answer(socket.core(), &packet);
    }
}
