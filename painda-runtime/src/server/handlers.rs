//! The handlers that an application has set for one socket, and the way from bytes or JSON to a typed call.

use std::{future::Future, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use parking_lot::RwLock;
use serde_json::Value;

use super::{
    error::Error,
    incoming::{Incoming, Refusal},
    json::{JsonText, TreeError, tree},
    socket::Socket,
};
use crate::{
    adapter::BoxFuture,
    schema::{EventOf, Schema},
};

/// What a handler may return: nothing, or a `Result` whose error is logged.
pub trait HandlerResult: sealed::Sealed {
    /// The result, for the log.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), Error>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for Result<(), super::Error> {}
}

impl HandlerResult for () {
    fn into_result(self) -> Result<(), Error> {
        Ok(())
    }
}

impl HandlerResult for Result<(), Error> {
    fn into_result(self) -> Result<(), Error> {
        self
    }
}

/// Why a message reached no handler.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// The payload is not what the handler is for.
    Refused(Refusal),
    /// Nobody listens; that is no error.
    NoHandler,
}

type Call = BoxFuture<Result<(), Error>>;
/// A handler makes what it wants of the payload: bytes for an event, JSON text for a name.
type Handler<S, P> = Arc<dyn Fn(Socket<S>, P) -> Result<Call, Refusal> + Send + Sync>;

pub(crate) struct Handlers<S: Schema> {
    table: RwLock<Table<S>>,
    schema: PhantomData<S>,
}

/// Few handlers a socket: a list is smaller than a map, and as fast.
struct Table<S: Schema> {
    by_id: Vec<(u16, Handler<S, Bytes>)>,
    by_name: Vec<(Box<str>, Handler<S, JsonText>)>,
}

impl<S: Schema> Handlers<S> {
    pub(crate) fn new() -> Self {
        Self { table: RwLock::new(Table { by_id: Vec::new(), by_name: Vec::new() }), schema: PhantomData }
    }

    pub(crate) fn on<E, F, Fut, R>(&self, handler: F)
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
        set(&mut self.table.write().by_id, E::ID, Arc::new(call));
    }

    pub(crate) fn on_json<F, Fut, R>(&self, name: &str, handler: F)
    where
        F: Fn(Socket<S>, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        let call = move |socket: Socket<S>, payload: Value| -> Call {
            let done = handler(socket, payload);
            Box::pin(async move { done.await.into_result() })
        };
        let mut table = self.table.write();
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
                set(&mut table.by_id, event.id(), Arc::new(convert));
            }
            None => {
                let parse = move |socket: Socket<S>, payload: JsonText| {
                    let payload = tree(&payload, max_values(&socket))?;
                    Ok(call(socket, payload))
                };
                set(&mut table.by_name, name.into(), Arc::new(parse));
            }
        }
    }

    /// Finds the handler of a message and decodes the message for it; the call runs when it is awaited.
    pub(crate) fn call(&self, socket: Socket<S>, message: Incoming) -> Result<Call, Unheard> {
        match message {
            Incoming::Event { event, payload } => {
                let handler = find(&self.table.read().by_id, |id| *id == event.id()).ok_or(Unheard::NoHandler)?;
                handler(socket, payload).map_err(Unheard::Refused)
            }
            Incoming::Named { name, payload } => {
                let handler = find(&self.table.read().by_name, |key| **key == *name).ok_or(Unheard::NoHandler)?;
                handler(socket, payload).map_err(Unheard::Refused)
            }
        }
    }

    /// Lets go of what the handlers hold on to, sockets among it.
    pub(crate) fn clear(&self) {
        let mut table = self.table.write();
        table.by_id = Vec::new();
        table.by_name = Vec::new();
    }
}

/// How many values the JSON of a payload may have.
fn max_values<S: Schema>(socket: &Socket<S>) -> usize {
    socket.server().node().config.limits.json_values
}

fn set<K: PartialEq, H>(list: &mut Vec<(K, H)>, key: K, handler: H) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some(entry) => entry.1 = handler,
        None => list.push((key, handler)),
    }
}

fn find<K, H: Clone>(list: &[(K, H)], matches: impl Fn(&K) -> bool) -> Option<H> {
    list.iter().find(|(key, _)| matches(key)).map(|(_, handler)| handler.clone())
}
