//! The sockets of this node, and the rooms they are in. Knows no adapter.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use parking_lot::RwLock;

use super::{client_id::ClientId, socket::SocketCore};
use crate::wire::aim::Aim;

/// So many names are looked up under one lock, or the first rooms that have so many members.
const PIECE: usize = 1024;
const PIECE_MEMBERS: usize = 1 << 16;

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
    pub(crate) fn each(&self, aim: &Aim<'_>, visit: impl FnMut(&Arc<SocketCore>)) {
        let Some((channel, except)) = aim.plain() else { return self.pick(aim).iter().for_each(visit) };
        if aim.rooms.is_empty() {
            visit_all(&self.sockets.read(), except, visit);
        } else if let Some(members) = self.rooms.read().get(channel) {
            visit_all(members, except, visit);
        }
    }

    /// The sockets of an aim of any kind.
    ///
    /// Up to [`PIECE`] rooms are looked at in one moment, so that whoever goes from one of them to another is found in one of the
    /// two. More are looked at in pieces: the list may come from another node, and joins do not wait for all of it.
    fn pick(&self, aim: &Aim<'_>) -> Vec<Arc<SocketCore>> {
        let (mut picked, mut out) = (Sockets::new(), HashSet::new());
        let wanted = aim.rooms.iter().map(|room| (room, true));
        let mut rooms = wanted.chain(aim.except_rooms.iter().map(|room| (room, false))).peekable();
        while rooms.peek().is_some() {
            let hub = self.rooms.read();
            let mut looked_at = 0;
            for (room, wanted) in rooms.by_ref().take(PIECE) {
                let Some(members) = hub.get(room) else { continue };
                if wanted {
                    for (id, socket) in members {
                        picked.entry(*id).or_insert_with(|| socket.clone());
                    }
                } else {
                    out.extend(members.keys().copied());
                }
                looked_at += members.len();
                if looked_at >= PIECE_MEMBERS {
                    break;
                }
            }
        }
        let mut clients = aim.clients.iter().filter_map(ClientId::parse).peekable();
        while clients.peek().is_some() {
            let sockets = self.sockets.read();
            picked.extend(clients.by_ref().take(PIECE).filter_map(|id| Some((id, sockets.get(&id)?.clone()))));
        }
        out.extend(aim.except_clients.iter().filter_map(ClientId::parse));
        if aim.is_everybody() {
            self.sockets.read().values().filter(|socket| !out.contains(&socket.id)).cloned().collect()
        } else {
            picked.into_values().filter(|socket| !out.contains(&socket.id)).collect()
        }
    }
}

fn visit_all(sockets: &Sockets, except: Option<&str>, mut visit: impl FnMut(&Arc<SocketCore>)) {
    for socket in sockets.values() {
        if except.is_none_or(|id| *id != *socket.id.as_str()) {
            visit(socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{server::packet::Dialect, wire::aim::names};

    fn sockets(hub: &Hub, count: usize) -> Vec<Arc<SocketCore>> {
        let connect = |_| {
            let id = ClientId::random().expect("random bits");
            let socket = Arc::new(SocketCore::new(id, 1 << 20, Dialect::V2));
            hub.add(socket.clone());
            socket
        };
        (0..count).map(connect).collect()
    }

    /// How often an aim reaches each of these.
    fn reached(hub: &Hub, aim: &Aim<'_>, sockets: &[Arc<SocketCore>]) -> Vec<usize> {
        let mut reached = HashMap::new();
        hub.each(aim, |socket| *reached.entry(socket.id).or_insert(0) += 1);
        sockets.iter().map(|socket| reached.get(&socket.id).copied().unwrap_or_default()).collect()
    }

    #[test]
    fn lists_of_several_pieces_find_each_socket_once() {
        let hub = Hub::default();
        let sockets = sockets(&hub, 4);
        let rooms: Vec<String> = (0..3 * PIECE + 1).map(|room| format!("room {room}")).collect();
        for (at, socket) in sockets.iter().enumerate().take(3) {
            // The last one of a piece, the first one of the next, and one in the middle.
            for room in [PIECE - 1, PIECE, 2 * PIECE + 7] {
                hub.enter(&rooms[room + at].as_str().into(), socket.clone());
            }
        }
        let ids: Vec<&str> = sockets.iter().map(|socket| socket.id.as_str()).collect();
        let mut aim = Aim { rooms: names(&rooms), ..Aim::default() };
        assert_eq!(reached(&hub, &aim, &sockets), [1, 1, 1, 0]);
        aim.clients = names(&rooms[1..]);
        aim.clients.add(ids[3]);
        assert_eq!(reached(&hub, &aim, &sockets), [1, 1, 1, 1]);
        aim.except_clients = names(&rooms);
        aim.except_clients.add(ids[1]);
        assert_eq!(reached(&hub, &aim, &sockets), [1, 0, 1, 1]);
        aim.except_rooms = names(&rooms[..PIECE]);
        assert_eq!(reached(&hub, &aim, &sockets), [0, 0, 1, 1]);
        (aim.rooms, aim.clients) = Default::default();
        assert_eq!(reached(&hub, &aim, &sockets), [0, 0, 1, 1]);
        aim.except_rooms = names(&rooms);
        assert_eq!(reached(&hub, &aim, &sockets), [0, 0, 0, 1]);
    }

    /// Looking through the list for each socket would take minutes.
    #[test]
    fn many_sockets_and_many_names_cost_their_sum() {
        let hub = Hub::default();
        let sockets = sockets(&hub, 10_000);
        let others: Vec<String> = (0..60_000).map(|number| format!("{number:016}")).collect();
        let mut aim = Aim { except_clients: names(&others), ..Aim::default() };
        aim.except_clients.add(sockets[0].id.as_str());
        let reached = reached(&hub, &aim, &sockets);
        assert_eq!((reached[0], reached[1..].iter().sum()), (0, 9_999));
    }
}
