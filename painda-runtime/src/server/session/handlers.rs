//! The handlers that an application has set, for all sockets or for one, and the way from bytes or JSON to a typed call.

use std::{collections::HashMap, future::Future, sync::Arc};

use bytes::Bytes;
use parking_lot::RwLock;
use serde_json::Value;

use super::{
    handle::{Call, Handler, Handlers, OwnHandlers, OwnTable, Socket},
    incoming::{Incoming, Refusal},
    json::{JsonText, TreeError, tree},
    result::HandlerResult,
};
use crate::schema::{EventOf, Schema};

/// Why no handler was called for a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotHandled {
    /// The payload is not what the handler is for.
    Refused(Refusal),
    /// No handler is set for it; that is no error.
    NoHandler,
}

impl<S: Schema> Default for Handlers<S> {
    fn default() -> Self {
        Self { by_id: HashMap::new(), by_name: HashMap::new() }
    }
}

impl<S: Schema> Default for OwnHandlers<S> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<S: Schema> Handlers<S> {
    pub(crate) fn on<E, F, Fut, R>(&mut self, handler: F)
    where
        E: EventOf<S>,
        F: Fn(Socket<S>, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        let call = move |socket: Socket<S>, payload: Bytes| -> Result<Call, Refusal> {
            let event = E::decode_bytes(payload).map_err(|error| Refusal::bad_payload(E::NAME, error))?;
            let done = handler(socket, event);
            Ok(Box::pin(async move { done.await.into_result() }))
        };
        self.by_id.insert(E::ID, Arc::new(call));
    }

    pub(crate) fn on_json<F, Fut, R>(&mut self, name: &str, handler: F)
    where
        F: Fn(Socket<S>, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        let call = move |socket: Socket<S>, payload: Value| -> Call {
            let done = handler(socket, payload);
            Box::pin(async move { done.await.into_result() })
        };
        match S::registry().by_name(name) {
            Some(event) => {
                let convert = move |socket: Socket<S>, payload: Bytes| {
                    let bad = |error| Refusal::bad_payload(event.name(), error);
                    let max = max_values(&socket);
                    if event.json_values(&payload).map_err(bad)? > max {
                        return Err(TreeError::TooMany(max).into());
                    }
                    let payload = event.to_json(&payload).map_err(bad)?;
                    Ok(call(socket, payload))
                };
                self.by_id.insert(event.id(), Arc::new(convert));
            }
            None => {
                let parse = move |socket: Socket<S>, payload: JsonText| {
                    let value = tree(&payload, max_values(&socket))?;
                    if let Some(len) = rewritten(payload.as_str(), &value) {
                        socket.session.count_growth(payload.as_str().len(), len);
                    }
                    Ok(call(socket, value))
                };
                self.by_name.insert(name.into(), Arc::new(parse));
            }
        }
    }
}

impl<S: Schema> OwnHandlers<S> {
    /// Sets one, unless the connection has ended.
    pub(crate) fn set(&self, set: impl FnOnce(&mut Handlers<S>)) {
        let mut own = self.0.write();
        if matches!(*own, OwnTable::None) {
            *own = OwnTable::Some(Box::default());
        }
        if let OwnTable::Some(table) = &mut *own {
            set(table);
        }
    }

    /// Finds the handler of a message, here or else among those of all sockets, and decodes the message for it; the call runs when it is
    /// awaited.
    pub(crate) fn call(&self, all: &Handlers<S>, socket: Socket<S>, message: Incoming) -> Result<Call, NotHandled> {
        match message {
            Incoming::Event { event, payload } => {
                self.find(all, |table| table.by_id.get(&event.id()))?(socket, payload).map_err(NotHandled::Refused)
            }
            Incoming::Named { name, payload } => {
                self.find(all, |table| table.by_name.get(&*name))?(socket, payload).map_err(NotHandled::Refused)
            }
        }
    }

    fn find<P>(
        &self,
        all: &Handlers<S>,
        get: impl Fn(&Handlers<S>) -> Option<&Handler<S, P>>,
    ) -> Result<Handler<S, P>, NotHandled> {
        // Not called under the lock: a handler may set another one.
        let own = match &*self.0.read() {
            OwnTable::Some(table) => get(table).cloned(),
            OwnTable::None | OwnTable::Ended => None,
        };
        own.or_else(|| get(all).cloned()).ok_or(NotHandled::NoHandler)
    }

    /// The connection has ended: drops the handlers, which may hold sockets, and takes no new ones.
    pub(crate) fn end(&self) {
        let handlers = std::mem::replace(&mut *self.0.write(), OwnTable::Ended);
        // Without the lock: what they hold may have a `Drop` of its own.
        drop(handlers);
    }
}

/// How many bytes a value has when it is written again, where that may be more than the text that it comes from: `1e15` becomes
/// `1000000000000000.0`.
fn rewritten(text: &str, value: &Value) -> Option<usize> {
    let exponent = |pair: &[u8]| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E');
    text.as_bytes().windows(2).any(exponent).then(|| value.to_string().len())
}

/// How many values the JSON of a payload may have.
fn max_values<S: Schema>(socket: &Socket<S>) -> usize {
    socket.server().node().config.limits.json_values
}
