//! The sockets of this node, and the rooms they are in. Knows no adapter.
//!
//! The state of a room is in one place, its [`Room`], behind a lock of its own. Rooms and sockets are found without a lock: an emit never
//! waits for a join, a leave or a subscription of another room.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use papaya::HashMap as ConcurrentMap;
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::time::Instant;

use crate::{
    server::{
        client_id::{ById, ClientId},
        sending::core::SocketCore,
    },
    wire::audience::Audience,
};

/// How many rooms are locked together at most.
const PIECE: usize = 1024;
/// Once the locked rooms have this many members, no further room is locked with them.
const PIECE_MEMBERS: usize = 1 << 16;

type Sockets = HashMap<ClientId, Arc<SocketCore>, ById>;

#[derive(Debug, Default)]
pub(crate) struct Hub {
    sockets: ConcurrentMap<ClientId, Arc<SocketCore>, ById>,
    rooms: ConcurrentMap<Arc<str>, Arc<Room>>,
    /// How many rooms have members.
    occupied: AtomicUsize,
}

/// A room whose channel this node is subscribed to: it has members here, or had some lately.
#[derive(Debug)]
struct Room {
    name: Arc<str>,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    members: Sockets,
    /// Since when there have been no members.
    empty_since: Option<Instant>,
    /// It was removed from the table, and must not be entered.
    ended: bool,
}

impl Hub {
    /// Adds a socket, and says how many there are now.
    pub(crate) fn add(&self, socket: Arc<SocketCore>) -> usize {
        let sockets = self.sockets.pin();
        sockets.insert(socket.id, socket);
        sockets.len()
    }

    /// Removes a socket, and says how many there are now.
    pub(crate) fn remove(&self, id: ClientId) -> usize {
        let sockets = self.sockets.pin();
        sockets.remove(&id);
        sockets.len()
    }

    /// Whether a room is known: it has members, or had some lately.
    pub(crate) fn has(&self, room: &str) -> bool {
        self.rooms.pin().contains_key(room)
    }

