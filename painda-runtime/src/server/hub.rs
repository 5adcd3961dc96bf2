//! The sockets of this node, and the rooms they are in. Knows no adapter.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use parking_lot::RwLock;

use super::{client_id::ClientId, socket::SocketCore};
use crate::wire::aim::{Aim, Names};

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

    /// Calls `visit` once for each socket that an aim is at.
    pub(crate) fn each(&self, aim: &Aim<'_>, mut visit: impl FnMut(&Arc<SocketCore>)) {
        if aim.is_everybody() && aim.except_rooms.is_empty() {
            visit_all(&self.sockets.read(), &aim.except_clients, visit);
        } else if let (Some((room, _)), Some(_)) = (aim.plain(), aim.rooms.only()) {
            if let Some(members) = self.rooms.read().get(room) {
                visit_all(members, &aim.except_clients, visit);
            }
        } else {
            self.pick(aim).iter().for_each(&mut visit);
        }
    }

    /// The sockets of an aim of any kind.
    fn pick(&self, aim: &Aim<'_>) -> Vec<Arc<SocketCore>> {
        // In the order in which both are always locked.
        let sockets = self.sockets.read();
        let rooms = self.rooms.read();
        let members = |names: &Names<'_>| -> HashSet<ClientId> {
            names.iter().filter_map(|room| rooms.get(room)).flat_map(|members| members.keys().copied()).collect()
        };
        let mut out = members(&aim.except_rooms);
        out.extend(aim.except_clients.iter().filter_map(ClientId::parse));
        let mut picked = Vec::new();
        if aim.is_everybody() {
            picked.extend(sockets.values().filter(|socket| !out.contains(&socket.id)).cloned());
            return picked;
        }
        let mut ids = members(&aim.rooms);
        ids.extend(aim.clients.iter().filter_map(ClientId::parse));
        picked.extend(ids.difference(&out).filter_map(|id| sockets.get(id)).cloned());
        picked
    }
}

fn visit_all(sockets: &Sockets, except: &Names<'_>, mut visit: impl FnMut(&Arc<SocketCore>)) {
    for socket in sockets.values() {
        if except.is_empty() || !except.contains(socket.id.as_str()) {
            visit(socket);
        }
    }
}
