//! Who is where, and who sends when.
//!
//! Clients are numbered so that client `n` is in room `n % rooms`, and the senders are the first ones: every room has the same
//! number of members and of senders. The senders' events are evenly staggered, so that nothing is gained by
//! luck where two of them meet.

use std::{io, net::SocketAddr, time::Duration};

use crate::Dialect;

/// A load.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the clients speak.
    pub dialect: Dialect,
    /// Where the nodes listen.
    pub nodes: Vec<SocketAddr>,
    /// On how many nodes a room has members.
    pub spread: usize,
    /// How many clients are in the rooms.
    pub clients: usize,
    /// Over how many rooms they are distributed.
    pub rooms: usize,
    /// How many of them send.
    pub senders: usize,
    /// How often each of these sends, per second.
    pub rate: f64,
    /// How often each client pings, per second; 0 is never.
    pub pings: f64,
    /// How many further clients sit each in a room of its own, and receive nothing.
    pub bystanders: usize,
    /// How long events flow before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub measure: Duration,
    /// How long is waited at most for what is missing after the last event was sent.
    pub drain: Duration,
}

impl Plan {
    /// Everybody in one room, over all nodes.
    #[must_use]
    pub fn one_room(dialect: Dialect, nodes: Vec<SocketAddr>, clients: usize, senders: usize, rate: f64) -> Self {
        let seconds = Duration::from_secs;
        let spread = nodes.len();
        let (rooms, pings, bystanders) = (1, 0.0, 0);
        let (warm_up, measure, drain) = (seconds(2), seconds(10), seconds(5));
        Self { dialect, nodes, spread, clients, rooms, senders, rate, pings, bystanders, warm_up, measure, drain }
    }

    /// Finds mistakes.
    ///
    /// # Errors
    /// A sentence that says what does not fit.
    pub fn check(&self) -> io::Result<()> {
        let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if self.nodes.is_empty() || self.rooms == 0 {
            wrong("a plan needs at least one node and one room")
        } else if self.spread == 0 || self.spread > self.nodes.len() {
            wrong("a room can't be spread over more nodes than there are, nor over none")
        } else if !self.clients.is_multiple_of(self.rooms) || !self.senders.is_multiple_of(self.rooms) {
            wrong("clients and senders must be multiples of the rooms, so that all rooms are alike")
        } else if self.senders > self.clients {
            wrong("there can't be more senders than clients")
        } else if self.senders > 0 && self.rate <= 0.0 {
            wrong("senders need a rate above 0")
        } else {
            Ok(())
        }
    }

    /// The node and the room of a client; those from `clients` on are bystanders.
    pub(crate) fn place(&self, client: usize) -> (SocketAddr, String) {
        let Some(bystander) = client.checked_sub(self.clients) else {
            let (room, rank) = (client % self.rooms, client / self.rooms);
            let name = if self.rooms == 1 { "arena".to_owned() } else { format!("room-{room}") };
            return (self.nodes[(room + rank % self.spread) % self.nodes.len()], name);
        };
        (self.nodes[bystander % self.nodes.len()], format!("other-{bystander}"))
    }

    pub(crate) fn members_per_room(&self) -> usize {
        self.clients / self.rooms
    }

    pub(crate) fn senders_per_room(&self) -> usize {
        self.senders / self.rooms
    }

    /// Time between two events of one sender, in seconds.
    fn period(&self) -> f64 {
        1.0 / self.rate
    }

    /// When a sender's event is due, from the start.
    pub(crate) fn due(&self, sender: usize, seq: u64) -> Duration {
        Duration::from_secs_f64((seq as f64 + sender as f64 / self.senders as f64) * self.period())
    }

    /// How many events are sent in all.
    pub(crate) fn events(&self) -> u64 {
        if self.senders == 0 {
            return 0;
        }
        ((self.warm_up + self.measure).as_secs_f64() * self.rate) as u64 * self.senders as u64
    }

    /// When a ping is due, from the start; they go from one client to the next.
    pub(crate) fn ping_due(&self, ping: u64) -> Duration {
        Duration::from_secs_f64(ping as f64 / (self.pings * self.clients as f64))
    }

    /// How many pings are sent in all.
    pub(crate) fn all_pings(&self) -> u64 {
        ((self.warm_up + self.measure).as_secs_f64() * self.pings * self.clients as f64) as u64
    }

    pub(crate) fn is_measured(&self, due: Duration) -> bool {
        due >= self.warm_up && due < self.warm_up + self.measure
    }
}
