//! Whom an emit is for, and the message of our own for emits that the published envelope can't express.
//!
//! An emit to one room or to everybody, with at most one client excluded, is an [envelope] on its own channel. Every other
//! emit is one message on the channel [`CLUSTER`], named [`AIMED`]: four lists of names, then the
//! envelope. A list is a count (2 bytes), then each name's length (1 byte) and UTF-8. Knows no sockets and no adapters.

use alloc::{string::String, vec::Vec};
use bytes::Bytes;

use super::{
    channels::{BROADCAST, CLUSTER, room_problem},
    envelope::{self, EnvelopeError},
};
use crate::Message;

/// The name of the message that carries an aimed emit; its payload is binary.
pub const AIMED: &str = "__pp_to";

/// Some names, mostly none or one: these cost no allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names<'a> {
    first: Option<&'a str>,
    more: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// Adds a name, unless it is there.
    pub fn add(&mut self, name: &'a str) {
        if !self.contains(name) {
            self.push(name);
        }
    }

    fn push(&mut self, name: &'a str) {
        match self.first {
            None => self.first = Some(name),
            Some(_) => self.more.push(name),
        }
    }

    /// Whether a name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|known| known == name)
    }

    /// The names, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.first.into_iter().chain(self.more.iter().copied())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The only name, if there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<&'a str> {
        self.first.filter(|_| self.more.is_empty())
    }
}

impl<'a> FromIterator<&'a str> for Names<'a> {
    fn from_iter<T: IntoIterator<Item = &'a str>>(names: T) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.add(name));
        all
    }
}

/// Whom an emit is for: whoever is in one of the rooms or is one of the clients, or everybody where both are empty; less those
/// who are in one of the excepted rooms or are one of the excepted clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim<'a> {
    /// The rooms.
    pub rooms: Names<'a>,
    /// The ids of single clients.
    pub clients: Names<'a>,
    /// The rooms whose members must not get it.
    pub except_rooms: Names<'a>,
    /// The ids of clients that must not get it.
    pub except_clients: Names<'a>,
}

impl<'a> Aim<'a> {
    /// A room's members.
    #[must_use]
    pub fn room(room: &'a str) -> Self {
        let mut aim = Self::default();
        aim.rooms.add(room);
        aim
    }

    /// A single client, on whatever node it is.
    #[must_use]
    pub fn client(id: &'a str) -> Self {
        let mut aim = Self::default();
        aim.clients.add(id);
        aim
    }

    /// Whether it is for everybody who is not excepted.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.rooms.is_empty() && self.clients.is_empty()
    }

    /// A name among the rooms that can't be a room's, and why.
    #[must_use]
    pub fn problem(&self) -> Option<(&'a str, &'static str)> {
        self.rooms.iter().chain(self.except_rooms.iter()).find_map(|room| Some((room, room_problem(room)?)))
    }

    /// The channel of a plain envelope that says the same, and the client that it excludes; `None` where no envelope does.
    #[must_use]
    pub fn plain(&self) -> Option<(&'a str, Option<&'a str>)> {
        let fits = self.rooms.len() <= 1
            && self.clients.is_empty()
            && self.except_rooms.is_empty()
            && self.except_clients.len() <= 1;
        fits.then(|| (self.rooms.only().unwrap_or(BROADCAST), self.except_clients.only()))
    }

    /// What to publish for other nodes: the channel, the message, and the client that its envelope excludes.
    ///
    /// # Errors
    /// As [`envelope::encode`], and where a list has over 65535 names.
    pub fn publication(&self, message: &Message) -> Result<(&'a str, Message, Option<&'a str>), EnvelopeError> {
        match self.plain() {
            Some((channel, exclude)) => Ok((channel, message.clone(), exclude)),
            None => Ok((CLUSTER, Message::named(AIMED, self.encode(message)?), None)),
        }
    }

    /// The payload of an [`AIMED`] message.
    ///
    /// # Errors
    /// As [`publication`](Self::publication).
    pub fn encode(&self, message: &Message) -> Result<Bytes, EnvelopeError> {
        let inner = envelope::encode(message, None)?;
        let mut out = Vec::with_capacity(inner.len() + 64);
        for names in [&self.rooms, &self.clients, &self.except_rooms, &self.except_clients] {
            let too_long = |field, len, max| EnvelopeError::TooLong { field, len, max };
            let count = u16::try_from(names.len()).map_err(|_| too_long("list of names", names.len(), 65535))?;
            out.extend_from_slice(&count.to_be_bytes());
            for name in names.iter() {
                out.push(u8::try_from(name.len()).map_err(|_| too_long("name", name.len(), 255))?);
                out.extend_from_slice(name.as_bytes());
            }
        }
        out.extend_from_slice(&inner);
        Ok(out.into())
    }

    /// Takes the payload of an [`AIMED`] message apart; the emit's own payload shares its memory.
    ///
    /// # Errors
    /// A message that ends early, or a name that is not UTF-8.
    pub fn decode(bytes: &'a Bytes) -> Result<(Self, Message), EnvelopeError> {
        let mut rest = &bytes[..];
        let mut list = || -> Result<Names<'a>, EnvelopeError> {
            let count = envelope::take_u16(&mut rest, "list of names")?;
            let mut names = Names::default();
            // A name takes a byte at least, so a count that lies ends with the bytes.
            for _ in 0..count {
                let len = envelope::take(&mut rest, 1, "name's length")?[0];
                names.push(envelope::text(&mut rest, usize::from(len), "name")?);
            }
            Ok(names)
        };
        let aim = Self { rooms: list()?, clients: list()?, except_rooms: list()?, except_clients: list()? };
        let message = envelope::decode(&bytes.slice_ref(rest))?.message;
        Ok((aim, message))
    }
}

/// The names of a list that came in another form, for an [`Aim`] that outlives it.
#[must_use]
pub fn names(list: &[String]) -> Names<'_> {
    list.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Message {
        Message::event(7, Bytes::from_static(b"abcd"))
    }

    #[test]
    fn plain_aims_are_envelopes() {
        assert_eq!(Aim::default().plain(), Some((BROADCAST, None)));
        let mut aim = Aim::room("a");
        aim.rooms.add("a");
        aim.except_clients.add("me");
        assert_eq!(aim.plain(), Some(("a", Some("me"))));
        aim.except_rooms.add("b");
        assert_eq!(aim.plain(), None);
        assert_eq!(Aim::client("c").plain(), None);
    }

    #[test]
    fn other_aims_come_back_as_they_were() {
        let mut aim = Aim { rooms: ["a", "b", "grüß"].into_iter().collect(), ..Aim::default() };
        aim.except_rooms.add("c");
        aim.except_clients.add("me");
        aim.clients.add("you");
        let bytes = aim.encode(&event()).expect("encodes");
        assert_eq!(Aim::decode(&bytes), Ok((aim.clone(), event())));
        for len in 0..bytes.len() - 4 {
            let cut = bytes.slice(..len);
            assert!(Aim::decode(&cut).is_err(), "{len} bytes");
        }
        let long = "x".repeat(256);
        aim.clients.add(&long);
        assert!(aim.encode(&event()).is_err());
    }
}
