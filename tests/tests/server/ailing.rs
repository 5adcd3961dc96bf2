//! An adapter that something is wrong with.

use std::{collections::HashSet, future::ready, time::SystemTime};

use painda_runtime::{
    Message, PPAdapter,
    adapter::{AdapterError, BoxFuture, Callback, Health, MemoryAdapter},
};

/// An adapter of somebody else that is never well, and whose close fails.
#[derive(Default)]
pub(crate) struct Ailing(MemoryAdapter);

impl PPAdapter for Ailing {
    fn publish(&self, channel: &str, message: &Message, exclude: Option<&str>) -> Result<(), AdapterError> {
        self.0.publish(channel, message, exclude)
    }

    fn subscribe(&self, channel: &str, callback: Callback) -> BoxFuture<Result<(), AdapterError>> {
        self.0.subscribe(channel, callback)
    }

    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.0.unsubscribe(channel)
    }

    fn add_to_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.0.add_to_room(room, client_id)
    }

    fn remove_from_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.0.remove_from_room(room, client_id)
    }

    fn get_clients_in_room(&self, room: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        self.0.get_clients_in_room(room)
    }

    fn get_client_rooms(&self, client_id: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        self.0.get_client_rooms(client_id)
    }

    fn close(&self) -> BoxFuture<Result<(), AdapterError>> {
        Box::pin(ready(Err(AdapterError::Unavailable("it is stuck".into()))))
    }
    fn health(&self) -> Health {
        Health::Degraded { reason: "it ails".into(), since: SystemTime::UNIX_EPOCH }
    }
}