    /// How many rooms have members.
    pub(crate) fn rooms(&self) -> usize {
        self.occupied.load(Ordering::Relaxed)
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.sockets.pin().values().map(|socket| socket.outbox.queued_bytes()).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Puts a socket into a room. Then calls `then` with the room's name, and whether the socket was not in it before: what
    /// has to be done in the order of joins and [the end of the room](Self::end_empty).
    pub(crate) fn enter<T>(&self, room: &str, socket: &Arc<SocketCore>, then: impl FnOnce(&Arc<str>, bool) -> T) -> T {
        let rooms = self.rooms.pin();
        loop {
            let room = match rooms.get(room) {
                Some(room) => room,
                None => {
                    let name: Arc<str> = room.into();
                    rooms.get_or_insert_with(name.clone(), || Arc::new(Room { name, state: RwLock::default() }))
                }
            };
            let mut state = room.state.write();
            if state.ended {
                // Between the look-up and the lock. By now the table has another one, or none.
                continue;
            }
            let entered = state.members.insert(socket.id, socket.clone()).is_none();
            if entered && state.members.len() == 1 {
                state.empty_since = None;
                self.occupied.fetch_add(1, Ordering::Relaxed);
            }
            return then(&room.name, entered);
        }
    }

    /// Takes a socket out of a room.
    pub(crate) fn exit(&self, room: &str, id: ClientId) {
        let rooms = self.rooms.pin();
        let Some(room) = rooms.get(room) else { return };
        let mut state = room.state.write();
        if state.members.remove(&id).is_some() && state.members.is_empty() {
            state.empty_since = Some(Instant::now());
            // Gives memory back that many members needed.
            state.members.shrink_to(0);
            self.occupied.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends the rooms that have had no members for so long, and calls `end` for each, in the order of their names, before
    /// anybody can enter it again.
    pub(crate) fn end_empty(&self, linger: Duration, end: impl Fn(&str)) {
        let due = |state: &State| state.empty_since.is_some_and(|since| since.elapsed() >= linger);
        let rooms = self.rooms.pin();
        let mut empty: Vec<&Arc<Room>> = rooms.values().filter(|room| due(&room.state.read())).collect();
        // The table's own order is another one in each run.
        empty.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for room in empty {
            let mut state = room.state.write();
            if due(&state) {
                state.ended = true;
                end(&room.name);
                rooms.remove(&room.name);
            }
        }
    }

    /// Calls `visit` once for each socket that an audience is at.
    pub(crate) fn each(&self, audience: &Audience<'_>, visit: impl FnMut(&Arc<SocketCore>)) {
        let Some((channel, except)) = audience.plain() else { return self.pick(audience).iter().for_each(visit) };
        if audience.rooms.is_empty() {
            visit_all(self.sockets.pin().values(), except, visit);
        } else if let Some(room) = self.rooms.pin().get(channel) {
            visit_all(room.state.read().members.values(), except, visit);
        }
    }

    /// The sockets of an audience of any kind.
    ///
    /// Up to [`PIECE`] rooms are locked together, so that a socket that moves from one of them to another is found in one of the
    /// two. More are looked at in pieces: the list may come from another node, and joins do not wait for all of it.
    fn pick(&self, audience: &Audience<'_>) -> Vec<Arc<SocketCore>> {
        let (mut picked, mut out) = (Sockets::default(), HashSet::with_hasher(ById));
        let wanted = audience.rooms.iter().map(|room| (room, true));
        let mut names = wanted.chain(audience.except_rooms.iter().map(|room| (room, false))).peekable();
        let rooms = self.rooms.pin();
        while names.peek().is_some() {
            let (mut piece, mut members) = (Vec::<(RwLockReadGuard<'_, State>, bool)>::new(), 0);
            for (room, wanted) in names.by_ref().take(PIECE) {
                let Some(room) = rooms.get(room) else { continue };
                // Somebody may wait to write, and the same room stand in both lists.
                let state = room.state.read_recursive();
                members += state.members.len();
                piece.push((state, wanted));
                if members >= PIECE_MEMBERS {
                    break;
                }
            }
            for (state, wanted) in &piece {
                if *wanted {
                    for (id, socket) in &state.members {
                        picked.entry(*id).or_insert_with(|| socket.clone());
                    }
                } else {
                    out.extend(state.members.keys().copied());
                }
            }
        }
        let sockets = self.sockets.pin();
        let clients = audience.clients.iter().filter_map(ClientId::parse);
        picked.extend(clients.filter_map(|id| Some((id, sockets.get(&id)?.clone()))));
        out.extend(audience.except_clients.iter().filter_map(ClientId::parse));
        if audience.is_everybody() {
            sockets.values().filter(|socket| !out.contains(&socket.id)).cloned().collect()
        } else {
            picked.into_values().filter(|socket| !out.contains(&socket.id)).collect()
        }
    }
}

fn visit_all<'a>(
    sockets: impl Iterator<Item = &'a Arc<SocketCore>>,
    except: Option<&str>,
    mut visit: impl FnMut(&Arc<SocketCore>),
) {
    for socket in sockets {
        if except.is_none_or(|id| *id != *socket.id.as_str()) {
            visit(socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random::Random, wire::audience::names};

    fn sockets(hub: &Hub, count: usize) -> Vec<Arc<SocketCore>> {
        let connect = |_| {
            let id = ClientId::random(&Random::default()).expect("random bits");
            let socket = Arc::new(SocketCore::new(id, Arc::default()));
            hub.add(socket.clone());
            socket
        };
        (0..count).map(connect).collect()
    }

    /// How often an audience reaches each of these.
    fn reached(hub: &Hub, audience: &Audience<'_>, sockets: &[Arc<SocketCore>]) -> Vec<usize> {
        let mut reached = HashMap::new();
        hub.each(audience, |socket| *reached.entry(socket.id).or_insert(0) += 1);
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
                hub.enter(&rooms[room + at], socket, |_, _| ());
            }
        }
        let ids: Vec<&str> = sockets.iter().map(|socket| socket.id.as_str()).collect();
        let mut audience = Audience { rooms: names(&rooms), ..Audience::default() };
        assert_eq!(reached(&hub, &audience, &sockets), [1, 1, 1, 0]);
        audience.clients = names(&rooms[1..]);
        audience.clients.add(ids[3]);
        assert_eq!(reached(&hub, &audience, &sockets), [1, 1, 1, 1]);
        audience.except_clients = names(&rooms);
        audience.except_clients.add(ids[1]);
        assert_eq!(reached(&hub, &audience, &sockets), [1, 0, 1, 1]);
        audience.except_rooms = names(&rooms[..PIECE]);
        assert_eq!(reached(&hub, &audience, &sockets), [0, 0, 1, 1]);
        (audience.rooms, audience.clients) = Default::default();
        assert_eq!(reached(&hub, &audience, &sockets), [0, 0, 1, 1]);
        audience.except_rooms = names(&rooms);
        assert_eq!(reached(&hub, &audience, &sockets), [0, 0, 0, 1]);
    }

    /// Looking through the list for each socket would take minutes.
    #[test]
    fn many_sockets_and_many_names_cost_their_sum() {
        let hub = Hub::default();
        let sockets = sockets(&hub, 10_000);
        let others: Vec<String> = (0..60_000).map(|number| format!("{number:016}")).collect();
        let mut audience = Audience { except_clients: names(&others), ..Audience::default() };
        audience.except_clients.add(sockets[0].id.as_str());
        let reached = reached(&hub, &audience, &sockets);
        assert_eq!((reached[0], reached[1..].iter().sum()), (0, 9_999));
    }

    #[test]
    fn a_room_ends_when_it_has_been_empty_for_long() {
        let hub = Hub::default();
        let sockets = sockets(&hub, 2);
        let ended = || {
            let ended = std::cell::RefCell::new(Vec::new());
            hub.end_empty(Duration::ZERO, |room| ended.borrow_mut().push(room.to_owned()));
            ended.into_inner()
        };
        for socket in &sockets {
            assert!(hub.enter("red", socket, |_, entered| entered));
            assert!(!hub.enter("red", socket, |_, entered| entered), "it was in it");
        }
        assert!(hub.enter("blue", &sockets[0], |_, entered| entered));
        hub.exit("red", sockets[0].id);
        assert_eq!((ended(), hub.rooms()), (vec![], 2));
        hub.exit("red", sockets[1].id);
        hub.exit("red", sockets[1].id);
        assert_eq!(hub.rooms(), 1);
        hub.end_empty(Duration::from_secs(60), |room| panic!("{room} was left just now"));
        assert_eq!((ended(), ended()), (vec!["red".to_owned()], vec![]));
        assert!(hub.enter("red", &sockets[0], |_, entered| entered));
        assert_eq!((ended(), hub.rooms()), (vec![], 2));
    }

    #[test]
    fn rooms_end_in_the_order_of_their_names() {
        let hub = Hub::default();
        let socket = &sockets(&hub, 1)[0];
        let rooms: Vec<String> = (100..200).map(|room| format!("room {room}")).collect();
        for room in rooms.iter().rev() {
            hub.enter(room, socket, |_, _| ());
            hub.exit(room, socket.id);
        }
        let ended = std::cell::RefCell::new(Vec::new());
        hub.end_empty(Duration::ZERO, |room| ended.borrow_mut().push(room.to_owned()));
        assert_eq!(ended.into_inner(), rooms);
    }

    /// A socket that enters is found, however often the room ends meanwhile.
    #[test]
    fn a_room_that_ends_while_it_is_entered_loses_nobody() {
        let hub = Hub::default();
        let sockets = sockets(&hub, 2);
        let subscribed = AtomicUsize::new(0);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    hub.end_empty(Duration::ZERO, |_| {
                        subscribed.store(0, Ordering::Relaxed);
                    });
                }
            });
            for _ in 0..20_000 {
                for socket in &sockets {
                    hub.enter("red", socket, |_, _| subscribed.store(1, Ordering::Relaxed));
                }
                assert_eq!(reached(&hub, &Audience::room("red"), &sockets), [1, 1]);
                assert_eq!(subscribed.load(Ordering::Relaxed), 1);
                for socket in &sockets {
                    hub.exit("red", socket.id);
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(hub.rooms(), 0);
    }

    /// The readers hold a room's lock while a writer waits for it: a second look at the same room must not wait for the writer.
    #[test]
    fn a_room_in_both_lists_is_no_deadlock() {
        let hub = Hub::default();
        let sockets = sockets(&hub, 2);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    hub.enter("red", &sockets[0], |_, _| ());
                    hub.exit("red", sockets[0].id);
                }
            });
            let mut audience = Audience::room("red");
            audience.except_rooms.add("red");
            for _ in 0..20_000 {
                assert_eq!(hub.pick(&audience).len(), 0);
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
