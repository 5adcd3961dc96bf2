//! The sockets of a node: they connect, join and leave rooms, and disconnect.

use std::sync::{Arc, atomic::Ordering};

use super::Node;
use crate::{
    schema::EventDescriptor,
    server::{
        client_id::ClientId,
        error::{Error, NameKind},
        sending::{core::SocketCore, packet::Dialect},
        stats::Closed,
    },
    wire::channels::{RoomNameError, check_room as check_room_name},
};

impl Node {
    /// A new socket, not in any room; `None` where there are no random numbers to be had.
    pub(crate) fn connect(&self, dialect: Dialect) -> Option<Arc<SocketCore>> {
        let socket =
            Arc::new(SocketCore::new(ClientId::random(&self.config.random)?, self.config.limits.queue.clone()));
        if dialect != Dialect::V2 {
            self.use_dialect(&socket, dialect);
        }
        self.facade.connections(self.hub.add(socket.clone()));
        self.counters.opened.add(1);
        Some(socket)
    }

    /// Sends a socket JSON from now on, in this dialect.
    pub(crate) fn use_dialect(&self, socket: &SocketCore, dialect: Dialect) {
        if !socket.rooms.lock().left {
            socket.set_dialect(dialect);
            self.json_sockets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many bytes an event has in the largest form that a client of this node may get.
    pub(crate) fn largest_form(&self, event: &EventDescriptor, payload: &[u8]) -> usize {
        match self.json_sockets.load(Ordering::Relaxed) {
            0 => payload.len(),
            _ => event.json_len(payload).unwrap_or(0).max(payload.len()),
        }
    }

    /// Removes a socket from the node and its rooms. The socket itself still knows in which rooms it was. Only the first call counts.
    pub(crate) fn disconnect(&self, socket: &SocketCore, (why, code): (Closed, u16)) {
        self.facade.connections(self.hub.remove(socket.id));
        let rooms = {
            let mut rooms = socket.rooms.lock();
            if std::mem::replace(&mut rooms.left, true) {
                return;
            }
            if socket.dialect() != Dialect::V2 {
                self.json_sockets.fetch_sub(1, Ordering::Relaxed);
            }
            rooms.names.clone()
        };
        self.counters.closed.add(why, code);
        for room in rooms {
            self.exit(&room, socket.id);
        }
        self.changed.notify_waiters();
    }

    /// Puts a socket into a room; the future ends when this node is subscribed to the room, or can't be for now.
    pub(crate) fn join(
        &self,
        socket: &Arc<SocketCore>,
        room: &str,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
        let room = check_room(room)?;
        let mut rooms = socket.rooms.lock();
        if rooms.left {
            return Err(Error::Disconnected);
        }
        let rooms = &mut rooms.names;
        let limit = self.config.limits.rooms;
        if rooms.len() >= limit && !rooms.iter().any(|known| **known == *room) {
            return Err(Error::TooManyRooms { limit });
        }
        let (room, subscribing) = self.hub.enter(room, socket, |room, entered| {
            if entered {
                drop(self.adapter.add_to_room(room, socket.id.as_str()));
                rooms.push(room.clone());
            }
            // Here, so that it can't overtake an unsubscribe. Every member asks: the second one to join may have to wait for the
            // same confirmation as the first.
            (room.clone(), self.adapter.subscribe(room, self.callback.clone()))
        });
        Ok(async move {
            if let Err(error) = subscribing.await {
                tracing::debug!(target: "painda::rooms", %room, %error, "joined; remote emits follow later");
            }
        })
    }

    pub(crate) fn leave(&self, socket: &SocketCore, room: &str) -> Result<(), Error> {
        let room = check_room(room)?;
        let mut rooms = socket.rooms.lock();
        if rooms.left {
            return Err(Error::Disconnected);
        }
        let rooms = &mut rooms.names;
        if let Some(at) = rooms.iter().position(|known| **known == *room) {
            let room = rooms.swap_remove(at);
            self.exit(&room, socket.id);
        }
        Ok(())
    }

    fn exit(&self, room: &str, id: ClientId) {
        self.hub.exit(room, id);
        // The adapter's close removes all members; if it is interrupted, other nodes finish it.
        if !self.is_closing() {
            drop(self.adapter.remove_from_room(room, id.as_str()));
        }
    }
}

/// Checks the name of a room.
pub(crate) fn check_room(room: &str) -> Result<&str, Error> {
    check_room_name(room).map(|()| room).map_err(|error| invalid_room((room, error)))
}

/// The error of a name that can't be a room's.
pub(crate) fn invalid_room((room, source): (&str, RoomNameError)) -> Error {
    Error::InvalidName { kind: NameKind::Room, name: room.to_owned(), why: source.as_str() }
}
