//! The sockets of this node, and the rooms they are in. Knows no adapter.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use super::{client_id::ClientId, emit::To, socket::SocketCore};

type Sockets = HashMap<ClientId, Arc<SocketCore>>;

#[derive(Debug, Default)]
pub(crate) struct Hub {
    sockets: RwLock<Sockets>,
    rooms: RwLock<HashMap<Arc<str>, Sockets>>,
}

impl Hub {
    /// Adds a socket, and says how many there are now.
    pub(crate) fn add(&self, socket: Arc<SocketCore>) -> usize {
        let mut sockets = self.sockets.write();
        sockets.insert(socket.id, socket);
        sockets.len()
    }

    /// Removes a socket, and says how many there are now.
    pub(crate) fn remove(&self, id: ClientId) -> usize {
        let mut sockets = self.sockets.write();
        sockets.remove(&id);
        sockets.len()
    }

    pub(crate) fn rooms(&self) -> usize {
        self.rooms.read().len()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.sockets.read().values().map(|socket| socket.outbox.queued_bytes()).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.read().len()
    }

    pub(crate) fn enter(&self, room: &Arc<str>, socket: Arc<SocketCore>) {
        self.rooms.write().entry(room.clone()).or_default().insert(socket.id, socket);
    }

    pub(crate) fn exit(&self, room: &str, id: ClientId) {
        let mut rooms = self.rooms.write();
        if let Some(members) = rooms.get_mut(room) {
            members.remove(&id);
            if members.is_empty() {
                rooms.remove(room);
            }
        }
    }

    /// Calls `visit` for each socket that an emit is for.
    pub(crate) fn each(&self, to: To<'_>, exclude: Option<&str>, mut visit: impl FnMut(&Arc<SocketCore>)) {
        let mut visit_all = |sockets: &Sockets| {
            for socket in sockets.values() {
                if exclude.is_none_or(|id| id != socket.id.as_str()) {
                    visit(socket);
                }
            }
        };
        match to {
            To::All => visit_all(&self.sockets.read()),
            To::Room(room) => {
                if let Some(members) = self.rooms.read().get(room) {
                    visit_all(members);
                }
            }
        }
    }
}
